"""The files a store lives in: readable by their owner alone, from the start."""

from contextlib import suppress
from mmap import mmap
import os
from pathlib import Path
from typing import Final

from .marks import MARKS_SIZE

PRIVATE: Final = 0o600

# What SQLite puts beside a database, and our marks.
_WAL: Final = "-wal"
_SHARED_MEMORY: Final = "-shm"
_JOURNAL: Final = "-journal"
_MARKS: Final = "-marks"


def marks_path(path: Path) -> Path:
    """Name the file of the delivery marks that goes with a database."""
    return path.with_name(path.name + _MARKS)


def all_paths(path: Path) -> list[Path]:
    """Name every file that may exist for a database, the database last."""
    suffixes = (_WAL, _SHARED_MEMORY, _JOURNAL, _MARKS, "")
    return [path.with_name(path.name + suffix) for suffix in suffixes]


def make_private(path: Path) -> None:
    """Create the database file if missing, and take rights away from all but the owner.

    SQLite gives the files it makes beside the database the database's own rights.
    """
    # Exclusively, so that a file that exists isn't opened here: closing it again
    # would drop the locks that SQLite may hold on it in this process.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
    for each in all_paths(path):
        if each.is_file():
            each.chmod(PRIVATE)


def map_marks(path: Path) -> mmap:
    """Map the file of the delivery marks, creating it if missing."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        os.fchmod(descriptor, PRIVATE)
        missing = MARKS_SIZE - os.fstat(descriptor).st_size
        if missing > 0:
            # Writing, not truncating: a hole met on a full disk kills the process
            # at the first store into it.
            os.pwrite(descriptor, bytes(missing), MARKS_SIZE - missing)
        return mmap(descriptor, MARKS_SIZE)
    finally:
        os.close(descriptor)


def remove_all(path: Path) -> None:
    """Remove a database and everything beside it, as far as it exists."""
    for each in all_paths(path):
        each.unlink(missing_ok=True)
