"""Typed ports for messages on their way: what waits, and what became of what was sent."""

from collections.abc import Iterable

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction


class OutboxStore(Port):
    """Messages that the server has not confirmed yet, in the order they were handed over."""

    async def put(
        self, tx: Transaction | None, message_id: str, record: storage.OutboxRecord
    ) -> None:
        """Keep a message; one that is there already keeps its place."""
        await self._write(tx, Put(Table.OUTBOX, message_id, record.SerializeToString()))

    async def get(self, tx: Transaction | None, message_id: str) -> storage.OutboxRecord | None:
        """Return a message that waits."""
        data = await self._get(tx, Table.OUTBOX, message_id)
        return None if data is None else _read_entry(data)

    async def all(self, tx: Transaction | None) -> list[tuple[str, storage.OutboxRecord]]:
        """Return all that waits, with their ids, first handed over first."""
        return [(key, _read_entry(data)) for key, data in await self._scan(tx, Table.OUTBOX)]

    async def delete(self, tx: Transaction | None, *message_ids: str) -> None:
        """Drop messages."""
        await self._write(tx, *(Delete(Table.OUTBOX, each) for each in message_ids))


class MessageStateStore(Port):
    """How far our messages have come."""

    async def put(
        self,
        tx: Transaction | None,
        message_id: str,
        record: storage.MessageStateRecord,
        *,
        expires_at: int,
    ) -> None:
        """Keep a state until `expires_at`, unix seconds."""
        value = record.SerializeToString()
        await self._write(tx, Put(Table.MESSAGE_STATE, message_id, value, expires_at))

    async def get(
        self, tx: Transaction | None, message_ids: Iterable[str]
    ) -> dict[str, storage.MessageStateRecord]:
        """Return the states that are known."""
        found = await self._get_many(tx, Table.MESSAGE_STATE, list(message_ids))
        return {key: _read_state(data) for key, data in found.items()}


def _read_entry(data: bytes) -> storage.OutboxRecord:
    try:
        return storage.OutboxRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A waiting message does not parse") from err


def _read_state(data: bytes) -> storage.MessageStateRecord:
    try:
        return storage.MessageStateRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A message's state does not parse") from err
