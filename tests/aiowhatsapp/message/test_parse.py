from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import DecodeError
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.content import (
    MessageContent,
    MessageKind,
    MessageReference,
    QuotedMessage,
)
from custom_components.whatsapp_web.aiowhatsapp.message.parse import (
    MAX_MENTIONS,
    decode,
    device_sent_of,
    has_content,
    parse,
)
from custom_components.whatsapp_web.aiowhatsapp.message.wrappers import MAX_DEPTH, WRAPPERS
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from tests.aiowhatsapp.message.support import HostileWriter, field, load_vectors

CASES = load_vectors("npm_baileys_messages")["cases"]
KEY = wire.MessageKey(remoteJid="15551234567@s.whatsapp.net", fromMe=True, id="ABC")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_messages_of_baileys_are_read(case: dict[str, Any]) -> None:
    raw = bytes.fromhex(case["message"])
    message = decode(raw)
    content = parse(message)
    assert content.kind == case["kind"]
    assert content.text == case.get("text")
    assert content.choice == case.get("choice")
    assert content.reaction == case.get("reaction")
    assert content.taken_back is case.get("taken_back", False)
    assert content.view_once is case.get("view_once", False)
    assert content.ephemeral is case.get("ephemeral", False)
    assert content.forwarded is case.get("forwarded", False)
    assert [str(jid) for jid in content.mentions] == case.get("mentions", [])
    assert (content.target.id if content.target else None) == case.get("target")
    assert has_content(message) is case.get("has_content", True)
    assert decode(content.raw) == message


def test_every_kind_is_among_the_messages_of_baileys() -> None:
    assert {case["kind"] for case in CASES} == set(MessageKind)


def test_quote_of_baileys_is_read() -> None:
    case = next(case for case in CASES if "quoted" in case)
    expected = case["quoted"]
    assert parse(decode(bytes.fromhex(case["message"]))).quoted == QuotedMessage(
        id=expected["id"],
        author=Jid.parse(expected["author"]),
        chat=None,
        kind=MessageKind.TEXT,
        text=expected["text"],
    )


def test_mention_of_everyone_is_read() -> None:
    case = next(case for case in CASES if case["name"] == "everyone")
    assert parse(decode(bytes.fromhex(case["message"]))).mentions_all


def test_edit_names_the_message_it_changes() -> None:
    edit = wire.Message()
    edit.protocolMessage.key.CopyFrom(KEY)
    edit.protocolMessage.type = wire.Message.ProtocolMessage.Type.MESSAGE_EDIT
    edit.protocolMessage.editedMessage.conversation = "New"
    content = parse(edit)
    assert (content.edited_id, content.revoked_id, content.text) == ("ABC", None, "New")
    assert content.target == MessageReference(
        id="ABC", from_me=True, chat=Jid("15551234567", "s.whatsapp.net"), participant=None
    )


def test_delete_names_the_message_it_removes() -> None:
    delete = wire.Message()
    delete.protocolMessage.key.CopyFrom(KEY)
    delete.protocolMessage.type = wire.Message.ProtocolMessage.Type.REVOKE
    content = parse(delete)
    assert (content.edited_id, content.revoked_id) == (None, "ABC")


def test_reference_without_an_id_is_none() -> None:
    delete = wire.Message()
    delete.protocolMessage.key.remoteJid = "1@lid"
    delete.protocolMessage.type = wire.Message.ProtocolMessage.Type.REVOKE
    content = parse(delete)
    assert content.kind is MessageKind.DELETE
    assert content.target is None
    assert content.revoked_id is None


def test_absent_protocol_type_is_no_delete() -> None:
    message = wire.Message()
    message.protocolMessage.key.CopyFrom(KEY)
    assert parse(message).kind is MessageKind.PROTOCOL


