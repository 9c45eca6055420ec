"""What is remembered of chats, and for how long."""

from typing import Final

import pytest

from custom_components.whatsapp_web.aiowhatsapp import InvalidDraft, Jid, MessageUnknown
from custom_components.whatsapp_web.aiowhatsapp.client.chat_log import KEEP_LOG, SLACK
from custom_components.whatsapp_web.aiowhatsapp.message.drafts import (
    Delete,
    DisappearingTimer,
    Draft,
    Edit,
    Forward,
    Pin,
    PollVote,
    Reaction,
    Text,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import storage, wire
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from tests.aiowhatsapp.client.bench import Bench, benched, text
from tests.aiowhatsapp.client.pairing_support import settle

DAY: Final = 86_400


async def sent(bench: Bench, draft: Draft, *, reply_to: str | None = None) -> wire.Message:
    """Send Ann a draft; give what she got."""
    before = len(bench.server.messages)
    await bench.send_draft(bench.ann.lid, draft, reply_to=reply_to)
    await settle()
    (stanza,) = bench.server.messages[before:]
    return bench.ann.first.read_from(stanza)


@benched
async def test_the_last_messages_are_listed_in_order(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("One"), id="1"))
    await sent(bench, Text(text="Two"))
    await bench.receive(bench.message(bench.ann.first, text("Three"), id="3"))
    listed = await bench.client.log.messages(bench.ann.lid)
    assert [message.text for message in listed][-3:] == ["One", "Two", "Three"]
    assert [message.from_me for message in listed][-3:] == [False, True, False]
    assert [m.text for m in await bench.client.log.messages(bench.ann.lid, limit=1)] == ["Three"]
    assert await bench.client.log.messages(bench.bob.lid) == []
    assert await bench.client.log.chat_of("3") == bench.ann.lid
    assert await bench.client.log.chat_of("none") is None


