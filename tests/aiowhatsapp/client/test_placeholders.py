"""Missing messages: when the phone is asked, what is taken from it, what is told."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client import placeholders
from custom_components.whatsapp_web.aiowhatsapp.client.placeholders import (
    ASK_AFTER,
    MAX_AGE,
    TELL_AFTER,
)
from custom_components.whatsapp_web.aiowhatsapp.client.retry import MAX_REQUESTS
from custom_components.whatsapp_web.aiowhatsapp.events import MessageReceived, MessageUnreadable
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Peer, benched, text
from tests.aiowhatsapp.client.pairing_support import settle

Kinds = wire.Message.PeerDataOperationRequestType
Protocol = wire.Message.ProtocolMessage.Type


def withheld(bench: Bench, message_id: str = "GONE", kind: str = "", **attrs: str | Jid) -> Node:
    """Make a message of Ann's that the server has nothing of for this device."""
    stanza = bench.message(bench.ann.first, Node("unavailable", {"type": kind} if kind else {}))
    return Node("message", stanza.attrs | {"id": message_id} | attrs, stanza.content)


def watch(bench: Bench) -> None:
    """Do what happens on every new line."""
    bench.client.subscribe(MessageUnreadable, bench.events.append)
    bench.context.spawn(bench.client._placeholders.watch(), "watching")


async def later(bench: Bench, seconds: float) -> None:
    await bench.clock.sleep(seconds)
    await settle()


def requests(bench: Bench) -> list[Node]:
    return bench.server.find("message", category="peer")


def asked_for(bench: Bench, request: Node) -> list[wire.MessageKey]:
    """Read a request as our phone does."""
    (enc,) = request.children("enc")
    message = bench.me.first.open(enc)
    wanted = message.protocolMessage.peerDataOperationRequestMessage
    assert wanted.peerDataOperationRequestType == Kinds.PLACEHOLDER_MESSAGE_RESEND
    return [each.messageKey for each in wanted.placeholderMessageResendRequest]


async def answer(
    bench: Bench,
    request: Node,
    content: wire.Message | None,
    *,
    sender: Peer | None = None,
    message_id: str = "GONE",
    category: str = "peer",
) -> None:
    """Have our phone, or somebody else, answer a request."""
    reply = wire.Message()
    reply.protocolMessage.type = Protocol.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE
    response = reply.protocolMessage.peerDataOperationRequestResponseMessage
    response.peerDataOperationRequestType = Kinds.PLACEHOLDER_MESSAGE_RESEND
    response.stanzaId = request.required_attr("id")
    result = response.peerDataOperationResult.add()
    if content is not None:
        # The phone may name another chat and sender: what the server said counts.
        key = wire.MessageKey(remoteJid="1@s.whatsapp.net", fromMe=True, id=message_id)
        info = wire.WebMessageInfo(key=key, message=content, pushName="Ann")
        result.placeholderMessageResendResponse.webMessageInfoBytes = info.SerializeToString()
    peer = sender or bench.me.first
    if peer.record("us") is None:
        await bench.introduce(peer)
    await bench.receive(bench.message(peer, reply, category=category))


@benched
async def test_what_is_withheld_is_asked_of_the_phone_and_told_once(bench: Bench) -> None:
    watch(bench)
    (ack,) = await bench.receive(withheld(bench))
    assert ack.tag == "ack"
    await later(bench, ASK_AFTER - 2)
    assert requests(bench) == []
    await later(bench, 4)
    (request,) = requests(bench)
    assert request.jid("to") == bench.me.phone
    assert request.attr("push_priority") == "high_force"
    (key,) = asked_for(bench, request)
    assert (key.remoteJid, key.fromMe, key.id) == (str(bench.ann.lid), False, "GONE")
    await answer(bench, request, text("found"))
    await answer(bench, request, text("found"))
    (event,) = bench.events_of(MessageReceived)
    message = event.message
    assert (message.text, message.id) == ("found", "GONE")
    assert (message.chat, message.sender) == (bench.ann.lid, bench.ann.lid)
    assert (message.timestamp, message.from_me) == (NOW, False)
    # Should its sender bring it now, it is known.
    await bench.introduce(bench.ann.first)
    (receipt,) = await bench.receive(bench.message(bench.ann.first, text("found"), id="GONE"))
    assert receipt.tag == "receipt"
    await later(bench, 2 * TELL_AFTER)
    assert bench.texts() == ["found"]
    assert bench.events_of(MessageUnreadable) == []
    assert len(requests(bench)) == 1


@benched
async def test_what_the_sender_brings_in_time_is_not_asked_for(bench: Bench) -> None:
    watch(bench)
    await bench.receive(withheld(bench))
    await bench.introduce(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("again"), id="GONE"))
    await later(bench, 2 * TELL_AFTER)
    assert requests(bench) == []
    assert bench.texts() == ["again"]
    assert bench.events_of(MessageUnreadable) == []
    assert await bench.store.placeholders.all(None) == []


