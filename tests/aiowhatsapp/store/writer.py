"""A process that commits without end and reports each commit, to be killed."""

import asyncio
from collections.abc import Callable
import os
import sys

sys.path.insert(0, sys.argv[1])

from aiowhatsapp.store import Delete, Put, SqliteBackend, Table  # type: ignore[import-not-found]


async def run_blocking[T](job: Callable[[], T], /) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, job)


async def write(backend: SqliteBackend, writer: str) -> None:
    """Commit, mark, report: the order in which the client acknowledges a message."""
    found = await backend.get(Table.META, [writer])
    number = int.from_bytes(found.get(writer, b""))
    while True:
        number += 1
        counter = number.to_bytes(4)
        key = f"{writer}/{number}"
        await backend.commit(
            [
                Put(Table.META, writer, counter),
                Put(Table.SESSION, f"{writer}.0", counter * 100),
                Put(Table.INBOX, key, counter),
                Put(Table.SEEN, key, b"", number),
                Delete(Table.INBOX, f"{writer}/{number - 5}"),
                Put(Table.SESSION, f"{writer}.1", counter * 100),
            ]
        )
        backend.marks.mark(key)
        os.write(1, f"{writer} {number}\n".encode())


async def main(path: str, writers: int) -> None:
    backend = SqliteBackend(
        path, key=bytes(range(32)), random_bytes=os.urandom, run_blocking=run_blocking
    )
    await backend.open()
    await asyncio.gather(*(write(backend, f"w{number}") for number in range(writers)))


asyncio.run(main(sys.argv[2], int(sys.argv[3])))
