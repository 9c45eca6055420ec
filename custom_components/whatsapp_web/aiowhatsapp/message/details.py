"""What messages of some kinds say beyond their text. All of it comes from the sender."""

from dataclasses import dataclass, field
import math

from ..jid import Jid
from .drafts import EventAnswer
from .poll import OptionTally


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationDetails:
    """A place, in degrees; `accuracy` in metres, `speed` in metres a second.

    Of a live one `sequence` counts the updates.
    """

    latitude: float = field(repr=False)
    longitude: float = field(repr=False)
    name: str | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)
    accuracy: int | None = None
    speed: float | None = None
    bearing: int | None = None
    live: bool = False
    sequence: int | None = None

    @property
    def makes_sense(self) -> bool:
        """Whether it is a place on Earth."""
        return (
            math.isfinite(self.latitude)
            and math.isfinite(self.longitude)
            and abs(self.latitude) <= 90
            and abs(self.longitude) <= 180
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDetails:
    """A contact card: a name, and numbers as they were written."""

    name: str | None = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsDetails:
    """One contact card or several."""

    contacts: tuple[ContactDetails, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollDetails:
    """A poll; `choices` is how many options one may choose, 0 for any number."""

    options: tuple[str, ...] = field(repr=False)
    choices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteDetails:
    """A vote: all that the voter chooses now, and what all votes come to.

    `choices` and `tally` are None where the poll is not, or no longer, known.
    """

    question: str | None = field(default=None, repr=False)
    choices: tuple[str, ...] | None = field(default=None, repr=False)
    tally: tuple[OptionTally, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetails:
    """An invitation; times in unix seconds."""

    description: str | None = field(default=None, repr=False)
    start: int | None = None
    end: int | None = None
    place: LocationDetails | None = None
    join_link: str | None = field(default=None, repr=False)
    canceled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDetails:
    """The answer to an invitation."""

    answer: EventAnswer | None
    guests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteDetails:
    """An invitation into a group or a channel; `expires_at` in unix seconds."""

    group: Jid | None
    code: str | None = field(repr=False)
    name: str | None = field(repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewDetails:
    """What a text shows of the page behind its link."""

    url: str = field(repr=False)
    title: str | None = field(default=None, repr=False)
    description: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An answer that a message offers."""

    id: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsDetails:
    """Answers to choose from, as businesses send them."""

    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDetails:
    """What came with the choice of an answer: the parameters as JSON text, unread."""

    parameters: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumDetails:
    """How many pictures and videos follow that belong together."""

    images: int
    videos: int


type Details = (
    LocationDetails
    | ContactsDetails
    | PollDetails
    | VoteDetails
    | EventDetails
    | ResponseDetails
    | InviteDetails
    | PreviewDetails
    | OptionsDetails
    | ReplyDetails
    | AlbumDetails
)
