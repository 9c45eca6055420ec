"""Typed port for messages that could not be read, as long as they may still come."""

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction


class PlaceholderStore(Port):
    """What is missing, by the name under which a message is known as seen."""

    async def put(
        self,
        tx: Transaction | None,
        key: str,
        record: storage.PlaceholderRecord,
        *,
        expires_at: int,
    ) -> None:
        """Keep in mind that a message is missing, until `expires_at`, unix seconds."""
        value = record.SerializeToString()
        await self._write(tx, Put(Table.PLACEHOLDER, key, value, expires_at))

    async def get(self, tx: Transaction | None, key: str) -> storage.PlaceholderRecord | None:
        """Return what is known of a missing message."""
        data = await self._get(tx, Table.PLACEHOLDER, key)
        return None if data is None else _read(data)

    async def all(self, tx: Transaction | None) -> list[tuple[str, storage.PlaceholderRecord]]:
        """Return all missing messages, oldest first."""
        return [(key, _read(data)) for key, data in await self._scan(tx, Table.PLACEHOLDER)]

    async def delete(self, tx: Transaction | None, *keys: str) -> None:
        """Forget messages that have come, or won't."""
        await self._write(tx, *(Delete(Table.PLACEHOLDER, key) for key in keys))


def _read(data: bytes) -> storage.PlaceholderRecord:
    try:
        return storage.PlaceholderRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A missing message's record does not parse") from err
