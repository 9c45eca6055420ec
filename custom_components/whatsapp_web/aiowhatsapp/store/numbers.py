"""Typed port for what the server said of numbers as people write them."""

from collections.abc import Iterable

from ..errors import StoreCorrupt
from ..proto import ProtobufError, storage
from .base import Put, Table
from .transaction import Port, Transaction


class NumberStore(Port):
    """Which account a number means, by its digits as they were asked for.

    National variants of a number are asked for under each spelling.
    """

    async def get_many(
        self, tx: Transaction | None, digits: Iterable[str]
    ) -> dict[str, storage.NumberRecord]:
        """Return what is known of numbers."""
        found = await self._get_many(tx, Table.NUMBER, list(digits))
        try:
            return {key: storage.NumberRecord.FromString(data) for key, data in found.items()}
        except ProtobufError as err:
            raise StoreCorrupt("A looked-up number does not parse") from err

    async def put(
        self,
        tx: Transaction | None,
        digits: str,
        record: storage.NumberRecord,
        *,
        expires_at: int,
    ) -> None:
        """Keep what the server said of a number until `expires_at`, unix seconds."""
        await self._write(tx, Put(Table.NUMBER, digits, record.SerializeToString(), expires_at))
