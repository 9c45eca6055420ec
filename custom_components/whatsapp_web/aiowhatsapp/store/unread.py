"""Typed port for what others wrote and we did not say to have read."""

from collections import Counter
from collections.abc import Iterable

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..jid import Jid
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction


class UnreadStore(Port):
    """Which messages a receipt could still be sent for, by chat, oldest first."""

    async def put(
        self,
        tx: Transaction | None,
        chat: Jid,
        message_id: str,
        record: storage.UnreadRecord,
        *,
        expires_at: int,
    ) -> None:
        """Keep a message until it is read and, if it can be, played, or until it expires."""
        key, value = f"{chat.bare}/{message_id}", record.SerializeToString()
        await self._write(tx, Put(Table.UNREAD, key, value, expires_at))

    async def of_chat(
        self, tx: Transaction | None, chat: Jid
    ) -> list[tuple[str, storage.UnreadRecord]]:
        """Return the messages of a chat, with their ids."""
        prefix = f"{chat.bare}/"
        return [
            (key.removeprefix(prefix), _read(data))
            for key, data in await self._scan(tx, Table.UNREAD, prefix=prefix)
        ]

    async def counts(self, tx: Transaction | None) -> dict[Jid, int]:
        """Count the messages of each chat."""
        keys = await self._keys(tx, Table.UNREAD, "")
        chats = Counter(key.partition("/")[0] for key in keys)
        return {Jid.parse(chat): count for chat, count in chats.items()}

    async def find(
        self, tx: Transaction | None, message_id: str
    ) -> list[tuple[Jid, storage.UnreadRecord]]:
        """Return the messages with that id: ids are the senders', so there may be several."""
        return [
            (Jid.parse(chat), _read(data))
            for key, data in await self._scan(tx, Table.UNREAD)
            for chat, _, name in [key.partition("/")]
            if name == message_id
        ]

    async def delete(self, tx: Transaction | None, chat: Jid, message_ids: Iterable[str]) -> None:
        """Drop messages of a chat."""
        writes = [Delete(Table.UNREAD, f"{chat.bare}/{each}") for each in message_ids]
        await self._write(tx, *writes)


def _read(data: bytes) -> storage.UnreadRecord:
    try:
        return storage.UnreadRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("An unread message does not parse") from err
