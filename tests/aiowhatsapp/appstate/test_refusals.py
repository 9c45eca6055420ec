"""What is forged, malformed or out of order is refused, and changes nothing."""

from collections.abc import Callable
import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.appstate import (
    Change,
    Operation,
    SyncKeys,
    choose_active,
    expand,
)
from custom_components.whatsapp_web.aiowhatsapp.appstate.mutation import encode_change
from custom_components.whatsapp_web.aiowhatsapp.appstate.processor import patch_mac
from custom_components.whatsapp_web.aiowhatsapp.errors import AppStateError, AppStateKeyMissing
from custom_components.whatsapp_web.aiowhatsapp.proto import appstate

from .collection import Collection

KEY_ID = b"\0\0\0\0\0\1"
KEYS: dict[bytes, SyncKeys] = {KEY_ID: expand(KEY_ID, bytes(range(32)))}
NAME = "regular_low"

type Spoil = Callable[[appstate.SyncdPatch], None]


def random_bytes(count: int) -> bytes:
    return random.Random(count).randbytes(count)


def pin(number: int) -> Change:
    value = appstate.SyncActionValue(timestamp=1)
    value.pinAction.pinned = True
    return Change(index=("pin_v1", f"{number}@s.whatsapp.net"), value=value, version=5)


def patch_of(*changes: Change) -> appstate.SyncdPatch:
    data = Collection(NAME, KEYS).write(*changes, random_bytes=random_bytes)
    return appstate.SyncdPatch.FromString(data)


def sign(patch: appstate.SyncdPatch) -> None:
    """Have the patch's own MAC fit what was done to it."""
    macs = [mutation.record.value.blob[-32:] for mutation in patch.mutations]
    patch.patchMac = patch_mac(
        patch.snapshotMac, macs, patch.version.version, NAME, KEYS[patch.keyId.id]
    )


def flip_value(patch: appstate.SyncdPatch) -> None:
    value = patch.mutations[0].record.value
    value.blob = value.blob[:20] + bytes([value.blob[20] ^ 1]) + value.blob[21:]


def rename(patch: appstate.SyncdPatch) -> None:
    patch.mutations[0].record.index.blob = bytes(32)


def turn_into_removal(patch: appstate.SyncdPatch) -> None:
    patch.mutations[0].operation = Operation.REMOVE


def drop(patch: appstate.SyncdPatch) -> None:
    del patch.mutations[0]


def repeat(patch: appstate.SyncdPatch) -> None:
    patch.mutations.add().CopyFrom(patch.mutations[0])
    sign(patch)


def unknown_operation(patch: appstate.SyncdPatch) -> None:
    patch.mutations[0].operation = 7


def no_macs(patch: appstate.SyncdPatch) -> None:
    patch.ClearField("patchMac")
    patch.ClearField("snapshotMac")


def empty_value(patch: appstate.SyncdPatch) -> None:
    patch.mutations[0].record.value.blob = b""
    sign(patch)


def skip_version(patch: appstate.SyncdPatch) -> None:
    patch.version.version += 1
    sign(patch)


def terminal(patch: appstate.SyncdPatch) -> None:
    patch.exitCode.code = 1


SPOILS = [
    flip_value,
    rename,
    turn_into_removal,
    drop,
    repeat,
    unknown_operation,
    no_macs,
    empty_value,
    skip_version,
    terminal,
]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_forged_patch_is_refused(spoil: Spoil) -> None:
    patch = patch_of(pin(1), pin(2))
    spoil(patch)
    collection = Collection(NAME, KEYS)
    before = collection.state
    with pytest.raises(AppStateError):
        collection.apply(patch.SerializeToString())
    assert collection.state == before
    assert collection.records == {}


def test_a_patch_of_another_collection_is_refused() -> None:
    with pytest.raises(AppStateError):
        Collection("regular", KEYS).apply(patch_of(pin(1)).SerializeToString())


