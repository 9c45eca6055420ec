"""The typed port for groups: what is known of each, by its JID."""

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction


class GroupStore(Port):
    """Groups that we are in, or were."""

    async def get(self, tx: Transaction | None, group: str) -> storage.GroupRecord | None:
        """Return what is known of a group. Raises `StoreCorrupt` when damaged."""
        data = await self._get(tx, Table.GROUP, group)
        return None if data is None else _read(data)

    async def put(self, tx: Transaction | None, group: str, record: storage.GroupRecord) -> None:
        """Replace what is known of a group."""
        await self._write(tx, Put(Table.GROUP, group, record.SerializeToString()))

    async def delete(self, tx: Transaction | None, group: str) -> None:
        """Forget a group."""
        await self._write(tx, Delete(Table.GROUP, group))

    async def all(self, tx: Transaction | None) -> dict[str, storage.GroupRecord]:
        """Return all groups."""
        entries = await self._scan(tx, Table.GROUP)
        return {group: _read(data) for group, data in entries}

    async def clear(self, tx: Transaction | None) -> None:
        """Forget all groups."""
        await self._delete_all(tx, Table.GROUP, "")


def _read(data: bytes) -> storage.GroupRecord:
    try:
        return storage.GroupRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A group does not parse") from err
