"""Typed port for the numbers of posts in channels."""

from ..jid import Jid
from .base import Put, Table
from .transaction import Port, Transaction


class PostStore(Port):
    """Which number a channel gave a post: reactions name it, and not the post's id."""

    async def get(self, tx: Transaction | None, channel: Jid, message_id: str) -> int | None:
        """Return the number of a post."""
        data = await self._get(tx, Table.POST, f"{channel}/{message_id}")
        return None if data is None else int.from_bytes(data)

    async def put(
        self,
        tx: Transaction | None,
        channel: Jid,
        message_id: str,
        server_id: int,
        *,
        expires_at: int,
    ) -> None:
        """Keep the number of a post until `expires_at`, unix seconds."""
        value = server_id.to_bytes(8)
        await self._write(tx, Put(Table.POST, f"{channel}/{message_id}", value, expires_at))
