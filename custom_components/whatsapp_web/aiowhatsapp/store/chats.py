"""Typed ports for what the account's devices agree on: chats, address book, labels, stars."""

from collections.abc import Callable, Iterable
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..jid import Jid
from ..proto import storage
from .base import Delete, Put, Table
from .messages import message_key
from .transaction import Port, Transaction

MAX_LABEL: Final = 64


class ChatStore(Port):
    """Archive, mute, pin and the like, by bare JID of the chat."""

    async def get(self, tx: Transaction | None, chat: Jid) -> storage.ChatRecord | None:
        """Return what is known of a chat."""
        return (await self.get_many(tx, [chat])).get(chat.bare)

    async def get_many(
        self, tx: Transaction | None, chats: Iterable[Jid]
    ) -> dict[Jid, storage.ChatRecord]:
        """Return the chats that are known out of `chats`."""
        keys = {str(chat.bare): chat.bare for chat in chats}
        found = await self._get_many(tx, Table.CHAT, list(keys))
        return {
            keys[key]: _read(storage.ChatRecord.FromString, data) for key, data in found.items()
        }

    async def put(self, tx: Transaction | None, chat: Jid, record: storage.ChatRecord) -> None:
        """Set what is known of a chat."""
        await self._write(tx, Put(Table.CHAT, str(chat.bare), record.SerializeToString()))

    async def delete(self, tx: Transaction | None, chat: Jid) -> None:
        """Forget a chat."""
        await self._write(tx, Delete(Table.CHAT, str(chat.bare)))

    async def all(self, tx: Transaction | None) -> dict[Jid, storage.ChatRecord]:
        """Return all chats."""
        return {
            Jid.parse(key): _read(storage.ChatRecord.FromString, data)
            for key, data in await self._scan(tx, Table.CHAT)
        }


class AddressBookStore(Port):
    """The phone's address book, by bare JID."""

    async def get_many(
        self, tx: Transaction | None, users: Iterable[Jid]
    ) -> dict[Jid, storage.ContactRecord]:
        """Return the entries that exist out of `users`."""
        keys = {str(user.bare): user.bare for user in users}
        found = await self._get_many(tx, Table.ADDRESS_BOOK, list(keys))
        return {
            keys[key]: _read(storage.ContactRecord.FromString, data) for key, data in found.items()
        }

    async def put(self, tx: Transaction | None, user: Jid, record: storage.ContactRecord) -> None:
        """Set an entry."""
        await self._write(tx, Put(Table.ADDRESS_BOOK, str(user.bare), record.SerializeToString()))

    async def delete(self, tx: Transaction | None, user: Jid) -> None:
        """Drop an entry."""
        await self._write(tx, Delete(Table.ADDRESS_BOOK, str(user.bare)))

    async def users(self, tx: Transaction | None) -> list[Jid]:
        """Return who has an entry."""
        return [Jid.parse(key) for key in await self._keys(tx, Table.ADDRESS_BOOK, "")]

    async def rows(self, tx: Transaction | None) -> list[tuple[str, bytes]]:
        """Return all entries for `read`: there may be so many that it takes its time."""
        return await self._scan(tx, Table.ADDRESS_BOOK)

    @staticmethod
    def read(rows: Iterable[tuple[str, bytes]]) -> dict[Jid, storage.ContactRecord]:
        """Read entries; does nothing but compute."""
        return {Jid.parse(key): _read(storage.ContactRecord.FromString, data) for key, data in rows}

    async def clear(self, tx: Transaction | None) -> None:
        """Drop all entries."""
        await self._delete_all(tx, Table.ADDRESS_BOOK, "")


class LabelStore(Port):
    """Labels that chats can carry, by id."""

    async def put(self, tx: Transaction | None, label_id: str, record: storage.LabelRecord) -> None:
        """Set a label."""
        await self._write(tx, Put(Table.LABEL, label_id[:MAX_LABEL], record.SerializeToString()))

    async def delete(self, tx: Transaction | None, label_id: str) -> None:
        """Drop a label."""
        await self._write(tx, Delete(Table.LABEL, label_id[:MAX_LABEL]))

    async def all(self, tx: Transaction | None) -> dict[str, storage.LabelRecord]:
        """Return all labels."""
        return {
            key: _read(storage.LabelRecord.FromString, data)
            for key, data in await self._scan(tx, Table.LABEL)
        }


class StarStore(Port):
    """Starred messages."""

    async def put(self, tx: Transaction | None, chat: Jid, sender: Jid, message_id: str) -> None:
        """Note that a message is starred."""
        await self._write(tx, Put(Table.STAR, message_key(chat, sender, message_id), b"\x01"))

    async def delete(self, tx: Transaction | None, chat: Jid, sender: Jid, message_id: str) -> None:
        """Note that it no longer is."""
        await self._write(tx, Delete(Table.STAR, message_key(chat, sender, message_id)))

    async def all(self, tx: Transaction | None) -> frozenset[str]:
        """Name all starred messages, as `message_key` does."""
        return frozenset(await self._keys(tx, Table.STAR, ""))

    async def clear(self, tx: Transaction | None) -> None:
        """No message is starred."""
        await self._delete_all(tx, Table.STAR, "")


class HistoryStore(Port):
    """Announcements of history that were not read yet, in the order in which they came."""

    async def put(self, tx: Transaction | None, message_id: str, notification: bytes) -> None:
        """Keep an announcement until its history was read."""
        await self._write(tx, Put(Table.HISTORY, message_id, notification))

    async def next(self, tx: Transaction | None) -> tuple[str, bytes] | None:
        """Return the oldest one with the id of its message."""
        found = await self._scan(tx, Table.HISTORY, limit=1)
        return found[0] if found else None

    async def count(self, tx: Transaction | None) -> int:
        """Count them."""
        return await self._count(tx, Table.HISTORY)

    async def delete(self, tx: Transaction | None, message_id: str) -> None:
        """Drop one that was read."""
        await self._write(tx, Delete(Table.HISTORY, message_id))


def _read[R](parse: Callable[[bytes], R], data: bytes) -> R:
    try:
        return parse(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("What is known of a chat does not parse") from err
