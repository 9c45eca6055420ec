"""Work on files, on other threads and in slices, so that nothing waits for a disk."""

import asyncio
from collections.abc import AsyncIterator, Callable, Set as AbstractSet
from contextlib import suppress
import os
from pathlib import Path
import shutil
import stat
from typing import BinaryIO, Final

from ..errors import MediaFileError, MediaIntegrityError, MediaTooLarge
from ..media.cipher import FileDecryptor, FileDigests, FileEncryptor
from ..media.keys import derive_keys
from ..media.reference import FileReference
from ..store import RunBlocking

# Read, encrypted, hashed and written in one job: some milliseconds on a small machine.
SLICE: Final = 256 << 10
PRIVATE: Final = 0o600
# What was fetched on purpose is for others, too.
READABLE: Final = 0o644


async def run_job[T](run_blocking: RunBlocking, job: Callable[[], T]) -> T:
    """Run one job. Whoever is cancelled meanwhile still waits for its end.

    So no thread is at a file that is being closed or removed. Raises `MediaFileError`.
    """
    task = asyncio.ensure_future(run_blocking(job))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            # Asked for, or it would be logged as never retrieved.
            task.exception()
        raise
    except OSError as err:
        raise MediaFileError(f"A file can't be used: {err.strerror or err}") from err


async def file_size(run_blocking: RunBlocking, path: Path, *, limit: int) -> int:
    """Give the size of a file without reading it.

    Raises `MediaTooLarge`, or `MediaFileError` for what is no file.
    """
    status = await run_job(run_blocking, path.stat)
    if not stat.S_ISREG(status.st_mode):
        raise MediaFileError("That is no file")
    if status.st_size > limit:
        raise MediaTooLarge(status.st_size, limit)
    return status.st_size


async def remove_file(run_blocking: RunBlocking, path: Path) -> None:
    """Remove a file, if it is there and can be."""

    def remove() -> None:
        with suppress(OSError):
            path.unlink()

    await run_job(run_blocking, remove)


async def duplicate_file(run_blocking: RunBlocking, source: Path, target: Path) -> None:
    """Have a file under another name, too; raise `MediaFileError`."""

    def duplicate() -> None:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            target.hardlink_to(source)
        except FileNotFoundError:
            raise
        except OSError:
            # Not every file system can.
            shutil.copy(source, target)

    await run_job(run_blocking, duplicate)


async def remove_others(
    run_blocking: RunBlocking, folder: Path, pattern: str, kept: AbstractSet[str]
) -> None:
    """Remove the files of a folder that fit a pattern, but those named in `kept`."""

    def remove() -> None:
        for path in folder.glob(pattern):
            if path.name not in kept:
                with suppress(OSError):
                    path.unlink()

    await run_job(run_blocking, remove)


async def encrypt_file(
    run_blocking: RunBlocking, source: Path, target: Path, encryptor: FileEncryptor, *, limit: int
) -> FileDigests:
    """Encrypt one file into another, which is on disk when this returns, or gone.

    Raises `MediaTooLarge` or `MediaFileError`.
    """
    await file_size(run_blocking, source, limit=limit)
    reader = await run_job(run_blocking, lambda: source.open("rb", buffering=0))
    try:
        writer = await run_job(run_blocking, lambda: _create(target, PRIVATE))
        try:
            taken = 0
            while count := await run_job(
                run_blocking, lambda: _encrypt_slice(reader, writer, encryptor)
            ):
                taken += count
                if taken > limit:
                    raise MediaTooLarge(taken, limit)
            await run_job(run_blocking, lambda: _finish(writer, encryptor.finish()))
        except BaseException:
            await run_job(run_blocking, writer.close)
            await remove_file(run_blocking, target)
            raise
    finally:
        await run_job(run_blocking, reader.close)
    return encryptor.digests()


