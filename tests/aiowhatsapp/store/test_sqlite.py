"""The files of the SQLite backend: rights, sealing, damage, versions."""

from collections.abc import Iterator
import functools
import os
from pathlib import Path
import random
import shutil
import sqlite3
import stat

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt, StoreError
from custom_components.whatsapp_web.aiowhatsapp.store import (
    Delete,
    Put,
    SqliteBackend,
    Table,
    database,
)

from .support import sqlite_backend

type Contents = dict[Table, list[tuple[str, bytes]]]


def connection(backend: SqliteBackend) -> sqlite3.Connection:
    assert backend._opened is not None
    return backend._opened.database._connection


async def contents(backend: SqliteBackend) -> Contents:
    return {table: await backend.scan(table) for table in Table}


async def read_file(path: Path) -> Contents:
    backend = sqlite_backend(path)
    try:
        await backend.open()
        return await contents(backend)
    finally:
        await backend.close()


async def write_file(path: Path) -> Contents:
    """Make a database of a few pages."""
    backend = sqlite_backend(path)
    await backend.open()
    values = random.Random(2).randbytes
    for number in range(25):
        await backend.commit(
            [
                Put(Table.SESSION, f"{number}.0", values(300)),
                Put(Table.IDENTITY, f"{number}.0", values(32)),
            ]
        )
    written = await contents(backend)
    await backend.close()
    return written


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def everything(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def overwrite(path: Path, data: bytes | bytearray) -> None:
    path.write_bytes(data)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.usefixtures("open_umask")
async def test_all_files_are_the_owners_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen_at_connect: dict[str, int] = {}
    connect = sqlite3.connect

    class Spy(sqlite3.Connection):
        def __init__(self, *args: object, **kwargs: object) -> None:
            seen_at_connect.update(modes(path.parent))
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite3, "connect", functools.partial(connect, factory=Spy))
    backend = sqlite_backend(path)
    await backend.open()
    await backend.commit([Put(Table.META, "a", b"1")])

    assert seen_at_connect == {"store.db": 0o600}
    assert modes(path.parent) == dict.fromkeys(
        ("store.db", "store.db-wal", "store.db-marks"), 0o600
    )
    await backend.close()


@pytest.mark.usefixtures("open_umask")
async def test_no_file_is_ever_created_for_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[int] = []
    real = os.open

    def spy(file: Path, flags: int, mode: int) -> int:
        descriptor = real(file, flags, mode)
        created.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", spy)
    backend = sqlite_backend(path)
    await backend.open()
    await backend.close()

    assert created == [0o600, 0o600]


async def test_rights_that_are_too_wide_are_taken_away(path: Path) -> None:
    await write_file(path)
    for file in path.parent.iterdir():
        file.chmod(0o666)
    await read_file(path)

    assert set(modes(path.parent).values()) == {0o600}


async def test_destroy_removes_every_file(path: Path) -> None:
    await write_file(path)
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).touch()
    bystander = path.with_name("other.db")
    bystander.touch()
    await sqlite_backend(path).destroy()

    assert list(path.parent.iterdir()) == [bystander]


