import asyncio

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import LocalProtocolError
from custom_components.whatsapp_web.aiowhatsapp.store import (
    Backend,
    Delete,
    Put,
    Store,
    Table,
    Transaction,
)


async def test_writes_are_made_at_the_end(store: Store) -> None:
    async with store.transaction() as tx:
        await store.meta.put(tx, "a", b"1")
        await store.seen.put(tx, "m", expires_at=9)
        assert await store.meta.get(None, "a") is None

    assert await store.meta.get(None, "a") == b"1"
    assert await store.seen.contains(None, "m")


async def test_an_exception_leaves_everything_as_it_was(store: Store) -> None:
    await store.meta.put(None, "a", b"before")

    async def work() -> None:
        async with store.transaction() as tx:
            await store.meta.put(tx, "a", b"after")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()

    assert await store.meta.get(None, "a") == b"before"


async def test_being_cancelled_in_the_block_writes_nothing(store: Store) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with store.transaction() as tx:
            await store.meta.put(tx, "a", b"1")
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await store.meta.get(None, "a") is None


async def test_reads_see_own_writes(backend: Backend) -> None:
    await backend.commit([Put(Table.META, key, b"old") for key in ("p1", "p2", "p3", "q")])
    async with Transaction(backend) as tx:
        tx.add(Put(Table.META, "p4", b"new"), Delete(Table.META, "p1"))
        tx.add(Put(Table.META, "p2", b"new"), Delete(Table.META, "p0"))
        tx.add(Put(Table.CONTACT, "p9", b"elsewhere"))

        assert await tx.get(Table.META, ["p1", "p2", "p3", "p4"]) == {
            "p2": b"new",
            "p3": b"old",
            "p4": b"new",
        }
        assert await tx.get(Table.META, ["p4", "p1"]) == {"p4": b"new"}
        expected = [("p2", b"new"), ("p3", b"old"), ("p4", b"new")]
        assert await tx.scan(Table.META, prefix="p") == expected
        assert await tx.scan(Table.META, prefix="p", limit=2) == expected[:2]
        assert await tx.count(Table.META, prefix="p") == 3
        assert await tx.count(Table.META) == 4
        assert await tx.count(Table.SEEN) == 0
        assert await tx.scan(Table.META, prefix="q") == [("q", b"old")]

    assert await backend.scan(Table.META, prefix="p") == expected


async def test_later_writes_replace_earlier_ones(backend: Backend) -> None:
    async with Transaction(backend) as tx:
        tx.add(Put(Table.META, "a", b"1"), Put(Table.META, "b", b"1"))
        tx.add(Delete(Table.META, "a"), Put(Table.META, "b", b"2"))
        assert await tx.get(Table.META, ["a", "b"]) == {"b": b"2"}

    assert await backend.scan(Table.META) == [("b", b"2")]


async def test_an_empty_transaction_commits_nothing(store: Store) -> None:
    async with store.transaction():
        pass


async def test_a_transaction_works_only_inside_its_block(store: Store) -> None:
    tx = store.transaction()
    with pytest.raises(LocalProtocolError):
        await store.meta.put(tx, "a", b"1")
    async with tx:
        pass
    with pytest.raises(LocalProtocolError):
        await store.meta.put(tx, "a", b"1")
    with pytest.raises(LocalProtocolError):
        await store.meta.get(tx, "a")
    with pytest.raises(LocalProtocolError):
        await tx.scan(Table.META)
    with pytest.raises(LocalProtocolError):
        await tx.count(Table.META)
    with pytest.raises(LocalProtocolError):
        async with tx:
            pass
