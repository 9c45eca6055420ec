"""What can be sent: one frozen dataclass for each kind of message, without files.

A `target` is the id of a message of the same chat, or `MessageTarget`; `LAST` is the last
one that came in, `LAST_SENT` the last that we sent ourselves.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from ..jid import Jid
from .media_drafts import Media

LAST: Final = "last"
LAST_SENT: Final = "last_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTarget:
    """A message of the chat that something is about; `sender` may be ourselves."""

    id: str
    sender: Jid


type Target = str | MessageTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedThumbnail:
    """A preview's picture in full size, as it lies encrypted at the media host."""

    direct_path: str
    sha256: bytes
    encrypted_sha256: bytes
    media_key: bytes = field(repr=False)
    media_key_timestamp: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPreview:
    """What is shown of the page behind a link; `url` as it stands in the text.

    `thumbnail` is a small JPEG. Nothing here is looked up: the caller gives the facts.
    """

    url: str
    title: str = ""
    description: str = ""
    thumbnail: bytes = field(default=b"", repr=False)
    large_thumbnail: UploadedThumbnail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text, in which `@` and a user part mention somebody."""

    text: str = field(repr=False)
    preview: LinkPreview | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusText:
    """A text for a status update; colours as 0xAARRGGBB, the font as the schema numbers it."""

    text: str = field(repr=False)
    color: int = 0xFFFFFFFF
    background: int = 0xFF1E6E4F
    font: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place, in degrees, with its accuracy in metres where that is known."""

    latitude: float = field(repr=False)
    longitude: float = field(repr=False)
    name: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    url: str = ""
    accuracy: int | None = None
    thumbnail: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLocation:
    """A place that changes; `sequence` counts up with every update."""

    latitude: float = field(repr=False)
    longitude: float = field(repr=False)
    caption: str = field(default="", repr=False)
    accuracy: int | None = None
    speed: float | None = None
    bearing: int | None = None
    sequence: int = 1
    time_offset: int = 0
    thumbnail: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person's card; phones are international, with or without `+`."""

    name: str = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)
    organization: str = field(default="", repr=False)
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """One card or several."""

    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A question; `choices` is how many options one may choose, 0 for any number."""

    question: str = field(repr=False)
    options: tuple[str, ...] = field(repr=False)
    choices: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """An invitation to something; times in unix seconds. `place_name` is a place without a map."""

    name: str = field(repr=False)
    start: int
    end: int | None = None
    description: str = field(default="", repr=False)
    place: Location | None = None
    place_name: str = field(default="", repr=False)
    join_link: str = ""
    canceled: bool = False
    guests_allowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """What holds pictures and videos together that are sent after it."""

    images: int = 0
    videos: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """An emoji under a message; an empty one takes it back."""

    target: Target
    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Another text, or caption, for a message of our own."""

    target: Target
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Take a message away from everybody; one of others where we are the admin."""

    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Pass on a message that we have, from `chat`."""

    chat: Jid
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Pin a message for everybody, for 1, 7 or 30 days in seconds; 0 takes it off."""

    target: Target
    seconds: int = 604_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Keep a message of a chat where they disappear, or let it go."""

    target: Target
    keep: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PollVote:
    """All that we choose now; none takes an earlier vote back."""

    target: Target
    options: tuple[str, ...] = field(repr=False)


class EventAnswer(IntEnum):
    """What one can say to an invitation."""

    GOING = 1
    NOT_GOING = 2
    MAYBE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EventResponse:
    """Our answer to an invitation; `guests` come with us."""

    target: Target
    answer: EventAnswer
    guests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DisappearingTimer:
    """Let messages of a chat with a person disappear after that many seconds; 0 for never."""

    seconds: int


type Addon = Reaction | Edit | Delete | Pin | Keep | PollVote | EventResponse
type Content = Text | StatusText | Location | LiveLocation | Contacts | Poll | EventDraft | Album
type Draft = Content | Addon | Forward | DisappearingTimer | Media
