"""What changes about chats and contacts, by the phone or another device of the account."""

from dataclasses import dataclass
from enum import StrEnum

from ..jid import Jid
from .base import Event


class ChatChange(StrEnum):
    """What changed about a chat."""

    ARCHIVED = "archived"
    MUTED = "muted"
    PINNED = "pinned"
    UNREAD = "unread"
    LOCKED = "locked"
    LABELS = "labels"
    CLEARED = "cleared"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChanged(Event):
    """A chat was archived, muted, pinned and so on, here or on another device."""

    chat: Jid
    change: ChatChange


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStarred(Event):
    """A message was starred, or no longer is. `sender` is None where it isn't named."""

    chat: Jid
    sender: Jid | None
    message_id: str
    from_me: bool
    starred: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsChanged(Event):
    """The address book has other names for these people."""

    users: tuple[Jid, ...]