def test_unknown_protocol_type_is_no_delete() -> None:
    # Field 12 (protocolMessage) with a type of 99, which the schema doesn't know.
    assert parse(decode(field(12, b"\x10\x63"))).kind is MessageKind.PROTOCOL


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        ("EVENT_EDIT", MessageKind.EDIT),
        ("MESSAGE_EDIT", MessageKind.EDIT),
        ("POLL_EDIT", MessageKind.EDIT),
        ("POLL_ADD_OPTION", MessageKind.EDIT),
        ("MESSAGE_SCHEDULE", MessageKind.UNKNOWN),
        ("UNKNOWN", MessageKind.UNKNOWN),
    ],
)
def test_encrypted_edit_is_known_as_one(edit: str, kind: MessageKind) -> None:
    message = wire.Message()
    message.secretEncryptedMessage.targetMessageKey.CopyFrom(KEY)
    kinds = wire.Message.SecretEncryptedMessage.SecretEncType
    message.secretEncryptedMessage.secretEncType = getattr(kinds, edit)
    content = parse(message)
    assert (content.kind, content.text) == (kind, None)


def wrap(message: wire.Message, wrapper: str) -> wire.Message:
    outer = wire.Message()
    getattr(outer, wrapper).message.CopyFrom(message)
    return outer


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_envelope_is_opened(wrapper: str) -> None:
    assert parse(wrap(wire.Message(conversation="inside"), wrapper)).text == "inside"


def test_envelopes_are_opened_to_a_bounded_depth() -> None:
    message = wire.Message(conversation="inside")
    for _ in range(MAX_DEPTH):
        message = wrap(message, "ephemeralMessage")
    assert parse(message).text == "inside"
    deeper = parse(wrap(message, "viewOnceMessage"))
    assert (deeper.kind, deeper.text) == (MessageKind.UNKNOWN, None)


def test_context_beside_an_envelope_is_kept() -> None:
    message = wrap(wire.Message(conversation="inside"), "ephemeralMessage")
    message.messageContextInfo.messageSecret = b"secret"
    assert parse(message).text == "inside"
    inner = wire.Message(conversation="inside")
    inner.messageContextInfo.messageSecret = b"inner"
    outer = wrap(inner, "ephemeralMessage")
    outer.messageContextInfo.messageSecret = b"outer"
    assert parse(outer).text == "inside"


def test_copy_from_our_own_device_is_opened_only_when_asked_for() -> None:
    message = wire.Message()
    message.deviceSentMessage.destinationJid = "15551234567@s.whatsapp.net"
    message.deviceSentMessage.message.conversation = "typed on the phone"
    message.messageContextInfo.messageSecret = b"secret"
    assert parse(message).kind is MessageKind.UNKNOWN
    sent = device_sent_of(message)
    assert sent is not None
    destination, inner = sent
    assert destination == Jid("15551234567", "s.whatsapp.net")
    assert inner.conversation == "typed on the phone"
    assert inner.messageContextInfo.messageSecret == b"secret"
    assert device_sent_of(inner) is None


def test_copy_to_nobody_has_no_destination() -> None:
    message = wire.Message()
    message.deviceSentMessage.message.conversation = "lost"
    assert device_sent_of(message) == (None, wire.Message(conversation="lost"))


def test_keys_alone_are_no_content_but_what_we_do_not_know_is() -> None:
    message = wire.Message()
    assert not has_content(message)
    message.senderKeyDistributionMessage.groupId = "g@g.us"
    message.messageContextInfo.messageSecret = b"secret"
    assert not has_content(message)
    assert has_content(decode(message.SerializeToString() + field(9999, b"new")))


def test_text_that_is_no_utf8_has_replacement_characters() -> None:
    content = parse(decode(field(1, b"caf\xe9")))
    assert (content.kind, content.text) == (MessageKind.TEXT, "caf�")


def test_huge_text_is_cut() -> None:
    assert parse(wire.Message(conversation="x" * 1_000_000)).text == "x" * 65_536


