"""Sender keys: reading what is written in groups and as status, and our own to write with."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from ..errors import NoSession, RemoteProtocolError
from ..jid import Jid
from ..proto import wire
from ..signal import (
    SenderKeyRecord,
    SignalAddress,
    create,
    distribution_message,
    group_decrypt,
    process_distribution,
)
from ..stanza.message import MessageStanza
from ..store import Transaction
from .context import Context

MAX_DISTRIBUTION: Final = 1024
# A key that served this long is replaced: it bounds what one that leaked opens.
MAX_ITERATION: Final = 1000


class SenderKeys:
    """The sender keys that members of groups gave us, and our own of each group."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._rotations: Counter[str] = Counter()

    # --- theirs

    async def learn(self, tx: Transaction, stanza: MessageStanza, message: wire.Message) -> None:
        """Keep the sender key that a message of a group brings, if it brings one."""
        if not stanza.is_group or not message.HasField("senderKeyDistributionMessage"):
            return
        distribution = message.senderKeyDistributionMessage
        # Text that is not UTF-8 comes as bytes: then it names no group.
        group_id: str | bytes = distribution.groupId
        if group_id != str(stanza.chat):
            raise RemoteProtocolError("A sender key for another group")
        payload = distribution.axolotlSenderKeyDistributionMessage
        if len(payload) > MAX_DISTRIBUTION:
            raise RemoteProtocolError("A sender key that is too long")
        store = self._context.store
        address = self._context.address_of(stanza.sender)
        record = await store.sender_keys.get(tx, str(stanza.chat), address)
        await store.sender_keys.put(
            tx, str(stanza.chat), address, process_distribution(record, payload)
        )

    async def decrypt(self, tx: Transaction, stanza: MessageStanza, ciphertext: bytes) -> bytes:
        """Decrypt a `skmsg`; raise `NoSession` when the sender's key is missing."""
        if not stanza.is_group:
            raise RemoteProtocolError("A group ciphertext outside of a group")
        store = self._context.store
        # A key that came before the sender's LID was known is kept by number.
        for form in self._context.forms_of(stanza.sender):
            address = SignalAddress(form.signal_name, stanza.sender.device)
            record = await store.sender_keys.get(tx, str(stanza.chat), address)
            if record is not None:
                record, plaintext = group_decrypt(record, ciphertext)
                await store.sender_keys.put(tx, str(stanza.chat), address, record)
                return plaintext
        raise NoSession("No sender key")

    # --- our own

    @asynccontextmanager
    async def locked(self, group: Jid) -> AsyncIterator[None]:
        """Hold our own key of a group; locks of Signal addresses are taken before it."""
        name = str(group)
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        async with lock:
            yield

    def rotations(self, group: Jid) -> int:
        """Count how often our key of a group was dropped since the start."""
        return self._rotations[str(group)]

    async def own(self, tx: Transaction, group: Jid) -> SenderKeyRecord | None:
        """Our own key of a group; the caller holds its lock."""
        return await self._context.store.sender_keys.get(tx, str(group), self._own_address)

    async def put_own(self, tx: Transaction, group: Jid, record: SenderKeyRecord) -> None:
        """Keep our own key as it is now; the caller holds its lock."""
        await self._context.store.sender_keys.put(tx, str(group), self._own_address, record)

    async def renew(self, tx: Transaction, group: Jid) -> SenderKeyRecord:
        """Make a new key that nobody holds yet; the caller holds the lock."""
        await self._context.store.sender_key_targets.clear(tx, str(group))
        return create(self._context.random_bytes)

    async def drop(self, group: Jid) -> None:
        """Have the next message to a group begin a new key: somebody must not read on."""
        store = self._context.store
        async with self.locked(group), store.transaction() as tx:
            self._rotations[str(group)] += 1
            await store.sender_keys.delete(tx, str(group), self._own_address)
            await store.sender_key_targets.clear(tx, str(group))

    async def distribution(self, tx: Transaction, group: Jid) -> wire.Message | None:
        """Compose the message that gives a device our key of a group, if there is one."""
        record = await self.own(tx, group)
        return None if record is None else compose_distribution(group, record)

    async def mark(self, group: Jid, key_id: int, addresses: Iterable[SignalAddress]) -> None:
        """Note that devices hold our key, unless it is another one by now."""
        store = self._context.store
        async with self.locked(group), store.transaction() as tx:
            record = await self.own(tx, group)
            if record is not None and record.states[0].key_id == key_id:
                await store.sender_key_targets.add(tx, str(group), addresses)

    async def unmark(self, group: Jid, device: Jid) -> None:
        """Give a device our key again with the next message: it could not read one."""
        store = self._context.store
        async with self.locked(group), store.transaction() as tx:
            address = self._context.address_of(device)
            await store.sender_key_targets.remove(tx, str(group), [address])

    @property
    def _own_address(self) -> SignalAddress:
        return self._context.address_of(self._context.own.lid)


def compose_distribution(group: Jid, record: SenderKeyRecord) -> wire.Message:
    """Compose the message that gives a device our key as it stands."""
    message = wire.Message()
    message.senderKeyDistributionMessage.groupId = str(group)
    message.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = distribution_message(
        record
    )
    return message
