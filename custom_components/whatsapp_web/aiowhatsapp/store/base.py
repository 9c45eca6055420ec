"""What a store is made of: tables of sealed values, and how they change.

A `Backend` keeps values by table and key and commits several writes as one. It
knows nothing of what the values mean; the typed ports beside this file do.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from .marks import DeliveryMarks

type RandomBytes = Callable[[int], bytes]


class RunBlocking(Protocol):
    """Runs a blocking job on another thread and hands its result back."""

    def __call__[T](self, job: Callable[[], T], /) -> Awaitable[T]:
        """Start `job` and return something to await its result with."""
        ...


class Table(StrEnum):
    """The kinds of entries; the text is what is written to disk."""

    SESSION = "session"
    IDENTITY = "identity"
    PRE_KEY = "pre_key"
    SIGNED_PRE_KEY = "signed_pre_key"
    SENDER_KEY = "sender_key"
    SENDER_KEY_TARGET = "sender_key_target"
    APP_STATE_KEY = "app_state_key"
    ADDRESS_BOOK = "address_book"
    COLLECTION = "collection"
    SYNCED_RECORD = "synced_record"
    CHAT = "chat"
    LABEL = "label"
    STAR = "star"
    HISTORY = "history"
    LID = "lid"
    DEVICE_LIST = "device_list"
    MESSAGE_SECRET = "message_secret"  # noqa: S105 - a table's name
    SENT_MESSAGE = "sent_message"
    MESSAGE_LOG = "message_log"
    POLL = "poll"
    CHAT_TIMER = "chat_timer"
    NOTE = "note"
    INBOX = "inbox"
    SEEN = "seen"
    RETRY = "retry"
    PLACEHOLDER = "placeholder"
    UNCONFIRMED = "unconfirmed"
    CONTACT = "contact"
    GROUP = "group"
    UNREAD = "unread"
    NUMBER = "number"
    POST = "post"
    MEDIA = "media"
    OUTBOX = "outbox"
    MESSAGE_STATE = "message_state"
    META = "meta"


@dataclass(frozen=True, slots=True)
class Put:
    """Write a value; an entry that is there already keeps its place in the order.

    `expires_at` is in unix seconds; None keeps the entry until it is deleted.
    """

    table: Table
    key: str
    value: bytes = field(repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entry; nothing happens when there is none."""

    table: Table
    key: str


type Write = Put | Delete

# Set while the files are being copied; whoever opens the copy finds it there. Names in
# this table that begin with a dot are not the client's.
COPY_MARK: Final = ".copy"


class Backend(Protocol):
    """Keeps entries. Reading and writing raise `StoreError` unless it is open."""

    @property
    def marks(self) -> DeliveryMarks:
        """Which inbox entries were handed to the listeners."""
        ...

    async def open(self) -> None:
        """Open, or create. Opening what is open does nothing.

        Raises `StoreCorrupt` when the files are damaged or sealed with another
        key, `StoreError` when they can't be used for another reason.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and close; closing twice is fine."""
        ...

    async def get(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        """Read the entries that exist out of `keys`."""
        ...

    async def scan(
        self, table: Table, *, prefix: str = "", limit: int | None = None
    ) -> list[tuple[str, bytes]]:
        """Read entries whose key begins with `prefix`, first written first."""
        ...

    async def count(self, table: Table, *, prefix: str = "") -> int:
        """Count entries whose key begins with `prefix`."""
        ...

    async def commit(self, writes: Sequence[Write]) -> None:
        """Write all or nothing, on disk when this returns.

        A caller that is cancelled while it waits can't know the outcome: the
        writes are still made. Deleting an inbox entry also forgets its mark.
        """
        ...

    async def prune(self, now: int) -> int:
        """Drop entries that expire at or before `now`; return how many."""
        ...

    @property
    def copy_token(self) -> bytes | None:
        """What `COPY_MARK` holds while we let ourselves be copied; else None."""
        ...

    async def begin_copy(self) -> None:
        """Let the files be copied one after the other, whatever is written meanwhile.

        Together they give the state at one moment at or after this call, with
        `COPY_MARK` in it. It works on a closed backend, too, and does nothing to one
        that never kept anything. Raises `StoreError` when the mark can't be written:
        what is copied then is whole, but not marked.
        """
        ...

    async def end_copy(self) -> None:
        """The copies were made: take our mark away. Without `begin_copy` it does nothing."""
        ...

    async def destroy(self) -> None:
        """Close, and remove everything that was kept."""
        ...


def forget_marks(marks: DeliveryMarks, writes: Sequence[Write]) -> None:
    """Forget the marks of the inbox entries that `writes` has deleted."""
    for write in writes:
        if isinstance(write, Delete) and write.table is Table.INBOX:
            marks.forget(write.key)
