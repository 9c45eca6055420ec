"""Known answers that other people's code gave."""

from collections import defaultdict
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.appstate import (
    EMPTY_HASH,
    Operation,
    expand,
    lthash,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import appstate

from .collection import Collection

VECTORS = Path(__file__).parents[1] / "vectors" / "appstate"
PRIMITIVES = json.loads((VECTORS / "npm_baileys_primitives.json").read_text())
PATCHES = json.loads((VECTORS / "npm_baileys_patches.json").read_text())
KEYS = {
    bytes.fromhex(key_id): expand(bytes.fromhex(key_id), bytes.fromhex(data))
    for key_id, data in PATCHES["keys"].items()
}


def patches_of(name: str) -> list[dict[str, Any]]:
    return [each for each in PATCHES["patches"] if each["collection"] == name]


NAMES = sorted({each["collection"] for each in PATCHES["patches"]})


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("index", "indexKey"),
        ("value_encryption", "valueEncryptionKey"),
        ("value_mac", "valueMacKey"),
        ("snapshot_mac", "snapshotMacKey"),
        ("patch_mac", "patchMacKey"),
    ],
)
def test_a_key_expands(ours: str, theirs: str) -> None:
    keys = expand(b"any id", bytes.fromhex(PRIMITIVES["key_data"]))
    assert getattr(keys, ours).hex() == PRIMITIVES["expanded"][theirs]


def test_the_hash_adds_and_subtracts() -> None:
    known = PRIMITIVES["lthash"]
    one, two, three = (bytes.fromhex(known["value_macs"][name]) for name in ("vm1", "vm2", "vm3"))
    both = lthash.update(EMPTY_HASH, added=[one, two])
    assert both.hex() == known["add_vm1_vm2_to_zero"]
    changed = lthash.update(both, removed=[one], added=[three])
    assert changed.hex() == known["then_sub_vm1_add_vm3"]
    assert lthash.update(changed, removed=[two, three]) == EMPTY_HASH


def test_a_whole_patch_reads() -> None:
    known = PRIMITIVES["patch"]
    key_id = bytes.fromhex(known["key_id"])
    keys = {key_id: expand(key_id, bytes.fromhex(PRIMITIVES["key_data"]))}
    collection = Collection(known["collection"], keys)
    patch = appstate.SyncdPatch.FromString(bytes.fromhex(known["serialized_patch"]))
    patch.version.version = known["resulting_version"]
    applied = collection.apply(patch.SerializeToString())
    assert collection.state.hash.hex() == known["resulting_lthash"]
    assert not collection.state.diverged
    (mutation,) = applied.mutations
    assert list(mutation.index) == json.loads(known["index_json_utf8"])
    assert mutation.index_mac.hex() == known["index_mac"]


@pytest.mark.parametrize("name", NAMES)
def test_collections_are_followed_patch_by_patch(name: str) -> None:
    collection = Collection(name, KEYS)
    for vector in patches_of(name):
        (mutation,) = collection.apply(bytes.fromhex(vector["patch"])).mutations
        assert list(mutation.index) == vector["index"]
        assert (mutation.operation is Operation.REMOVE) is vector["remove"]
        assert mutation.value.timestamp == vector["value"]["timestamp"]
        assert collection.state.version == vector["version"]
        assert collection.state.hash.hex() == vector["hash"]
        assert not collection.state.diverged


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_is_the_sum_of_the_patches(name: str) -> None:
    """Built as a server does, which reads none of it: the newest record of each index."""
    records: dict[bytes, appstate.SyncdRecord] = {}
    last = appstate.SyncdPatch()
    for vector in patches_of(name):
        last = appstate.SyncdPatch.FromString(bytes.fromhex(vector["patch"]))
        for mutation in last.mutations:
            records.pop(mutation.record.index.blob, None)
            if mutation.operation == Operation.SET:
                records[mutation.record.index.blob] = mutation.record
    snapshot = appstate.SyncdSnapshot(records=records.values(), mac=last.snapshotMac)
    snapshot.version.CopyFrom(last.version)
    snapshot.keyId.CopyFrom(last.keyId)
    collection = Collection(name, KEYS)
    applied = collection.replace(snapshot.SerializeToString())
    assert collection.state.hash.hex() == patches_of(name)[-1]["hash"]
    assert not collection.state.diverged
    kept: dict[tuple[str, ...], int] = defaultdict(int)
    for vector in patches_of(name):
        index = tuple(vector["index"])
        kept.pop(index, None)
        if not vector["remove"]:
            kept[index] = vector["value"]["timestamp"]
    assert {each.index: each.value.timestamp for each in applied.mutations} == dict(kept)
