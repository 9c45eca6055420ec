"""Who waits for whom in the SQLite backend."""

import asyncio
from collections.abc import AsyncIterator, Callable
import functools
from pathlib import Path
import sqlite3
import threading
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt, StoreError
from custom_components.whatsapp_web.aiowhatsapp.store import (
    Delete,
    Put,
    SqliteBackend,
    Table,
)

from .support import Gate, sqlite_backend


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def backend(path: Path, gate: Gate) -> AsyncIterator[SqliteBackend]:
    backend = sqlite_backend(path, run=gate)
    await backend.open()
    yield backend
    gate.opened.set()
    await backend.close()


def put(key: str, value: bytes = b"1", table: Table = Table.META) -> Put:
    return Put(table, key, value)


async def begin(gate: Gate, backend: SqliteBackend) -> asyncio.Task[None]:
    """Bring a commit to where its job waits for a thread."""
    gate.shut()
    task = asyncio.create_task(backend.commit([put("first")]))
    await gate.waiting.wait()
    return task


async def test_no_statement_runs_on_the_event_loop(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    connect = sqlite3.connect

    class Spy(sqlite3.Connection):
        def execute(self, *args: Any) -> sqlite3.Cursor:
            threads.add(threading.get_ident())
            return super().execute(*args)

        def close(self) -> None:
            threads.add(threading.get_ident())
            super().close()

    monkeypatch.setattr(sqlite3, "connect", functools.partial(connect, factory=Spy))
    backend = sqlite_backend(path)
    await backend.open()
    await backend.commit([put("a"), Delete(Table.META, "b")])
    await backend.get(Table.META, ["a", "c"])
    await backend.scan(Table.META)
    await backend.count(Table.META)
    await backend.prune(0)
    await backend.destroy()

    assert threads
    assert threading.get_ident() not in threads


async def test_a_mark_needs_no_thread(gate: Gate, backend: SqliteBackend) -> None:
    gate.shut()
    backend.marks.mark("m")

    assert backend.marks.is_marked("m")
    assert gate.jobs == 0


async def test_the_loop_goes_on_while_the_disk_is_slow(gate: Gate, backend: SqliteBackend) -> None:
    task = await begin(gate, backend)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    gate.opened.set()
    await task

    assert await backend.get(Table.META, ["first"]) == {"first": b"1"}


async def test_commits_that_wait_share_one_transaction(gate: Gate, backend: SqliteBackend) -> None:
    first = await begin(gate, backend)
    others = [asyncio.create_task(backend.commit([put(f"k{n}")])) for n in range(50)]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(first, *others)

    assert gate.jobs == 2
    assert await backend.count(Table.META) == 51


async def test_in_a_shared_transaction_the_order_is_that_of_the_calls(
    gate: Gate, backend: SqliteBackend
) -> None:
    first = await begin(gate, backend)
    others = [
        asyncio.create_task(
            backend.commit([put("same", bytes([n])), put(f"{n}", b"", Table.INBOX)])
        )
        for n in range(20)
    ]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(first, *others)

    assert await backend.get(Table.META, ["same"]) == {"same": bytes([19])}
    assert [key for key, _ in await backend.scan(Table.INBOX)] == [str(n) for n in range(20)]


async def test_one_bad_commit_fails_alone(gate: Gate, backend: SqliteBackend) -> None:
    first = await begin(gate, backend)
    commits = [[put("a")], [put("b"), put("\ud800")], [put("c")]]
    others = [asyncio.create_task(backend.commit(writes)) for writes in commits]
    await asyncio.sleep(0)
    gate.opened.set()
    outcomes = await asyncio.gather(first, *others, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        type(None),
        StoreError,
        type(None),
    ]
    assert set(await backend.get(Table.META, ["first", "a", "b", "c"])) == {"first", "a", "c"}


async def test_reads_are_answered_from_memory_once_known(
    gate: Gate, backend: SqliteBackend
) -> None:
    await backend.commit([put("a")])
    await backend.get(Table.META, ["a", "b"])
    gate.shut()

    assert await backend.get(Table.META, ["a", "b"]) == {"a": b"1"}
    assert gate.jobs == 0


async def test_a_failed_commit_leaves_memory_and_disk_alike(
    gate: Gate, backend: SqliteBackend
) -> None:
    await backend.commit([put("a", b"before")])
    with pytest.raises(StoreError):
        await backend.commit([put("a", b"after"), put("\ud800")])

    assert await backend.get(Table.META, ["a"]) == {"a": b"before"}
    assert await backend.scan(Table.META) == [("a", b"before")]


async def test_a_commit_is_seen_only_when_it_is_made(gate: Gate, backend: SqliteBackend) -> None:
    await backend.commit([put("first", b"before")])
    task = await begin(gate, backend)
    assert await backend.get(Table.META, ["first"]) == {"first": b"before"}
    gate.opened.set()
    await task

    assert await backend.get(Table.META, ["first"]) == {"first": b"1"}


async def test_a_read_that_waits_behind_a_commit_remembers_what_it_wrote(
    gate: Gate, backend: SqliteBackend
) -> None:
    task = await begin(gate, backend)
    read = asyncio.create_task(backend.get(Table.META, ["first"]))
    await asyncio.sleep(0)
    gate.opened.set()

    assert await read == {"first": b"1"}
    await task
    assert await backend.get(Table.META, ["first"]) == {"first": b"1"}


async def test_a_cancelled_commit_is_made_all_the_same(gate: Gate, backend: SqliteBackend) -> None:
    await backend.get(Table.META, ["first"])
    backend.marks.mark("first")
    gate.shut()
    task = asyncio.create_task(backend.commit([put("first"), Delete(Table.INBOX, "first")]))
    await gate.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.opened.set()

    assert await backend.scan(Table.META) == [("first", b"1")]
    assert await backend.get(Table.META, ["first"]) == {"first": b"1"}
    assert not backend.marks.is_marked("first")


async def test_a_cancelled_commit_that_fails_disturbs_nobody(
    gate: Gate, backend: SqliteBackend
) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    gate.shut()
    write = asyncio.create_task(backend.commit([put("\ud800")]))
    read = asyncio.create_task(backend.get(Table.META, ["\ud800"]))
    await gate.waiting.wait()
    write.cancel()
    read.cancel()
    await asyncio.wait([write, read])
    gate.opened.set()
    await backend.count(Table.META)

    assert complaints == []


async def test_closing_waits_for_a_commit_that_runs(
    gate: Gate, backend: SqliteBackend, path: Path
) -> None:
    task = await begin(gate, backend)
    waiting = asyncio.create_task(backend.commit([put("second")]))
    closing = [asyncio.create_task(backend.close()) for _ in range(2)]
    await asyncio.sleep(0)
    late = asyncio.create_task(backend.get(Table.META, ["late"]))
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(task, waiting, *closing)
    with pytest.raises(StoreError):
        await late

    await backend.open()
    assert [key for key, _ in await backend.scan(Table.META)] == ["first", "second"]


async def test_a_commit_behind_a_close_fails(gate: Gate, backend: SqliteBackend) -> None:
    task = await begin(gate, backend)
    closing = asyncio.create_task(backend.close())
    await asyncio.sleep(0)
    late = asyncio.create_task(backend.commit([put("late")]))
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(task, closing)
    with pytest.raises(StoreError):
        await late

    await backend.open()
    assert [key for key, _ in await backend.scan(Table.META)] == ["first"]


async def test_a_cancelled_close_still_closes(gate: Gate, backend: SqliteBackend) -> None:
    gate.shut()
    closing = asyncio.create_task(backend.close())
    await gate.waiting.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    gate.opened.set()
    await backend.close()

    with pytest.raises(StoreError):
        await backend.scan(Table.META)


async def test_damage_met_while_reading_does_not_stop_the_rest(backend: SqliteBackend) -> None:
    await backend.commit([put("a"), put("b")])
    assert backend._opened is not None
    backend._opened.database._connection.execute("UPDATE entry SET value = x'00' WHERE key = 'a'")
    backend._cache.clear()

    with pytest.raises(StoreCorrupt):
        await backend.get(Table.META, ["a"])
    assert await backend.get(Table.META, ["b"]) == {"b": b"1"}


async def test_without_threads_everything_fails_cleanly(path: Path) -> None:
    running = True

    async def run[T](job: Callable[[], T], /) -> T:
        if not running:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return job()

    backend = sqlite_backend(path, run=run)
    await backend.open()
    await backend.commit([put("a")])
    opened = backend._opened
    assert opened is not None
    running = False

    with pytest.raises(StoreError):
        await backend.commit([put("b")])
    with pytest.raises(StoreError):
        await backend.scan(Table.META)
    with pytest.raises(StoreError):
        await backend.close()
    opened.close()


async def test_when_the_loop_is_torn_down_no_caller_is_left_waiting(
    gate: Gate, backend: SqliteBackend
) -> None:
    commit = await begin(gate, backend)
    read = asyncio.create_task(backend.scan(Table.META))
    await asyncio.sleep(0)
    behind = asyncio.create_task(backend.commit([put("behind")]))
    await asyncio.sleep(0)
    for task in list(backend._tasks):
        task.cancel()

    for caller in (commit, read, behind):
        with pytest.raises(asyncio.CancelledError):
            await caller
    gate.opened.set()
    await backend.commit([put("after")])
    assert await backend.get(Table.META, ["after"]) == {"after": b"1"}


async def test_a_write_that_was_torn_down_is_read_from_disk(path: Path) -> None:
    cut_off = asyncio.Event()
    finished: list[asyncio.Future[object]] = []

    async def run[T](job: Callable[[], T], /) -> T:
        result = asyncio.get_running_loop().run_in_executor(None, job)
        if cut_off.is_set():
            # Like a task that is cancelled while its job runs to the end.
            finished.append(asyncio.ensure_future(asyncio.wait([result])))
            cut_off.clear()
            raise asyncio.CancelledError
        return await result

    backend = sqlite_backend(path, run=run)
    await backend.open()
    await backend.commit([put("a", b"before")])
    cut_off.set()
    with pytest.raises(asyncio.CancelledError):
        await backend.commit([put("a", b"after")])
    await asyncio.wait(finished)

    assert await backend.get(Table.META, ["a"]) == {"a": b"after"}
    await backend.close()


async def test_many_tasks_at_once_see_a_consistent_store(backend: SqliteBackend) -> None:
    async def count_up(name: str) -> None:
        for number in range(30):
            await backend.commit(
                [put(f"{name}-a", bytes([number])), put(f"{name}-b", bytes([number]))]
            )
            found = await backend.get(Table.META, [f"{name}-a", f"{name}-b"])
            assert set(found.values()) == {bytes([number])}

    async def watch() -> None:
        for _ in range(30):
            entries = dict(await backend.scan(Table.META))
            for name in "xyz":
                assert entries.get(f"{name}-a") == entries.get(f"{name}-b")

    await asyncio.gather(*(count_up(name) for name in "xyz"), watch(), watch())
