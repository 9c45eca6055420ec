"""Receipts: what the listeners hear of them, and that each is acked."""

import asyncio

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import RequestTimeout, StoreError
from custom_components.whatsapp_web.aiowhatsapp.events import ReceiptKind, ReceiptReceived
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, benched
from tests.aiowhatsapp.client.pairing_support import settle

GROUP = Jid.parse("120363000000000001@g.us")
STRANGER = Jid.parse("15559999999@s.whatsapp.net")


def listen(bench: Bench) -> list[ReceiptReceived]:
    heard: list[ReceiptReceived] = []
    bench.client.subscribe(ReceiptReceived, heard.append)
    return heard


def receipt(sender: Jid, *children: Node, **attrs: str | Jid) -> Node:
    return Node("receipt", {"id": "M1", "from": sender, "t": str(NOW), **attrs}, list(children))


def ack(sender: Jid, **attrs: str | Jid) -> Node:
    return Node("ack", {"class": "receipt", "id": "M1", "to": sender, **attrs})


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (None, ReceiptKind.DELIVERED),
        ("inactive", ReceiptKind.DELIVERED),
        ("read", ReceiptKind.READ),
        ("played", ReceiptKind.PLAYED),
    ],
)
@benched
async def test_of_a_contact(bench: Bench, kind: str | None, expected: ReceiptKind) -> None:
    heard = listen(bench)
    attrs = {} if kind is None else {"type": kind}
    sender = STRANGER.with_device(3)
    assert await bench.receive(receipt(sender, **attrs)) == [ack(sender, **attrs)]
    assert heard == [
        ReceiptReceived(
            chat=STRANGER, sender=STRANGER, message_ids=("M1",), kind=expected, timestamp=NOW
        )
    ]


@benched
async def test_people_are_named_by_lid_where_it_is_known(bench: Bench) -> None:
    heard = listen(bench)
    bench.context.lids.add(bench.ann.phone.user, bench.ann.lid.user)
    await bench.receive(receipt(bench.ann.phone.with_device(3), type="read"))
    assert [(event.chat, event.sender) for event in heard] == [(bench.ann.lid, bench.ann.lid)]


@benched
async def test_a_list_is_told_at_once(bench: Bench) -> None:
    heard = listen(bench)
    items = [Node("item", {"id": "M2"}), Node("item", {"id": "M3"})]
    await bench.receive(receipt(STRANGER, Node("list", {}, items), type="read"))
    assert [event.message_ids for event in heard] == [("M1", "M2", "M3")]


@benched
async def test_many_readers_of_a_group_in_one(bench: Bench) -> None:
    heard = listen(bench)
    users = [Node("user", {"jid": bench.ann.lid, "t": "7"}), Node("user", {"jid": bench.bob.lid})]
    read = Node("participants", {"key": "M9"}, [*users])
    # Our own other phone has it too: no tick for that.
    own = Node("participants", {"key": "M8"}, [Node("user", {"jid": bench.me.lid})])
    answers = await bench.receive(receipt(GROUP, read, own))
    assert answers == [ack(GROUP)]
    assert [(event.chat, event.sender, event.message_ids, event.timestamp) for event in heard] == [
        (GROUP, bench.ann.lid, ("M9",), 7),
        (GROUP, bench.bob.lid, ("M9",), NOW),
    ]


@benched
async def test_a_member_of_a_group(bench: Bench) -> None:
    heard = listen(bench)
    answers = await bench.receive(receipt(GROUP, participant=bench.ann.lid, type="read"))
    assert answers == [ack(GROUP, participant=bench.ann.lid, type="read")]
    assert [(event.chat, event.sender) for event in heard] == [(GROUP, bench.ann.lid)]


@benched
async def test_a_delivery_to_our_own_devices_is_no_news(bench: Bench) -> None:
    heard = listen(bench)
    for own in (bench.me.phone, bench.me.lid.with_device(9)):
        assert await bench.receive(receipt(own, recipient=STRANGER)) == [
            ack(own, recipient=STRANGER)
        ]
    assert heard == []


