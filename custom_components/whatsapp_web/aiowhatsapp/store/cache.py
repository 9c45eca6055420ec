"""The values that were used last, so that hot reads cost no trip to the disk."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from .base import Table

MAX_ENTRIES: Final = 4096
# Peers can make session records large; these two bound what they can make us hold.
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_VALUE: Final = 64 * 1024

# Read with every message. The others are read once, or searched.
CACHED_TABLES: Final = frozenset(
    {
        Table.SESSION,
        Table.IDENTITY,
        Table.SIGNED_PRE_KEY,
        Table.SENDER_KEY,
        Table.SENDER_KEY_TARGET,
        Table.LID,
        Table.DEVICE_LIST,
        Table.CONTACT,
        Table.CHAT,
        Table.META,
    }
)


class ValueCache:
    """Least recently used entries, bounded in number and in bytes.

    It holds what is on disk and nothing else; None stands for "no such entry".
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._entries: OrderedDict[tuple[Table, str], bytes | None] = OrderedDict()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        """Count the entries held."""
        return len(self._entries)

    def lookup(self, table: Table, keys: Sequence[str]) -> dict[str, bytes | None]:
        """Return what is known of `keys`; a key that is missing must be read."""
        known: dict[str, bytes | None] = {}
        for key in keys:
            if (table, key) in self._entries:
                self._entries.move_to_end((table, key))
                known[key] = self._entries[table, key]
        return known

    def store(self, table: Table, key: str, value: bytes | None) -> None:
        """Take note of what is on disk now."""
        self.discard(table, key)
        if table not in CACHED_TABLES or len(value or b"") > MAX_VALUE:
            return
        self._entries[table, key] = value
        self._bytes += _size(key, value)
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            (_, old_key), old_value = self._entries.popitem(last=False)
            self._bytes -= _size(old_key, old_value)

    def discard(self, table: Table, key: str) -> None:
        """Know nothing of an entry any more."""
        if (table, key) in self._entries:
            self._bytes -= _size(key, self._entries.pop((table, key)))

    def clear(self) -> None:
        """Know nothing."""
        self._entries.clear()
        self._bytes = 0


def _size(key: str, value: bytes | None) -> int:
    return len(key) + len(value or b"")
