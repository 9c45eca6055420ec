"""Files that are copied while they are in use: whole, and known as a copy."""

from collections.abc import Sequence
from pathlib import Path
import random
import shutil
import sqlite3

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt, StoreError
from custom_components.whatsapp_web.aiowhatsapp.store import (
    COPY_MARK,
    Backend,
    Put,
    SqliteBackend,
    Store,
    Table,
    database,
)

from .support import sqlite_backend

# The order in which a folder lists its files is anybody's guess.
ORDERS = (("", "-wal", "-marks"), ("-marks", "-wal", ""))


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def copy(path: Path, to: Path, suffixes: Sequence[str]) -> Path:
    """Copy the files that exist, as any backup does; name the copied database."""
    to.mkdir()
    for suffix in suffixes:
        if beside(path, suffix).exists():
            shutil.copyfile(beside(path, suffix), beside(to / path.name, suffix))
    return to / path.name


async def step(backend: Backend, number: int) -> None:
    """Make a commit of several entries, all of which tell its number."""
    value = number.to_bytes(4)
    await backend.commit(
        [
            Put(Table.META, "number", value),
            Put(Table.SESSION, f"{number % 7}.0", value * 500),
            Put(Table.SEEN, str(number), b""),
        ]
    )


async def number_in(path: Path) -> int:
    """Open a copy, which has to be known as one; find out after which commit it was made."""
    store = Store(sqlite_backend(path))
    await store.open()
    try:
        assert await store.is_copy()
        number = int.from_bytes(await store.meta.get(None, "number") or b"")
        sessions = dict(await store.backend.scan(Table.SESSION))
        newest = {f"{n % 7}.0": n.to_bytes(4) * 500 for n in range(1, number + 1)}
        assert sessions == newest
        assert [key for key, _ in await store.backend.scan(Table.SEEN)] == [
            str(n) for n in range(1, number + 1)
        ]
        return number
    finally:
        await store.close()


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}


# --- the mark


async def test_who_is_copied_is_no_copy(store: Store) -> None:
    await store.backend.begin_copy()
    assert await store.meta.get(None, COPY_MARK) is not None
    assert not await store.is_copy()
    await store.backend.end_copy()
    assert await store.meta.get(None, COPY_MARK) is None
    assert not await store.is_copy()


async def test_a_closed_store_is_marked_as_well(closed_backend: Backend) -> None:
    store = Store(closed_backend)
    await store.open()
    await store.close()
    await store.backend.begin_copy()
    await store.open()
    assert await store.meta.get(None, COPY_MARK) == store.backend.copy_token is not None
    await store.close()
    await store.backend.end_copy()
    await store.open()
    assert await store.meta.get(None, COPY_MARK) is None
    await store.close()


async def test_beginning_again_and_ending_twice_is_fine(store: Store) -> None:
    await store.backend.end_copy()
    await store.backend.begin_copy()
    token = store.backend.copy_token
    await store.backend.begin_copy()
    assert store.backend.copy_token == token
    await store.backend.end_copy()
    await store.backend.end_copy()
    assert store.backend.copy_token is None
    assert await store.meta.get(None, COPY_MARK) is None


async def test_a_copy_stays_one_while_it_is_copied_itself(store: Store) -> None:
    await store.meta.put(None, COPY_MARK, b"another's")
    await store.backend.begin_copy()
    assert await store.is_copy()
    await store.backend.end_copy()
    assert await store.is_copy()


async def test_a_settled_copy_is_none(store: Store) -> None:
    await store.meta.put(None, COPY_MARK, b"another's")
    async with store.transaction() as tx:
        store.settle_copy(tx)
    assert not await store.is_copy()
    assert await store.meta.get(None, COPY_MARK) is None


async def test_a_copy_settled_while_it_is_copied_leaves_our_mark(store: Store) -> None:
    await store.meta.put(None, COPY_MARK, b"another's")
    await store.backend.begin_copy()
    async with store.transaction() as tx:
        store.settle_copy(tx)
    assert not await store.is_copy()
    assert await store.meta.get(None, COPY_MARK) == store.backend.copy_token
    await store.backend.end_copy()
    assert await store.meta.get(None, COPY_MARK) is None


