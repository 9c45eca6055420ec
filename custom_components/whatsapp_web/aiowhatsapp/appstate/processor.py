"""Patches and what they change: version, hash and records of a collection."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..crypto.kdf import equal, hmac_sha256
from ..errors import AppStateError, AppStateKeyMissing
from ..proto import appstate
from .keys import SyncKeys
from .lthash import EMPTY_HASH, update
from .mutation import MAC_LENGTH, Mutation, Operation, decode_record

MAX_MUTATIONS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionState:
    """How far a collection is. A diverged one has another hash than its writers say."""

    version: int = 0
    hash: bytes = field(default=EMPTY_HASH, repr=False)
    diverged: bool = False


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """What is kept of a record: what it adds to the hash, and its key."""

    value_mac: bytes
    key_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a collection is after a patch or a snapshot.

    `records` are new or changed ones by index MAC, `removed` the index MACs of those
    that are gone; a snapshot also does away with all that it does not name.
    """

    state: CollectionState
    mutations: tuple[Mutation, ...]
    records: Mapping[bytes, KnownRecord]
    removed: frozenset[bytes] = frozenset()


def index_macs_of(mutations: Iterable[appstate.SyncdMutation]) -> list[bytes]:
    """Name the records that mutations touch, to look up what is known of them."""
    return [mutation.record.index.blob for mutation in mutations]


def keys_for(key_id: bytes, keys: Mapping[bytes, SyncKeys]) -> SyncKeys:
    """Pick a key; raise `AppStateKeyMissing` when it was not shared with us."""
    found = keys.get(key_id)
    if found is None:
        raise AppStateKeyMissing(key_id)
    return found


def apply_patch(
    collection: str,
    state: CollectionState,
    patch: appstate.SyncdPatch,
    *,
    keys: Mapping[bytes, SyncKeys],
    known: Mapping[bytes, KnownRecord],
) -> Applied:
    """Check a patch and apply it. External mutations were put in their place before.

    Raises `AppStateError` when it is forged, malformed or not the next one, and
    `AppStateKeyMissing`. When only the hash of the whole differs, what the patch says
    is genuine, but the collection has diverged.
    """
    if patch.version.version != state.version + 1:
        raise AppStateError("An app state patch that is not the next one")
    if patch.exitCode.code:
        raise AppStateError("An app state patch that ends the collection")
    if len(patch.mutations) > MAX_MUTATIONS:
        raise AppStateError("An app state patch is too long")
    operations = [_operation(mutation) for mutation in patch.mutations]
    _refuse_repetition(patch, operations)
    patch_keys = keys_for(patch.keyId.id, keys)
    value_macs = [mutation.record.value.blob[-MAC_LENGTH:] for mutation in patch.mutations]
    version = patch.version.version
    expected = patch_mac(patch.snapshotMac, value_macs, version, collection, patch_keys)
    if len(patch.snapshotMac) != MAC_LENGTH or not equal(patch.patchMac, expected):
        raise AppStateError("An app state patch does not verify")
    mutations = [
        decode_record(mutation.record, operation, keys_for(mutation.record.keyId.id, keys))
        for mutation, operation in zip(patch.mutations, operations, strict=True)
    ]
    applied = apply_mutations(state, mutations, known)
    diverged = state.diverged or not equal(
        patch.snapshotMac, snapshot_mac(applied.state, collection, patch_keys)
    )
    return Applied(
        state=CollectionState(version=version, hash=applied.state.hash, diverged=diverged),
        mutations=applied.mutations,
        records=applied.records,
        removed=applied.removed,
    )


def apply_mutations(
    state: CollectionState, mutations: Sequence[Mutation], known: Mapping[bytes, KnownRecord]
) -> Applied:
    """Move on by one version. What a record was before the patch is taken out once."""
    records = {
        mutation.index_mac: KnownRecord(mutation.value_mac, mutation.key_id)
        for mutation in mutations
        if mutation.operation is Operation.SET
    }
    touched = {mutation.index_mac for mutation in mutations}
    return Applied(
        state=CollectionState(
            version=state.version + 1,
            hash=update(
                state.hash,
                added=[record.value_mac for record in records.values()],
                removed=[known[mac].value_mac for mac in touched if mac in known],
            ),
            diverged=state.diverged,
        ),
        mutations=tuple(mutations),
        records=records,
        removed=frozenset(touched - records.keys()),
    )


def snapshot_mac(state: CollectionState, collection: str, keys: SyncKeys) -> bytes:
    """Authenticate the whole of a collection."""
    message = state.hash + state.version.to_bytes(8) + collection.encode()
    return hmac_sha256(keys.snapshot_mac, message)


def patch_mac(
    whole: bytes, value_macs: Sequence[bytes], version: int, collection: str, keys: SyncKeys
) -> bytes:
    """Authenticate a patch; `whole` is the MAC of the collection that it leads to."""
    message = b"".join([whole, *value_macs, version.to_bytes(8), collection.encode()])
    return hmac_sha256(keys.patch_mac, message)


def _operation(mutation: appstate.SyncdMutation) -> Operation:
    try:
        return Operation(mutation.operation)
    except ValueError as err:
        raise AppStateError("An unknown app state operation") from err


def _refuse_repetition(patch: appstate.SyncdPatch, operations: Sequence[Operation]) -> None:
    """Refuse to have one record set twice, or removed twice: no writer does."""
    indexes = index_macs_of(patch.mutations)
    if len(set(zip(indexes, operations, strict=True))) != len(indexes):
        raise AppStateError("An app state patch changes a record twice")