@benched
async def test_what_the_sender_brings_first_the_phone_does_not_bring_again(bench: Bench) -> None:
    watch(bench)
    await bench.receive(withheld(bench))
    await later(bench, ASK_AFTER + 2)
    (request,) = requests(bench)
    await bench.introduce(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("again"), id="GONE"))
    await answer(bench, request, text("again"))
    assert bench.texts() == ["again"]


@benched
async def test_nobody_else_and_nothing_else_is_believed(bench: Bench) -> None:
    watch(bench)
    await bench.receive(withheld(bench))
    await later(bench, ASK_AFTER + 2)
    (request,) = requests(bench)
    await answer(bench, request, text("forged"), sender=bench.ann.first)
    await answer(bench, request, text("forged"), category="")
    await answer(bench, request, text("another"), message_id="OTHER")
    stranger = Node("message", request.attrs | {"id": "UNASKED"})
    await answer(bench, stranger, text("unasked"))
    await answer(bench, request, None)
    await answer(bench, request, wire.Message())
    assert bench.texts() == []
    await answer(bench, request, text("true"))
    assert bench.texts() == ["true"]


@benched
async def test_what_nobody_brings_is_told_once_also_over_restarts(bench: Bench) -> None:
    watch(bench)
    await bench.receive(withheld(bench))
    await later(bench, 1)
    for _ in range(3):
        await bench.restart()
        watch(bench)
        await later(bench, TELL_AFTER / 2)
    (event,) = bench.events_of(MessageUnreadable)
    assert (event.chat, event.sender, event.message_id) == (bench.ann.lid, bench.ann.lid, "GONE")
    (request,) = requests(bench)
    # The phone was off until now.
    await answer(bench, request, text("late"))
    assert bench.texts() == ["late"]


@benched
async def test_a_request_that_the_line_swallowed_is_made_again_under_its_id(bench: Bench) -> None:
    await bench.receive(withheld(bench))
    await later(bench, ASK_AFTER + 2)
    bench.server.broken = True
    watch(bench)
    await settle()
    await bench.cut()
    assert requests(bench) == []
    (row,) = await bench.store.placeholders.all(None)
    assert row[1].request_id
    assert not row[1].asked
    bench.connect()
    watch(bench)
    await settle()
    (request,) = requests(bench)
    assert request.attr("id") == row[1].request_id


@benched
async def test_once_the_sender_is_not_asked_any_more_the_phone_is_asked_again(
    bench: Bench,
) -> None:
    watch(bench)
    await bench.introduce(bench.ann.first)
    spoiled = bench.message(bench.ann.first, text("spoiled"), id="GONE")
    (enc,) = spoiled.children("enc")
    enc = Node("enc", enc.attrs, enc.data[:-9] + bytes(9))
    spoiled = Node("message", spoiled.attrs, [enc])
    await bench.receive(spoiled)
    await later(bench, ASK_AFTER + 2)
    assert len(requests(bench)) == 1
    for _ in range(MAX_REQUESTS):
        await bench.receive(spoiled)
    await later(bench, ASK_AFTER + 2)
    first, second = requests(bench)
    await answer(bench, first, text("too late, but welcome"))
    assert bench.texts() == []
    await answer(bench, second, text("here it is"))
    assert bench.texts() == ["here it is"]


@pytest.mark.parametrize(
    ("kind", "attrs"),
    [
        ("view_once_unavailable_fanout", {}),
        ("bot_unavailable_fanout", {}),
        ("", {"t": str(NOW - MAX_AGE - 1)}),
    ],
)
@benched
async def test_what_only_the_phone_may_have_is_not_asked_for(
    bench: Bench, kind: str, attrs: dict[str, str]
) -> None:
    watch(bench)
    (ack,) = await bench.receive(withheld(bench, kind=kind, **attrs))
    assert ack.tag == "ack"
    await later(bench, 2 * TELL_AFTER)
    assert requests(bench) == []
    assert bench.events_of(MessageUnreadable) == []


@benched
async def test_so_many_are_asked_for_and_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placeholders, "MAX_MISSING", 3)
    watch(bench)
    for index in range(5):
        await bench.receive(withheld(bench, f"GONE{index}"))
    await later(bench, ASK_AFTER + 2)
    assert len(requests(bench)) == 3


@benched
async def test_in_a_group_the_writer_is_named(bench: Bench) -> None:
    watch(bench)
    group = Jid.parse("120363000000000001@g.us")
    stanza = withheld(bench)
    attrs = stanza.attrs | {"from": group, "participant": bench.ann.first.lid}
    await bench.receive(Node("message", attrs, stanza.content))
    await later(bench, ASK_AFTER + 2)
    (request,) = requests(bench)
    (key,) = asked_for(bench, request)
    assert (key.remoteJid, key.participant) == (str(group), str(bench.ann.lid))
