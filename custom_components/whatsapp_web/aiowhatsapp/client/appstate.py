"""The app state: follows its five collections, and writes to them.

A collection moves on in one transaction: version, hash and records together with what
the mutations change. What the server has news of is noted before its notification is
acked, and fetched until it is here, over broken lines and restarts.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import batched
import logging
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..appstate import (
    Applied,
    Change,
    CollectionState,
    KnownRecord,
    SyncKeys,
    apply_patch,
    apply_snapshot,
    build_patch,
    choose_active,
    expand,
    index_macs_of,
    index_macs_of_changes,
    key_ids_of_patch,
    key_ids_of_snapshot,
    version_of_patch,
)
from ..errors import (
    AppStateError,
    AppStateKeyMissing,
    Disconnected,
    IqError,
    StoreError,
    WhatsAppError,
)
from ..events.chats import ContactsChanged
from ..iq.app_state import CONFLICT, CollectionAnswer, CollectionQuery, SyncCollections
from ..jid import SERVER_JID
from ..proto import appstate, wire
from ..wabinary import Node
from .context import Context
from .identity import Identities
from .names import Names
from .peer_requests import PeerRequests
from .sync_actions import COLLECTIONS, SyncActions

_LOGGER = logging.getLogger(__name__)

type DownloadBlob = Callable[[appstate.ExternalBlobReference], Awaitable[bytes]]

# Answers in a row to one question; the web client's bound.
MAX_ROUNDS: Final = 500
PATCH_ATTEMPTS: Final = 5
MAX_BLOB: Final = 64 * 1024 * 1024
# A key that is missing is asked for once a day: the phone may be off, or not have it.
KEY_REQUEST_SECONDS: Final = 24 * 3600
# Waiting after a failed round, doubled each time.
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 3600.0
# Records written before others have a turn.
SLICE: Final = 256
_FATAL: Final = frozenset({400, 404})


class AppState:
    """Keeps the collections as the server has them."""

    def __init__(
        self,
        context: Context,
        *,
        identities: Identities,
        peer: PeerRequests,
        actions: SyncActions,
        names: Names,
        download: DownloadBlob,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._identities = identities
        self._peer = peer
        self._actions = actions
        self._names = names
        self._download = download
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._keys: dict[bytes, SyncKeys] = {}
        # What the server had news of since it was last asked.
        self._marked: set[str] = set()
        self._following = False
        self._news = asyncio.Event()

    # --- what sets it going

    async def on_notification(self, node: Node) -> None:
        """Follow `server_sync`: other devices have written to collections."""
        if node.required_jid("from") != SERVER_JID and not self._context.own.is_self(
            node.required_jid("from")
        ):
            return
        await self.mark([child.attr("name") or "" for child in node.children("collection")])

    async def mark(self, names: Iterable[str] = COLLECTIONS) -> None:
        """Note that the server has news of collections, and fetch it."""
        known = [name for name in names if name in COLLECTIONS]
        self._marked.update(known)
        await self._context.store.app_state.mark_stale(None, known)
        self.follow()

    def follow(self) -> None:
        """Fetch what is not up to date, beside everything else."""
        self._news.set()
        if not self._following:
            self._context.spawn(self._follow(), "following the app state")

    async def _follow(self) -> None:
        """Fetch until all is here, or nothing more can be done for now."""
        if self._following:
            return
        self._following = True
        pause = FIRST_PAUSE
        try:
            while True:
                self._news.clear()
                failed = await self._fetch_stale()
                if self._news.is_set():
                    continue
                if not failed:
                    return
                await self._rest(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            self._following = False

    async def _rest(self, seconds: float) -> None:
        """Wait a while, or until there is news."""
        sleeping = asyncio.ensure_future(self._context.clock.sleep(seconds))
        hearing = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({sleeping, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            hearing.cancel()

    async def _fetch_stale(self) -> bool:
        """Fetch each collection that is not up to date; say whether to try again soon.

        One that waits for a key is tried when keys arrive.
        """
        store = self._context.store
        if not await store.app_state_keys.all(None):
            # The phone shares them soon after linking; without, nothing can be read.
            return False
        failed = False
        for name in COLLECTIONS:
            if not await store.app_state.is_stale(None, name):
                continue
            try:
                await self.fetch(name)
            except AppStateKeyMissing as err:
                _LOGGER.info("The app state waits for a key")
                await self._ask_for_key(err.key_id)
            except Disconnected, StoreError:
                raise
            except WhatsAppError as err:
                _LOGGER.warning("The app state could not be followed: %s", err)
                failed = True
        return failed

    # --- reading

    async def fetch(self, name: str) -> None:
        """Bring one collection up to date.

        Raises `AppStateError` when what the server has does not verify,
        `AppStateKeyMissing`, `IqError`, or that the line is down.
        """
        async with self._locks[name]:
            await self._fetch(name)

    async def _fetch(self, name: str) -> None:
        try:
            await self._fetch_rounds(name, snapshot=False)
        except AppStateKeyMissing:
            raise
        except AppStateError as err:
            _LOGGER.warning("Beginning anew with the app state of %s: %s", name, err)
            await self._fetch_rounds(name, snapshot=True)

    async def _fetch_rounds(self, name: str, *, snapshot: bool) -> None:
        for _ in range(MAX_ROUNDS):
            state = await self._state(name)
            whole = snapshot or state.version == 0
            query = CollectionQuery(
                name=name, version=0 if whole else state.version, snapshot=whole
            )
            self._marked.discard(name)
            answer = await self._ask(query)
            if answer.error not in (None, CONFLICT):
                if answer.error in _FATAL:
                    _LOGGER.warning("The server refuses the app state of %s", name)
                    await self._settle(name, state)
                    return
                raise IqError(answer.error or 0, "app state")
            await self._take(name, answer, whole=whole)
            snapshot = False
            if not answer.has_more:
                await self._settle(name, await self._state(name))
                return
        raise AppStateError("The app state has no end")

    async def _ask(self, query: CollectionQuery) -> CollectionAnswer:
        answers = await self._context.execute(SyncCollections([query]))
        if query.name not in answers:
            raise AppStateError("The server did not answer for the collection")
        return answers[query.name]

    async def _take(self, name: str, answer: CollectionAnswer, *, whole: bool) -> None:
        """Apply what the server sent: a snapshot, then patches on top of it."""
        state = await self._state(name)
        if whole and answer.snapshot is not None:
            state = await self._take_snapshot(name, answer.snapshot)
        elif whole:
            # All patches since the beginning, or nothing at all was ever written.
            state = CollectionState()
            await self._commit(name, Applied(state=state, mutations=(), records={}), whole=True)
        for patch in answer.patches:
            if version_of_patch(patch, default=answer.version + 1) <= state.version:
                # Ours, which we applied when the server took it.
                continue
            if not patch.HasField("version"):
                patch.version.version = answer.version + 1
            diverged = state.diverged
            state = await self._take_patch(name, state, patch)
            if state.diverged and not diverged and not whole:
                raise AppStateError("The collection has diverged")

    async def _take_snapshot(
        self, name: str, reference: appstate.ExternalBlobReference
    ) -> CollectionState:
        data = await self._load(reference)
        snapshot = await self._parse(lambda: appstate.SyncdSnapshot.FromString(data))
        keys = await self._keys_for(key_ids_of_snapshot(snapshot))
        applied = await self._context.run_blocking(
            lambda: apply_snapshot(name, snapshot, keys=keys)
        )
        await self._commit(name, applied, whole=True)
        return applied.state

    async def _take_patch(
        self, name: str, state: CollectionState, patch: appstate.SyncdPatch
    ) -> CollectionState:
        if patch.HasField("externalMutations"):
            data = await self._load(patch.externalMutations)
            external = await self._parse(lambda: appstate.SyncdMutations.FromString(data))
            patch.mutations.extend(external.mutations)
        keys = await self._keys_for(key_ids_of_patch(patch))
        known = await self._known(name, index_macs_of(patch.mutations))
        applied = await self._context.run_blocking(
            lambda: apply_patch(name, state, patch, keys=keys, known=known)
        )
        await self._commit(name, applied, whole=False)
        return applied.state

    async def _load(self, reference: appstate.ExternalBlobReference) -> bytes:
        if reference.fileSizeBytes > MAX_BLOB:
            raise AppStateError("A part of the app state is too large")
        return await self._download(reference)

    async def _parse[M](self, parse: Callable[[], M]) -> M:
        try:
            return await self._context.run_blocking(parse)
        except ProtobufDecodeError as err:
            raise AppStateError("A part of the app state does not read") from err

    async def _commit(self, name: str, applied: Applied, *, whole: bool) -> None:
        """Move a collection on; a line that breaks over it keeps nobody from being told."""
        finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def commit() -> None:
            try:
                await self._write(name, applied, whole=whole)
            except WhatsAppError as err:
                if not finished.done():
                    finished.set_exception(err)
            finally:
                if not finished.done():
                    finished.set_result(None)

        self._context.spawn(commit(), "writing the app state", lasting=True)
        await finished

    async def _write(self, name: str, applied: Applied, *, whole: bool) -> None:
        """Write a collection together with all that its mutations change, and tell of it."""
        store = self._context.store
        pairs = await self._context.run_blocking(lambda: self._actions.pairs_in(applied.mutations))
        await self._identities.learn(pairs, overwrite=False)
        removed = applied.removed
        if whole:
            removed = await store.app_state.index_macs(None, name) - applied.records.keys()
        async with store.transaction() as tx:
            await store.app_state.put(tx, name, applied.state)
            # More of it may be to come, and the next line of this may never be reached.
            await store.app_state.mark_stale(tx, [name])
            await store.app_state.delete_records(tx, name, removed)
            for some in batched(applied.records.items(), SLICE, strict=False):
                await store.app_state.put_records(tx, name, dict(some))
                await asyncio.sleep(0)
            events = await self._actions.apply(tx, name, applied.mutations, whole=whole)
        for event in events:
            if isinstance(event, ContactsChanged):
                await (self._names.load() if whole else self._names.refresh(event.users))
            self._context.emit(event)

    # --- keys

    async def _keys_for(self, key_ids: Iterable[bytes]) -> dict[bytes, SyncKeys]:
        """Load and expand keys; raise `AppStateKeyMissing` for one we don't have."""
        found = {}
        for key_id in key_ids:
            if key_id not in self._keys:
                stored = await self._context.store.app_state_keys.get(None, key_id)
                if stored is None:
                    raise AppStateKeyMissing(key_id)
                self._keys[key_id] = _expand_stored(key_id, stored)
            found[key_id] = self._keys[key_id]
        return found

    async def _ask_for_key(self, key_id: bytes) -> None:
        """Ask the phone for a key, unless that was done lately."""
        context = self._context
        note = f"app state key|{key_id.hex()}"
        now = context.now()
        if now - await context.store.retries.get(None, note) < KEY_REQUEST_SECONDS:
            return
        message = wire.Message()
        protocol = message.protocolMessage
        protocol.type = wire.Message.ProtocolMessage.APP_STATE_SYNC_KEY_REQUEST
        protocol.appStateSyncKeyRequest.keyIds.add(keyId=key_id)
        await self._peer.send(message)
        await context.store.retries.put(None, note, now, expires_at=now + KEY_REQUEST_SECONDS)

    # --- writing

    async def push(self, name: str, changes: Sequence[Change]) -> None:
        """Write changes of ours, so that the account's other devices follow.

        Raises `AppStateError` when the collection can't be written to, `IqError` when
        the server refuses, or that the line is down: then it may be written or not.
        """
        async with self._locks[name]:
            for _ in range(PATCH_ATTEMPTS):
                if await self._context.store.app_state.is_stale(None, name):
                    await self._fetch_for_writing(name)
                if await self._push_once(name, changes):
                    return
        raise AppStateError("Other devices wrote at the same time, again and again")

    async def _fetch_for_writing(self, name: str) -> None:
        try:
            await self._fetch(name)
        except AppStateKeyMissing as err:
            await self._ask_for_key(err.key_id)
            raise

    async def _push_once(self, name: str, changes: Sequence[Change]) -> bool:
        """Send a patch on what we have; on a conflict take what was faster, and say no."""
        store = self._context.store
        state = await self._state(name)
        keys = await self._keys_for(await store.app_state_keys.all(None))
        active = choose_active(keys)
        if active is None:
            raise AppStateError("The phone has not shared a key for the app state yet")
        patch, applied = build_patch(
            name,
            state,
            changes,
            active=keys[active],
            keys=keys,
            known=await self._known(name, index_macs_of_changes(changes, keys.values())),
            random_bytes=self._context.random_bytes,
        )
        # Whatever becomes of the answer, the server may have taken it.
        await store.app_state.mark_stale(None, [name])
        query = CollectionQuery(name=name, version=state.version, patch=patch.SerializeToString())
        answers = await self._context.execute(SyncCollections([query]))
        answer = answers.get(name)
        if answer is not None and answer.error == CONFLICT:
            return False
        if answer is not None and answer.error is not None:
            raise IqError(answer.error, "app state")
        await self._commit(name, applied, whole=False)
        if answer is None or answer.version in (0, applied.state.version):
            await self._settle(name, applied.state)
        else:
            self.follow()
        return True

    async def has(self, name: str, index: tuple[str, ...]) -> bool:
        """Whether a collection has a record of that index."""
        keys = await self._keys_for(await self._context.store.app_state_keys.all(None))
        change = Change(index=index, value=appstate.SyncActionValue(), version=0)
        return bool(await self._known(name, index_macs_of_changes([change], keys.values())))

    # --- small things

    async def _state(self, name: str) -> CollectionState:
        return await self._context.store.app_state.get(None, name) or CollectionState()

    async def _settle(self, name: str, state: CollectionState) -> None:
        """Note that this is all the server has, unless it had news meanwhile."""
        store = self._context.store
        async with store.transaction() as tx:
            await store.app_state.put(tx, name, state)
            if name not in self._marked:
                await store.app_state.settle(tx, name)

    async def _known(self, name: str, macs: Sequence[bytes]) -> dict[bytes, KnownRecord]:
        return await self._context.store.app_state.records(None, name, macs)


def _expand_stored(key_id: bytes, stored: bytes) -> SyncKeys:
    try:
        data = wire.Message.AppStateSyncKeyData.FromString(stored)
    except ProtobufDecodeError as err:
        raise AppStateError("An app state key does not parse") from err
    return expand(key_id, data.keyData)
