"""A process that commits until its files may not grow any more, and reports how far it came."""

import asyncio
from collections.abc import Callable
import os
import resource
import sys

sys.path.insert(0, sys.argv[1])

from aiowhatsapp.errors import StoreError  # type: ignore[import-not-found]
from aiowhatsapp.store import Put, SqliteBackend, Table  # type: ignore[import-not-found]

FILE_SIZE = 256 * 1024


async def run_blocking[T](job: Callable[[], T], /) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, job)


async def main(path: str) -> None:
    backend = SqliteBackend(
        path, key=bytes(range(32)), random_bytes=os.urandom, run_blocking=run_blocking
    )
    await backend.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    made = 0
    try:
        while True:
            await backend.commit(
                [Put(Table.INBOX, str(made), bytes(1000)), Put(Table.SEEN, str(made), b"")]
            )
            made += 1
    except StoreError as err:
        print(made, type(err).__name__)


asyncio.run(main(sys.argv[2]))
