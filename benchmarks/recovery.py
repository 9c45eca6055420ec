"""`python -m benchmarks.recovery`: how long until the line is open again."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
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
# Seconds without a network, for three lines side by side: a blink, a router that starts
# again, a longer cut. Each line holds for a while in between.
OUTAGES = ((2, 2, 5, 5, 10, 20, 30), (2, 5, 5, 10, 10, 15, 45), (2, 2, 5, 10, 15, 20, 60))
HOLD = 31.0
FLAPS = (2,) * 10
STARTS, SILENCES = 20, 2
PATIENCE = 120.0

_INTRODUCTION = """\
# How long until the line is open again

Written by `python -m benchmarks.recovery`. Clients and server are on one machine, with a network in
between that can be taken away. Counted is from the network's return to an open connection over
which what the other side wrote meanwhile has arrived. All of it has to arrive, once each.
"""

type Row = tuple[str, list[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often what is measured, and how long the network is away."""

    starts: int = STARTS
    outages: Sequence[Sequence[int]] = OUTAGES
    hold: float = HOLD
    flaps: Sequence[int] = FLAPS
    silences: int = SILENCES


QUICK = Effort(starts=2, outages=((1,), (1,), (2,)), hold=0, flaps=(1, 1), silences=0)


class Line:
    """A client that is linked over a network."""

    def __init__(
        self, simulator: Simulator, network: Network, account: Account, folder: Path
    ) -> None:
        self.ours = OurDevice(simulator, account, folder)
        self.ours.server = ServerSettings(url=network.url, root_key=simulator.root_key)
        self.account = account
        self.network = network

    def is_open(self) -> bool:
        """Whether the client counts itself as connected."""
        client = self.ours.client
        return client is not None and client.status is Status.CONNECTED


async def recover(
    line: Line, other: Account, mark: str, outages: Sequence[int], hold: float
) -> list[float]:
    """Take the network away that long each; measure from its return."""
    times = []
    for index, seconds in enumerate(outages):
        await asyncio.sleep(hold)
        await line.network.take_away(Outage.REFUSED)
        await until(lambda: not line.is_open())
        text = f"{mark} {index}"
        await other.phone.send_text(line.account, text)
        await asyncio.sleep(seconds)
        began = time.monotonic()
        await line.network.give_back()
        async with asyncio.timeout(PATIENCE):
            await until(line.is_open)
            await line.ours.text(text)
        times.append(time.monotonic() - began)
        _say(f"network gone for {seconds} s: open again after {times[-1]:.2f} s")
    texts = [text for text in line.ours.texts() if text and text.startswith(mark)]
    wanted = [f"{mark} {index}" for index in range(len(outages))]
    if texts != wanted:
        raise SystemExit(f"Not all arrived once each: {texts}")
    return times


async def notice(line: Line, rounds: int) -> list[float]:
    """Let the line fall silent; measure how long until the client finds out."""
    times = []
    for _ in range(rounds):
        await line.network.take_away(Outage.SILENT)
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            await until(lambda: not line.is_open())
        times.append(time.monotonic() - began)
        _say(f"silent line: noticed after {times[-1]:.1f} s")
        await line.network.give_back()
        await until(line.is_open)
    return times


async def start_together(lines: Sequence[Line], rounds: int) -> list[float]:
    """Start several connections at the same time, over what is stored."""
    times = []
    for _ in range(rounds):
        await asyncio.gather(*(line.ours.stop() for line in lines))
        began = time.monotonic()
        await asyncio.gather(*(line.ours.start() for line in lines))
        times.append(time.monotonic() - began)
    return times


async def measure(effort: Effort) -> list[Row]:
    """Measure all rows."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        simulator = await stack.enter_async_context(Simulator())
        other = simulator.add_account("15550009999", "Ann")
        lines = []
        for index in range(3):
            folder = root / str(index)
            folder.mkdir()
            network = await stack.enter_async_context(Network(simulator.url))
            account = simulator.add_account(f"1555000111{index}", f"Home {index}")
            line = Line(simulator, network, account, folder)
            stack.push_async_callback(line.ours.aclose)
            await line.ours.link()
            await line.ours.start()
            lines.append(line)
        together = await start_together(lines, effort.starts)
        recovered = await asyncio.gather(
            *(
                recover(line, other, "away", outages, effort.hold)
                for line, outages in zip(lines, effort.outages, strict=True)
            )
        )
        flapped = await recover(lines[0], other, "flap", effort.flaps, 0)
        noticed = await asyncio.gather(*(notice(line, effort.silences) for line in lines))
    return [
        ("three connections started together, until all are open", together, "worst < 2 s"),
        (
            (
                f"network back after {min(map(min, effort.outages))} to "
                f"{max(map(max, effort.outages))} s, until open and all is told"
            ),
            [*itertools.chain(*recovered)],
            "median < 3 s, worst < 30 s",
        ),
        (
            (
                "the same with a network that goes again at once, "
                f"{len(effort.flaps)} times in a row for {effort.flaps[0]} s"
            ),
            flapped,
            "worst < 30 s",
        ),
        (
            "the line falls silent, until that is noticed",
            [*itertools.chain(*noticed)],
            "worst < 45 s",
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery")
    parser.add_argument("--quick", action="store_true", help="a fast pass; writes nothing")
    options = parser.parse_args(arguments)
    about = machine.describe()
    rows = asyncio.run(measure(QUICK if options.quick else Effort()))
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
    if not options.quick:
        RESULTS.write_text(text)


def _say(words: str) -> None:
    print(f"benchmarks: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
