"""App state: what the devices of an account agree on, such as names, archive and mute.

Sans-IO. A collection is a version, a hash over all its records and the records; patches
change it, a snapshot replaces it. Nothing is taken over before its MACs were checked.
"""

from .keys import SyncKeys, choose_active, expand
from .lthash import EMPTY_HASH
from .mutation import Change, Mutation, Operation
from .patch import build_patch, index_macs_of_changes, key_ids_of_patch, version_of_patch
from .processor import Applied, CollectionState, KnownRecord, apply_patch, index_macs_of
from .snapshot import apply_snapshot, key_ids_of_snapshot

__all__ = [
    "EMPTY_HASH",
    "Applied",
    "Change",
    "CollectionState",
    "KnownRecord",
    "Mutation",
    "Operation",
    "SyncKeys",
    "apply_patch",
    "apply_snapshot",
    "build_patch",
    "choose_active",
    "expand",
    "index_macs_of",
    "index_macs_of_changes",
    "key_ids_of_patch",
    "key_ids_of_snapshot",
    "version_of_patch",
]
