"""What the tests of the store share."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
import random

from custom_components.whatsapp_web.aiowhatsapp.store import SqliteBackend

from .freeze import KEY


async def run_blocking[T](job: Callable[[], T], /) -> T:
    """Run a job in the loop's own executor."""
    return await asyncio.get_running_loop().run_in_executor(None, job)


class Gate:
    """A `run_blocking` that lets jobs wait until it is opened, and counts them."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.opened.set()
        self.waiting = asyncio.Event()
        self.jobs = 0

    async def __call__[T](self, job: Callable[[], T], /) -> T:
        self.jobs += 1
        self.waiting.set()
        await self.opened.wait()
        return await run_blocking(job)

    def shut(self) -> None:
        """Let the next job wait, and count from there."""
        self.opened.clear()
        self.waiting.clear()
        self.jobs = 0


def sqlite_backend(
    path: Path, *, key: bytes = KEY, run: Callable[[Callable[[], object]], Awaitable] = run_blocking
) -> SqliteBackend:
    """Make a backend with fixed randomness; it isn't open yet."""
    return SqliteBackend(
        str(path), key=key, random_bytes=random.Random(1).randbytes, run_blocking=run
    )
