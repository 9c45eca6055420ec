"""Typed ports for keys: identities, sessions, prekeys, sender keys, sync keys."""

from collections.abc import Iterable, Sequence
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..crypto.curve25519 import KeyPair
from ..errors import StoreCorrupt
from ..proto import storage
from ..signal import (
    PreKey,
    SenderKeyRecord,
    SessionRecord,
    SignalAddress,
    SignedPreKey,
    next_key_id,
)
from .base import Delete, Put, Table
from .transaction import Port, Transaction

# Names in the meta table that are ours; the client's have no dot in front.
_NEXT_PRE_KEY_ID: Final = ".next_pre_key_id"
_CURRENT_SIGNED_PRE_KEY: Final = ".current_signed_pre_key"


class IdentityStore(Port):
    """The public identity keys of peers' devices, 32 bytes each."""

    async def get(self, tx: Transaction | None, address: SignalAddress) -> bytes | None:
        """Return the identity key of a device."""
        return await self._get(tx, Table.IDENTITY, str(address))

    async def put(self, tx: Transaction | None, address: SignalAddress, identity: bytes) -> None:
        """Trust `identity` from now on."""
        await self._write(tx, Put(Table.IDENTITY, str(address), identity))

    async def delete(self, tx: Transaction | None, address: SignalAddress) -> None:
        """Forget a device."""
        await self._write(tx, Delete(Table.IDENTITY, str(address)))

    async def devices(self, tx: Transaction | None, name: str) -> list[SignalAddress]:
        """List the devices of a user whose identity is known."""
        keys = await self._keys(tx, Table.IDENTITY, f"{name}.")
        return list(map(SignalAddress.parse, keys))

    async def delete_user(self, tx: Transaction | None, name: str) -> None:
        """Forget all devices of a user."""
        await self._delete_all(tx, Table.IDENTITY, f"{name}.")


class SessionStore(Port):
    """The Signal sessions with peers' devices."""

    async def get(self, tx: Transaction | None, address: SignalAddress) -> SessionRecord | None:
        """Return the session with a device. Raises `StoreCorrupt` when damaged."""
        data = await self._get(tx, Table.SESSION, str(address))
        return None if data is None else SessionRecord.from_bytes(data)

    async def get_many(
        self, tx: Transaction | None, addresses: Iterable[SignalAddress]
    ) -> dict[SignalAddress, SessionRecord]:
        """Return the sessions that exist out of `addresses`."""
        by_key = {str(address): address for address in addresses}
        found = await self._get_many(tx, Table.SESSION, list(by_key))
        return {by_key[key]: SessionRecord.from_bytes(data) for key, data in found.items()}

    async def put(
        self, tx: Transaction | None, address: SignalAddress, record: SessionRecord
    ) -> None:
        """Replace the session with a device."""
        await self._write(tx, Put(Table.SESSION, str(address), record.to_bytes()))

    async def delete(self, tx: Transaction | None, address: SignalAddress) -> None:
        """Drop the session with a device."""
        await self._write(tx, Delete(Table.SESSION, str(address)))

    async def devices(self, tx: Transaction | None, name: str) -> list[SignalAddress]:
        """List the devices of a user that there are sessions with."""
        keys = await self._keys(tx, Table.SESSION, f"{name}.")
        return list(map(SignalAddress.parse, keys))

    async def delete_user(self, tx: Transaction | None, name: str) -> None:
        """Drop the sessions with all devices of a user."""
        await self._delete_all(tx, Table.SESSION, f"{name}.")

    async def clear(self, tx: Transaction | None) -> None:
        """Drop all sessions."""
        await self._delete_all(tx, Table.SESSION, "")


