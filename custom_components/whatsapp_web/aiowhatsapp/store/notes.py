"""The typed port for what the application around the client wants to remember."""

from .base import Delete, Put, Table
from .transaction import Port, Transaction


class NoteStore(Port):
    """Small notes by name, which the client itself has no use for; sealed as all else."""

    async def get(self, tx: Transaction | None, name: str) -> bytes | None:
        """Return a note."""
        return await self._get(tx, Table.NOTE, name)

    async def all(self, tx: Transaction | None, prefix: str) -> dict[str, bytes]:
        """Return the notes whose name begins with `prefix`, oldest first."""
        return dict(await self._scan(tx, Table.NOTE, prefix=prefix))

    async def put(self, tx: Transaction | None, name: str, note: bytes, *, expires_at: int) -> None:
        """Keep a note until `expires_at`, unix seconds."""
        await self._write(tx, Put(Table.NOTE, name, note, expires_at))

    async def delete(self, tx: Transaction | None, name: str) -> None:
        """Drop a note."""
        await self._write(tx, Delete(Table.NOTE, name))
