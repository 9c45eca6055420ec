"""Composing messages, and saying what a stanza that carries one must say of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..errors import LocalProtocolError
from ..jid import Jid
from ..proto import wire
from .wrappers import unwrap

# What the official clients let a person type.
MAX_TEXT: Final = 65_536

# Not content: they travel beside it.
_BESIDE_CONTENT: Final = ("senderKeyDistributionMessage", "messageContextInfo")

_SecretEncType = wire.Message.SecretEncryptedMessage.SecretEncType
_EVENT_EDIT: Final = _SecretEncType.EVENT_EDIT
_POLL_EDITS: Final = (_SecretEncType.POLL_EDIT, _SecretEncType.POLL_ADD_OPTION)

# The stanza type by the field that holds the content; what is missing here is media.
_STANZA_TYPES: Final = {
    "reactionMessage": "reaction",
    "encReactionMessage": "reaction",
    "eventMessage": "event",
    "encEventResponseMessage": "event",
    "pollCreationMessage": "poll",
    "pollCreationMessageV2": "poll",
    "pollCreationMessageV3": "poll",
    "pollCreationMessageV5": "poll",
    "pollCreationMessageV6": "poll",
    "pollUpdateMessage": "poll",
    "conversation": "text",
    "protocolMessage": "text",
    "keepInChatMessage": "text",
    "pinInChatMessage": "text",
    "interactiveMessage": "text",
    "templateButtonReplyMessage": "text",
    "albumMessage": "text",
    "secretEncryptedMessage": "text",
}

# The media type by the field that holds the content.
_MEDIA_TYPES: Final = {
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "ptv",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
    "locationMessage": "location",
    "liveLocationMessage": "livelocation",
    "contactMessage": "vcard",
    "contactsArrayMessage": "contact_array",
    "groupInviteMessage": "url",
    "listResponseMessage": "list_response",
    "buttonsResponseMessage": "buttons_response",
    "interactiveResponseMessage": "native_flow_response",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a message answers.

    `chat` is only given when it is another chat than the one the answer goes to.
    """

    message_id: str
    author: Jid
    message: wire.Message = field(repr=False)
    chat: Jid | None = None


def compose_text(
    text: str, *, reply_to: Quote | None = None, mentions: Sequence[Jid] = ()
) -> wire.Message:
    """Compose a text, with the people that it mentions by `@` and their user part.

    Raises `LocalProtocolError` when it is longer than `MAX_TEXT`.
    """
    if len(text) > MAX_TEXT:
        raise LocalProtocolError("Text too long")
    text = _encodable(text)
    if reply_to is None and not mentions:
        return wire.Message(conversation=text)
    message = wire.Message()
    message.extendedTextMessage.text = text
    context = message.extendedTextMessage.contextInfo
    context.mentionedJid.extend(str(jid.bare) for jid in mentions)
    if reply_to is not None:
        context.stanzaId = reply_to.message_id
        context.participant = str(reply_to.author.bare)
        context.quotedMessage.CopyFrom(quoted_form(reply_to.message))
        if reply_to.chat is not None:
            context.remoteJid = str(reply_to.chat.bare)
    return message


def quoted_form(message: wire.Message) -> wire.Message:
    """Reduce a message to what a quote of it holds: its content, without quotes in it."""
    quoted = wire.Message()
    name = content_field(unwrap(message).message)
    if name is None:
        return quoted
    quoted.CopyFrom(unwrap(message).message)
    for descriptor, _value in quoted.ListFields():
        if descriptor.name != name:
            quoted.ClearField(descriptor.name)
    if name != "conversation" and "contextInfo" in _field_names(quoted, name):
        context: wire.ContextInfo = getattr(quoted, name).contextInfo
        for part in ("stanzaId", "participant", "quotedMessage", "remoteJid", "mentionedJid"):
            context.ClearField(part)
    return quoted


def device_sent(to: Jid, message: wire.Message) -> wire.Message:
    """Wrap a message for our own other devices: what we sent, and to whom."""
    wrapped = wire.Message()
    wrapped.deviceSentMessage.destinationJid = str(to)
    wrapped.deviceSentMessage.message.CopyFrom(message)
    if message.HasField("messageContextInfo"):
        wrapped.messageContextInfo.CopyFrom(message.messageContextInfo)
    return wrapped


def content_field(message: wire.Message) -> str | None:
    """Name the field that holds a message's content; None when it holds none we know."""
    for descriptor, _value in message.ListFields():
        if descriptor.name not in _BESIDE_CONTENT:
            return descriptor.name
    return None


def stanza_type(message: wire.Message) -> str:
    """Give the `type` of the stanza that carries a message."""
    inner = unwrap(message).message
    name = content_field(inner)
    if name == "extendedTextMessage":
        return "media" if inner.extendedTextMessage.matchedText else "text"
    if name == "secretEncryptedMessage":
        edit = inner.secretEncryptedMessage.secretEncType
        if edit == _EVENT_EDIT:
            return "event"
        if edit in _POLL_EDITS:
            return "poll"
    return "text" if name is None else _STANZA_TYPES.get(name, "media")


def media_type(message: wire.Message) -> str | None:
    """Give the `mediatype` of the `<enc>` that carries a message, if it has one."""
    inner = unwrap(message).message
    name = content_field(inner)
    if name == "extendedTextMessage":
        return "url" if inner.extendedTextMessage.matchedText else None
    if name == "videoMessage" and inner.videoMessage.gifPlayback:
        return "gif"
    if name == "audioMessage" and inner.audioMessage.ptt:
        return "ptt"
    return None if name is None else _MEDIA_TYPES.get(name)


def _field_names(message: wire.Message, name: str) -> frozenset[str]:
    """Name the fields of the message inside a field."""
    return frozenset(getattr(message, name).DESCRIPTOR.fields_by_name)


def _encodable(text: str) -> str:
    """Join halves of characters that JSON may have torn apart; replace single ones."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
