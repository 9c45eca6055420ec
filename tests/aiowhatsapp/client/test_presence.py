"""Being online or not, following others, typing."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import LocalProtocolError
from custom_components.whatsapp_web.aiowhatsapp.events import Event
from custom_components.whatsapp_web.aiowhatsapp.events.people import (
    ChatState,
    ChatStateChanged,
    PresenceChanged,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, benched, text

GROUP = Jid("120363000000000001", "g.us")


def named(bench: Bench) -> None:
    bench.context.set_push_name("H@me")


def states(bench: Bench) -> list[str]:
    """What was shown in chats, in one word each."""
    found = []
    for node in bench.server.find("chatstate"):
        (child,) = node.children()
        found.append(child.attr("media") or child.tag)
    return found


def presences(bench: Bench) -> list[tuple[str | None, Jid | None]]:
    return [(node.attr("type"), node.jid("to")) for node in bench.server.find("presence")]


@benched
async def test_nobody_is_told_anything_unasked(bench: Bench) -> None:
    named(bench)
    bench.client._people.on_ready()
    await bench.clock.sleep(60)
    assert bench.server.find("presence") == []
    assert not bench.client.presence.available


@benched
async def test_while_online_our_receipts_say_delivered(bench: Bench) -> None:
    named(bench)
    await bench.client.presence.set(available=True)
    (node,) = bench.server.find("presence")
    assert node.attrs == {"type": "available", "name": "Hme"}
    await bench.introduce(bench.ann.first)
    (receipt,) = await bench.receive(bench.message(bench.ann.first, text("hi")))
    assert receipt.attr("type") is None
    await bench.client.presence.set(available=False)
    (receipt,) = await bench.receive(bench.message(bench.ann.first, text("hi")))
    assert receipt.attr("type") == "inactive"


@benched
async def test_without_a_name_nobody_comes_online(bench: Bench) -> None:
    with pytest.raises(LocalProtocolError):
        await bench.client.presence.set(available=True)
    assert not bench.client.presence.available


@benched
async def test_what_was_asked_for_outlives_the_line(bench: Bench) -> None:
    named(bench)
    await bench.client.presence.set(available=True)
    await bench.client.presence.follow(bench.ann.phone)
    await bench.cut()
    bench.server.sent.clear()
    bench.connect()
    assert not bench.client.presence.available
    bench.client._people.on_ready()
    await bench.clock.sleep(1)
    assert presences(bench) == [("available", None), ("subscribe", bench.ann.phone)]
    await bench.client.presence.set(available=False)
    await bench.client.presence.unfollow(bench.ann.phone)
    await bench.cut()
    bench.server.sent.clear()
    bench.connect()
    bench.client._people.on_ready()
    await bench.clock.sleep(1)
    assert presences(bench) == []


@benched
async def test_whoever_gave_us_a_token_is_shown_it(bench: Bench) -> None:
    token = Node("token", {"type": "trusted_contact", "t": str(NOW)}, b"permission")
    await bench.receive(
        Node(
            "notification",
            {"type": "privacy_token", "from": bench.ann.lid, "id": "1"},
            [Node("tokens", {}, [token])],
        )
    )
    await bench.client.presence.follow(bench.ann.lid)
    (node,) = bench.server.find("presence")
    assert node.required_child("tctoken").data == b"permission"
    assert bench.client.presence.followed == {bench.ann.lid}


@benched
async def test_typing_goes_on_and_stops_by_itself(bench: Bench) -> None:
    await bench.client.presence.show(bench.ann.lid, ChatState.TYPING, seconds=25)
    await bench.clock.sleep(24)
    assert states(bench) == ["composing"] * 3
    await bench.clock.sleep(2)
    assert states(bench) == ["composing"] * 3 + ["paused"]
    await bench.clock.sleep(60)
    assert len(states(bench)) == 4


@benched
async def test_what_is_shown_last_counts(bench: Bench) -> None:
    show = bench.client.presence.show
    await show(bench.ann.lid, ChatState.TYPING, seconds=25)
    await bench.clock.sleep(5)
    await show(bench.ann.lid, ChatState.RECORDING, seconds=15)
    await bench.clock.sleep(60)
    assert states(bench) == ["composing", "audio", "audio", "paused"]
    await show(bench.ann.lid, ChatState.TYPING)
    await show(bench.ann.lid, ChatState.PAUSED, seconds=30)
    await bench.clock.sleep(60)
    assert states(bench)[4:] == ["composing", "paused"]


@benched
async def test_nobody_types_for_ever(bench: Bench) -> None:
    await bench.client.presence.show(bench.ann.lid, ChatState.TYPING, seconds=1e9)
    await bench.clock.sleep(400)
    assert states(bench)[-1] == "paused"


def _heard(bench: Bench) -> list[Event]:
    heard: list[Event] = []
    bench.client.subscribe(PresenceChanged, heard.append)
    bench.client.subscribe(ChatStateChanged, heard.append)
    return heard


@benched
async def test_others_come_and_go(bench: Bench) -> None:
    heard = _heard(bench)
    ann = bench.ann.lid
    assert await bench.receive(Node("presence", {"from": ann})) == []
    for last in ("1785000000", "deny", "9" * 30):
        await bench.receive(Node("presence", {"from": ann, "type": "unavailable", "last": last}))
    await bench.receive(Node("presence", {"from": GROUP, "count": "3"}))
    assert heard == [
        PresenceChanged(chat=ann, available=True),
        PresenceChanged(chat=ann, available=False, last_seen=1_785_000_000),
        PresenceChanged(chat=ann, available=False),
        PresenceChanged(chat=ann, available=False),
        PresenceChanged(chat=GROUP, available=True, online_count=3),
    ]


@benched
async def test_others_type(bench: Bench) -> None:
    heard = _heard(bench)
    ann = bench.ann.lid
    for child in (Node("composing"), Node("composing", {"media": "audio"}), Node("paused")):
        assert await bench.receive(Node("chatstate", {"from": ann}, [child])) == []
    await bench.receive(Node("chatstate", {"from": GROUP, "participant": ann}, [Node("composing")]))
    # The echo of our own typing elsewhere, and what makes no sense.
    await bench.receive(Node("chatstate", {"to": ann}, [Node("composing")]))
    await bench.receive(Node("chatstate", {"from": ann}, [Node("dancing")]))
    assert heard == [
        ChatStateChanged(chat=ann, sender=ann, state=ChatState.TYPING),
        ChatStateChanged(chat=ann, sender=ann, state=ChatState.RECORDING),
        ChatStateChanged(chat=ann, sender=ann, state=ChatState.PAUSED),
        ChatStateChanged(chat=GROUP, sender=ann, state=ChatState.TYPING),
    ]
