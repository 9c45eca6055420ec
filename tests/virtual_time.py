"""An event loop on which nobody waits: when nothing is left to do, its time jumps.

All that is timed on the loop (sleeps, timeouts, `call_later`) happens in the right order
and at the right time of the loop's own clock, which begins at 0. There must be no
threads and no peers behind sockets: only what runs on the loop itself moves it on.
"""

import asyncio
from collections.abc import Coroutine
import selectors
from typing import Any, override

BEGINNING = 1_785_000_000.0


class Stuck(Exception):
    """Everybody waits, and for nothing that could still happen."""


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at its sockets, but lets time pass instead of waiting for them."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise Stuck
        if not ready and timeout:
            self.time += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6

    @override
    def time(self) -> float:
        return self._jumping.time


class VirtualClock:
    """The client's clock on such a loop; `skew` moves the time of day."""

    def __init__(self) -> None:
        self.skew = 0.0

    def now(self) -> float:
        return BEGINNING + self.skew + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run[T](main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own; it must not leave any task behind."""

    async def whole() -> T:
        result = await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left behind: {left}"
        return result

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(whole())


async def pass_turns(count: int) -> None:
    """Let the loop make so many turns."""
    for _ in range(count):
        await asyncio.sleep(0)
