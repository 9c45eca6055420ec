"""What the client tells its listeners; each docstring says when it fires."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ..errors import WhatsAppError
from ..jid import Jid
from ..message.parse import MessageContent
from .base import Event as Event


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
class IncomingMessage:
    """A message of a chat, read and normalised.

    `chat` and `sender` are bare JIDs, by LID where one is known; `sender_phone`
    is the same sender by phone number, where that is known. `timestamp` is in unix
    seconds. `offline` says that it waited at the server while we were away.
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

    @property
    def kind(self) -> str:
        """What it is, in one word: text, image, reaction, ..."""
        return self.content.kind

    @property
    def text(self) -> str | None:
        """Its text or caption."""
        return self.content.text


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """The connection's status changed; `error` is why, where there is a reason."""

    status: Status
    error: WhatsAppError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """A message arrived, ours from another device included; fires once a message.

    A message that no one took yet is told again after a crash. It counts as taken
    when all listeners ran; a listener that passes it on for good calls `take` in that
    very moment, which narrows to microseconds the time in which a crash repeats it.
    """

    message: IncomingMessage
    take: Callable[[], None] = field(repr=False, compare=False)


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