async def test_each_backup_has_a_mark_of_its_own(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    tokens = set()
    for _ in range(3):
        await backend.begin_copy()
        tokens.add(backend.copy_token)
        await backend.end_copy()
    assert len(tokens) == 3
    await backend.close()


# --- the files


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seed", range(4))
async def test_files_copied_at_any_moment_fit_together(
    path: Path, tmp_path: Path, order: Sequence[str], seed: int
) -> None:
    chance = random.Random(seed)
    backend = sqlite_backend(path)
    await backend.open()
    number = 0

    async def work(most: int) -> None:
        nonlocal number
        for _ in range(chance.randrange(most)):
            number += 1
            await step(backend, number)

    await work(30)
    await backend.begin_copy()
    first = number
    copied = tmp_path / "copy"
    copied.mkdir()
    for suffix in order:
        await work(200)
        if beside(path, suffix).exists():
            shutil.copyfile(beside(path, suffix), beside(copied / path.name, suffix))
    await work(20)
    await backend.end_copy()
    await backend.close()

    assert first <= await number_in(copied / path.name) <= number


async def test_a_log_that_was_cut_anywhere_loses_only_its_end(path: Path, tmp_path: Path) -> None:
    """The reader of a file that grows sees the beginning of what is there in the end."""
    backend = sqlite_backend(path)
    await backend.open()
    await step(backend, 1)
    await backend.begin_copy()
    for number in range(2, 12):
        await step(backend, number)
    log = beside(path, "-wal").read_bytes()
    found = set()
    for length in sorted(random.Random(5).sample(range(len(log)), 40)):
        copied = copy(path, tmp_path / str(length), ("", "-marks"))
        beside(copied, "-wal").write_bytes(log[:length])
        found.add(await number_in(copied))
    assert found > {1, 10}
    await backend.close()


async def test_the_database_alone_is_whole(path: Path, tmp_path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    for number in range(1, 20):
        await step(backend, number)
    await backend.begin_copy()
    for number in range(20, 40):
        await step(backend, number)
    assert await number_in(copy(path, tmp_path / "copy", ("",))) == 19
    await backend.close()


async def test_closing_and_opening_meanwhile_changes_nothing_that_was_copied(
    path: Path, tmp_path: Path
) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await step(backend, 1)
    await backend.begin_copy()
    before = files(path)
    log = b""
    for number in range(2, 8):
        await step(backend, number)
        await backend.close()
        await backend.open()
        assert files(path)[path.name] == before[path.name]
        assert set(files(path)) == set(before)
        grown = beside(path, "-wal").read_bytes()
        assert grown.startswith(log)
        assert len(grown) > len(log)
        log = grown
    await backend.close()
    assert await number_in(copy(path, tmp_path / "copy", ORDERS[0])) == 7


async def test_a_log_of_many_pages_is_not_moved_before_the_end(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await step(backend, 1)
    await backend.begin_copy()
    before = path.read_bytes()
    values = random.Random(6).randbytes
    for number in range(8):
        await backend.commit([Put(Table.SESSION, f"large {number}", values(1 << 20))])
    assert path.read_bytes() == before
    await backend.end_copy()
    await backend.commit([Put(Table.SESSION, "small", b"")])
    assert len(path.read_bytes()) > 8 << 20
    await backend.close()
    assert not beside(path, "-wal").exists()


async def test_asked_a_second_time_the_database_stays_as_it_is(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await backend.begin_copy()
    await step(backend, 1)
    before = files(path)
    await backend.begin_copy()
    assert files(path) == before
    await backend.close()


async def test_what_never_existed_is_not_made(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.begin_copy()
    await backend.end_copy()
    assert files(path) == {}


async def test_what_is_made_meanwhile_is_marked(path: Path, tmp_path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.begin_copy()
    await backend.open()
    await step(backend, 1)
    assert await number_in(copy(path, tmp_path / "copy", ORDERS[0])) == 1
    await backend.end_copy()
    assert await backend.get(Table.META, [COPY_MARK]) == {}
    await backend.close()


async def test_what_is_removed_meanwhile_stays_removed(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await backend.begin_copy()
    await backend.destroy()
    await backend.end_copy()
    assert files(path) == {}


# --- when the disk refuses


def _refuse(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


async def started(path: Path) -> SqliteBackend:
    backend = sqlite_backend(path)
    await backend.open()
    await step(backend, 1)
    return backend


async def test_without_a_mark_the_files_fit_together_all_the_same(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = await started(path)
    with monkeypatch.context() as patch:
        patch.setattr(database.Database, "write", _refuse)
        with pytest.raises(StoreError):
            await backend.begin_copy()
    before = path.read_bytes()
    await step(backend, 2)
    assert path.read_bytes() == before
    copied = Store(sqlite_backend(copy(path, tmp_path / "copy", ORDERS[0])))
    await copied.open()
    assert not await copied.is_copy()
    assert await copied.meta.get(None, "number") == (2).to_bytes(4)
    await copied.close()
    # Space is back, and somebody begins again.
    await backend.begin_copy()
    assert await number_in(copy(path, tmp_path / "marked", ORDERS[0])) == 2
    await backend.end_copy()
    await backend.close()


async def test_a_mark_that_stays_makes_it_a_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = await started(path)
    await backend.begin_copy()
    with monkeypatch.context() as patch:
        patch.setattr(database.Database, "write", _refuse)
        with pytest.raises(StoreError):
            await backend.end_copy()
    assert await Store(backend).is_copy()
    await backend.close()
    # The log was moved all the same: nothing is held up for ever.
    assert not beside(path, "-wal").exists()


async def test_a_file_of_another_key_is_left_alone(path: Path) -> None:
    await (await started(path)).close()
    before = files(path)
    backend = sqlite_backend(path, key=bytes(32))
    with pytest.raises(StoreCorrupt):
        await backend.begin_copy()
    with pytest.raises(StoreCorrupt):
        await backend.end_copy()
    assert files(path)[path.name] == before[path.name]
