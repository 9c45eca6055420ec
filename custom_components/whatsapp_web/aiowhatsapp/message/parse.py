"""Reading a message: out of its envelopes, into one shape for all kinds.

Nothing that a sender can put into a message raises: what makes no sense is left out, and
what is not known is of kind unknown.
"""

from collections.abc import Iterable
from typing import Final

from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.unknown_fields import UnknownFieldSet

from ..errors import DecodeError
from ..jid import Jid
from ..proto import wire
from .content import MessageContent, MessageKind, MessageReference, QuotedMessage
from .files import file_of
from .kinds import read, text_of
from .poll import PollState
from .read_details import read_details
from .resolve import resolve
from .unknown import type_name
from .wrappers import unwrap

__all__ = [
    "MessageContent",
    "MessageKind",
    "MessageReference",
    "QuotedMessage",
    "decode",
    "device_sent_of",
    "has_content",
    "parse",
]

MAX_ID: Final = 128
# The largest groups have this many members.
MAX_MENTIONS: Final = 1024


def decode(plaintext: bytes) -> wire.Message:
    """Read an unpadded message; raise `DecodeError` when it is no message."""
    try:
        return wire.Message.FromString(plaintext)
    except ProtobufError as err:
        raise DecodeError("A message does not decode") from err


def device_sent_of(message: wire.Message) -> tuple[Jid | None, wire.Message] | None:
    """Give what our own other device sent, and to whom; None when it is nothing of that.

    Only a message of our own account may be believed in this.
    """
    if not message.HasField("deviceSentMessage"):
        return None
    sent = message.deviceSentMessage
    inner = wire.Message()
    inner.CopyFrom(sent.message)
    if message.HasField("messageContextInfo") and not inner.HasField("messageContextInfo"):
        inner.messageContextInfo.CopyFrom(message.messageContextInfo)
    return _jid(sent.destinationJid), inner


def has_content(message: wire.Message) -> bool:
    """Tell whether a message says anything, beyond keys and context that travel along."""
    for descriptor, _value in message.ListFields():
        if descriptor.name not in ("senderKeyDistributionMessage", "messageContextInfo"):
            return True
    return len(UnknownFieldSet(message)) > 0


def parse(
    message: wire.Message, *, resolved: bytes | None = None, poll: PollState | None = None
) -> MessageContent:
    """Read a message of any kind.

    `resolved` is what was encrypted in it under another message's secret, `poll` the poll
    that it votes in. The envelope of our own other devices is not opened: `device_sent_of`
    does that.
    """
    unwrapped = unwrap(message)
    draft = read(unwrapped.message)
    details = read_details(unwrapped.message)
    if resolved is not None:
        details = resolve(draft, resolved, poll) or details
    text = text_of(draft.text)
    if draft.becomes is not None:
        becomes = unwrap(draft.becomes).message
        changed = read(becomes)
        text, draft.context = text_of(changed.text), changed.context
        details = read_details(becomes)
    context = draft.context or wire.ContextInfo()
    file = file_of(unwrapped.message)
    return MessageContent(
        kind=draft.kind,
        text=text,
        choice=text_of(draft.choice),
        quoted=_quoted(context),
        mentions=_mentions(context.mentionedJid),
        mentions_all=context.nonJidMentions > 0,
        forwarded=context.isForwarded or context.forwardingScore > 0,
        view_once=unwrapped.view_once or draft.view_once,
        ephemeral=unwrapped.ephemeral or context.expiration > 0,
        target=_reference(draft.target),
        reaction=draft.reaction,
        media=None if file is None else file.content,
        taken_back=draft.taken_back,
        details=details,
        type_name=type_name(unwrapped.message) if draft.kind is MessageKind.UNKNOWN else None,
        raw=message.SerializeToString(),
    )


def _id(value: str | bytes) -> str | None:
    """Read a message id."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_ID else None


def _jid(value: str | bytes) -> Jid | None:
    """Read an address."""
    if not isinstance(value, str) or not value:
        return None
    try:
        return Jid.parse(value)
    except DecodeError:
        return None


def _mentions(values: Iterable[str | bytes]) -> tuple[Jid, ...]:
    """Read the addresses of the people that a text mentions."""
    mentions = []
    for value, _number in zip(values, range(MAX_MENTIONS), strict=False):
        jid = _jid(value)
        if jid is not None:
            mentions.append(jid)
    return tuple(mentions)


def _reference(key: wire.MessageKey | None) -> MessageReference | None:
    """Read the key of another message."""
    message_id = _id(key.id) if key is not None else None
    if key is None or message_id is None:
        return None
    return MessageReference(
        id=message_id,
        from_me=key.fromMe,
        chat=_jid(key.remoteJid),
        participant=_jid(key.participant),
    )


def _quoted(context: wire.ContextInfo) -> QuotedMessage | None:
    """Read what a message answers; what that answers in turn is left alone."""
    message_id = _id(context.stanzaId)
    if message_id is None:
        return None
    quoted = read(unwrap(context.quotedMessage).message)
    return QuotedMessage(
        id=message_id,
        author=_jid(context.participant),
        chat=_jid(context.remoteJid),
        kind=quoted.kind,
        text=text_of(quoted.text),
    )