class PreKeyStore(Port):
    """One-time prekeys. Offered ones were given to the server at least once.

    Ids rise and are not used again before all 24 bits of them went by.
    """

    async def get(self, tx: Transaction | None, key_id: int) -> PreKey | None:
        """Return a prekey, offered or not."""
        return (await self.get_many(tx, [key_id])).get(key_id)

    async def get_many(self, tx: Transaction | None, key_ids: Iterable[int]) -> dict[int, PreKey]:
        """Return the prekeys that exist out of `key_ids`."""
        keys = [name for key_id in key_ids for name in _pre_key_names(key_id)]
        found = await self._get_many(tx, Table.PRE_KEY, keys)
        pre_keys = [_read_pre_key(data) for data in found.values()]
        return {pre_key.id: pre_key for pre_key in pre_keys}

    async def put_many(
        self, tx: Transaction | None, pre_keys: Sequence[PreKey], *, offered: bool = False
    ) -> None:
        """Keep new prekeys, and move the next id behind the last of them."""
        if not pre_keys:
            return
        next_id = next_key_id(pre_keys[-1].id)
        await self._write(
            tx,
            *(_put_pre_key(pre_key, offered=offered) for pre_key in pre_keys),
            Put(Table.META, _NEXT_PRE_KEY_ID, next_id.to_bytes(4)),
        )

    async def delete(self, tx: Transaction | None, key_id: int) -> None:
        """Drop a prekey that was used."""
        names = _pre_key_names(key_id)
        await self._write(tx, *(Delete(Table.PRE_KEY, name) for name in names))

    async def drop_oldest(self, tx: Transaction | None, *, keep: int) -> None:
        """Drop the prekeys kept longest when there are more than `keep`."""
        surplus = await self.count(tx) - keep
        if surplus > 0:
            entries = await self._scan(tx, Table.PRE_KEY, limit=surplus)
            await self._write(tx, *(Delete(Table.PRE_KEY, name) for name, _ in entries))

    async def next_id(self, tx: Transaction | None) -> int:
        """Return the id that the next new prekey gets."""
        data = await self._get(tx, Table.META, _NEXT_PRE_KEY_ID)
        return 1 if data is None else int.from_bytes(data)

    async def skip_ids(self, tx: Transaction | None, count: int) -> None:
        """Move the next id on by `count`."""
        following = next_key_id(await self.next_id(tx) + count - 1)
        await self._write(tx, Put(Table.META, _NEXT_PRE_KEY_ID, following.to_bytes(4)))

    async def unoffered(self, tx: Transaction | None, limit: int) -> list[PreKey]:
        """Return up to `limit` prekeys that the server was never given, oldest first."""
        entries = await self._scan(tx, Table.PRE_KEY, prefix=_UNOFFERED, limit=limit)
        return [_read_pre_key(data) for _, data in entries]

    async def mark_offered(self, tx: Transaction | None, key_ids: Iterable[int]) -> None:
        """Note that the server is being given these prekeys; unknown ids are ignored."""
        names = {_pre_key_names(key_id)[0]: key_id for key_id in key_ids}
        found = await self._get_many(tx, Table.PRE_KEY, list(names))
        pre_keys = [_read_pre_key(data) for data in found.values()]
        await self._write(
            tx,
            *(Delete(Table.PRE_KEY, name) for name in found),
            *(_put_pre_key(pre_key, offered=True) for pre_key in pre_keys),
        )

    async def count(self, tx: Transaction | None) -> int:
        """Count the prekeys, offered or not."""
        return await self._count(tx, Table.PRE_KEY)

    async def count_offered(self, tx: Transaction | None) -> int:
        """Count the prekeys that the server was given and nobody has used yet."""
        return await self._count(tx, Table.PRE_KEY, prefix=_OFFERED)


class SignedPreKeyStore(Port):
    """Signed prekeys: the current one, and others that messages may still name."""

    async def get(self, tx: Transaction | None, key_id: int) -> SignedPreKey | None:
        """Return a signed prekey."""
        data = await self._get(tx, Table.SIGNED_PRE_KEY, str(key_id))
        return None if data is None else _read_signed_pre_key(data)

    async def put(self, tx: Transaction | None, key: SignedPreKey) -> None:
        """Keep a signed prekey; this does not make it current."""
        record = storage.SignedPreKeyRecord(
            id=key.id,
            private_key=key.key_pair.private,
            public_key=key.key_pair.public,
            signature=key.signature,
            created_at=key.created_at,
        )
        await self._write(tx, Put(Table.SIGNED_PRE_KEY, str(key.id), record.SerializeToString()))

    async def delete(self, tx: Transaction | None, key_id: int) -> None:
        """Drop a signed prekey."""
        await self._write(tx, Delete(Table.SIGNED_PRE_KEY, str(key_id)))

    async def all(self, tx: Transaction | None) -> list[SignedPreKey]:
        """Return all signed prekeys, the one kept longest first."""
        entries = await self._scan(tx, Table.SIGNED_PRE_KEY)
        return [_read_signed_pre_key(data) for _, data in entries]

    async def current(self, tx: Transaction | None) -> SignedPreKey | None:
        """Return the signed prekey that the server has."""
        data = await self._get(tx, Table.META, _CURRENT_SIGNED_PRE_KEY)
        return None if data is None else await self.get(tx, int.from_bytes(data))

    async def set_current(self, tx: Transaction | None, key_id: int) -> None:
        """Note which signed prekey the server has."""
        await self._write(tx, Put(Table.META, _CURRENT_SIGNED_PRE_KEY, key_id.to_bytes(4)))


