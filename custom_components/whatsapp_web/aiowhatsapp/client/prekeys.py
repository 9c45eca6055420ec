"""Our own prekeys: enough of them at the server, and a fresh signed one."""

import asyncio
import logging
from typing import Final

from ..errors import IqError
from ..iq.prekeys import (
    CheckKeyDigest,
    GetPreKeyCount,
    PublicPreKey,
    PublicSignedPreKey,
    RotateSignedPreKey,
    UploadPreKeys,
)
from ..signal import PreKey, SignedPreKey, make_pre_keys, make_signed_pre_key, next_key_id
from .context import Context

_LOGGER = logging.getLogger(__name__)

# The web client's batch (UPLOAD_KEYS_COUNT) and the level below which it refills.
BATCH: Final = 812
LOW_WATER: Final = 5
# More than the server ever has of them; what an upload lost on the way leaves behind goes.
KEPT_BATCHES: Final = 10
# The web client's rotation of the signed prekey.
ROTATE_AFTER_SECONDS: Final = 27 * 24 * 3600
# Set when the server may hold keys that we don't know, or runs low.
UPLOAD_DUE: Final = "upload_due"
_ROTATE_NOT_BEFORE: Final = "rotate_not_before"
_ROTATE_RETRY_SECONDS: Final = 24 * 3600


class PreKeys:
    """Keeps the server supplied, one errand at a time."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self._lock = asyncio.Lock()
        # Apart from the other: a retry receipt's key must not wait for the server.
        self._id_lock = asyncio.Lock()
        self._refilling = False

    async def check(self) -> None:
        """At login: refill if the server runs low, and rotate when it is time."""
        async with self._lock:
            meta = self._context.store.meta
            due = await meta.get(None, UPLOAD_DUE) is not None
            if due or await self._context.execute(GetPreKeyCount()) < LOW_WATER:
                await self._upload()
            await self._rotate_if_due()

    async def note_due(self) -> None:
        """Note that a batch is due: also a line that breaks, or a crash, must not forget it."""
        await self._context.store.meta.put(None, UPLOAD_DUE, b"\x01")

    async def refill(self) -> None:
        """Give the server a batch because it said it runs low.

        One batch serves all who ask until it has arrived: notices come in heaps, when
        they waited for us at the server.
        """
        if self._refilling:
            return
        self._refilling = True
        try:
            async with self._lock:
                await self._upload()
        finally:
            self._refilling = False

    async def check_digest(self) -> None:
        """Upload anew when the server has lost our keys; other answers change nothing."""
        try:
            await self._context.execute(CheckKeyDigest())
        except IqError as err:
            if err.code != 404:
                return
            _LOGGER.info("The server has no record of our keys: uploading them")
            await self.refill()

    async def take_one(self) -> PreKey:
        """Make a one-time key that goes out by hand and never into a batch."""
        context = self._context
        store = context.store
        async with self._id_lock:
            first = await store.pre_keys.next_id(None)
            (key,) = make_pre_keys(first, 1, context.random_bytes)
            async with store.transaction() as tx:
                await store.pre_keys.put_many(tx, [key], offered=True)
            return key

    async def signed(self) -> SignedPreKey:
        """The signed prekey that the server gives out."""
        current = await self._context.store.signed_pre_keys.current(None)
        return current or self._context.credentials.signed_pre_key

    async def _upload(self) -> None:
        """Upload a batch; the keys and that they were offered are on disk first."""
        context = self._context
        keys = await self._batch()
        signed = await self.signed()
        await context.execute(
            UploadPreKeys(
                registration_id=context.credentials.registration_id,
                identity=context.credentials.identity_key.public,
                pre_keys=[PublicPreKey(id=key.id, public=key.key_pair.public) for key in keys],
                signed_pre_key=_public(signed),
            )
        )
        await context.store.meta.delete(None, UPLOAD_DUE)
        _LOGGER.debug("Uploaded %s prekeys", len(keys))

    async def _batch(self) -> list[PreKey]:
        """Make fresh keys, off the event loop: 812 of them take tens of milliseconds.

        Keys that were offered before are not offered again: an upload whose answer
        was lost may have reached the server.
        """
        store = self._context.store
        randomness = self._context.random_bytes
        async with self._id_lock:
            first = await store.pre_keys.next_id(None)
            keys = await self._context.run_blocking(lambda: make_pre_keys(first, BATCH, randomness))
            async with store.transaction() as tx:
                await store.pre_keys.put_many(tx, keys, offered=True)
                await store.pre_keys.drop_oldest(tx, keep=KEPT_BATCHES * BATCH)
        return keys

    async def _rotate_if_due(self) -> None:
        """Replace the signed prekey after 27 days; the old ones stay for reading."""
        context = self._context
        store = context.store
        current = await self.signed()
        now = context.now()
        if now - current.created_at < ROTATE_AFTER_SECONDS:
            return
        postponed = await store.meta.get(None, _ROTATE_NOT_BEFORE)
        if postponed is not None and now < int.from_bytes(postponed):
            return
        next_id = next_key_id(current.id)
        # A key staged before, whose upload had no clear end, is sent again as it is.
        fresh = await store.signed_pre_keys.get(None, next_id)
        if fresh is None:
            fresh = make_signed_pre_key(
                context.credentials.identity_key, next_id, now, context.random_bytes
            )
            async with store.transaction() as tx:
                await store.signed_pre_keys.put(tx, fresh)
        try:
            await context.execute(RotateSignedPreKey(signed_pre_key=_public(fresh)))
        except IqError as err:
            wait = _ROTATE_RETRY_SECONDS if err.code >= 500 else ROTATE_AFTER_SECONDS
            async with store.transaction() as tx:
                if err.code in (406, 409):
                    await store.signed_pre_keys.delete(tx, next_id)
                await store.meta.put(tx, _ROTATE_NOT_BEFORE, (now + wait).to_bytes(8))
            return
        async with store.transaction() as tx:
            await store.signed_pre_keys.set_current(tx, fresh.id)


def _public(key: SignedPreKey) -> PublicSignedPreKey:
    return PublicSignedPreKey(id=key.id, public=key.key_pair.public, signature=key.signature)
