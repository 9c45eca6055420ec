"""Patches: which keys they need, and how our own are made."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..errors import AppStateError
from ..proto import appstate
from .keys import SyncKeys
from .mutation import Change, Mutation, Operation, encode_change, index_mac_of
from .processor import (
    Applied,
    CollectionState,
    KnownRecord,
    apply_mutations,
    keys_for,
    patch_mac,
    snapshot_mac,
)


def version_of_patch(patch: appstate.SyncdPatch, *, default: int) -> int:
    """The version that a patch leads to; an older form leaves it out."""
    return patch.version.version or default


def key_ids_of_patch(patch: appstate.SyncdPatch) -> frozenset[bytes]:
    """Name the keys that reading a patch takes."""
    return frozenset({patch.keyId.id, *(mutation.record.keyId.id for mutation in patch.mutations)})


def index_macs_of_changes(changes: Iterable[Change], keys: Iterable[SyncKeys]) -> list[bytes]:
    """Name every record that the changes may meet: the same index under each key."""
    every = tuple(keys)
    return [index_mac_of(change.index_json, each) for change in changes for each in every]


def build_patch(
    collection: str,
    state: CollectionState,
    changes: Sequence[Change],
    *,
    active: SyncKeys,
    keys: Mapping[bytes, SyncKeys],
    known: Mapping[bytes, KnownRecord],
    random_bytes: Callable[[int], bytes],
) -> tuple[appstate.SyncdPatch, Applied]:
    """Make the next patch out of changes of ours; say what it leads to.

    A record written under an older key is removed under that key. Raises
    `AppStateError` on a diverged collection: nobody else could verify it.
    """
    if state.diverged:
        raise AppStateError("The collection has diverged")
    pairs = [
        encode_change(part, part_keys, random_bytes)
        for change in changes
        for part, part_keys in _parts(change, active, keys, known)
    ]
    mutations: list[Mutation] = [mutation for _, mutation in pairs]
    applied = apply_mutations(state, mutations, known)
    patch = appstate.SyncdPatch(
        mutations=[encoded for encoded, _ in pairs],
        snapshotMac=snapshot_mac(applied.state, collection, active),
    )
    patch.keyId.id = active.key_id
    patch.patchMac = patch_mac(
        patch.snapshotMac,
        [mutation.value_mac for mutation in mutations],
        applied.state.version,
        collection,
        active,
    )
    return patch, applied


def _parts(
    change: Change,
    active: SyncKeys,
    keys: Mapping[bytes, SyncKeys],
    known: Mapping[bytes, KnownRecord],
) -> list[tuple[Change, SyncKeys]]:
    """The mutations that a change takes, each with the key it is encrypted under."""
    macs = {index_mac_of(change.index_json, each): each for each in keys.values()}
    stored = [keys_for(known[mac].key_id, keys) for mac in macs if mac in known]
    removal = Change(
        index=change.index,
        value=change.value,
        version=change.version,
        operation=Operation.REMOVE,
    )
    if change.operation is Operation.REMOVE:
        return [(removal, each) for each in stored]
    outdated = [(removal, each) for each in stored if each.key_id != active.key_id]
    return [*outdated, (change, active)]
