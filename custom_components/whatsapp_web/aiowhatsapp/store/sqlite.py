"""A backend in an SQLite file, worked on by other threads, never by the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
import threading
from typing import Final, override

from ..crypto.kdf import hkdf_sha256
from ..errors import StoreError
from .base import COPY_MARK, Backend, Put, RandomBytes, RunBlocking, Table, Write, forget_marks
from .cache import CACHED_TABLES, ValueCache
from .database import NONCE_LENGTH, Database, translate_errors
from .files import make_private, map_marks, marks_path, remove_all
from .marks import DeliveryMarks

KEY_LENGTH: Final = 32
COPY_TOKEN_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class _Commit:
    """Writes of one caller, with 12 random bytes for each."""

    writes: Sequence[Write]
    nonces: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Commits that wait for the same turn; the task gives an outcome for each."""

    commits: list[_Commit]
    task: asyncio.Task[list[StoreError | None]]


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is there between opening and closing."""

    database: Database
    marks: DeliveryMarks
    mapping: mmap

    @classmethod
    def at(cls, path: Path, key: bytes, nonces: bytes, copy_token: bytes | None) -> _Opened:
        """Open the files; blocks. `nonces` has two of them, `copy_token` says how."""
        make_private(path)
        nonce, copy_nonce = nonces[:NONCE_LENGTH], nonces[NONCE_LENGTH:]
        database = Database(path, key=key, nonce=nonce, frozen=copy_token is not None)
        try:
            if copy_token is not None:
                database.begin_copy(copy_token, copy_nonce, move_log=False)
            mapping = map_marks(marks_path(path))
        except BaseException:
            database.close()
            raise
        secret = hkdf_sha256(key, info=b"delivery marks", length=KEY_LENGTH)
        return cls(database, DeliveryMarks(mapping, secret=secret), mapping)

    def close(self) -> None:
        """Close the files; blocks."""
        try:
            self.mapping.flush()
            self.mapping.close()
        finally:
            self.database.close()


class SqliteBackend(Backend):
    """Keeps entries in `path`, each value sealed under `key` (32 bytes).

    One task at a time works on the file: what callers ask for meanwhile waits in
    line, and all waiting commits share one transaction, hence one wait for the
    disk. A caller that gives up waiting takes nothing out of the line.
    """

    def __init__(
        self, path: str, *, key: bytes, random_bytes: RandomBytes, run_blocking: RunBlocking
    ) -> None:
        if len(key) != KEY_LENGTH:
            raise StoreError("The store's key has 32 bytes")
        self._path = Path(path)
        self._key = key
        self._random_bytes = random_bytes
        self._run_blocking = run_blocking
        self._cache = ValueCache()
        self._opened: _Opened | None = None
        self._copy_token: bytes | None = None
        self._batch: _Batch | None = None
        self._turn = asyncio.Lock()
        # A job outlives the task that waits for it when the loop is torn down.
        self._one_job = threading.Lock()
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    @override
    def marks(self) -> DeliveryMarks:
        return self._require_open().marks

    @override
    async def open(self) -> None:
        await self._in_turn(self._open)

    @override
    async def close(self) -> None:
        await self._in_turn(self._close)

    @override
    async def get(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        self._require_open()
        known = self._cache.lookup(table, keys)
        missing = [key for key in keys if key not in known]
        if missing:
            known |= await self._in_turn(lambda: self._read(table, missing))
        return {key: value for key, value in known.items() if value is not None}

    @override
    async def scan(
        self, table: Table, *, prefix: str = "", limit: int | None = None
    ) -> list[tuple[str, bytes]]:
        return await self._query(lambda database: database.scan(table, prefix, limit))

    @override
    async def count(self, table: Table, *, prefix: str = "") -> int:
        return await self._query(lambda database: database.count(table, prefix))

    @override
    async def commit(self, writes: Sequence[Write]) -> None:
        self._require_open()
        if not writes:
            return
        batch = self._waiting_batch()
        place = len(batch.commits)
        nonces = self._random_bytes(NONCE_LENGTH * len(writes))
        batch.commits.append(_Commit(tuple(writes), nonces))
        await asyncio.wait([batch.task])
        error = batch.task.result()[place]
        if error is not None:
            raise error

    @override
    async def prune(self, now: int) -> int:
        return await self._in_turn(lambda: self._prune(now))

    @property
    @override
    def copy_token(self) -> bytes | None:
        return self._copy_token

    @override
    async def begin_copy(self) -> None:
        await self._in_turn(self._begin_copy)

    @override
    async def end_copy(self) -> None:
        await self._in_turn(self._end_copy)

    @override
    async def destroy(self) -> None:
        async def destroy() -> None:
            await self._close()
            await self._in_thread(lambda: remove_all(self._path))

        await self._in_turn(destroy)

    async def _open(self) -> None:
        if self._opened is None:
            nonces, token = self._random_bytes(2 * NONCE_LENGTH), self._copy_token
            self._opened = await self._in_thread(
                lambda: _Opened.at(self._path, self._key, nonces, token)
            )

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        self._cache.clear()
        if opened is not None:
            opened.marks.detach()
            await self._in_thread(opened.close)

    async def _begin_copy(self) -> None:
        # Asked a second time, the files may be half copied: then the log stays where it is.
        first = self._copy_token is None
        token = self._copy_token or self._random_bytes(COPY_TOKEN_LENGTH)
        nonce = self._random_bytes(NONCE_LENGTH)
        self._copy_token = token
        await self._on_existing(lambda database: database.begin_copy(token, nonce, move_log=first))

    async def _end_copy(self) -> None:
        token, self._copy_token = self._copy_token, None
        if token is not None:
            await self._on_existing(lambda database: database.end_copy(token))

    async def _on_existing(self, change_mark: Callable[[Database], None]) -> None:
        """Change the copy mark of the database, opened for it if need be, unless there is none."""
        was_closed = self._opened is None
        if was_closed and not await self._in_thread(self._path.is_file):
            return
        await self._open()
        try:
            database = self._require_open().database
            await self._in_thread(lambda: change_mark(database))
        finally:
            self._cache.discard(Table.META, COPY_MARK)
            if was_closed:
                await self._close()

    async def _read(self, table: Table, keys: Sequence[str]) -> dict[str, bytes | None]:
        database = self._require_open().database
        found = await self._in_thread(lambda: database.get(table, keys))
        # Still our turn: nothing was written between the reading and this.
        for key in keys:
            self._cache.store(table, key, found.get(key))
        return {**found}

    async def _query[T](self, query: Callable[[Database], T]) -> T:
        async def read() -> T:
            database = self._require_open().database
            return await self._in_thread(lambda: query(database))

        return await self._in_turn(read)

    async def _prune(self, now: int) -> int:
        database = self._require_open().database
        dropped = await self._in_thread(lambda: database.prune(now))
        for table, key in dropped:
            self._cache.discard(table, key)
        return len(dropped)

    def _waiting_batch(self) -> _Batch:
        """Return the batch whose turn has not come, beginning one if there is none."""
        if self._batch is None or self._batch.task.done():
            commits: list[_Commit] = []
            self._batch = _Batch(commits, self._start(self._write(commits)))
        return self._batch

    async def _write(self, commits: list[_Commit]) -> list[StoreError | None]:
        async with self._turn:
            self._batch = None
            opened = self._require_open()
            try:
                errors = await self._in_thread(lambda: _write_each(opened.database, commits))
            except asyncio.CancelledError:
                # The loop is torn down, the job goes on: what is on disk is anybody's guess.
                self._cache.clear()
                raise
            for commit, error in zip(commits, errors, strict=True):
                if error is None:
                    self._remember(commit)
                    forget_marks(opened.marks, commit.writes)
            return errors

    def _remember(self, commit: _Commit) -> None:
        for write in commit.writes:
            if write.table not in CACHED_TABLES:
                continue
            value = write.value if isinstance(write, Put) else None
            self._cache.store(write.table, write.key, value)

    def _require_open(self) -> _Opened:
        if self._opened is None:
            raise StoreError("The store is not open")
        return self._opened

    async def _in_turn[T](self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` when its turn comes, to the end even if the caller is cancelled."""

        async def take_turn() -> T:
            async with self._turn:
                return await work()

        task = self._start(take_turn())
        # Unlike awaiting the task, this leaves it alone when the caller is cancelled.
        await asyncio.wait([task])
        return task.result()

    def _start[T](self, work: Coroutine[None, None, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        # The loop itself holds tasks but weakly.
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Taken note of, also when nobody waits for it any more.
            task.exception()

    async def _in_thread[T](self, job: Callable[[], T]) -> T:
        def guarded() -> T:
            with self._one_job, translate_errors():
                return job()

        try:
            return await self._run_blocking(guarded)
        except RuntimeError as err:
            raise StoreError("No thread to work on the store: shutting down") from err


def _write_each(database: Database, commits: Sequence[_Commit]) -> list[StoreError | None]:
    """Write all commits in one transaction; if that fails, each in its own."""
    writes = [write for commit in commits for write in commit.writes]
    nonces = b"".join(commit.nonces for commit in commits)
    try:
        with translate_errors():
            database.write(writes, nonces)
    except StoreError as err:
        if len(commits) == 1:
            return [err]
        return [error for commit in commits for error in _write_each(database, [commit])]
    return [None] * len(commits)
