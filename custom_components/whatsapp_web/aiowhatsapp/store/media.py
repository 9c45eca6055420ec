"""The typed port for files: what it takes to fetch the file of a message later."""

from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..jid import Jid
from ..proto import storage
from .base import Delete, Put, Table
from .transaction import Port, Transaction

# A family's month; some hundred bytes each.
MAX_FILES: Final = 5000


class MediaStore(Port):
    """Files by the id of their message; the oldest give way when there are too many."""

    async def find(
        self, tx: Transaction | None, message_id: str, chat: Jid | None = None
    ) -> storage.MediaRecord | None:
        """Return the file of a message; in any chat, the first that came under that id."""
        prefix = f"{message_id}/" if chat is None else f"{message_id}/{chat.bare}/"
        for _key, data in await self._scan(tx, Table.MEDIA, prefix=prefix):
            record = _read(data)
            # An id may hold a stroke of its own.
            if record.id == message_id and chat in (None, Jid.parse(record.chat).bare):
                return record
        return None

    async def latest(self, tx: Transaction | None, limit: int) -> list[storage.MediaRecord]:
        """Return the files that came last, the latest first."""
        entries = await self._scan(tx, Table.MEDIA)
        return [_read(data) for _, data in entries[: -limit - 1 : -1]]

    async def put(self, tx: Transaction | None, record: storage.MediaRecord) -> None:
        """Keep a file's record until it expires; that of the same message is replaced."""
        key = f"{record.id}/{record.chat}/{record.sender}"
        value = record.SerializeToString()
        await self._write(tx, Put(Table.MEDIA, key, value, record.expires_at))

    async def trim(self, tx: Transaction | None) -> None:
        """Let the oldest go when there are more than `MAX_FILES`."""
        too_many = await self._count(tx, Table.MEDIA) - MAX_FILES
        if too_many > 0:
            oldest = await self._scan(tx, Table.MEDIA, limit=too_many)
            await self._write(tx, *(Delete(Table.MEDIA, key) for key, _ in oldest))


def _read(data: bytes) -> storage.MediaRecord:
    try:
        return storage.MediaRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("The record of a file does not parse") from err