class FileBody:
    """A file's bytes from `offset` on, slice by slice, as the body of an upload.

    `error` is what went wrong on our side of it.
    """

    def __init__(self, run_blocking: RunBlocking, path: Path, *, offset: int) -> None:
        """Name the file; it is opened when the first slice is asked for."""
        self._run_blocking = run_blocking
        self._path = path
        self._offset = offset
        self._file: BinaryIO | None = None
        self._closed = False
        self._turn = asyncio.Lock()
        self.error: MediaFileError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the slices; end early once closed."""
        while piece := await self._next():
            yield piece

    async def _next(self) -> bytes:
        async with self._turn:
            if self._closed:
                return b""
            try:
                if self._file is None:
                    self._file = await run_job(self._run_blocking, self._open)
                file = self._file
                return await run_job(self._run_blocking, lambda: file.read(SLICE))
            except MediaFileError as err:
                self.error = err
                raise

    def _open(self) -> BinaryIO:
        file = self._path.open("rb", buffering=0)
        file.seek(self._offset)
        return file

    async def close(self) -> None:
        """Let go of the file."""
        async with self._turn:
            self._closed = True
            if self._file is not None:
                await run_job(self._run_blocking, self._file.close)


class FileSink:
    """Decrypts what comes in into a file that is not visible before all of it is right."""

    def __init__(self, run_blocking: RunBlocking, path: Path, token: str) -> None:
        """Write beside `path`, under a name with `token` in it that nobody else uses."""
        self._run_blocking = run_blocking
        self._path = path
        # Names have at most 255 bytes, of which a character may take four.
        self._partial = path.with_name(f".{path.name[:40]}.{token}.part")
        self._file: BinaryIO | None = None
        self._decryptor: FileDecryptor | None = None

    async def begin(self, reference: FileReference) -> None:
        """Begin, or begin anew."""
        await self.discard()
        self._decryptor = FileDecryptor(derive_keys(reference.media_key, reference.kind))
        self._file = await run_job(self._run_blocking, lambda: _create(self._partial, READABLE))

    async def write(self, data: bytes) -> None:
        """Take the next piece as it came."""
        file, decryptor = self._open()
        await run_job(self._run_blocking, lambda: _write(file, decryptor.update(data)))

    async def finish(self, reference: FileReference) -> None:
        """Make the file visible if it is right; raise `MediaIntegrityError` otherwise."""
        file, decryptor = self._open()

        def finish() -> None:
            _finish(file, _end(decryptor, reference))
            self._partial.replace(self._path)

        await run_job(self._run_blocking, finish)
        self._file = None

    async def discard(self) -> None:
        """Remove what was not finished."""
        file, self._file = self._file, None
        if file is not None:
            await run_job(self._run_blocking, file.close)
            await remove_file(self._run_blocking, self._partial)

    def _open(self) -> tuple[BinaryIO, FileDecryptor]:
        if self._file is None or self._decryptor is None:
            raise MediaFileError("Nothing was begun")
        return self._file, self._decryptor


class MemorySink:
    """Decrypts what comes in into memory, for what is small."""

    def __init__(self, run_blocking: RunBlocking) -> None:
        """Begin with nothing."""
        self._run_blocking = run_blocking
        self._pieces: list[bytes] = []
        self._decryptor: FileDecryptor | None = None

    async def begin(self, reference: FileReference) -> None:
        """Begin, or begin anew."""
        self._pieces = []
        self._decryptor = FileDecryptor(derive_keys(reference.media_key, reference.kind))

    async def write(self, data: bytes) -> None:
        """Take the next piece as it came."""
        decryptor = self._begun()
        self._pieces.append(await self._run_blocking(lambda: decryptor.update(data)))

    async def finish(self, reference: FileReference) -> None:
        """Check the whole; raise `MediaIntegrityError` when it is not right."""
        self._pieces.append(_end(self._begun(), reference))

    async def discard(self) -> None:
        """Let go of what was not finished."""
        self._pieces = []

    @property
    def content(self) -> bytes:
        """The whole, once finished."""
        return b"".join(self._pieces)

    def _begun(self) -> FileDecryptor:
        if self._decryptor is None:
            raise MediaIntegrityError("Nothing was begun")
        return self._decryptor


def _create(path: Path, mode: int) -> BinaryIO:
    """Create a file, and the folder if need be; what lies there already is none of ours."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    return os.fdopen(descriptor, "wb", buffering=0)


def _encrypt_slice(reader: BinaryIO, writer: BinaryIO, encryptor: FileEncryptor) -> int:
    plaintext = reader.read(SLICE)
    if plaintext:
        _write(writer, encryptor.update(plaintext))
    return len(plaintext)


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _finish(file: BinaryIO, rest: bytes) -> None:
    _write(file, rest)
    os.fsync(file.fileno())
    file.close()


def _end(decryptor: FileDecryptor, reference: FileReference) -> bytes:
    return decryptor.finish(
        plain=reference.digest,
        encrypted=reference.encrypted_digest,
        length=reference.length,
    )
