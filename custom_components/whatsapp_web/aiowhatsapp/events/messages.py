"""What people write, and what they say about what was written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..jid import Jid
from ..message.content import MessageContent, MessageKind
from .base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """A message of a chat, read and normalised.

    `chat` and `sender` are bare JIDs, by LID where one is known; `sender_phone`
    is the same sender by phone number, where that is known. `timestamp` is in unix
    seconds. `offline` says that it waited at the server while we were away. A post of a
    channel has a `server_id` there: reactions name it.
    """

    id: str
    chat: Jid
    chat_phone: Jid | None
    sender: Jid
    sender_phone: Jid | None
    push_name: str | None = field(repr=False)
    timestamp: int
    from_me: bool
    is_group: bool
    offline: bool
    content: MessageContent = field(repr=False)
    server_id: int | None = None

    @property
    def kind(self) -> str:
        """What it is, in one word: text, image, reaction, ..."""
        return self.content.kind

    @property
    def text(self) -> str | None:
        """Its text or caption."""
        return self.content.text


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(Event):
    """Base of what fires once a message, also for ours from another device.

    A message that no one took yet is told again after a crash. It counts as taken
    when all listeners ran; a listener that passes it on for good calls `take` in that
    very moment, which narrows to microseconds the time in which a crash repeats it.
    """

    message: IncomingMessage
    take: Callable[[], None] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(MessageEvent):
    """A message arrived that stands alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionReceived(MessageEvent):
    """Someone reacted to the message `content.target`, or took that back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollVoteReceived(MessageEvent):
    """Someone voted in the poll `content.target`; `content.details` has the tally."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventResponseReceived(MessageEvent):
    """Someone answered the invitation `content.target`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(MessageEvent):
    """Its author changed the message `content.target`; `text` is what it says now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted(MessageEvent):
    """The message `content.target` was deleted for all, by its author or an admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePinned(MessageEvent):
    """Someone pinned the message `content.target`, or took it off (`taken_back`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageKept(MessageEvent):
    """Someone keeps the message `content.target` from disappearing, or lets it go."""


_EVENTS: Final[dict[MessageKind, type[MessageEvent]]] = {
    MessageKind.REACTION: ReactionReceived,
    MessageKind.POLL_VOTE: PollVoteReceived,
    MessageKind.EVENT_RESPONSE: EventResponseReceived,
    MessageKind.EDIT: MessageEdited,
    MessageKind.DELETE: MessageDeleted,
    MessageKind.PIN: MessagePinned,
    MessageKind.KEEP: MessageKept,
}


MESSAGE_EVENTS: Final[tuple[type[MessageEvent], ...]] = (MessageReceived, *_EVENTS.values())


def event_of(message: IncomingMessage, take: Callable[[], None]) -> MessageEvent:
    """Make the event that tells of a message."""
    return _EVENTS.get(message.content.kind, MessageReceived)(message=message, take=take)
