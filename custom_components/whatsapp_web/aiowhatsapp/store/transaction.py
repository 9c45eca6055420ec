"""Several writes as one: gathered first, then all made or none."""

from types import TracebackType
from typing import Self

from ..errors import LocalProtocolError
from .base import Backend, Delete, Put, Table, Write


class Transaction:
    """Gathers writes and commits them when its block ends without an exception.

    Reads through it see its own writes. It locks nothing: who reads, decides and
    writes holds the lock of what it is about, as the client's modules do.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._writes: dict[tuple[Table, str], Write] = {}
        self._open = False
        self._used = False

    async def __aenter__(self) -> Self:
        """Begin. Raises `LocalProtocolError` when it served before."""
        if self._used:
            raise LocalProtocolError("A transaction serves once")
        self._open = self._used = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit, unless the block failed. Raises `StoreError` if nothing was written."""
        self._open = False
        if kind is None and self._writes:
            await self._backend.commit(list(self._writes.values()))

    def add(self, *writes: Write) -> None:
        """Gather writes; a later one to the same entry replaces the earlier."""
        self._require_open()
        for write in writes:
            self._writes.pop((write.table, write.key), None)
            self._writes[write.table, write.key] = write

    async def get(self, table: Table, keys: list[str]) -> dict[str, bytes]:
        """Read the entries that exist out of `keys`."""
        self._require_open()
        ours = {key: self._writes[table, key] for key in keys if (table, key) in self._writes}
        theirs = [key for key in keys if key not in ours]
        found = await self._backend.get(table, theirs) if theirs else {}
        found |= {key: write.value for key, write in ours.items() if isinstance(write, Put)}
        return found

    async def scan(
        self, table: Table, *, prefix: str = "", limit: int | None = None
    ) -> list[tuple[str, bytes]]:
        """Read entries whose key begins with `prefix`, first written first."""
        self._require_open()
        ours = self._own_writes(table, prefix)
        # Deleted entries must not use up the limit.
        entries = dict(
            await self._backend.scan(table, prefix=prefix, limit=None if ours else limit)
        )
        for write in ours:
            if isinstance(write, Put):
                entries[write.key] = write.value
            else:
                entries.pop(write.key, None)
        return list(entries.items())[:limit]

    async def count(self, table: Table, *, prefix: str = "") -> int:
        """Count entries whose key begins with `prefix`."""
        self._require_open()
        ours = self._own_writes(table, prefix)
        existing = await self._backend.get(table, [write.key for write in ours]) if ours else {}
        kept = sum(isinstance(write, Put) for write in ours)
        return await self._backend.count(table, prefix=prefix) - len(existing) + kept

    def _own_writes(self, table: Table, prefix: str) -> list[Write]:
        return [
            write
            for (written, key), write in self._writes.items()
            if written is table and key.startswith(prefix)
        ]

    def _require_open(self) -> None:
        if not self._open:
            raise LocalProtocolError("This transaction has not begun, or has ended")


class Port:
    """Base of the typed ports.

    Their methods take a transaction first: reads see its writes, and writes wait
    for its end. Without one, reads see what is committed, and writes are
    committed before the method returns.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def _get(self, tx: Transaction | None, table: Table, key: str) -> bytes | None:
        return (await self._get_many(tx, table, [key])).get(key)

    async def _get_many(
        self, tx: Transaction | None, table: Table, keys: list[str]
    ) -> dict[str, bytes]:
        return await (tx or self._backend).get(table, keys)

    async def _scan(
        self, tx: Transaction | None, table: Table, *, prefix: str = "", limit: int | None = None
    ) -> list[tuple[str, bytes]]:
        return await (tx or self._backend).scan(table, prefix=prefix, limit=limit)

    async def _count(self, tx: Transaction | None, table: Table, *, prefix: str = "") -> int:
        return await (tx or self._backend).count(table, prefix=prefix)

    async def _write(self, tx: Transaction | None, *writes: Write) -> None:
        if tx is not None:
            tx.add(*writes)
        elif writes:
            await self._backend.commit(writes)

    async def _keys(self, tx: Transaction | None, table: Table, prefix: str) -> list[str]:
        return [key for key, _ in await self._scan(tx, table, prefix=prefix)]

    async def _delete_all(self, tx: Transaction | None, table: Table, prefix: str) -> None:
        keys = await self._keys(tx, table, prefix)
        await self._write(tx, *(Delete(table, key) for key in keys))