@pytest.mark.parametrize("where", ["patch", "record"])
def test_a_missing_key_is_named(where: str) -> None:
    other = b"\0\0\0\0\0\7"
    patch = patch_of(pin(1))
    (patch if where == "patch" else patch.mutations[0].record).keyId.id = other
    if where == "record":
        sign(patch)
    with pytest.raises(AppStateKeyMissing) as caught:
        Collection(NAME, KEYS).apply(patch.SerializeToString())
    assert caught.value.key_id == other


def test_a_genuine_patch_on_another_whole_diverges_and_stays_so() -> None:
    writer = Collection(NAME, KEYS)
    lost = writer.write(pin(1), random_bytes=random_bytes)
    second = writer.write(pin(2), random_bytes=random_bytes)
    third = writer.write(pin(3), random_bytes=random_bytes)
    reader = Collection(NAME, KEYS)
    reader.apply(lost)
    reader.records.clear()
    reader.state = type(reader.state)(version=1)
    assert [each.index for each in reader.apply(second).mutations] == [pin(2).index]
    assert reader.state.diverged
    assert [each.index for each in reader.apply(third).mutations] == [pin(3).index]
    assert reader.state.diverged
    with pytest.raises(AppStateError):
        reader.write(pin(4), random_bytes=random_bytes)


def test_a_snapshot_that_lacks_a_record_diverges() -> None:
    patch = patch_of(pin(1), pin(2))
    snapshot = appstate.SyncdSnapshot(
        records=[patch.mutations[0].record],
        version=patch.version,
        mac=patch.snapshotMac,
        keyId=patch.keyId,
    )
    collection = Collection(NAME, KEYS)
    applied = collection.replace(snapshot.SerializeToString())
    assert [each.index for each in applied.mutations] == [pin(1).index]
    assert collection.state.diverged


@pytest.mark.parametrize("field", ["mac", "version", "keyId"])
def test_a_snapshot_without_what_proves_it_is_refused(field: str) -> None:
    patch = patch_of(pin(1))
    snapshot = appstate.SyncdSnapshot(
        records=[patch.mutations[0].record],
        version=patch.version,
        mac=patch.snapshotMac,
        keyId=patch.keyId,
    )
    snapshot.ClearField(field)
    with pytest.raises(AppStateError):
        Collection(NAME, KEYS).replace(snapshot.SerializeToString())


def test_removing_what_is_not_there_is_no_fault() -> None:
    change = pin(1)
    removal = Change(index=change.index, value=change.value, version=5, operation=Operation.REMOVE)
    writer = Collection(NAME, KEYS)
    writer.write(change, random_bytes=random_bytes)
    patch = appstate.SyncdPatch.FromString(writer.write(removal, random_bytes=random_bytes))
    patch.version.version = 1
    sign(patch)
    reader = Collection(NAME, KEYS)
    assert [each.operation for each in reader.apply(patch.SerializeToString()).mutations] == [
        Operation.REMOVE
    ]


@pytest.mark.parametrize(
    "index", [b"", b"{}", b"[1]", b"[" * 9000, b"\xff", b'["a"' + b',"a"' * 20 + b"]"]
)
def test_an_index_that_makes_no_sense_is_read_as_none(index: bytes) -> None:
    keys = KEYS[KEY_ID]

    class Odd(Change):
        index_json = index

    collection = Collection(NAME, KEYS)
    value = appstate.SyncActionValue(timestamp=1)
    mutation, _ = encode_change(Odd(index=(), value=value, version=1), keys, random_bytes)
    patch = patch_of(pin(1))
    del patch.mutations[:]
    patch.mutations.add().CopyFrom(mutation)
    sign(patch)
    assert [each.index for each in collection.apply(patch.SerializeToString()).mutations] == [()]


def test_the_active_key_is_of_the_highest_epoch_then_the_lowest_device() -> None:
    def key(device: int, epoch: int) -> bytes:
        return device.to_bytes(2) + epoch.to_bytes(4)

    assert choose_active([key(0, 1), key(3, 2), key(1, 2), b"odd"]) == key(1, 2)
    assert choose_active([b"odd"]) == b"odd"
    assert choose_active([]) is None


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(AppStateError):
        expand(KEY_ID, bytes(31))