def test_mentions_are_bounded_and_only_addresses() -> None:
    message = wire.Message()
    context = message.extendedTextMessage.contextInfo
    context.mentionedJid.extend(["", "1:99999@lid", "y" * 300])
    context.mentionedJid.extend(["1@lid"] * (MAX_MENTIONS * 2))
    assert len(parse(message).mentions) == MAX_MENTIONS - 3


@pytest.mark.parametrize("stanza_id", [b"\xff", b"y" * 200, b""])
def test_quote_without_a_usable_id_is_none(stanza_id: bytes) -> None:
    context = field(1, stanza_id) + field(2, b"1@lid")
    assert parse(decode(field(6, field(17, context)))).quoted is None


def test_quote_of_a_quote_shows_only_the_first() -> None:
    message = wire.Message()
    context = message.extendedTextMessage.contextInfo
    context.stanzaId, context.participant = "one", "1@lid"
    inner = context.quotedMessage.ephemeralMessage.message.extendedTextMessage
    inner.text = "first"
    inner.contextInfo.stanzaId = "two"
    quoted = parse(message).quoted
    assert quoted is not None
    assert (quoted.id, quoted.text) == ("one", "first")


def test_repr_shows_no_text() -> None:
    message = wire.Message()
    message.extendedTextMessage.text = "private"
    message.extendedTextMessage.contextInfo.stanzaId = "quoted"
    message.extendedTextMessage.contextInfo.quotedMessage.conversation = "private, too"
    content = parse(message)
    assert "private" not in repr(content)
    assert "private" not in repr(content.quoted)


@pytest.mark.parametrize("plaintext", [b"\xff", b"\x0a\xff", field(1, b"x")[:-1]])
def test_no_message_is_refused(plaintext: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(plaintext)


def test_nesting_beyond_the_decoder_is_refused() -> None:
    plaintext = field(1, b"deep")
    for _ in range(200):
        plaintext = field(40, field(1, plaintext))
    with pytest.raises(DecodeError):
        decode(plaintext)


def test_deep_chain_of_quotes_is_read() -> None:
    plaintext = field(1, b"deep")
    for _ in range(16):
        plaintext = field(6, field(17, field(1, b"id") + field(3, plaintext)))
    content = parse(decode(plaintext))
    assert content.kind is MessageKind.TEXT
    assert content.quoted is not None


def check(content: MessageContent) -> None:
    """Check what listeners rely on, whatever came in."""
    assert isinstance(content.kind, MessageKind)
    for text in (content.text, content.choice, content.reaction):
        assert text is None or (isinstance(text, str) and len(text) <= 65_536)
        assert text is None or text.encode() is not None
    assert all(isinstance(jid, Jid) for jid in content.mentions)
    assert content.target is None or 0 < len(content.target.id) <= 128
    assert isinstance(content.raw, bytes)
    assert hash(content) == hash(content)


@pytest.mark.parametrize("name", [field.name for field in wire.Message.DESCRIPTOR.fields])
def test_hostile_content_of_every_field_is_read(name: str) -> None:
    writer = HostileWriter(name)
    for _ in range(60):
        content = parse(decode(writer.field(wire.Message, name)))
        check(content)


@pytest.mark.parametrize("seed", range(10))
def test_hostile_messages_are_read(seed: int) -> None:
    writer = HostileWriter(seed)
    for _ in range(150):
        message = decode(writer.message(wire.Message, depth=6))
        check(parse(message))
        assert isinstance(has_content(message), bool)
        sent = device_sent_of(message)
        check(parse(sent[1] if sent else message))


@pytest.mark.parametrize("seed", range(10))
def test_damaged_messages_are_read_or_refused(seed: int) -> None:
    writer = HostileWriter(seed)
    accepted = refused = 0
    for position in range(150):
        plaintext = bytearray(writer.message(wire.Message) + field(1, b"text"))
        plaintext[position % len(plaintext)] ^= 1 << position % 8
        try:
            message = decode(bytes(plaintext))
        except DecodeError:
            refused += 1
            continue
        check(parse(message))
        accepted += 1
    assert accepted
    assert refused
