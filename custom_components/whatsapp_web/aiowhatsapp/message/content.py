"""What a message says, in the form that listeners get it."""

from dataclasses import dataclass, field

from ..jid import Jid
from .details import Details
from .message_kind import MessageKind

__all__ = ["MediaContent", "MessageContent", "MessageKind", "MessageReference", "QuotedMessage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReference:
    """Another message that a message is about, as its sender sees it.

    `from_me` means the sender's own message; in a one-to-one chat anything else is ours.
    """

    id: str
    from_me: bool
    chat: Jid | None
    participant: Jid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedMessage:
    """What a message answers; `chat` only when it was in another chat."""

    id: str
    author: Jid | None
    chat: Jid | None
    kind: MessageKind
    text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaContent:
    """What the sender says of a file; nothing of it was checked."""

    mime_type: str | None = None
    size: int | None = None
    filename: str | None = field(default=None, repr=False)
    seconds: int | None = None
    width: int | None = None
    height: int | None = None
    animated: bool = False
    thumbnail: bytes = field(default=b"", repr=False)
    """A small JPEG; empty when there is none."""
    waveform: bytes = field(default=b"", repr=False)
    """How loud a voice note is over its length, each byte from 0 to 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContent:
    """What a message says.

    Everything comes from the sender: who may edit or delete what is for the reader to
    check. A text that could not be read as UTF-8 has replacement characters.
    """

    kind: MessageKind
    text: str | None = field(default=None, repr=False)
    """The text, caption, question, or label of the chosen answer."""
    choice: str | None = field(default=None, repr=False)
    """The id of the chosen answer, where a message offered some."""
    quoted: QuotedMessage | None = field(default=None, repr=False)
    mentions: tuple[Jid, ...] = field(default=(), repr=False)
    mentions_all: bool = False
    forwarded: bool = False
    view_once: bool = False
    ephemeral: bool = False
    target: MessageReference | None = field(default=None, repr=False)
    """The message that this one reacts to, edits, deletes, pins, keeps or answers."""
    reaction: str | None = field(default=None, repr=False)
    """The emoji; empty when the reaction is taken back, None when it is encrypted."""
    media: MediaContent | None = field(default=None, repr=False)
    """The file of an image, video, audio, document or sticker."""
    taken_back: bool = False
    """Whether a pin, keep or reaction is taken back."""
    details: Details | None = field(default=None, repr=False)
    """What its kind says beyond a text: a place, contacts, a poll, a vote and so on."""
    type_name: str | None = None
    """The schema's name for what is of kind unknown."""
    raw: bytes = field(default=b"", repr=False)
    """The whole message, serialized."""

    @property
    def edited_id(self) -> str | None:
        """The id of the message that this one edits."""
        return self.target.id if self.kind is MessageKind.EDIT and self.target else None

    @property
    def revoked_id(self) -> str | None:
        """The id of the message that this one deletes."""
        return self.target.id if self.kind is MessageKind.DELETE and self.target else None
