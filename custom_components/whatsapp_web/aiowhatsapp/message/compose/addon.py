"""Composing what is about another message: reactions, edits, votes and so on.

`key` names that message as we, who say something about it, see it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from ...errors import InvalidDraft
from ...proto import wire
from ..drafts import EventAnswer
from ..poll import option_hash
from ..secret import Sealed, UseCase
from ..wrappers import unwrap
from .envelope import content_field
from .text import MAX_TEXT, encodable

MAX_EMOJI: Final = 64
MAX_GUESTS: Final = 100
# The days that the official clients offer, and none.
PIN_SECONDS: Final = (0, 86_400, 604_800, 2_592_000)
_CAPTIONED: Final = ("imageMessage", "videoMessage", "documentMessage", "ptvMessage")

_Answer = wire.Message.EventResponseMessage.EventResponseType
_ANSWERS: Final = {
    EventAnswer.GOING: _Answer.GOING,
    EventAnswer.NOT_GOING: _Answer.NOT_GOING,
    EventAnswer.MAYBE: _Answer.MAYBE,
}

type Sealer = Callable[[UseCase, bytes], Sealed]


def compose_reaction(key: wire.MessageKey, emoji: str, *, now_ms: int) -> wire.Message:
    """React to a message; an empty emoji takes the reaction back."""
    message = wire.Message()
    content = message.reactionMessage
    content.key.CopyFrom(key)
    # The empty text has to be there when a reaction is taken back.
    content.text = encodable(emoji, MAX_EMOJI)
    content.senderTimestampMs = now_ms
    return message


def compose_edit(
    key: wire.MessageKey, text: str, *, original: wire.Message | None, now_ms: int
) -> wire.Message:
    """Change the text of our own message, or the caption where that has one."""
    message = wire.Message()
    protocol = message.protocolMessage
    protocol.key.CopyFrom(key)
    protocol.type = wire.Message.ProtocolMessage.Type.MESSAGE_EDIT
    # Phones ignore an edit without it.
    protocol.timestampMs = now_ms
    text = encodable(text, MAX_TEXT)
    name = None if original is None else content_field(unwrap(original).message)
    if name in _CAPTIONED and name is not None:
        getattr(protocol.editedMessage, name).caption = text
    else:
        protocol.editedMessage.conversation = text
    return message


def compose_delete(key: wire.MessageKey) -> wire.Message:
    """Take a message away from everybody."""
    message = wire.Message()
    message.protocolMessage.key.CopyFrom(key)
    message.protocolMessage.type = wire.Message.ProtocolMessage.Type.REVOKE
    return message


def compose_pin(key: wire.MessageKey, seconds: int, *, now_ms: int) -> wire.Message:
    """Pin a message for everybody, or take it off with 0 seconds."""
    if seconds not in PIN_SECONDS:
        raise InvalidDraft("A message is pinned for 1, 7 or 30 days")
    message = wire.Message()
    content = message.pinInChatMessage
    content.key.CopyFrom(key)
    kinds = wire.Message.PinInChatMessage.Type
    content.type = kinds.PIN_FOR_ALL if seconds else kinds.UNPIN_FOR_ALL
    content.senderTimestampMs = now_ms
    message.messageContextInfo.messageAddOnDurationInSecs = seconds
    return message


def compose_keep(key: wire.MessageKey, *, keep: bool, now_ms: int) -> wire.Message:
    """Keep a message that would disappear, or let it go."""
    message = wire.Message()
    content = message.keepInChatMessage
    content.key.CopyFrom(key)
    kinds = wire.KeepType
    content.keepType = kinds.KEEP_FOR_ALL if keep else kinds.UNDO_KEEP_FOR_ALL
    content.timestampMs = now_ms
    return message


def compose_vote(
    key: wire.MessageKey, options: Sequence[str], *, sealer: Sealer, now_ms: int
) -> wire.Message:
    """Vote for all of `options`, instead of whatever was chosen before."""
    vote = wire.Message.PollVoteMessage(selectedOptions=map(option_hash, options))
    sealed = sealer(UseCase.POLL_VOTE, vote.SerializeToString())
    message = wire.Message()
    content = message.pollUpdateMessage
    content.pollCreationMessageKey.CopyFrom(key)
    content.vote.encPayload, content.vote.encIv = sealed.payload, sealed.iv
    content.senderTimestampMs = now_ms
    return message


def compose_event_response(
    key: wire.MessageKey, answer: EventAnswer, *, guests: int, sealer: Sealer, now_ms: int
) -> wire.Message:
    """Answer an invitation."""
    if not 0 <= guests <= MAX_GUESTS:
        raise InvalidDraft("Too many guests")
    response = wire.Message.EventResponseMessage(
        response=_ANSWERS[answer], timestampMs=now_ms, extraGuestCount=guests
    )
    sealed = sealer(UseCase.EVENT_RESPONSE, response.SerializeToString())
    message = wire.Message()
    content = message.encEventResponseMessage
    content.eventCreationMessageKey.CopyFrom(key)
    content.encPayload, content.encIv = sealed.payload, sealed.iv
    return message