@benched
async def test_a_chat_keeps_its_share(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    bench.client.log.limit = 30
    for number in range(30 + SLACK):
        await bench.receive(bench.message(bench.ann.first, text(f"Number {number}")))
    await bench.client.log.trim()
    listed = await bench.client.log.messages(bench.ann.lid, limit=1000)
    assert [message.text for message in listed] == [
        f"Number {number}" for number in range(SLACK, 30 + SLACK)
    ]


@benched
async def test_content_is_not_kept_when_switched_off(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    bench.client.log.limit = 0
    await bench.receive(bench.message(bench.ann.first, text("Secret words"), id="A"))
    assert "Secret words" not in [m.text for m in await bench.client.log.messages(bench.ann.lid)]
    values = await bench.store.backend.scan(Table.MESSAGE_LOG)
    assert not any(b"Secret words" in value for _, value in values)
    # A reaction still knows whose message it is.
    got = await sent(bench, Reaction(target="last", emoji="👍"))
    assert got.reactionMessage.key.id == "A"
    got = await sent(bench, Text(text="Yes"), reply_to="A")
    assert got.extendedTextMessage.contextInfo.stanzaId == "A"


@benched
async def test_what_is_seen_once_is_not_kept(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    message = wire.Message()
    message.viewOnceMessageV2.message.imageMessage.caption = "Burn this"
    await bench.receive(bench.message(bench.ann.first, message, id="A"))
    values = await bench.store.backend.scan(Table.MESSAGE_LOG)
    assert not any(b"Burn this" in value for _, value in values)


@benched
async def test_what_disappears_there_disappears_here(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    message = wire.Message()
    message.extendedTextMessage.text = "Gone tomorrow"
    message.extendedTextMessage.contextInfo.expiration = DAY
    await bench.receive(bench.message(bench.ann.first, message, id="A"))
    now = bench.context.now()
    await bench.store.prune(now + DAY - 1)
    assert await bench.client.log.find(bench.ann.lid, "A") is not None
    await bench.store.prune(now + DAY + 1)
    assert await bench.client.log.find(bench.ann.lid, "A") is None
    await bench.store.prune(now + KEEP_LOG + 1)
    assert await bench.client.log.messages(bench.ann.lid) == []


@benched
async def test_the_timer_of_a_chat_goes_with_every_message(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    assert (await sent(bench, Text(text="Stays"))).conversation == "Stays"
    message = wire.Message()
    message.protocolMessage.type = wire.Message.ProtocolMessage.Type.EPHEMERAL_SETTING
    message.protocolMessage.ephemeralExpiration = DAY
    await bench.receive(bench.message(bench.ann.first, message))
    await bench.restart()
    got = (await sent(bench, Text(text="Goes"))).extendedTextMessage
    assert (got.text, got.contextInfo.expiration) == ("Goes", DAY)
    await sent(bench, DisappearingTimer(seconds=0))
    assert (await sent(bench, Text(text="Stays"))).conversation == "Stays"


@pytest.mark.parametrize("seconds", [2**32 - 1, 10 * 366 * DAY])
@benched
async def test_a_timer_that_nobody_sets_is_ignored(bench: Bench, seconds: int) -> None:
    await bench.acquaint(bench.ann.first)
    message = wire.Message()
    message.protocolMessage.type = wire.Message.ProtocolMessage.Type.EPHEMERAL_SETTING
    message.protocolMessage.ephemeralExpiration = seconds
    await bench.receive(bench.message(bench.ann.first, message))
    assert await bench.client.log.timer_of(bench.ann.lid) is None


@benched
async def test_a_timer_from_the_future_can_be_changed(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    for seconds, at in ((DAY, 2**60), (0, 1)):
        message = wire.Message()
        message.protocolMessage.type = wire.Message.ProtocolMessage.Type.EPHEMERAL_SETTING
        message.protocolMessage.ephemeralExpiration = seconds
        message.protocolMessage.ephemeralSettingTimestamp = at
        await bench.receive(bench.message(bench.ann.first, message))
    record = await bench.client.log.timer_of(bench.ann.lid)
    assert record is not None
    # What was set last was set long before: it is old news.
    assert record.seconds == DAY
    await sent(bench, DisappearingTimer(seconds=0))
    record = await bench.client.log.timer_of(bench.ann.lid)
    assert record is not None
    assert record.seconds == 0


@pytest.mark.parametrize(
    "draft",
    [
        Reaction(target="none", emoji="👍"),
        Reaction(target="last", emoji="👍"),
        Pin(target="none"),
        PollVote(target="none", options=()),
        Text(text="x"),
    ],
)
@benched
async def test_what_is_about_nothing_we_know_is_refused(bench: Bench, draft: Draft) -> None:
    reply_to = "none" if isinstance(draft, Text) else None
    with pytest.raises(MessageUnknown):
        await bench.client.send(bench.bob.lid, draft, reply_to=reply_to)
    assert bench.server.messages == []


@benched
async def test_only_our_own_messages_can_be_edited(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("Hers"), id="A"))
    with pytest.raises(InvalidDraft):
        await bench.client.send(bench.ann.lid, Edit(target="A", text="Mine"))
    # One that we no longer have is believed to be ours.
    got = await sent(bench, Edit(target="LONG GONE", text="New"))
    assert got.protocolMessage.key.fromMe


@benched
async def test_our_edits_and_deletions_are_remembered(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await sent(bench, Text(text="Diner"))
    await sent(bench, Edit(target="last_sent", text="Dinner"))
    assert (await bench.client.log.messages(bench.ann.lid))[-1].text == "Dinner"
    got = await sent(bench, Delete(target="last_sent"))
    assert got.protocolMessage.HasField("type")
    assert (await bench.client.log.messages(bench.ann.lid))[-1].text != "Dinner"


@benched
async def test_an_image_is_edited_by_its_caption(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    image = wire.Message()
    image.imageMessage.caption, image.imageMessage.directPath = "Befor", "/path"
    await bench.client.send_message(bench.ann.lid, image, message_id="IMG")
    copy = wire.Message()
    copy.deviceSentMessage.destinationJid = str(bench.ann.lid)
    copy.deviceSentMessage.message.CopyFrom(image)
    await bench.introduce(bench.me.first)
    await bench.receive(bench.message(bench.me.first, copy, id="IMG", recipient=bench.ann.lid))
    got = await sent(bench, Edit(target="IMG", text="Before"))
    edited = got.protocolMessage.editedMessage
    assert edited.imageMessage.caption == "Before"
    assert not edited.imageMessage.directPath


@benched
async def test_a_forward_leaves_out_what_is_not_for_others(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    message = wire.Message()
    content = message.extendedTextMessage
    content.text = "News"
    content.contextInfo.forwardingScore = 4
    content.contextInfo.isForwarded = True
    content.contextInfo.stanzaId = "Q"
    content.contextInfo.quotedMessage.conversation = "Between us"
    content.contextInfo.mentionedJid.append("1@lid")
    message.messageContextInfo.messageSecret = bytes(32)
    await bench.receive(bench.message(bench.ann.first, message, id="A"))
    got = await sent(bench, Forward(chat=bench.ann.lid, target="A"))
    context = got.extendedTextMessage.contextInfo
    assert (context.forwardingScore, context.isForwarded) == (5, True)
    assert not context.HasField("quotedMessage")
    assert list(context.mentionedJid) == []
    assert got.messageContextInfo.messageSecret != bytes(32)


@benched
async def test_the_timer_of_a_group_is_that_of_its_metadata(bench: Bench) -> None:
    group = Jid("120363000000000001", "g.us")
    assert await bench.client.log.timer_of(group) is None
    record = storage.GroupRecord(name="Family", timer=DAY)
    await bench.store.groups.put(None, str(group), record)
    timer = await bench.client.log.timer_of(group)
    assert timer is not None
    assert timer.seconds == DAY
