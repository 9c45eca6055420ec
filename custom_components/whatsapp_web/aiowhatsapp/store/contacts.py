"""Typed ports for people: LIDs, device lists, names."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import StoreCorrupt
from ..proto import storage
from .base import Delete, Put, Table, Write
from .transaction import Port, Transaction

# Names come from peers; the phone itself stops typing far earlier.
MAX_NAME: Final = 256

_BY_NUMBER: Final = "pn/"
_BY_LID: Final = "lid/"


class LidOutcome(StrEnum):
    """What became of a pair that was learned."""

    KNOWN = "known"
    ADDED = "added"
    REPLACED = "replaced"
    CONFLICT = "conflict"


class LidStore(Port):
    """Which phone number has which LID, one to one; both are user parts of JIDs."""

    async def lid_of(self, tx: Transaction | None, number: str) -> str | None:
        """Return the LID that goes with a phone number."""
        return _text(await self._get(tx, Table.LID, _BY_NUMBER + number))

    async def number_of(self, tx: Transaction | None, lid: str) -> str | None:
        """Return the phone number that goes with a LID."""
        return _text(await self._get(tx, Table.LID, _BY_LID + lid))

    async def lids_of(self, tx: Transaction | None, numbers: Iterable[str]) -> dict[str, str]:
        """Return the LIDs that are known out of `numbers`."""
        return await self._many(tx, _BY_NUMBER, numbers)

    async def numbers_of(self, tx: Transaction | None, lids: Iterable[str]) -> dict[str, str]:
        """Return the phone numbers that are known out of `lids`."""
        return await self._many(tx, _BY_LID, lids)

    async def put(
        self, tx: Transaction | None, number: str, lid: str, *, overwrite: bool
    ) -> LidOutcome:
        """Learn a pair. A pair that contradicts it is replaced if `overwrite`, else stays.

        On `CONFLICT` nothing was written: ask the server.
        """
        old_lid = await self.lid_of(tx, number)
        old_number = await self.number_of(tx, lid)
        if (old_lid, old_number) == (lid, number):
            return LidOutcome.KNOWN
        contradicted = old_lid not in (None, lid) or old_number not in (None, number)
        if contradicted and not overwrite:
            return LidOutcome.CONFLICT
        writes: list[Write] = []
        if old_lid is not None:
            writes.append(Delete(Table.LID, _BY_LID + old_lid))
        if old_number is not None:
            writes.append(Delete(Table.LID, _BY_NUMBER + old_number))
        writes.append(Put(Table.LID, _BY_NUMBER + number, lid.encode()))
        writes.append(Put(Table.LID, _BY_LID + lid, number.encode()))
        await self._write(tx, *writes)
        return LidOutcome.REPLACED if contradicted else LidOutcome.ADDED

    async def all(self, tx: Transaction | None) -> dict[str, str]:
        """Return every pair: the LID by phone number."""
        found = await self._scan(tx, Table.LID, prefix=_BY_NUMBER)
        return {key.removeprefix(_BY_NUMBER): value.decode() for key, value in found}

    async def _many(
        self, tx: Transaction | None, prefix: str, users: Iterable[str]
    ) -> dict[str, str]:
        found = await self._get_many(tx, Table.LID, [prefix + user for user in users])
        return {key.removeprefix(prefix): value.decode() for key, value in found.items()}


class DeviceListStore(Port):
    """The devices of users, as the server last listed them; by bare JID."""

    async def get(self, tx: Transaction | None, user: str) -> storage.DeviceListRecord | None:
        """Return the devices of a user."""
        return (await self.get_many(tx, [user])).get(user)

    async def get_many(
        self, tx: Transaction | None, users: Iterable[str]
    ) -> dict[str, storage.DeviceListRecord]:
        """Return the device lists that exist out of `users`."""
        found = await self._get_many(tx, Table.DEVICE_LIST, list(users))
        try:
            return {user: storage.DeviceListRecord.FromString(data) for user, data in found.items()}
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A device list does not parse") from err

    async def put(
        self, tx: Transaction | None, user: str, devices: storage.DeviceListRecord
    ) -> None:
        """Replace the devices of a user."""
        await self._write(tx, Put(Table.DEVICE_LIST, user, devices.SerializeToString()))

    async def delete(self, tx: Transaction | None, user: str) -> None:
        """Forget the devices of a user."""
        await self._write(tx, Delete(Table.DEVICE_LIST, user))

    async def clear(self, tx: Transaction | None) -> None:
        """Forget the devices of everybody."""
        await self._delete_all(tx, Table.DEVICE_LIST, "")


class ContactStore(Port):
    """The names that people gave themselves, by bare JID."""

    async def get(self, tx: Transaction | None, user: str) -> str | None:
        """Return a person's name."""
        return _text(await self._get(tx, Table.CONTACT, user))

    async def get_many(self, tx: Transaction | None, users: Iterable[str]) -> dict[str, str]:
        """Return the names that are known out of `users`."""
        found = await self._get_many(tx, Table.CONTACT, list(users))
        return {user: value.decode() for user, value in found.items()}

    async def put(self, tx: Transaction | None, user: str, name: str) -> None:
        """Keep a person's name, cut to 256 characters."""
        value = name[:MAX_NAME].encode("utf-8", "replace")
        await self._write(tx, Put(Table.CONTACT, user, value))

    async def all(self, tx: Transaction | None) -> dict[str, str]:
        """Return all names."""
        return {user: value.decode() for user, value in await self._scan(tx, Table.CONTACT)}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
