"""What others do, besides writing: who is there, who types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..jid import Jid
from .base import Event


class ChatState(StrEnum):
    """What somebody does in a chat right now."""

    TYPING = "typing"
    RECORDING = "recording"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceChanged(Event):
    """Someone we follow came online or went; the server tells only while we are online.

    `last_seen` is in unix seconds, where they let us know. In a group `online_count` says
    how many of its members are there.
    """

    chat: Jid
    available: bool
    last_seen: int | None = None
    online_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatStateChanged(Event):
    """Someone types or records in a chat, or stopped."""

    chat: Jid
    sender: Jid
    state: ChatState


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyChanged(Event):
    """Privacy settings of ours changed, here or on another device: the new values by name."""

    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureChanged(Event):
    """The picture of a person or group changed; None as id says that it was removed."""

    chat: Jid
    picture_id: str | None
    author: Jid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutChanged(Event):
    """The about text of a contact changed."""

    user: Jid
    about: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocklistChanged(Event):
    """Somebody was blocked or unblocked, here or on another device of ours."""

    user: Jid
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultTimerChanged(Event):
    """The timer, in seconds, with which new chats with a user begin; ours where it is us."""

    user: Jid
    seconds: int
