"""The one place that loads, locks and saves Signal sessions.

A lock per Signal address covers load, ratchet step and commit, so that no counter
is ever used twice; several are taken in sorted order, so that nobody waits in a ring.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
import logging
from typing import Final
from weakref import WeakValueDictionary

from ..errors import InvalidKeyId, SignalError
from ..events import IdentityChanged
from ..iq.prekeys import FetchBundles
from ..jid import Jid
from ..pairing.adv import verify_device_identity
from ..signal import (
    EncryptedMessage,
    PreKeyBundle,
    SessionRecord,
    SignalAddress,
    decrypt,
    decrypt_pre_key,
    encrypt,
    peek_pre_key_message,
    process_bundle,
)
from ..stanza.receipt import KeyBundleParts
from ..store import Transaction
from .context import Context
from .security import Security

_LOGGER = logging.getLogger(__name__)

# Devices asked for in one request for keys.
BUNDLES_PER_REQUEST: Final = 100
# The server gives up on undelivered receipts after some weeks; so do our notes.
KEEP_ONE_TIME_SECONDS: Final = 30 * 24 * 3600
# Ratchet steps taken before the event loop gets a turn: some 100 us each.
STEPS_PER_SLICE: Final = 16


class Sessions:
    """Pairwise encryption with every device we write to or hear from."""

    def __init__(self, context: Context, security: Security) -> None:
        """Share the client's context; `security` hears whose identity changed."""
        self._context = context
        self._security = security
        self._locks: WeakValueDictionary[SignalAddress, asyncio.Lock] = WeakValueDictionary()
        self._fetching: WeakValueDictionary[SignalAddress, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def locked(self, addresses: Iterable[SignalAddress]) -> AsyncIterator[None]:
        """Hold the locks of some addresses."""
        async with _held(self._locks, addresses):
            yield

    @asynccontextmanager
    async def locked_for(self, devices: Iterable[Jid]) -> AsyncIterator[None]:
        """Hold the locks of devices' addresses, whatever LIDs are learned meanwhile."""
        wanted = list(devices)
        while True:
            addresses = set(map(self._context.address_of, wanted))
            async with self.locked(addresses):
                # Their sessions may have moved while we waited for the locks.
                if addresses == set(map(self._context.address_of, wanted)):
                    yield
                    return

    # --- making sessions

    async def ensure(self, devices: Iterable[Jid], *, refresh: bool = False) -> frozenset[Jid]:
        """Make sure there is a session with each device.

        Returns the devices that are gone for good. A device whose keys are missing
        or don't verify is left without a session; encrypting skips it. `refresh`
        fetches new keys even where there is a session.
        """
        wanted = list(devices)
        if refresh:
            return await self._fetch(wanted, "identity")
        wanted = await self._without_session(wanted)
        if not wanted:
            return frozenset()
        async with _held(self._fetching, map(self._context.address_of, wanted)):
            # Whoever fetched before us may have begun these sessions.
            return await self._fetch(await self._without_session(wanted), None)

    async def _without_session(self, devices: Iterable[Jid]) -> list[Jid]:
        addresses = {device: self._context.address_of(device) for device in devices}
        records = await self._context.store.sessions.get_many(None, addresses.values())
        return [device for device, address in addresses.items() if address not in records]

    async def _fetch(self, devices: Sequence[Jid], reason: str | None) -> frozenset[Jid]:
        """Fetch keys and begin sessions; return the devices that are gone for good."""
        gone: set[Jid] = set()
        for start in range(0, len(devices), BUNDLES_PER_REQUEST):
            batch = devices[start : start + BUNDLES_PER_REQUEST]
            fetched = await self._context.execute(FetchBundles(devices=batch, reason=reason))
            gone |= fetched.unregistered.intersection(batch)
            for device in batch:
                parts = fetched.bundles.get(device)
                if parts is None:
                    continue
                try:
                    await self.install_bundle(device, parts)
                except SignalError as err:
                    _LOGGER.warning("Keys of %s refused: %s", device.log_form, err)
        return frozenset(gone)

    async def install_bundle(self, device: Jid, parts: KeyBundleParts) -> None:
        """Begin a session from a device's keys, once only if a one-time key is among them.

        Raises `InvalidKey` when a signature, or the account's proof for a linked
        device, does not verify.
        """
        context = self._context
        store = context.store
        bundle = PreKeyBundle(
            registration_id=parts.registration_id,
            identity=parts.identity,
            signed_pre_key_id=parts.signed_pre_key_id,
            signed_pre_key=parts.signed_pre_key,
            signature=parts.signature,
            pre_key_id=parts.pre_key_id,
            pre_key=parts.pre_key,
            device_identity=parts.device_identity,
        )
        async with self.locked_for([device]), store.transaction() as tx:
            address = context.address_of(device)
            verify_device_identity(
                parts.device_identity,
                identity=parts.identity,
                device=device.device,
                account_key=await store.identities.get(tx, SignalAddress(address.name, 0)),
            )
            # A receipt that we served, but did not get to ack, brings its keys again: the
            # other side has dropped its half of the one-time key by now.
            used = parts.pre_key and f"one-time|{address}|{parts.pre_key.hex()}"
            if used and await store.retries.get(tx, used):
                return
            record = await store.sessions.get(tx, address)
            record = process_bundle(
                record, bundle, ours=context.identity, random_bytes=context.random_bytes
            )
            known = await store.identities.get(tx, address)
            await store.sessions.put(tx, address, record)
            await store.identities.put(tx, address, parts.identity)
            if known not in (None, parts.identity) and not device.device:
                await self._security.note(tx, device)
            if used:
                expires_at = context.now() + KEEP_ONE_TIME_SECONDS
                await store.retries.put(tx, used, 1, expires_at=expires_at)
        if known not in (None, parts.identity):
            _LOGGER.info("The identity of %s changed", device.log_form)
            context.emit(IdentityChanged(user=context.canonical(device.bare)))

    async def forget(self, devices: Iterable[Jid]) -> None:
        """Drop the sessions with some devices."""
        addresses = [self._context.address_of(device) for device in devices]
        store = self._context.store
        async with self.locked(addresses), store.transaction() as tx:
            for address in addresses:
                await store.sessions.delete(tx, address)

    # --- encrypting

    async def encrypt(
        self, tx: Transaction, plaintexts: Mapping[Jid, bytes]
    ) -> dict[Jid, EncryptedMessage]:
        """Encrypt for each device that has a session; the caller holds the locks.

        The sessions' new states are in `tx`: they must be committed before any of
        the ciphertexts leaves.
        """
        context = self._context
        store = context.store
        encrypted: dict[Jid, EncryptedMessage] = {}
        addresses = {device: context.address_of(device) for device in plaintexts}
        records = await store.sessions.get_many(tx, addresses.values())
        for index, (device, plaintext) in enumerate(plaintexts.items(), start=1):
            record = records.get(addresses[device])
            if record is None:
                continue
            try:
                record, message = encrypt(record, plaintext)
            except SignalError as err:
                # One session that can't be used keeps nobody else's message back.
                _LOGGER.warning("Encrypting for %s failed: %s", device.log_form, err)
                continue
            await store.sessions.put(tx, addresses[device], record)
            encrypted[device] = message
            if index % STEPS_PER_SLICE == 0:
                await asyncio.sleep(0)
        return encrypted

    # --- decrypting

    async def decrypt(
        self, tx: Transaction, device: Jid, kind: str, ciphertext: bytes
    ) -> tuple[bytes, bool]:
        """Decrypt a `msg` or `pkmsg`; the caller holds the lock of its address.

        Returns the padded plaintext, and whether the sender's identity key changed.
        Raises a `SignalError`; nothing is in `tx` then.
        """
        address = self._context.address_of(device)
        store = self._context.store
        record = await store.sessions.get(tx, address)
        if kind == "pkmsg":
            plaintext, changed = await self._decrypt_pre_key(tx, address, record, ciphertext)
            if changed and not device.device:
                await self._security.note(tx, device)
            return plaintext, changed
        result = decrypt(
            record or SessionRecord(),
            ciphertext,
            random_bytes=self._context.random_bytes,
        )
        await store.sessions.put(tx, address, result.record)
        return result.plaintext, False

    async def _decrypt_pre_key(
        self,
        tx: Transaction,
        address: SignalAddress,
        record: SessionRecord | None,
        ciphertext: bytes,
    ) -> tuple[bytes, bool]:
        context = self._context
        store = context.store
        info = peek_pre_key_message(ciphertext)
        signed_pre_key = await store.signed_pre_keys.get(tx, info.signed_pre_key_id)
        pre_key = None if info.pre_key_id is None else await store.pre_keys.get(tx, info.pre_key_id)
        result = decrypt_pre_key(
            record,
            ciphertext,
            ours=context.identity,
            signed_pre_key=signed_pre_key,
            pre_key=pre_key,
            random_bytes=context.random_bytes,
        )
        await store.sessions.put(tx, address, result.record)
        changed = False
        if result.new_identity is not None:
            known = await store.identities.get(tx, address)
            changed = known is not None and known != result.new_identity
            await store.identities.put(tx, address, result.new_identity)
        if result.used_pre_key_id is not None:
            await store.pre_keys.delete(tx, result.used_pre_key_id)
        return result.plaintext, changed


@asynccontextmanager
async def _held(
    locks: WeakValueDictionary[SignalAddress, asyncio.Lock], addresses: Iterable[SignalAddress]
) -> AsyncIterator[None]:
    """Hold the locks of some addresses, taken in sorted order."""
    async with AsyncExitStack() as stack:
        for address in sorted(set(addresses)):
            lock = locks.get(address)
            if lock is None:
                lock = locks[address] = asyncio.Lock()
            await stack.enter_async_context(lock)
        yield


def retry_reason(error: SignalError) -> int:
    """Give the reason code that a retry receipt names for an error."""
    match error:
        case InvalidKeyId():
            return 3
        case _:
            return _REASONS.get(type(error).__name__, 4)


_REASONS: Final = {"NoSession": 1, "InvalidKey": 2, "BadMac": 7}
