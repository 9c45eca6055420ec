"""A disk that can be filled up: a file system of its own where one may be mounted."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import errno
from pathlib import Path
import resource
import subprocess

SIZE = 32 * 1024 * 1024


class SmallDisk:
    """The disk under one folder. Without the right to mount one, files just stop growing."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.mounted = mounted
        self._folder = folder
        self._filler = folder / "filler"
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        """Leave not a byte of room."""
        if not self.mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, self._limits[1]))
            return
        with suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            for size in (1024 * 1024, 4096, 1):
                with suppress(OSError):
                    while True:
                        filler.write(bytes(size))
        assert self.is_full()

    def is_full(self) -> bool:
        """Whether a write of a byte fails, as an independent proof."""
        probe = self._folder / "probe"
        number = 0
        try:
            probe.write_bytes(bytes(4097))
        except OSError as err:
            number = err.errno or 0
        with suppress(OSError):
            probe.unlink()
        return number in (errno.ENOSPC, errno.EFBIG)

    def clear(self) -> None:
        """Give the room back."""
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Put a small disk under an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    disk = SmallDisk(folder, mounted=mounted)
    try:
        yield disk
    finally:
        disk.clear()
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)
