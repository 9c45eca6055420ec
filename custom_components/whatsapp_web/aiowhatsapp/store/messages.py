"""Typed ports for messages: what is kept of them, and for how long."""

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..jid import Jid
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction


def message_key(chat: Jid, sender: Jid, message_id: str) -> str:
    """Name a message: ids are chosen by senders and may collide between them."""
    return f"{chat.bare}/{sender.bare}/{message_id}"


class MessageSecretStore(Port):
    """The 32-byte secrets of messages, under which votes and edits come."""

    async def get(
        self, tx: Transaction | None, chat: Jid, sender: Jid, message_id: str
    ) -> bytes | None:
        """Return the secret of a message."""
        return await self._get(tx, Table.MESSAGE_SECRET, message_key(chat, sender, message_id))

    async def put(
        self,
        tx: Transaction | None,
        chat: Jid,
        sender: Jid,
        message_id: str,
        *,
        secret: bytes,
        expires_at: int,
    ) -> None:
        """Keep the secret of a message until `expires_at`, unix seconds."""
        key = message_key(chat, sender, message_id)
        await self._write(tx, Put(Table.MESSAGE_SECRET, key, secret, expires_at))

    async def find(self, tx: Transaction | None, keys: list[str]) -> bytes | None:
        """Return the secret of a message that is kept under one of some names."""
        found = await self._get_many(tx, Table.MESSAGE_SECRET, keys)
        return next((found[key] for key in keys if key in found), None)

    async def trim(self, limit: int) -> None:
        """Drop the oldest beyond `limit`."""
        excess = await self._count(None, Table.MESSAGE_SECRET) - limit
        if excess > 0:
            oldest = await self._scan(None, Table.MESSAGE_SECRET, limit=excess)
            await self._write(None, *(Delete(Table.MESSAGE_SECRET, key) for key, _ in oldest))


class SentMessageStore(Port):
    """Our own messages, for devices that ask for them again."""

    async def get(
        self, tx: Transaction | None, chat: Jid, message_id: str
    ) -> storage.SentMessageRecord | None:
        """Return a message that was sent."""
        data = await self._get(tx, Table.SENT_MESSAGE, f"{chat.bare}/{message_id}")
        try:
            return None if data is None else storage.SentMessageRecord.FromString(data)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A sent message does not parse") from err

    async def put(
        self,
        tx: Transaction | None,
        chat: Jid,
        message_id: str,
        record: storage.SentMessageRecord,
        *,
        expires_at: int,
    ) -> None:
        """Keep a message until `expires_at`, unix seconds."""
        key = f"{chat.bare}/{message_id}"
        value = record.SerializeToString()
        await self._write(tx, Put(Table.SENT_MESSAGE, key, value, expires_at))

    async def delete(self, tx: Transaction | None, chat: Jid, message_id: str) -> None:
        """Drop a message."""
        await self._write(tx, Delete(Table.SENT_MESSAGE, f"{chat.bare}/{message_id}"))


class InboxStore(Port):
    """Messages on their way to the listeners, each handed over exactly once.

    A message is put with the session that read it, then acknowledged. To hand it
    over: `mark_delivered`, call the listeners in the same step, `delete` in a later
    commit. A process that is killed anywhere in between finds the rest to do with
    `recover`. Only a power cut can lose a mark, and hand a message over again.
    """

    async def put(self, tx: Transaction | None, key: str, record: storage.InboxRecord) -> None:
        """Keep a message until it was handed over."""
        await self._write(tx, Put(Table.INBOX, key, record.SerializeToString()))

    async def get(self, tx: Transaction | None, key: str) -> storage.InboxRecord | None:
        """Return a message that is still kept, handed over or not."""
        data = await self._get(tx, Table.INBOX, key)
        return None if data is None else _read_inbox(data)

    async def delete(self, tx: Transaction | None, *keys: str) -> None:
        """Drop messages that were handed over; their marks go when that is committed."""
        await self._write(tx, *(Delete(Table.INBOX, key) for key in keys))

    async def pending(
        self, tx: Transaction | None, *, limit: int | None = None
    ) -> list[tuple[str, storage.InboxRecord]]:
        """Return the messages that are still to be handed over, oldest first.

        Those that were, and are kept yet, count for `limit`.
        """
        return [
            (key, _read_inbox(data))
            for key, data in await self._scan(tx, Table.INBOX, limit=limit)
            if not self.is_delivered(key)
        ]

    async def recover(self) -> list[tuple[str, storage.InboxRecord]]:
        """Tidy up after a start; return what is to be handed over, oldest first."""
        keys = [key for key, _ in await self._scan(None, Table.INBOX)]
        await self.delete(None, *filter(self.is_delivered, keys))
        # Whatever mark is left belongs to a message that is gone.
        self._backend.marks.clear()
        return await self.pending(None)

    def mark_delivered(self, key: str) -> None:
        """Note that a message is being handed over. Memory only, survives a kill."""
        self._backend.marks.mark(key)

    def is_delivered(self, key: str) -> bool:
        """Tell whether a message that is still kept was handed over."""
        return self._backend.marks.is_marked(key)


class SeenStore(Port):
    """Messages that came already, so that their repetitions are known as such."""

    async def contains(self, tx: Transaction | None, key: str) -> bool:
        """Tell whether a message came already."""
        return await self.find(tx, [key]) is not None

    async def find(self, tx: Transaction | None, keys: list[str]) -> str | None:
        """Tell under which of its names a message came already."""
        found = await self.known(tx, keys)
        return next((key for key in keys if key in found), None)

    async def known(self, tx: Transaction | None, keys: list[str]) -> set[str]:
        """Tell which names are those of messages that came already."""
        return set(await self._get_many(tx, Table.SEEN, keys))

    async def put(self, tx: Transaction | None, key: str, *, expires_at: int) -> None:
        """Remember a message until `expires_at`, unix seconds."""
        await self._write(tx, Put(Table.SEEN, key, b"", expires_at))


class RetryStore(Port):
    """How often something was asked for or sent again."""

    async def get(self, tx: Transaction | None, key: str) -> int:
        """Return the count, 0 when there is none."""
        return int.from_bytes(await self._get(tx, Table.RETRY, key) or b"")

    async def put(self, tx: Transaction | None, key: str, count: int, *, expires_at: int) -> None:
        """Set the count and keep it until `expires_at`, unix seconds."""
        await self._write(tx, Put(Table.RETRY, key, count.to_bytes(4), expires_at))

    async def increment(self, tx: Transaction | None, key: str, *, expires_at: int) -> int:
        """Count one more, and return the new count."""
        count = await self.get(tx, key) + 1
        await self.put(tx, key, count, expires_at=expires_at)
        return count

    async def delete(self, tx: Transaction | None, key: str) -> None:
        """Start over."""
        await self._write(tx, Delete(Table.RETRY, key))


class MetaStore(Port):
    """Small values by name; names that begin with a dot belong to other ports."""

    async def get(self, tx: Transaction | None, name: str) -> bytes | None:
        """Return a value."""
        return await self._get(tx, Table.META, name)

    async def put(self, tx: Transaction | None, name: str, value: bytes) -> None:
        """Set a value."""
        await self._write(tx, Put(Table.META, name, value))

    async def delete(self, tx: Transaction | None, name: str) -> None:
        """Remove a value."""
        await self._write(tx, Delete(Table.META, name))


def _read_inbox(data: bytes) -> storage.InboxRecord:
    try:
        return storage.InboxRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A message in the inbox does not parse") from err