async def test_values_are_nowhere_in_plain(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await backend.commit([Put(Table.META, "name", b"a secret value")])
    backend.marks.mark("a secret value")
    while_open = everything(path.parent)
    await backend.close()

    assert set(while_open) == {"store.db", "store.db-wal", "store.db-marks"}
    assert not any(b"a secret" in data for data in while_open.values())
    assert not any(b"a secret" in data for data in everything(path.parent).values())


async def test_the_same_value_is_sealed_differently_each_time(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await backend.commit([Put(Table.META, "a", b"1"), Put(Table.META, "b", b"1")])
    await backend.commit([Put(Table.META, "c", b"1")])
    rows = connection(backend).execute("SELECT value FROM entry").fetchall()
    await backend.close()

    assert len({value[:12] for (value,) in rows}) == 3
    assert {len(value) for (value,) in rows} == {12 + 1 + 16}


async def test_another_key_opens_nothing_and_breaks_nothing(path: Path) -> None:
    written = await write_file(path)
    stranger = sqlite_backend(path, key=bytes(32))
    with pytest.raises(StoreCorrupt):
        await stranger.open()
    with pytest.raises(StoreError):
        await stranger.get(Table.SESSION, ["1.0"])
    await stranger.close()

    assert await read_file(path) == written


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_bytes(path: Path, length: int) -> None:
    with pytest.raises(StoreError):
        sqlite_backend(path, key=bytes(length))


async def test_values_that_were_swapped_do_not_open(path: Path) -> None:
    await write_file(path)
    with sqlite3.connect(path) as plain:
        plain.execute(
            "UPDATE entry SET value = (SELECT value FROM entry WHERE kind = 'session' AND key ="
            " '2.0') WHERE kind = 'session' AND key = '1.0'"
        )
    plain.close()
    backend = sqlite_backend(path)
    await backend.open()

    with pytest.raises(StoreCorrupt):
        await backend.get(Table.SESSION, ["1.0"])
    with pytest.raises(StoreCorrupt):
        await backend.scan(Table.SESSION)
    assert len(await backend.get(Table.SESSION, ["2.0"])) == 1
    await backend.close()


async def test_a_value_too_short_to_be_sealed_does_not_open(path: Path) -> None:
    await write_file(path)
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE entry SET value = x'00' WHERE key = '1.0'")
    plain.close()

    with pytest.raises(StoreCorrupt):
        await read_file(path)


@pytest.mark.parametrize("seed", range(8))
async def test_flipped_bits_are_found_or_harmless(path: Path, seed: int, tmp_path: Path) -> None:
    written = await write_file(path)
    sound = everything(path.parent)[path.name]
    rng = random.Random(seed)
    damaged = tmp_path / "damaged.db"
    found = 0
    for offset in [rng.randrange(100), *(rng.randrange(len(sound)) for _ in range(15))]:
        broken = bytearray(sound)
        broken[offset] ^= 1 << rng.randrange(8)
        overwrite(damaged, broken)
        try:
            assert await read_file(damaged) == written
        except StoreError:
            found += 1

    assert found > 0


@pytest.mark.parametrize(
    "damage",
    [
        b"this is not a database at all, only text" * 100,
        b"SQLite format 3\x00" + bytes(4080),
        b"\x00" * 4096,
    ],
)
async def test_files_that_are_no_database(path: Path, damage: bytes) -> None:
    overwrite(path, damage)

    with pytest.raises(StoreCorrupt):
        await read_file(path)


async def test_a_file_cut_short(path: Path) -> None:
    await write_file(path)
    overwrite(path, everything(path.parent)[path.name][:-4096])

    with pytest.raises(StoreCorrupt):
        await read_file(path)


async def test_a_schema_that_is_no_text(path: Path) -> None:
    await write_file(path)
    data = everything(path.parent)[path.name]
    overwrite(path, data.replace(b"expires_at INTEGER", b"expires_at INTE\xc7ER"))

    with pytest.raises(StoreCorrupt):
        await read_file(path)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE schema",
        "DROP TABLE entry",
        "DELETE FROM schema",
        "UPDATE schema SET version = 7",
        "UPDATE entry SET key = CAST(x'31ff' AS TEXT) WHERE key = '1.0' AND kind = 'session'",
        "PRAGMA user_version = -1",
        "PRAGMA user_version = 0",
    ],
)
async def test_a_database_that_is_not_ours(path: Path, statement: str) -> None:
    await write_file(path)
    with sqlite3.connect(path) as plain:
        plain.execute(statement)
    plain.close()

    with pytest.raises(StoreCorrupt):
        await read_file(path)


async def test_a_newer_version_is_left_alone(path: Path) -> None:
    written = await write_file(path)
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA user_version = 99")
    plain.close()
    with pytest.raises(StoreError, match="newer version") as failure:
        await read_file(path)
    assert not isinstance(failure.value, StoreCorrupt)

    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA user_version = 1")
    plain.close()
    assert await read_file(path) == written


async def test_migrations_run_in_order_and_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = await write_file(path)
    ran: list[int] = []

    def add_column(plain: sqlite3.Connection) -> None:
        plain.execute("ALTER TABLE entry ADD COLUMN colour TEXT")
        ran.append(2)

    def fill_column(plain: sqlite3.Connection) -> None:
        plain.execute("UPDATE entry SET colour = 'green'")
        ran.append(3)

    migrations = {**database.MIGRATIONS, 1: add_column, 2: fill_column}
    monkeypatch.setattr(database, "MIGRATIONS", migrations)

    assert await read_file(path) == written
    assert await read_file(path) == written
    assert ran == [2, 3]


