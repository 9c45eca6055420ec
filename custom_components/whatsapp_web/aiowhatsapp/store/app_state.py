"""Typed port for the app state: how far each collection is, and its records."""

from collections.abc import Iterable, Mapping
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..appstate import CollectionState, KnownRecord
from ..errors import StoreCorrupt
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction

# Beside the collection, so that who notes news needs not know how far it is.
_STALE: Final = "/stale"


class AppStateStore(Port):
    """Collections by name, their records by index MAC."""

    async def get(self, tx: Transaction | None, name: str) -> CollectionState | None:
        """Return how far a collection is; None when it was never fetched."""
        record = await self._record(tx, name)
        if record is None:
            return None
        return CollectionState(version=record.version, hash=record.hash, diverged=record.diverged)

    async def put(self, tx: Transaction | None, name: str, state: CollectionState) -> None:
        """Set how far a collection is."""
        record = storage.CollectionRecord(
            version=state.version, hash=state.hash, diverged=state.diverged
        )
        await self._write(tx, Put(Table.COLLECTION, name, record.SerializeToString()))

    async def is_stale(self, tx: Transaction | None, name: str) -> bool:
        """Whether a collection was never fetched, or the server has news of it."""
        found = await self._get_many(tx, Table.COLLECTION, [name, name + _STALE])
        return name not in found or name + _STALE in found

    async def mark_stale(self, tx: Transaction | None, names: Iterable[str]) -> None:
        """Note that the server has news of collections."""
        await self._write(tx, *(Put(Table.COLLECTION, name + _STALE, b"\x01") for name in names))

    async def settle(self, tx: Transaction | None, name: str) -> None:
        """Note that a collection is as the server has it."""
        await self._write(tx, Delete(Table.COLLECTION, name + _STALE))

    async def records(
        self, tx: Transaction | None, name: str, index_macs: Iterable[bytes]
    ) -> dict[bytes, KnownRecord]:
        """Return the records that are known out of `index_macs`."""
        keys = {_key(name, mac): mac for mac in index_macs}
        found = await self._get_many(tx, Table.SYNCED_RECORD, list(keys))
        try:
            read = {keys[key]: storage.SyncedRecord.FromString(data) for key, data in found.items()}
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A record of the app state does not parse") from err
        return {mac: KnownRecord(each.value_mac, each.key_id) for mac, each in read.items()}

    async def put_records(
        self, tx: Transaction, name: str, records: Mapping[bytes, KnownRecord]
    ) -> None:
        """Set records."""
        for mac, known in records.items():
            value = storage.SyncedRecord(value_mac=known.value_mac, key_id=known.key_id)
            tx.add(Put(Table.SYNCED_RECORD, _key(name, mac), value.SerializeToString()))

    async def delete_records(self, tx: Transaction, name: str, index_macs: Iterable[bytes]) -> None:
        """Drop records."""
        tx.add(*(Delete(Table.SYNCED_RECORD, _key(name, mac)) for mac in index_macs))

    async def index_macs(self, tx: Transaction | None, name: str) -> frozenset[bytes]:
        """Name all records of a collection."""
        prefix = _key(name, b"")
        keys = await self._keys(tx, Table.SYNCED_RECORD, prefix)
        return frozenset(bytes.fromhex(key.removeprefix(prefix)) for key in keys)

    async def _record(self, tx: Transaction | None, name: str) -> storage.CollectionRecord | None:
        data = await self._get(tx, Table.COLLECTION, name)
        try:
            return None if data is None else storage.CollectionRecord.FromString(data)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A collection does not parse") from err


def _key(name: str, index_mac: bytes) -> str:
    return f"{name}/{index_mac.hex()}"
