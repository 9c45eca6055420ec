"""What the client tells its listeners; each docstring says when it fires."""

from dataclasses import dataclass
from enum import StrEnum

from ..errors import WhatsAppError
from ..jid import Jid
from .base import Event as Event
from .groups import GroupChanged as GroupChanged
from .messages import (
    MESSAGE_EVENTS as MESSAGE_EVENTS,
    EventResponseReceived as EventResponseReceived,
    IncomingMessage as IncomingMessage,
    MessageDeleted as MessageDeleted,
    MessageEdited as MessageEdited,
    MessageEvent as MessageEvent,
    MessageKept as MessageKept,
    MessagePinned as MessagePinned,
    MessageReceived as MessageReceived,
    PollVoteReceived as PollVoteReceived,
    ReactionReceived as ReactionReceived,
    event_of as event_of,
)
from .sending import (
    MessageEnqueued as MessageEnqueued,
    MessageState as MessageState,
    MessageStateChanged as MessageStateChanged,
    PacingChanged as PacingChanged,
    PacingState as PacingState,
    Priority as Priority,
    QueuedMessage as QueuedMessage,
)


class Status(StrEnum):
    """How a connection stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    LOGGED_OUT = "logged_out"
    ERROR = "error"


class ReceiptKind(StrEnum):
    """What a receipt says."""

    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """The connection's status changed; `error` is why, where there is a reason."""

    status: Status
    error: WhatsAppError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp(Event):
    """All that had waited at the server while we were away has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptReceived(Event):
    """Someone received, read or played messages of ours."""

    chat: Jid
    sender: Jid
    message_ids: tuple[str, ...]
    kind: ReceiptKind
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UndecryptableMessage(Event):
    """A message could not be read; it was asked for again. Fires once a message."""

    chat: Jid
    sender: Jid
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUnreadable(Event):
    """A message is still missing after its sender and our own phone were asked for it.

    It may come all the same; then it is told like any other.
    """

    chat: Jid
    sender: Jid
    sender_phone: Jid | None
    message_id: str
    timestamp: int
    from_me: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChanged(Event):
    """A contact's security code changed: a new phone or a new installation."""

    user: Jid


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNameChanged(Event):
    """The name that our account shows to others became known or changed."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRequested(Event):
    """The server asks this linked device for a passkey, which only a browser has."""
