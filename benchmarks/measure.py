"""The measurements: each gives the figures of one round for one client."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import tempfile
import time

from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .contenders import Column, Contender, Device
from .nodes import incoming_message, outgoing_message
from .processes import memory_of

MB = 1e6
# What a process still does after it is connected is over by then.
SETTLE = 2.0
TEXT_SIZE = 64

type Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long a round takes: seconds for each rate, and messages end to end."""

    seconds: float
    messages: int
    burst: int
    settle: float = SETTLE


FULL = Effort(seconds=0.6, messages=100, burst=300)
QUICK = Effort(seconds=0.1, messages=10, burst=30, settle=0.5)


def load(column: Column) -> Figures:
    """Import the library in a fresh process."""
    with Contender(column, "bench") as process:
        found = process.rates("load")
    return {"import_ms": found["ms"], "import_rss": found["rss_after"] / MB}


def rates(column: Column, effort: Effort) -> tuple[Figures, list[object]]:
    """Measure codec and Signal; also give what tells that both coded the same bytes."""
    seconds = {"seconds": effort.seconds}
    text = {"size": TEXT_SIZE, **seconds}
    with Contender(column, "bench") as process:
        incoming = process.codec(incoming_message(), **seconds)
        outgoing = process.codec(outgoing_message(), **seconds)
        chain = process.rates("signal_chain", **text)
        group = process.rates("sender_key", **text)
        curve = process.rates("curve", **seconds)
        figures = {
            "in_encode": incoming["encode"],
            "in_decode": incoming["decode"],
            "out_encode": outgoing["encode"],
            "out_decode": outgoing["decode"],
            "chain_encrypt": chain["encrypt"],
            "chain_decrypt": chain["decrypt"],
            "ping_pong": process.rates("signal_ping_pong", **text)["round_trips"],
            "session_setup": process.rates("session_setup", **seconds)["setups"],
            "group_encrypt": group["encrypt"],
            "group_decrypt": group["decrypt"],
            "sign": curve["sign"],
            "verify": curve["verify"],
        }
    return figures, [incoming["bytes"], outgoing["bytes"]]


class Linked:
    """A simulator, and devices of both clients linked to it: three accounts each."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self._folder = folder
        self._count = 0

    @classmethod
    @asynccontextmanager
    async def make(cls) -> AsyncIterator[Linked]:
        """Start the simulator, in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
            async with Simulator() as simulator:
                yield cls(simulator, Path(folder))

    def folder(self) -> Path:
        """Give the folder of a new installation."""
        self._count += 1
        return self._folder / str(self._count)

    def account(self) -> Account:
        """Make a new person with a phone."""
        self._count += 1
        return self.simulator.add_account(f"1555000{self._count:04d}")


async def link(linked: Linked, device: Device, account: Account, folder: Path) -> Contender:
    """Link a new device in a process of its own, and wait until it is open."""
    process = await asyncio.to_thread(device.start)
    try:
        code = await asyncio.to_thread(process.link, linked.simulator, folder)
        await account.phone.scan(code)
        await asyncio.to_thread(process.opened)
    except BaseException:
        process.close()
        raise
    return process


async def start_up(linked: Linked, device: Device, stored: Path) -> Figures:
    """Start a new process, and another one with stored credentials, against the clock."""
    began = time.monotonic()
    process = await asyncio.to_thread(device.start)
    try:
        account = linked.account()
        code = await asyncio.to_thread(process.link, linked.simulator, linked.folder())
        shown = time.monotonic()
        await account.phone.scan(code)
        scanned_and_open = await asyncio.to_thread(process.opened)
    finally:
        process.close()

    began_again = time.monotonic()
    again = await asyncio.to_thread(device.start)
    try:
        await asyncio.to_thread(again.connect, linked.simulator, stored)
        open_again = await asyncio.to_thread(again.opened)
    finally:
        again.close()
    return {
        "start_qr": (shown - began) * 1000,
        "link_open": (scanned_and_open - began) * 1000,
        "start_open": (open_again - began_again) * 1000,
    }


async def memory(linked: Linked, device: Device, stored: Sequence[Path], effort: Effort) -> Figures:
    """Connect with the first of the stored credentials, then with the others too."""
    figures: Figures = {}
    process = await asyncio.to_thread(device.start)
    try:
        for count, folder in enumerate(stored, start=1):
            await asyncio.to_thread(process.connect, linked.simulator, folder)
            await asyncio.to_thread(process.opened)
            if count in (1, len(stored)):
                await asyncio.sleep(effort.settle)
                used = memory_of(process.pid)
                figures |= {f"rss_{count}": used.rss / MB, f"uss_{count}": used.uss / MB}
    finally:
        process.close()
    return figures


async def store_credentials(linked: Linked, device: Device, count: int) -> list[Path]:
    """Link some devices, end their processes, and give the folders they leave."""
    folders = [linked.folder() for _ in range(count)]
    for folder in folders:
        process = await link(linked, device, linked.account(), folder)
        await linked.simulator.settled()
        await asyncio.to_thread(process.disconnect)
        process.close()
    return folders
