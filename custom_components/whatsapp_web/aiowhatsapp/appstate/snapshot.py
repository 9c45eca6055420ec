"""Snapshots: a whole collection at once."""

from collections.abc import Mapping

from ..crypto.kdf import equal
from ..errors import AppStateError
from ..proto import appstate
from .keys import SyncKeys
from .lthash import EMPTY_HASH, update
from .mutation import MAC_LENGTH, Operation, decode_record
from .processor import (
    MAX_MUTATIONS,
    Applied,
    CollectionState,
    KnownRecord,
    keys_for,
    snapshot_mac,
)


def key_ids_of_snapshot(snapshot: appstate.SyncdSnapshot) -> frozenset[bytes]:
    """Name the keys that reading a snapshot takes."""
    return frozenset({snapshot.keyId.id, *(record.keyId.id for record in snapshot.records)})


def apply_snapshot(
    collection: str, snapshot: appstate.SyncdSnapshot, *, keys: Mapping[bytes, SyncKeys]
) -> Applied:
    """Check a snapshot and begin with it.

    Raises `AppStateError` when a record does not verify or it carries no MAC, and
    `AppStateKeyMissing`. When only the hash of the whole differs, its records are
    genuine, but not all that should be there: the collection has diverged.
    """
    if not snapshot.version.version or len(snapshot.mac) != MAC_LENGTH:
        raise AppStateError("An app state snapshot without version or MAC")
    if len(snapshot.records) > MAX_MUTATIONS:
        raise AppStateError("An app state snapshot is too long")
    snapshot_keys = keys_for(snapshot.keyId.id, keys)
    mutations = {
        mutation.index_mac: mutation
        for mutation in (
            decode_record(record, Operation.SET, keys_for(record.keyId.id, keys))
            for record in snapshot.records
        )
    }
    state = CollectionState(
        version=snapshot.version.version,
        hash=update(EMPTY_HASH, added=[each.value_mac for each in mutations.values()]),
    )
    verifies = equal(snapshot.mac, snapshot_mac(state, collection, snapshot_keys))
    return Applied(
        state=CollectionState(version=state.version, hash=state.hash, diverged=not verifies),
        mutations=tuple(mutations.values()),
        records={mac: KnownRecord(each.value_mac, each.key_id) for mac, each in mutations.items()},
    )
