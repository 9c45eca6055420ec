"""Patches and snapshots both ways with Baileys, which verifies every MAC."""

from collections.abc import Iterator
import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.appstate import (
    EMPTY_HASH,
    Change,
    Operation,
    SyncKeys,
    expand,
    lthash,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import appstate
from tests.peers.oracle import AppStateOracle, OracleError

from .collection import Collection

pytestmark = pytest.mark.peers

OLD, NEW = b"\0\0\0\0\0\1", b"\0\0\0\0\0\2"
SECRETS = {OLD: bytes(range(32)), NEW: bytes(range(1, 33))}
NAME = "regular_low"


@pytest.fixture(scope="module")
def shared() -> Iterator[AppStateOracle]:
    with AppStateOracle() as made:
        for key_id, secret in SECRETS.items():
            made.share_key(key_id, secret)
        yield made


@pytest.fixture
def oracle(shared: AppStateOracle) -> AppStateOracle:
    shared.reset()
    return shared


def keys_of(*key_ids: bytes) -> dict[bytes, SyncKeys]:
    return {key_id: expand(key_id, SECRETS[key_id]) for key_id in key_ids}


def archive(number: int, *, archived: bool = True, at: int = 1) -> Change:
    value = appstate.SyncActionValue(timestamp=at)
    value.archiveChatAction.archived = archived
    return Change(index=("archive", f"{number}@s.whatsapp.net"), value=value, version=3)


def removal(number: int) -> Change:
    change = archive(number)
    return Change(index=change.index, value=change.value, version=3, operation=Operation.REMOVE)


def test_keys_and_hashes_agree(oracle: AppStateOracle) -> None:
    source = random.Random(1)
    for _ in range(20):
        secret, start = source.randbytes(32), source.randbytes(128)
        macs = [source.randbytes(32) for _ in range(source.randrange(12))]
        cut = source.randrange(len(macs) + 1)
        ours, theirs = expand(b"", secret), oracle.expand(secret)
        assert {name: getattr(ours, name) for name in theirs} == theirs
        hashed = lthash.update(start, removed=macs[:cut], added=macs[cut:])
        assert hashed == oracle.lthash(start, macs[:cut], macs[cut:])
    assert oracle.lthash(EMPTY_HASH, [], []) == EMPTY_HASH


def test_baileys_follows_our_patches(oracle: AppStateOracle) -> None:
    ours = Collection(NAME, keys_of(OLD))
    random_bytes = random.Random(2).randbytes
    steps = [
        (archive(1), archive(2), archive(3)),
        (archive(2, archived=False, at=2),),
        (removal(1),),
        (archive(1, at=3), removal(3)),
    ]
    for changes in steps:
        patch = ours.write(*changes, random_bytes=random_bytes)
        told = oracle.decode(NAME, patch)
        assert (told.version, told.hash) == (ours.state.version, ours.state.hash)
        assert {tuple(each["index"]) for each in told.mutations} == {c.index for c in changes}


def test_a_record_of_an_older_key_is_removed_under_that_key(oracle: AppStateOracle) -> None:
    random_bytes = random.Random(3).randbytes
    ours = Collection(NAME, keys_of(OLD))
    oracle.decode(NAME, ours.write(archive(1), archive(2), random_bytes=random_bytes))
    ours.keys = keys_of(OLD, NEW)
    patch = ours.write(archive(1, archived=False), random_bytes=random_bytes)
    told = oracle.decode(NAME, patch)
    assert told.hash == ours.state.hash
    assert len(ours.records) == 2
    told = oracle.decode(NAME, ours.write(removal(2), random_bytes=random_bytes))
    assert told.hash == ours.state.hash
    assert len(ours.records) == 1


def test_we_follow_the_patches_of_baileys(oracle: AppStateOracle) -> None:
    ours = Collection(NAME, keys_of(OLD))
    for number, remove in ((1, False), (2, False), (1, False), (2, True), (2, False)):
        index = ["archive", f"{number}@s.whatsapp.net"]
        value = {"timestamp": 5, "archiveChatAction": {"archived": True}}
        made = oracle.encode(NAME, OLD, index, value, version=3, remove=remove)
        assert made.patch is not None
        (mutation,) = ours.apply(made.patch).mutations
        assert mutation.value.archiveChatAction.archived
        assert (ours.state.version, ours.state.hash) == (made.version, made.hash)
        assert not ours.state.diverged


def test_baileys_begins_with_our_snapshot_of_a_thousand_records(oracle: AppStateOracle) -> None:
    ours = Collection(NAME, keys_of(OLD))
    random_bytes = random.Random(4).randbytes
    data = ours.write(*map(archive, range(1000)), random_bytes=random_bytes)
    patch = appstate.SyncdPatch.FromString(data)
    snapshot = appstate.SyncdSnapshot(
        records=[mutation.record for mutation in patch.mutations],
        version=patch.version,
        mac=patch.snapshotMac,
        keyId=patch.keyId,
    ).SerializeToString()
    told = oracle.decode_snapshot(NAME, snapshot)
    assert told.hash == ours.state.hash
    assert len(told.mutations) == 1000
    other = Collection(NAME, keys_of(OLD))
    assert len(other.replace(snapshot).mutations) == 1000
    assert other.state == ours.state
    assert other.records == ours.records


def test_baileys_refuses_what_we_would_refuse(oracle: AppStateOracle) -> None:
    """It is no oracle unless it says no."""
    ours = Collection(NAME, keys_of(OLD))
    patch = appstate.SyncdPatch.FromString(
        ours.write(archive(1), random_bytes=random.Random(5).randbytes)
    )
    patch.snapshotMac = bytes(32)
    with pytest.raises(OracleError):
        oracle.decode(NAME, patch.SerializeToString())
