import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import InvalidDraft
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.compose import (
    MAX_TEXT,
    Quote,
    compose_text,
    device_sent,
    media_type,
    quoted_form,
    stanza_type,
)
from custom_components.whatsapp_web.aiowhatsapp.message.parse import (
    decode,
    device_sent_of,
    parse,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from tests.aiowhatsapp.message.support import load_vectors

CASES = {case["name"]: case for case in load_vectors("npm_baileys_messages")["cases"]}
ANN = Jid("15551234567", "s.whatsapp.net")


def from_baileys(name: str) -> wire.Message:
    return decode(bytes.fromhex(CASES[name]["message"]))


def test_plain_text_is_a_conversation() -> None:
    assert compose_text("Hello") == wire.Message(conversation="Hello")


def test_reply_is_that_of_baileys() -> None:
    original = wire.Message(conversation="Is the door locked?")
    quote = Quote(message_id="ABCDEF0123456789", author=ANN.with_device(3), message=original)
    assert compose_text("Yes", reply_to=quote) == from_baileys("reply")


def test_mentions_are_those_of_baileys() -> None:
    ours = compose_text("Hi @15551234567", mentions=[ANN, Jid("123456789", "lid")])
    theirs = from_baileys("mentions").extendedTextMessage
    # Baileys writes out that nobody else is mentioned.
    theirs.contextInfo.ClearField("nonJidMentions")
    assert ours.extendedTextMessage.text == theirs.text
    assert ours.extendedTextMessage.contextInfo == theirs.contextInfo


def test_quote_from_another_chat_names_it() -> None:
    quote = Quote(message_id="A", author=ANN, message=wire.Message(), chat=Jid("1203@1", "g.us"))
    context = compose_text("Yes", reply_to=quote).extendedTextMessage.contextInfo
    assert context.remoteJid == "1203@1@g.us"


def test_composed_text_is_read_back() -> None:
    quote = Quote(message_id="A", author=ANN, message=wire.Message(conversation="Why?"))
    content = parse(compose_text("Because", reply_to=quote, mentions=[ANN]))
    assert content.text == "Because"
    assert content.mentions == (ANN,)
    assert content.quoted is not None
    assert (content.quoted.id, content.quoted.author, content.quoted.text) == ("A", ANN, "Why?")


@pytest.mark.parametrize(
    ("text", "sent"),
    [("\ud83d\ude42", "🙂"), ("a\ud83db", "a�b"), ("\ude42", "�"), ("🙂", "🙂"), ("", "")],
)
def test_torn_characters_are_joined_or_replaced(text: str, sent: str) -> None:
    assert compose_text(text).conversation == sent


def test_too_long_text_is_refused() -> None:
    assert len(compose_text("x" * MAX_TEXT).conversation) == MAX_TEXT
    with pytest.raises(InvalidDraft):
        compose_text("x" * (MAX_TEXT + 1))


def test_quote_holds_content_alone_without_its_own_quote() -> None:
    message = wire.Message()
    inner = message.ephemeralMessage.message
    inner.senderKeyDistributionMessage.groupId = "g@g.us"
    inner.messageContextInfo.messageSecret = b"secret"
    inner.imageMessage.caption = "Front door"
    context = inner.imageMessage.contextInfo
    context.stanzaId, context.participant, context.remoteJid = "1", "1@lid", "2@lid"
    context.quotedMessage.conversation = "older"
    context.mentionedJid.append("1@lid")
    context.expiration = 86400
    expected = wire.Message()
    expected.imageMessage.caption = "Front door"
    expected.imageMessage.contextInfo.expiration = 86400
    before = message.SerializeToString()
    assert quoted_form(message) == expected
    assert message.SerializeToString() == before


@pytest.mark.parametrize(
    "message",
    [
        wire.Message(),
        wire.Message(
            senderKeyDistributionMessage=wire.Message.SenderKeyDistributionMessage(groupId="g")
        ),
    ],
)
def test_quote_of_nothing_is_empty(message: wire.Message) -> None:
    assert quoted_form(message) == wire.Message()


def test_quote_of_content_without_context_is_whole() -> None:
    reaction = from_baileys("reaction")
    assert quoted_form(reaction) == reaction


def test_copy_for_our_other_devices_says_whom_it_went_to() -> None:
    message = wire.Message(conversation="Hello")
    message.messageContextInfo.messageSecret = b"secret"
    copy = device_sent(ANN, message)
    assert copy.deviceSentMessage.destinationJid == str(ANN)
    assert copy.messageContextInfo.messageSecret == b"secret"
    assert device_sent_of(copy) == (ANN, message)
    assert not device_sent(ANN, wire.Message(conversation="x")).HasField("messageContextInfo")


@pytest.mark.parametrize(
    ("name", "stanza", "media"),
    [
        ("text", "text", None),
        ("mentions", "text", None),
        ("reply", "text", None),
        ("reaction", "reaction", None),
        ("encrypted reaction", "reaction", None),
        ("event", "event", None),
        ("event response", "event", None),
        ("poll with one choice", "poll", None),
        ("poll with many choices", "poll", None),
        ("poll of an announcement group", "poll", None),
        ("poll vote", "poll", None),
        ("delete", "text", None),
        ("edit", "text", None),
        ("edit in an envelope", "text", None),
        ("pin", "text", None),
        ("keep", "text", None),
        ("album", "text", None),
        ("interactive", "text", None),
        ("template reply", "text", None),
        ("disappearing text", "text", None),
        ("sender key", "text", None),
        ("image", "media", "image"),
        ("view once image", "media", "image"),
        ("video", "media", "video"),
        ("gif", "media", "gif"),
        ("video note", "media", "ptv"),
        ("audio", "media", "audio"),
        ("voice", "media", "ptt"),
        ("document with caption", "media", "document"),
        ("sticker", "media", "sticker"),
        ("lottie sticker", "media", "sticker"),
        ("location", "media", "location"),
        ("live location", "media", "livelocation"),
        ("contact", "media", "vcard"),
        ("contacts", "media", "contact_array"),
        ("group invite", "media", "url"),
        ("button reply", "media", "buttons_response"),
        ("list reply", "media", "list_response"),
        ("interactive reply", "media", "native_flow_response"),
    ],
)
def test_stanza_says_what_it_carries(name: str, stanza: str, media: str | None) -> None:
    message = from_baileys(name)
    assert (stanza_type(message), media_type(message)) == (stanza, media)


def test_text_with_a_link_preview_is_media() -> None:
    message = wire.Message()
    message.extendedTextMessage.matchedText = "https://example.org"
    assert (stanza_type(message), media_type(message)) == ("media", "url")


@pytest.mark.parametrize(
    ("edit", "stanza"),
    [
        ("EVENT_EDIT", "event"),
        ("POLL_EDIT", "poll"),
        ("POLL_ADD_OPTION", "poll"),
        ("MESSAGE_EDIT", "text"),
    ],
)
def test_encrypted_edit_goes_by_what_it_edits(edit: str, stanza: str) -> None:
    message = wire.Message()
    kinds = wire.Message.SecretEncryptedMessage.SecretEncType
    message.secretEncryptedMessage.secretEncType = getattr(kinds, edit)
    assert stanza_type(message) == stanza