@benched
async def test_that_we_read_it_elsewhere_is(bench: Bench) -> None:
    heard = listen(bench)
    await bench.receive(receipt(bench.me.lid, recipient=STRANGER, type="read"))
    await bench.receive(receipt(bench.me.lid, type="read-self"))
    assert [(event.chat, event.sender, event.kind) for event in heard] == [
        (STRANGER, bench.me.lid, ReceiptKind.READ),
        (bench.me.lid, bench.me.lid, ReceiptKind.READ),
    ]


@pytest.mark.parametrize("kind", ["sender", "peer_msg", "hist_sync", "server-error", "news"])
@benched
async def test_the_others_are_only_acked(bench: Bench, kind: str) -> None:
    heard = listen(bench)
    assert await bench.receive(receipt(STRANGER, type=kind)) == [ack(STRANGER, type=kind)]
    assert heard == []


@pytest.mark.parametrize(
    ("child", "attrs"),
    [
        (Node("list", {}, [Node("item")]), {}),
        (Node("participants", {"key": "M1"}, [Node("user")]), {}),
        (Node("list"), {"t": "yesterday"}),
    ],
)
@benched
async def test_a_malformed_one_is_acked_too(
    bench: Bench, child: Node, attrs: dict[str, str | Jid]
) -> None:
    heard = listen(bench)
    assert await bench.receive(receipt(STRANGER, child, **attrs)) == [ack(STRANGER)]
    assert heard == []


@benched
async def test_without_an_id_nobody_waits_for_an_ack(bench: Bench) -> None:
    assert await bench.receive(Node("receipt", {"from": STRANGER})) == []


RETRY = Node("retry", {"v": "1", "count": "1", "id": "M1", "t": str(NOW)})


@benched
async def test_a_retry_is_served_then_acked(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    message_id = stanza.required_attr("id")
    sender = bench.ann.first.lid
    answers = await bench.receive(
        receipt(sender, RETRY, *[Node("registration", {}, bytes(4))], type="retry", id=message_id)
    )
    assert [answer.tag for answer in answers] == ["message", "ack"]
    assert answers[-1] == ack(sender, type="retry", id=message_id)


@benched
async def test_a_retry_holds_up_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    served = asyncio.Event()

    async def serve(_node: Node) -> None:
        await served.wait()

    monkeypatch.setattr(bench.client._responder, "handle", serve)
    heard = listen(bench)
    assert await bench.receive(receipt(bench.ann.lid, RETRY, type="retry")) == []
    # The next receipt does not wait for it.
    assert await bench.receive(receipt(bench.bob.lid)) == [ack(bench.bob.lid)]
    assert len(heard) == 1
    served.set()
    await settle()
    assert bench.server.sent[-1] == ack(bench.ann.lid, type="retry")


@benched
async def test_a_retry_ends_with_the_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    async def serve(_node: Node) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    monkeypatch.setattr(bench.client._responder, "handle", serve)
    await bench.receive(receipt(bench.ann.lid, RETRY, type="retry"))
    await bench.cut()
    assert ended == [True]
    assert bench.server.sent == []


@pytest.mark.parametrize(
    "child",
    [Node("news"), Node("retry", {"count": "twice"})],
    ids=["no retry", "no count"],
)
@benched
async def test_a_malformed_retry_is_acked(bench: Bench, child: Node) -> None:
    answers = await bench.receive(receipt(STRANGER, child, type="retry"))
    assert answers == [ack(STRANGER, type="retry")]


@pytest.mark.parametrize("error", [StoreError("disk"), RequestTimeout("slow")])
@benched
async def test_a_retry_that_fails_is_acked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(_node: Node) -> None:
        raise error

    monkeypatch.setattr(bench.client._responder, "handle", fail)
    answers = await bench.receive(receipt(STRANGER, RETRY, type="retry"))
    assert answers == [ack(STRANGER, type="retry")]
