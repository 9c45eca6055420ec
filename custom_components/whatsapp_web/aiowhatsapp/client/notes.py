"""Notes that the application around the client keeps about messages."""

from typing import Final

from .context import Context

MAX_NAME: Final = 512
MAX_NOTE: Final = 64 * 1024


class Notes:
    """Small notes by name, kept with the client's own state and as safely."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context

    async def get(self, name: str) -> bytes | None:
        """Return a note; raise `StoreError` when that fails."""
        return await self._context.store.notes.get(None, name)

    async def all(self, prefix: str) -> dict[str, bytes]:
        """Return the notes whose name begins with `prefix`, oldest first."""
        return await self._context.store.notes.all(None, prefix)

    async def put(self, name: str, note: bytes, *, keep_for: int) -> None:
        """Keep a note for so many seconds; it is on disk when this returns.

        Raises `ValueError` when it is too large.
        """
        if len(name) > MAX_NAME or len(note) > MAX_NOTE:
            raise ValueError("Note too large")
        expires_at = self._context.now() + keep_for
        await self._context.store.notes.put(None, name, note, expires_at=expires_at)

    async def delete(self, name: str) -> None:
        """Drop a note."""
        await self._context.store.notes.delete(None, name)
