"""Typed ports for what is remembered of chats: messages, polls, timers."""

from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..jid import Jid
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction

_SEPARATOR: Final = "/"


class MessageLogStore(Port):
    """The last messages of each chat, in the order in which they came or were sent."""

    async def put(
        self, tx: Transaction | None, chat: Jid, record: storage.LogRecord, *, expires_at: int
    ) -> None:
        """Keep a message until `expires_at`, unix seconds; again, it keeps its place."""
        value = record.SerializeToString()
        await self._write(tx, Put(Table.MESSAGE_LOG, _log_key(chat, record), value, expires_at))

    async def find(
        self, tx: Transaction | None, chat: Jid, message_id: str
    ) -> list[storage.LogRecord]:
        """Return the messages of that id: senders choose ids, so there may be several."""
        prefix = f"{chat.bare}{_SEPARATOR}{message_id}{_SEPARATOR}"
        found = await self._scan(tx, Table.MESSAGE_LOG, prefix=prefix)
        records = [_read_log(data) for _, data in found]
        return [record for record in records if record.id == message_id]

    async def of_chat(self, tx: Transaction | None, chat: Jid) -> list[storage.LogRecord]:
        """Return all messages of a chat that are kept, oldest first."""
        prefix = f"{chat.bare}{_SEPARATOR}"
        return [
            _read_log(data) for _, data in await self._scan(tx, Table.MESSAGE_LOG, prefix=prefix)
        ]

    async def anywhere(self, message_id: str) -> list[storage.LogRecord]:
        """Return the messages of that id in all chats, oldest first. Slow: reads all."""
        part = f"{_SEPARATOR}{message_id}{_SEPARATOR}"
        found = await self._scan(None, Table.MESSAGE_LOG)
        records = [_read_log(data) for key, data in found if part in key]
        return [record for record in records if record.id == message_id]

    async def delete(self, tx: Transaction | None, chat: Jid, record: storage.LogRecord) -> None:
        """Drop a message."""
        await self._write(tx, Delete(Table.MESSAGE_LOG, _log_key(chat, record)))

    async def trim(self, chat: Jid | None, limit: int) -> None:
        """Drop the oldest of a chat, or of all chats together, beyond `limit`."""
        prefix = "" if chat is None else f"{chat.bare}{_SEPARATOR}"
        excess = await self._count(None, Table.MESSAGE_LOG, prefix=prefix) - limit
        if excess > 0:
            oldest = await self._scan(None, Table.MESSAGE_LOG, prefix=prefix, limit=excess)
            await self._write(None, *(Delete(Table.MESSAGE_LOG, key) for key, _ in oldest))


class PollStore(Port):
    """Polls and their votes."""

    async def get(
        self, tx: Transaction | None, chat: Jid, author: Jid, message_id: str
    ) -> storage.PollRecord | None:
        """Return a poll."""
        data = await self._get(tx, Table.POLL, _poll_key(chat, author, message_id))
        try:
            return None if data is None else storage.PollRecord.FromString(data)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A poll does not parse") from err

    async def put(
        self,
        tx: Transaction | None,
        chat: Jid,
        author: Jid,
        message_id: str,
        record: storage.PollRecord,
        *,
        expires_at: int,
    ) -> None:
        """Keep a poll until `expires_at`, unix seconds."""
        key = _poll_key(chat, author, message_id)
        await self._write(tx, Put(Table.POLL, key, record.SerializeToString(), expires_at))

    async def trim(self, limit: int) -> None:
        """Drop the oldest beyond `limit`."""
        excess = await self._count(None, Table.POLL) - limit
        if excess > 0:
            oldest = await self._scan(None, Table.POLL, limit=excess)
            await self._write(None, *(Delete(Table.POLL, key) for key, _ in oldest))


class ChatTimerStore(Port):
    """After how long the messages of a chat disappear."""

    async def get(self, tx: Transaction | None, chat: Jid) -> storage.TimerRecord | None:
        """Return the timer of a chat."""
        data = await self._get(tx, Table.CHAT_TIMER, str(chat.bare))
        try:
            return None if data is None else storage.TimerRecord.FromString(data)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A chat's timer does not parse") from err

    async def put(self, tx: Transaction | None, chat: Jid, record: storage.TimerRecord) -> None:
        """Set the timer of a chat."""
        key = str(chat.bare)
        await self._write(tx, Put(Table.CHAT_TIMER, key, record.SerializeToString()))


def _log_key(chat: Jid, record: storage.LogRecord) -> str:
    return _SEPARATOR.join((str(chat.bare), record.id, record.sender))


def _poll_key(chat: Jid, author: Jid, message_id: str) -> str:
    return _SEPARATOR.join((str(chat.bare), str(author.bare), message_id))


def _read_log(data: bytes) -> storage.LogRecord:
    try:
        return storage.LogRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A logged message does not parse") from err
