"""A backend that keeps everything in memory: the reference for all others."""

from collections.abc import Sequence
from typing import override

from ..errors import StoreError
from .base import COPY_MARK, Backend, Put, Table, Write, forget_marks
from .marks import MARKS_SIZE, DeliveryMarks


class MemoryBackend(Backend):
    """Keeps entries for as long as the object lives, also over close and open."""

    def __init__(self) -> None:
        self._tables: dict[Table, dict[str, Put]] = {table: {} for table in Table}
        self._marks_buffer = bytearray(MARKS_SIZE)
        self._marks: DeliveryMarks | None = None
        self._copy_token: bytes | None = None

    @property
    @override
    def marks(self) -> DeliveryMarks:
        if self._marks is None:
            raise StoreError("The store is not open")
        return self._marks

    @override
    async def open(self) -> None:
        if self._marks is None:
            self._marks = DeliveryMarks(self._marks_buffer, secret=b"")

    @override
    async def close(self) -> None:
        if self._marks is not None:
            self._marks.detach()
            self._marks = None

    @override
    async def get(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        entries = self._open_table(table)
        return {key: entries[key].value for key in keys if key in entries}

    @override
    async def scan(
        self, table: Table, *, prefix: str = "", limit: int | None = None
    ) -> list[tuple[str, bytes]]:
        entries = self._open_table(table)
        return [(key, put.value) for key, put in entries.items() if key.startswith(prefix)][:limit]

    @override
    async def count(self, table: Table, *, prefix: str = "") -> int:
        return sum(key.startswith(prefix) for key in self._open_table(table))

    @override
    async def commit(self, writes: Sequence[Write]) -> None:
        marks = self.marks
        for write in writes:
            if isinstance(write, Put):
                self._tables[write.table][write.key] = write
            else:
                self._tables[write.table].pop(write.key, None)
        forget_marks(marks, writes)

    @override
    async def prune(self, now: int) -> int:
        dropped = 0
        for table in Table:
            entries = self._open_table(table)
            expired = [
                key
                for key, put in entries.items()
                if put.expires_at is not None and put.expires_at <= now
            ]
            for key in expired:
                del entries[key]
            dropped += len(expired)
        return dropped

    @property
    @override
    def copy_token(self) -> bytes | None:
        return self._copy_token

    @override
    async def begin_copy(self) -> None:
        self._copy_token = b"memory"
        self._tables[Table.META].setdefault(COPY_MARK, Put(Table.META, COPY_MARK, self._copy_token))

    @override
    async def end_copy(self) -> None:
        token, self._copy_token = self._copy_token, None
        mark = self._tables[Table.META].get(COPY_MARK)
        if mark is not None and mark.value == token:
            del self._tables[Table.META][COPY_MARK]

    @override
    async def destroy(self) -> None:
        await self.close()
        for entries in self._tables.values():
            entries.clear()
        self._marks_buffer = bytearray(MARKS_SIZE)

    def _open_table(self, table: Table) -> dict[str, Put]:
        if self._marks is None:
            raise StoreError("The store is not open")
        return self._tables[table]