class SenderKeyStore(Port):
    """Sender keys by group and the sender's device, our own among them."""

    async def get(
        self, tx: Transaction | None, group: str, sender: SignalAddress
    ) -> SenderKeyRecord | None:
        """Return the sender key of a device in a group. Raises `StoreCorrupt` when damaged."""
        data = await self._get(tx, Table.SENDER_KEY, f"{group}/{sender}")
        return None if data is None else SenderKeyRecord.from_bytes(data)

    async def put(
        self, tx: Transaction | None, group: str, sender: SignalAddress, record: SenderKeyRecord
    ) -> None:
        """Replace the sender key of a device in a group."""
        await self._write(tx, Put(Table.SENDER_KEY, f"{group}/{sender}", record.to_bytes()))

    async def delete(self, tx: Transaction | None, group: str, sender: SignalAddress) -> None:
        """Drop the sender key of a device in a group."""
        await self._write(tx, Delete(Table.SENDER_KEY, f"{group}/{sender}"))

    async def delete_group(self, tx: Transaction | None, group: str) -> None:
        """Drop the sender keys of everybody in a group."""
        await self._delete_all(tx, Table.SENDER_KEY, f"{group}/")

    async def delete_sender(self, tx: Transaction | None, sender: SignalAddress) -> None:
        """Drop the sender keys of a device in all groups."""
        keys = await self._keys(tx, Table.SENDER_KEY, "")
        ours = [key for key in keys if key.endswith(f"/{sender}")]
        await self._write(tx, *(Delete(Table.SENDER_KEY, key) for key in ours))


class SenderKeyTargetStore(Port):
    """Which devices hold our own sender key of a group."""

    async def get(self, tx: Transaction | None, group: str) -> frozenset[SignalAddress]:
        """Return the devices that hold the key."""
        data = await self._get(tx, Table.SENDER_KEY_TARGET, group)
        return frozenset() if data is None else _read_targets(data)

    async def add(
        self, tx: Transaction | None, group: str, addresses: Iterable[SignalAddress]
    ) -> None:
        """Note that devices were sent the key."""
        await self._replace(tx, group, await self.get(tx, group) | frozenset(addresses))

    async def remove(
        self, tx: Transaction | None, group: str, addresses: Iterable[SignalAddress]
    ) -> None:
        """Note that devices do not hold the key."""
        await self._replace(tx, group, await self.get(tx, group) - frozenset(addresses))

    async def remove_user(self, tx: Transaction | None, name: str) -> None:
        """Note that no device of a user holds the key of any group."""
        for group, data in await self._scan(tx, Table.SENDER_KEY_TARGET):
            before = _read_targets(data)
            after = frozenset(address for address in before if address.name != name)
            if after != before:
                await self._replace(tx, group, after)

    async def clear(self, tx: Transaction | None, group: str) -> None:
        """Note that no device holds the key of a group: it is a new one."""
        await self._write(tx, Delete(Table.SENDER_KEY_TARGET, group))

    async def clear_all(self, tx: Transaction | None) -> None:
        """Note that no device holds the key of any group."""
        await self._delete_all(tx, Table.SENDER_KEY_TARGET, "")

    async def _replace(
        self, tx: Transaction | None, group: str, addresses: frozenset[SignalAddress]
    ) -> None:
        record = storage.SenderKeyTargetsRecord(addresses=sorted(map(str, addresses)))
        await self._write(tx, Put(Table.SENDER_KEY_TARGET, group, record.SerializeToString()))


class AppStateKeyStore(Port):
    """The keys that app state is encrypted with, by their ids; values as they come."""

    async def get(self, tx: Transaction | None, key_id: bytes) -> bytes | None:
        """Return a key."""
        return await self._get(tx, Table.APP_STATE_KEY, key_id.hex())

    async def put(self, tx: Transaction | None, key_id: bytes, value: bytes) -> None:
        """Keep a key."""
        await self._write(tx, Put(Table.APP_STATE_KEY, key_id.hex(), value))

    async def all(self, tx: Transaction | None) -> dict[bytes, bytes]:
        """Return all keys, the one kept longest first."""
        entries = await self._scan(tx, Table.APP_STATE_KEY)
        return {bytes.fromhex(key_id): value for key_id, value in entries}


_UNOFFERED: Final = "new/"
_OFFERED: Final = "offered/"


def _pre_key_names(key_id: int) -> tuple[str, str]:
    """Name the entry of a prekey before and after it was offered."""
    return f"{_UNOFFERED}{key_id}", f"{_OFFERED}{key_id}"


def _put_pre_key(pre_key: PreKey, *, offered: bool) -> Put:
    record = storage.PreKeyRecord(
        id=pre_key.id,
        private_key=pre_key.key_pair.private,
        public_key=pre_key.key_pair.public,
        offered=offered,
    )
    return Put(Table.PRE_KEY, _pre_key_names(pre_key.id)[offered], record.SerializeToString())


def _read_pre_key(data: bytes) -> PreKey:
    try:
        record = storage.PreKeyRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A prekey does not parse") from err
    return PreKey(id=record.id, key_pair=KeyPair(record.private_key, record.public_key))


def _read_signed_pre_key(data: bytes) -> SignedPreKey:
    try:
        record = storage.SignedPreKeyRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A signed prekey does not parse") from err
    return SignedPreKey(
        id=record.id,
        key_pair=KeyPair(record.private_key, record.public_key),
        signature=record.signature,
        created_at=record.created_at,
    )


def _read_targets(data: bytes) -> frozenset[SignalAddress]:
    try:
        record = storage.SenderKeyTargetsRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("A list of sender key holders does not parse") from err
    return frozenset(map(SignalAddress.parse, record.addresses))
