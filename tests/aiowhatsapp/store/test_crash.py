"""What is left when the process is killed, or the disk refuses."""

from collections.abc import Iterator
from pathlib import Path
import random
import signal
import subprocess
import sys

import pytest

from custom_components.whatsapp_web import aiowhatsapp
from custom_components.whatsapp_web.aiowhatsapp.errors import StoreError
from custom_components.whatsapp_web.aiowhatsapp.store import Put, SqliteBackend, Table

from .support import sqlite_backend

SCRIPTS = Path(__file__).parent
# All that the store imports; without the package's own face the child starts fast.
PARTS = ("store", "appstate", "signal", "crypto", "proto", "errors.py", "jid.py")

WRITERS = 4
ROUNDS = 6


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Give the store as a package of its own, for another process to import."""
    assert aiowhatsapp.__file__ is not None
    package = tmp_path / "library" / "aiowhatsapp"
    package.mkdir(parents=True)
    for part in PARTS:
        (package / part).symlink_to(Path(aiowhatsapp.__file__).with_name(part))
    return package.parent


@pytest.fixture
def child(library: Path, path: Path) -> Iterator[subprocess.Popen[str]]:
    with start(library, path) as process:
        yield process
        process.kill()


def start(library: Path, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPTS / "writer.py"), str(library), str(path), str(WRITERS)],
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process: subprocess.Popen[str], lines: int) -> dict[str, int]:
    """Kill the writer in the middle; return the last number that each task reported."""
    assert process.stdout is not None
    reports = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    # What it had reported before it died, but nobody had read yet.
    reports += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    # The kill may have cut the last line short.
    whole = [report.split() for report in reports if report.endswith("\n")]
    return {writer: int(number) for writer, number in whole}


async def assert_whole(backend: SqliteBackend, reported: dict[str, int]) -> None:
    """Check each task's last transaction: there as a whole, and not before the last report."""
    for writer, number in reported.items():
        counter = (await backend.get(Table.META, [writer]))[writer]
        found = int.from_bytes(counter)
        assert found >= number
        assert await backend.get(Table.SESSION, [f"{writer}.0", f"{writer}.1"]) == {
            f"{writer}.0": counter * 100,
            f"{writer}.1": counter * 100,
        }
        entries = [key for key, _ in await backend.scan(Table.INBOX, prefix=f"{writer}/")]
        # One inbox entry comes and one goes with every transaction.
        assert entries == [f"{writer}/{n}" for n in range(max(1, found - 4), found + 1)]
        assert await backend.get(Table.SEEN, [f"{writer}/{found}", f"{writer}/{found + 1}"]) == {
            f"{writer}/{found}": b""
        }
        # Marked before it was reported, and still marked as long as it is in the inbox.
        assert backend.marks.is_marked(f"{writer}/{number}") == (number > found - 5)
        assert not backend.marks.is_marked(f"{writer}/{found + 1}")


async def test_every_transaction_is_there_whole_or_not_at_all(library: Path, path: Path) -> None:
    rng = random.Random(3)
    backend = sqlite_backend(path)
    reported: dict[str, int] = {}
    for _ in range(ROUNDS):
        with start(library, path) as process:
            reported = kill_after(process, rng.randrange(10, 300))
        await backend.open()
        await assert_whole(backend, reported)
        await backend.close()

    assert len(reported) == WRITERS


async def test_two_processes_never_write_to_one_store(
    child: subprocess.Popen[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "custom_components.whatsapp_web.aiowhatsapp.store.database.BUSY_TIMEOUT", 0.0
    )
    assert child.stdout is not None
    child.stdout.readline()
    backend = sqlite_backend(path)
    with pytest.raises(StoreError, match="locked"):
        await backend.open()

    kill_after(child, 1)
    await backend.open()
    await backend.close()


def fill_disk(library: Path, path: Path) -> list[str]:
    command = [sys.executable, str(SCRIPTS / "fill.py"), str(library), str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return done.stdout.split()


async def test_a_disk_that_takes_no_more_bytes(library: Path, path: Path) -> None:
    written, failed = fill_disk(library, path)
    made = int(written)
    assert made > 0
    assert failed == "StoreError"

    backend = sqlite_backend(path)
    await backend.open()
    assert [key for key, _ in await backend.scan(Table.INBOX)] == [str(n) for n in range(made)]
    assert await backend.count(Table.SEEN) == made
    await backend.commit([Put(Table.INBOX, "more", b"")])
    await backend.close()
