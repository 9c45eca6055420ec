"""`python -m benchmarks.recovery`: how long until the line is open again."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
import itertools
from pathlib import Path
from statistics import median
import sys
import tempfile
import time

from custom_components.whatsapp_web.aiowhatsapp import ServerSettings, Status
from tests.conversation.ours import OurDevice
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from . import machine
from .network import Network, Outage, until

RESULTS = Path(__file__).with_name("RECOVERY.md")
# Seconds without a network: a blink, a router that starts again, a longer cut.
OUTAGES = (2, 2, 2, 2, 2, 5, 5, 5, 5, 5, 10, 10, 10, 10, 10, 20, 20, 20, 30, 30, 60, 120)
STARTS, SILENCES = 20, 5
QUICK_OUTAGES = (1, 2)
PATIENCE = 120.0

_INTRODUCTION = """\
# How long until the line is open again

Written by `python -m benchmarks.recovery`. Clients and server are on one machine, with a network in
between that can be taken away. Counted is from the network's return to an open connection over
which what the other side wrote meanwhile has arrived. All of it has to arrive, once each.
"""

type Row = tuple[str, list[float], str]


class Line:
    """A client that is linked over a network."""

    def __init__(
        self, simulator: Simulator, network: Network, account: Account, folder: Path
    ) -> None:
        self.ours = OurDevice(simulator, account, folder)
        self.ours.server = ServerSettings(url=network.url, root_key=simulator.root_key)
        self.account = account

    def is_open(self) -> bool:
        """Whether the client counts itself as connected."""
        client = self.ours.client
        return client is not None and client.status is Status.CONNECTED


async def recover(network: Network, line: Line, other: Account, outages: Sequence[int]) -> Row:
    """Take the network away that long each; measure from its return."""
    times = []
    for index, seconds in enumerate(outages):
        await network.take_away(Outage.REFUSED)
        await until(lambda: not line.is_open())
        await other.phone.send_text(line.account, f"away {index}")
        await asyncio.sleep(seconds)
        began = time.monotonic()
        await network.give_back()
        async with asyncio.timeout(PATIENCE):
            await until(line.is_open)
            await line.ours.text(f"away {index}")
        times.append(time.monotonic() - began)
        _say(f"network gone for {seconds} s: open again after {times[-1]:.2f} s")
        # A line that held for a while begins its next wait anew.
        await asyncio.sleep(1)
    texts = [text for text in line.ours.texts() if text and text.startswith("away")]
    assert texts == [f"away {index}" for index in range(len(outages))], texts
    label = f"network gone for {min(outages)} to {max(outages)} s, then back"
    return label, times, "median < 3 s, worst < 30 s"


async def notice(network: Network, line: Line, rounds: int) -> Row:
    """Let the line fall silent; measure how long until the client finds out."""
    times = []
    for _ in range(rounds):
        await network.take_away(Outage.SILENT)
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            await until(lambda: not line.is_open())
        times.append(time.monotonic() - began)
        _say(f"silent line: noticed after {times[-1]:.1f} s")
        await network.give_back()
        await until(line.is_open)
    return "the line falls silent: until that is noticed", times, "worst < 45 s"


async def start_together(lines: Sequence[Line], rounds: int) -> Row:
    """Start several connections at the same time, over what is stored."""
    times = []
    for _ in range(rounds):
        await asyncio.gather(*(line.ours.stop() for line in lines))
        began = time.monotonic()
        await asyncio.gather(*(line.ours.start() for line in lines))
        times.append(time.monotonic() - began)
    return f"{len(lines)} connections started together: until all are open", times, "worst < 2 s"


async def measure(outages: Sequence[int], silences: int, starts: int) -> list[Row]:
    """Measure all rows."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        simulator = await stack.enter_async_context(Simulator())
        network = await stack.enter_async_context(Network(simulator.url))
        other = simulator.add_account("15550009999", "Ann")
        lines = []
        for index in range(3):
            folder = root / str(index)
            folder.mkdir()
            account = simulator.add_account(f"1555000111{index}", f"Home {index}")
            line = Line(simulator, network, account, folder)
            stack.push_async_callback(line.ours.aclose)
            await line.ours.link()
            await line.ours.start()
            lines.append(line)
        steps: list[Callable[[], Awaitable[Row]]] = [
            lambda: start_together(lines, starts),
            lambda: recover(network, lines[0], other, outages),
            lambda: notice(network, lines[0], silences),
        ]
        return [await step() for step in steps]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery")
    parser.add_argument("--quick", action="store_true", help="a fast pass; writes nothing")
    options = parser.parse_args(arguments)
    about = machine.describe()
    quick = options.quick
    rows = asyncio.run(
        measure(QUICK_OUTAGES, 0, 2) if quick else measure(OUTAGES, SILENCES, STARTS)
    )
    text = "\n".join(
        itertools.chain(
            (_INTRODUCTION,),
            (f"- {name}: {value}" for name, value in about),
            ("", "| what | rounds | median | worst | wanted |", "|---|---|---|---|---|"),
            (
                f"| {label} | {len(times)} | {median(times):.2f} s | {max(times):.2f} s | {goal} |"
                for label, times, goal in rows
                if times
            ),
            ("",),
        )
    )
    print(text)
    if not quick:
        RESULTS.write_text(text)


def _say(words: str) -> None:
    print(f"benchmarks: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