async def test_a_migration_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = await write_file(path)

    def break_off(plain: sqlite3.Connection) -> None:
        plain.execute("DELETE FROM entry")
        raise sqlite3.OperationalError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", {**database.MIGRATIONS, 1: break_off})
        with pytest.raises(StoreError, match="broken off"):
            await read_file(path)

    assert await read_file(path) == written


@pytest.mark.parametrize("place", ["store.db", "store.db-marks"])
async def test_a_folder_in_place_of_a_file(path: Path, place: str) -> None:
    path.with_name(place).mkdir(mode=0o755)

    with pytest.raises(StoreError) as failure:
        await read_file(path)
    assert failure.value.__cause__ is not None
    assert modes(path.parent)[place] == 0o755


async def test_a_failed_open_can_be_tried_again(path: Path) -> None:
    marks = path.with_name("store.db-marks")
    marks.mkdir()
    backend = sqlite_backend(path)
    with pytest.raises(StoreError):
        await backend.open()
    marks.rmdir()
    await backend.open()
    await backend.commit([Put(Table.META, "a", b"1")])
    await backend.close()


async def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        await sqlite_backend(tmp_path / "nowhere" / "store.db").open()


async def test_one_database_is_opened_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.0)
    first, second = sqlite_backend(path), sqlite_backend(path)
    await first.open()
    with pytest.raises(StoreError, match="locked"):
        await second.open()
    await first.commit([Put(Table.META, "a", b"1")])
    await first.close()
    await second.open()

    assert await second.get(Table.META, ["a"]) == {"a": b"1"}
    await second.close()


async def test_a_full_disk_fails_the_commit_and_keeps_what_was_there(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await backend.commit([Put(Table.SESSION, "a", b"before")])
    connection(backend).execute("PRAGMA max_page_count = 8")
    with pytest.raises(StoreError, match="full") as failure:
        await backend.commit(
            [Put(Table.SESSION, "a", b"after"), Put(Table.SESSION, "b", bytes(100_000))]
        )
    assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
    assert not isinstance(failure.value, StoreCorrupt)
    assert await backend.get(Table.SESSION, ["a", "b"]) == {"a": b"before"}

    await backend.commit([Put(Table.SESSION, "a", b"small")])
    connection(backend).execute("PRAGMA max_page_count = 1000")
    await backend.commit([Put(Table.SESSION, "b", bytes(100_000))])
    await backend.close()
    assert (await read_file(path))[Table.SESSION] == [("a", b"small"), ("b", bytes(100_000))]


async def test_a_disk_that_became_read_only_fails_commits_but_not_reads(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    await backend.commit([Put(Table.INBOX, "a", b"before")])
    connection(backend).execute("PRAGMA query_only = ON")

    with pytest.raises(StoreError) as failure:
        await backend.commit([Delete(Table.INBOX, "a")])
    assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
    with pytest.raises(StoreError):
        await backend.prune(0)
    assert await backend.get(Table.INBOX, ["a"]) == {"a": b"before"}
    await backend.close()


@pytest.mark.parametrize(
    "write",
    [
        Put(Table.META, "\ud800", b""),
        Delete(Table.META, "\ud800"),
        Put(Table.META, "a", b"", 2**63),
    ],
)
async def test_what_can_not_be_stored_fails_alone(path: Path, write: Put | Delete) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    with pytest.raises(StoreError):
        await backend.commit([Put(Table.META, "b", b"1"), write])
    assert await backend.count(Table.META) == 0
    await backend.close()


async def test_it_is_durable_and_exclusive(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    settings = {
        name: connection(backend).execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "locking_mode")
    }
    await backend.close()

    # 2 is FULL.
    assert settings == {"journal_mode": "wal", "synchronous": 2, "locking_mode": "exclusive"}


async def test_a_shorter_marks_file_is_filled_up(path: Path) -> None:
    backend = sqlite_backend(path)
    await backend.open()
    backend.marks.mark("first")
    await backend.close()
    marks = path.with_name("store.db-marks")
    size = marks.stat().st_size
    os.truncate(marks, 100)
    await backend.open()

    assert marks.stat().st_size == size
    assert backend.marks.is_marked("first")
    # On disk, not a hole: a full disk can't make it kill the process.
    assert marks.stat().st_blocks * 512 >= size
    await backend.close()


async def test_a_copy_without_the_marks_still_opens(path: Path, tmp_path: Path) -> None:
    written = await write_file(path)
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)

    assert await read_file(copy) == written
