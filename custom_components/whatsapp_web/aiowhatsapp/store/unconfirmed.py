"""Typed port for contacts whose identity key changed, until a person has agreed."""

from ..jid import Jid
from .base import Delete, Put, Table
from .transaction import Port, Transaction


class UnconfirmedStore(Port):
    """Whose security code is another than it was."""

    async def put(self, tx: Transaction | None, user: Jid, *, changed_at: int) -> None:
        """Note that a user's identity changed, at unix seconds."""
        await self._write(tx, Put(Table.UNCONFIRMED, str(user.bare), changed_at.to_bytes(8)))

    async def contains(self, tx: Transaction | None, users: list[Jid]) -> bool:
        """Tell whether one of some addresses is of such a user."""
        return bool(await self._get_many(tx, Table.UNCONFIRMED, [str(user) for user in users]))

    async def all(self, tx: Transaction | None) -> list[Jid]:
        """Return all such users, the first that changed first."""
        return [Jid.parse(key) for key, _ in await self._scan(tx, Table.UNCONFIRMED)]

    async def delete(self, tx: Transaction | None, users: list[Jid]) -> None:
        """Forget users, as a person has agreed."""
        await self._write(tx, *(Delete(Table.UNCONFIRMED, str(user)) for user in users))
