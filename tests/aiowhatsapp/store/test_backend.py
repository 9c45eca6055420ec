"""What every backend must do."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreError
from custom_components.whatsapp_web.aiowhatsapp.store import Backend, Delete, Put, Store, Table


def puts(table: Table, *keys: str) -> list[Put]:
    return [Put(table, key, key.encode()) for key in keys]


async def test_what_was_committed_is_read(backend: Backend) -> None:
    await backend.commit(puts(Table.SESSION, "a", "b"))

    assert await backend.get(Table.SESSION, ["b", "a", "c"]) == {"a": b"a", "b": b"b"}
    assert await backend.get(Table.SESSION, []) == {}


async def test_tables_are_apart(backend: Backend) -> None:
    await backend.commit(puts(Table.SESSION, "a"))

    assert await backend.get(Table.IDENTITY, ["a"]) == {}
    assert await backend.scan(Table.IDENTITY) == []
    assert await backend.count(Table.IDENTITY) == 0


@pytest.mark.parametrize("table", [Table.SESSION, Table.INBOX])
async def test_the_last_write_to_an_entry_wins(backend: Backend, table: Table) -> None:
    await backend.commit([Put(table, "a", b"1"), Put(table, "a", b"2"), Put(table, "b", b"1")])
    await backend.commit([Delete(table, "b"), Delete(table, "never there")])

    assert await backend.get(table, ["a", "b"]) == {"a": b"2"}


@pytest.mark.parametrize("table", [Table.SESSION, Table.INBOX])
async def test_an_entry_that_was_missed_is_found_once_written(
    backend: Backend, table: Table
) -> None:
    assert await backend.get(table, ["a"]) == {}
    await backend.commit(puts(table, "a"))
    assert await backend.get(table, ["a"]) == {"a": b"a"}


async def test_empty_values_and_odd_keys_are_kept(backend: Backend) -> None:
    keys = ["", "nul\0inside", "'; DROP TABLE entry; --", "%_*", "снег", "\U0001f600", "x" * 5000]
    await backend.commit([Put(Table.SEEN, key, b"") for key in keys])

    assert await backend.get(Table.SEEN, keys) == dict.fromkeys(keys, b"")
    assert [key for key, _ in await backend.scan(Table.SEEN)] == keys


async def test_large_values_are_kept(backend: Backend) -> None:
    value = bytes(range(256)) * 4096
    await backend.commit([Put(Table.SESSION, "large", value)])

    assert await backend.get(Table.SESSION, ["large"]) == {"large": value}


async def test_scan_gives_the_order_of_first_writing(backend: Backend) -> None:
    await backend.commit(puts(Table.INBOX, "z", "m"))
    await backend.commit(puts(Table.INBOX, "a"))
    await backend.commit([Put(Table.INBOX, "z", b"again")])

    assert await backend.scan(Table.INBOX) == [("z", b"again"), ("m", b"m"), ("a", b"a")]


async def test_an_entry_written_anew_goes_to_the_end(backend: Backend) -> None:
    await backend.commit(puts(Table.INBOX, "a", "b"))
    await backend.commit([Delete(Table.INBOX, "a"), *puts(Table.INBOX, "a")])

    assert [key for key, _ in await backend.scan(Table.INBOX)] == ["b", "a"]


async def test_scan_and_count_by_prefix(backend: Backend) -> None:
    await backend.commit(puts(Table.SESSION, "1.0", "12.0", "1.7", "1/0", "1.\u00e9"))

    assert [key for key, _ in await backend.scan(Table.SESSION, prefix="1.")] == [
        "1.0",
        "1.7",
        "1.\u00e9",
    ]
    assert await backend.count(Table.SESSION, prefix="1.") == 3
    assert await backend.count(Table.SESSION) == 5


async def test_scan_with_a_limit(backend: Backend) -> None:
    await backend.commit(puts(Table.PRE_KEY, "c", "b", "a"))

    assert [key for key, _ in await backend.scan(Table.PRE_KEY, limit=2)] == ["c", "b"]
    assert await backend.scan(Table.PRE_KEY, limit=0) == []


async def test_prune_drops_what_has_expired_and_nothing_else(backend: Backend) -> None:
    await backend.commit(
        [
            Put(Table.SEEN, "before", b"", 99),
            Put(Table.SEEN, "at", b"", 100),
            Put(Table.SEEN, "after", b"", 101),
            Put(Table.SEEN, "never", b""),
            # Hot tables are cached: what was pruned must be gone there, too.
            Put(Table.CONTACT, "cached", b"", 1),
        ]
    )

    assert await backend.prune(100) == 3
    assert [key for key, _ in await backend.scan(Table.SEEN)] == ["after", "never"]
    assert await backend.get(Table.CONTACT, ["cached"]) == {}
    assert await backend.prune(100) == 0


async def test_writing_again_moves_the_expiry(backend: Backend) -> None:
    await backend.commit([Put(Table.SEEN, "later", b"", 1), Put(Table.SEEN, "kept", b"", 1)])
    await backend.commit([Put(Table.SEEN, "later", b"", 500), Put(Table.SEEN, "kept", b"")])

    assert await backend.prune(100) == 0
    assert await backend.prune(500) == 1


async def test_a_commit_of_nothing_is_fine(backend: Backend) -> None:
    await backend.commit([])


async def test_concurrent_commits_are_all_made(backend: Backend) -> None:
    await asyncio.gather(*(backend.commit(puts(Table.INBOX, f"{n}a", f"{n}b")) for n in range(100)))

    assert await backend.count(Table.INBOX) == 200


async def test_everything_outlives_close_and_open(closed_backend: Backend) -> None:
    await closed_backend.open()
    await closed_backend.commit(puts(Table.SESSION, "a"))
    closed_backend.marks.mark("m")
    await closed_backend.close()
    await closed_backend.open()

    assert await closed_backend.get(Table.SESSION, ["a"]) == {"a": b"a"}
    assert closed_backend.marks.is_marked("m")
    await closed_backend.close()


async def test_opening_and_closing_twice_is_fine(closed_backend: Backend) -> None:
    await closed_backend.close()
    await closed_backend.open()
    await closed_backend.open()
    await closed_backend.close()
    await closed_backend.close()


CALLS: list[Callable[[Backend], Awaitable]] = [
    lambda backend: backend.get(Table.SESSION, ["a"]),
    lambda backend: backend.get(Table.SESSION, []),
    lambda backend: backend.scan(Table.SESSION),
    lambda backend: backend.count(Table.SESSION),
    lambda backend: backend.commit(puts(Table.SESSION, "a")),
    lambda backend: backend.commit([]),
    lambda backend: backend.prune(0),
]


@pytest.mark.parametrize("call", CALLS)
async def test_nothing_works_before_open(
    closed_backend: Backend, call: Callable[[Backend], Awaitable]
) -> None:
    with pytest.raises(StoreError):
        await call(closed_backend)


@pytest.mark.parametrize("call", CALLS)
async def test_nothing_works_after_close(
    closed_backend: Backend, call: Callable[[Backend], Awaitable]
) -> None:
    await closed_backend.open()
    await closed_backend.commit(puts(Table.SESSION, "a"))
    await closed_backend.close()

    with pytest.raises(StoreError):
        await call(closed_backend)


async def test_marks_need_an_open_backend(closed_backend: Backend) -> None:
    with pytest.raises(StoreError):
        _ = closed_backend.marks
    await closed_backend.open()
    marks = closed_backend.marks
    await closed_backend.close()
    with pytest.raises(StoreError):
        marks.mark("m")


async def test_deleting_an_inbox_entry_forgets_its_mark(backend: Backend) -> None:
    await backend.commit(puts(Table.INBOX, "a", "b"))
    backend.marks.mark("a")
    backend.marks.mark("b")
    await backend.commit([Delete(Table.INBOX, "a"), Delete(Table.SEEN, "b")])

    assert not backend.marks.is_marked("a")
    assert backend.marks.is_marked("b")


@pytest.mark.parametrize("opened", [True, False])
async def test_destroy_leaves_nothing(closed_backend: Backend, opened: bool) -> None:
    await closed_backend.open()
    await closed_backend.commit(puts(Table.SESSION, "a"))
    closed_backend.marks.mark("m")
    if not opened:
        await closed_backend.close()
    await closed_backend.destroy()
    await closed_backend.open()

    assert await closed_backend.get(Table.SESSION, ["a"]) == {}
    assert not closed_backend.marks.is_marked("m")
    await closed_backend.close()


async def test_the_store_passes_on_to_its_backend(closed_backend: Backend) -> None:
    store = Store(closed_backend)
    await store.open()
    await store.seen.put(None, "a", expires_at=1)
    assert await store.prune(1) == 1
    await store.close()
    with pytest.raises(StoreError):
        await store.prune(1)
    await store.destroy()
