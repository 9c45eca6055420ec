"""Calls that come in."""

from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import IqError, LocalProtocolError
from custom_components.whatsapp_web.aiowhatsapp.events.calls import CallChanged, CallState
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, benched

GROUP = Jid("120363000000000001", "g.us")


class Ring:
    """Ann's phone, calling."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.told: list[CallChanged] = []
        bench.client.subscribe(CallChanged, self.told.append)
        bench.server.on_write = self._on_write
        self.answer: dict[str, str] | None = {}

    def _on_write(self, node: Node) -> None:
        if node.tag == "call" and self.answer is not None:
            ack = {"class": "call", "id": node.required_attr("id"), **self.answer}
            self.bench.server.deliver(Node("ack", dict(ack)))

    async def say(
        self, tag: str, *children: Node, call: dict[str, str | Jid] | None = None, **attrs: str
    ) -> None:
        """Send one call stanza; it has to be acked."""
        base: dict[str, str | Jid] = {
            "call-id": "C1",
            "call-creator": self.bench.ann.lid,
            **{key.replace("_", "-"): value for key, value in attrs.items()},
        }
        outer: dict[str, str | Jid] = {
            "from": self.bench.ann.lid,
            "id": f"S{len(self.bench.server.sent)}",
            "t": str(NOW),
        }
        (ack,) = await self.bench.receive(
            Node("call", outer | (call or {}), [Node(tag, base, list(children))])
        )
        assert (ack.tag, ack.attr("class")) == ("ack", "call")

    @property
    def states(self) -> list[CallState]:
        return [event.state for event in self.told]


@benched
async def test_a_call_rings_and_is_missed(bench: Bench) -> None:
    ring = Ring(bench)
    await ring.say("offer", Node("audio"))
    assert bench.client.calls.ringing == {"C1"}
    await ring.say("transport")
    await ring.say("terminate", reason="timeout")
    assert ring.told[0] == CallChanged(
        call_id="C1",
        caller=bench.ann.lid,
        caller_phone=None,
        group=None,
        is_group=False,
        video=False,
        state=CallState.RINGING,
        timestamp=NOW,
    )
    assert ring.states == [CallState.RINGING, CallState.MISSED]
    assert bench.client.calls.ringing == frozenset()
    await ring.say("terminate")
    assert len(ring.told) == 2


@benched
async def test_who_calls_and_how_is_told(bench: Bench) -> None:
    ring = Ring(bench)
    attrs = {"caller_pn": str(bench.ann.phone)}
    child = Node(
        "offer",
        {
            "call-id": "C1",
            "call-creator": bench.ann.lid.with_device(3),
            **attrs,
            "group-jid": GROUP,
        },
        [Node("audio"), Node("video")],
    )
    await bench.receive(Node("call", {"from": bench.ann.lid, "id": "1", "t": "5"}, [child]))
    (event,) = ring.told
    assert (event.caller, event.caller_phone) == (bench.ann.lid, bench.ann.phone)
    assert (event.video, event.is_group, event.group) == (True, True, GROUP)
    assert bench.client.phone_of(bench.ann.lid) == bench.ann.phone


@pytest.mark.parametrize(
    ("signals", "state"),
    [
        ([("accept", {}), ("terminate", {})], CallState.ENDED),
        ([("reject", {})], CallState.REJECTED),
        ([("terminate", {"reason": "accepted_elsewhere"})], CallState.ACCEPTED),
        ([("terminate", {"reason": "rejected_elsewhere"})], CallState.REJECTED),
        ([("terminate", {})], CallState.MISSED),
    ],
)
@benched
async def test_how_a_call_ends(
    bench: Bench, signals: list[tuple[str, dict[str, Any]]], state: CallState
) -> None:
    ring = Ring(bench)
    await ring.say("offer")
    await ring.say("offer")
    for tag, attrs in signals:
        await ring.say(tag, **attrs)
    assert ring.states[0] is CallState.RINGING
    assert ring.states[-1] is state
    assert ring.states.count(CallState.RINGING) == 1


@benched
async def test_a_call_of_the_backlog_never_rings(bench: Bench) -> None:
    ring = Ring(bench)
    await ring.say("offer", call={"offline": "0"})
    await ring.say("terminate", call={"offline": "0"}, reason="timeout")
    assert ring.states == [CallState.MISSED]
    assert bench.client.calls.ringing == frozenset()


@benched
async def test_a_call_is_refused_when_asked(bench: Bench) -> None:
    ring = Ring(bench)
    await ring.say("offer")
    await bench.client.calls.reject("C1")
    (node,) = bench.server.find("call")
    reject = node.required_child("reject")
    assert (node.jid("from"), node.jid("to")) == (bench.me.phone, bench.ann.lid)
    assert reject.attrs == {"call-id": "C1", "call-creator": bench.ann.lid, "count": "0"}
    assert ring.states == [CallState.RINGING, CallState.REJECTED]
    await ring.say("terminate")
    with pytest.raises(LocalProtocolError):
        await bench.client.calls.reject("C1")
    assert len(ring.told) == 2


@benched
async def test_a_refusal_that_the_server_refuses(bench: Bench) -> None:
    ring = Ring(bench)
    ring.answer = {"error": "404"}
    await ring.say("offer")
    with pytest.raises(IqError):
        await bench.client.calls.reject("C1")
    assert ring.states == [CallState.RINGING]


@benched
async def test_nothing_rings_for_ever(bench: Bench) -> None:
    ring = Ring(bench)
    await ring.say("offer")
    await bench.clock.sleep(200)
    assert bench.client.calls.ringing == frozenset()
    for index in range(300):
        await ring.say("offer", call_id=f"N{index}")
    assert len(bench.client.calls.ringing) == 100


@benched
async def test_our_own_calls_and_nonsense_ring_nowhere(bench: Bench) -> None:
    ring = Ring(bench)
    await ring.say("offer", call_creator=str(bench.me.lid))
    for bad in (
        {"call-id": ""},
        {"call-id": "x" * 200},
        {"call-id": "1", "call-creator": ":" * 300},
    ):
        node = Node("call", {"from": bench.ann.lid, "id": "1"}, [Node("offer", dict(bad))])
        (ack,) = await bench.receive(node)
        assert ack.attr("class") == "call"
    assert ring.told == []
