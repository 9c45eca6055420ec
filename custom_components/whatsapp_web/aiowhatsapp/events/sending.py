"""What becomes of messages that we send."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from ..errors import WhatsAppError
from ..jid import Jid
from .base import Event


class MessageState(StrEnum):
    """How far a message of ours has come; a receipt still counts after a failure."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


class Priority(IntEnum):
    """Which messages leave first."""

    NORMAL = 0
    HIGH = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message of ours that is safe in the store, and where it stands.

    `timestamp` is that of the last change, in unix seconds; `error` is why it failed.
    """

    message_id: str
    chat: Jid
    state: MessageState
    timestamp: int
    error: WhatsAppError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEnqueued(Event):
    """A message that is to be sent is safe in the store."""

    message_id: str
    chat: Jid


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStateChanged(Event):
    """A message that was enqueued got further, or failed.

    With `participant` it is about that member of a group alone. `timestamp` is in unix
    seconds; `error` is why it failed.
    """

    message_id: str
    chat: Jid
    state: MessageState
    participant: Jid | None = None
    timestamp: int
    error: WhatsAppError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingState:
    """What holds messages back; times in unix seconds.

    `per_minute` is how many may leave now, None for any number. Nothing leaves before
    `held_until`, and no new chat is begun before `new_chats_held_until`, for which
    `new_chats_code` asked; `code` is the server's error that asked for the most.
    """

    per_minute: float | None
    held_until: int | None = None
    new_chats_held_until: int | None = None
    new_chats_code: str | None = None
    code: str | None = None

    @property
    def is_limited(self) -> bool:
        """Whether the server holds anything back."""
        return self.held_until is not None or self.new_chats_held_until is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingChanged(Event):
    """The server asked us to send less, or that is over."""

    state: PacingState
