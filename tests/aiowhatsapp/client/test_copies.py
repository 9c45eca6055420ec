"""What a restored copy takes over, and what it must not."""

from collections.abc import AsyncIterator
import logging
import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.context import Context
from custom_components.whatsapp_web.aiowhatsapp.client.copies import note_replaced, take_over_copy
from custom_components.whatsapp_web.aiowhatsapp.client.prekeys import UPLOAD_DUE
from custom_components.whatsapp_web.aiowhatsapp.signal import MAX_KEY_ID, SignalAddress, create
from custom_components.whatsapp_web.aiowhatsapp.store import (
    COPY_MARK,
    MemoryBackend,
    Store,
    Table,
)
from tests.aiowhatsapp.client.pairing_support import FakeClock
from tests.aiowhatsapp.store.freeze import ALICE, GROUP, fill
from tests.aiowhatsapp.store.support import run_blocking
from tests.whatsapp_web.fakes import make_credentials

type Contents = dict[Table, dict[str, bytes]]

DROPPED = (
    Table.SESSION,
    Table.SENDER_KEY_TARGET,
    Table.DEVICE_LIST,
    Table.GROUP,
    Table.OUTBOX,
)
CHANGED = (Table.SENDER_KEY, Table.META, Table.COLLECTION)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """A store with something in every table."""
    made = Store(MemoryBackend())
    await made.open()
    await fill(made)
    yield made
    await made.close()


def context_over(store: Store, seed: int = 1) -> Context:
    return Context(
        credentials=make_credentials(),
        store=store,
        clock=FakeClock(),
        random_bytes=random.Random(seed).randbytes,
        run_blocking=run_blocking,
    )


async def contents(store: Store) -> Contents:
    return {table: dict(await store.backend.scan(table)) for table in Table}


async def copied(store: Store) -> None:
    """Make it as if this was the copy of another."""
    await store.meta.put(None, COPY_MARK, b"another's")


async def test_an_original_is_left_alone(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = await contents(store)
    await take_over_copy(context_over(store))
    assert await contents(store) == before
    await store.backend.begin_copy()
    marked = await contents(store)
    await take_over_copy(context_over(store))
    assert await contents(store) == marked
    assert caplog.records == []


async def test_nothing_that_encrypts_is_taken_over(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await copied(store)
    before = await contents(store)
    await take_over_copy(context_over(store))
    after = await contents(store)
    for table in Table:
        assert before[table]
        if table in DROPPED:
            assert after[table] == {}
        elif table not in CHANGED:
            assert after[table] == before[table]
    # Others' sender keys only read; the group goes on being readable.
    assert after[Table.SENDER_KEY] == before[Table.SENDER_KEY]
    assert await store.app_state.is_stale(None, "regular")
    meta = dict(after[Table.META])
    assert meta.pop(UPLOAD_DUE) == b"\x01"
    assert meta.pop(".next_pre_key_id") != before[Table.META][".next_pre_key_id"]
    assert meta.items() < before[Table.META].items()
    assert not await store.is_copy()
    assert [(record.levelname, "new sessions" in record.message) for record in caplog.records] == [
        ("INFO", True)
    ]


async def test_a_state_that_somebody_else_used_counts_as_a_copy(store: Store) -> None:
    await note_replaced(context_over(store))
    await take_over_copy(context_over(store))
    done = await contents(store)
    assert done[Table.SESSION] == {}
    await take_over_copy(context_over(store))
    assert await contents(store) == done


async def test_it_is_done_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await copied(store)
    await take_over_copy(context_over(store))
    done = await contents(store)
    await take_over_copy(context_over(store))
    assert await contents(store) == done
    assert len(caplog.records) == 1


async def test_our_own_sender_keys_go_under_both_our_addresses(store: Store) -> None:
    credentials = make_credentials()
    ours = [
        SignalAddress(jid.signal_name, jid.device) for jid in (credentials.lid, credentials.jid)
    ]
    # Our other devices' keys are theirs.
    other = SignalAddress(credentials.lid.signal_name, credentials.lid.device + 10)
    for address in (*ours, other):
        await store.sender_keys.put(None, GROUP, address, create(random.Random(3).randbytes))
    await copied(store)
    await take_over_copy(context_over(store))
    assert [await store.sender_keys.get(None, GROUP, address) for address in ours] == [None, None]
    assert await store.sender_keys.get(None, GROUP, other) is not None
    assert await store.sender_keys.get(None, GROUP, ALICE) is not None


async def test_ids_of_prekeys_move_far_on_and_differently_each_time(store: Store) -> None:
    found = set()
    for seed in range(20):
        await store.meta.put(None, ".next_pre_key_id", (MAX_KEY_ID - 5).to_bytes(4))
        await copied(store)
        await take_over_copy(context_over(store, seed))
        found.add(await store.pre_keys.next_id(None))
    assert len(found) == 20
    # A quarter to a half of all ids further on, past the end of them.
    assert min(found) + 5 >= 1 << 22
    assert max(found) + 5 < 1 << 23


@pytest.mark.parametrize(
    ("first", "count", "following"),
    [(1, 1, 2), (1, 812, 813), (MAX_KEY_ID, 1, 1), (MAX_KEY_ID - 1, 3, 2)],
)
async def test_skipping_ids_wraps_like_using_them(
    store: Store, first: int, count: int, following: int
) -> None:
    await store.meta.put(None, ".next_pre_key_id", first.to_bytes(4))
    await store.pre_keys.skip_ids(None, count)
    assert await store.pre_keys.next_id(None) == following
