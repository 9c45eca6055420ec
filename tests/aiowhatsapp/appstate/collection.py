"""A collection in memory: what patches lead to, one after the other."""

from collections.abc import Callable

from custom_components.whatsapp_web.aiowhatsapp.appstate import (
    Applied,
    Change,
    CollectionState,
    KnownRecord,
    SyncKeys,
    apply_patch,
    apply_snapshot,
    build_patch,
    choose_active,
    index_macs_of,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import appstate


class Collection:
    """One device's idea of a collection."""

    def __init__(self, name: str, keys: dict[bytes, SyncKeys]) -> None:
        self.name = name
        self.keys = keys
        self.state = CollectionState()
        self.records: dict[bytes, KnownRecord] = {}

    def apply(self, data: bytes) -> Applied:
        patch = appstate.SyncdPatch.FromString(data)
        wanted = index_macs_of(patch.mutations)
        known = {mac: self.records[mac] for mac in wanted if mac in self.records}
        return self._take(apply_patch(self.name, self.state, patch, keys=self.keys, known=known))

    def replace(self, data: bytes) -> Applied:
        snapshot = appstate.SyncdSnapshot.FromString(data)
        applied = apply_snapshot(self.name, snapshot, keys=self.keys)
        self.records.clear()
        return self._take(applied)

    def write(self, *changes: Change, random_bytes: Callable[[int], bytes]) -> bytes:
        """Make a patch and apply it; give what the server hands on, with the version in it."""
        active = choose_active(self.keys)
        assert active is not None
        patch, applied = build_patch(
            self.name,
            self.state,
            changes,
            active=self.keys[active],
            keys=self.keys,
            known=self.records,
            random_bytes=random_bytes,
        )
        self._take(applied)
        patch.version.version = applied.state.version
        return patch.SerializeToString()

    def _take(self, applied: Applied) -> Applied:
        self.state = applied.state
        self.records.update(applied.records)
        for mac in applied.removed:
            self.records.pop(mac, None)
        return applied
