"""Runs the measurements, one client after the other, round after round."""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

from . import home_assistant
from .contenders import BAILEYS, BOTH, OURS, OURS_IN_MEMORY, Column, Device
from .conversation import converse
from .measure import Effort, Figures, Linked, load, memory, rates, start_up, store_credentials
from .samples import Samples

GROUPS = ("load", "rates", "start", "conversation", "memory", "home")
CONNECTIONS = 3
HOME_ROUNDS = 3

type Say = Callable[[str], None]


class CodecsDisagree(Exception):
    """The two clients make different bytes of one node: their rates say nothing."""


def run_load(samples: Samples) -> None:
    """Measure importing."""
    for column in Column:
        samples.add(column, load(column))


def run_rates(samples: Samples, effort: Effort) -> None:
    """Measure codec and Signal."""
    sizes = []
    for column in Column:
        figures, size = rates(column, effort)
        samples.add(column, figures)
        sizes.append(size)
    if sizes[0] != sizes[1]:
        raise CodecsDisagree(f"frames of {sizes[0]} and {sizes[1]} bytes")


class Run:
    """One run: a simulator, devices linked to it, and what was measured so far."""

    def __init__(self, linked: Linked, effort: Effort) -> None:
        self.samples = Samples()
        self._linked = linked
        self._effort = effort
        self._stored: dict[Device, list[Path]] = {}
        self._homes = 0

    async def group(self, name: str) -> None:
        """Measure a group of rows once, each client in turn."""
        match name:
            case "load":
                await asyncio.to_thread(run_load, self.samples)
            case "rates":
                await asyncio.to_thread(run_rates, self.samples, self._effort)
            case "start":
                await self._start()
            case "conversation":
                await self._conversation()
            case "memory":
                await self._memory()
            case _:
                await self._home()

    async def _start(self) -> None:
        for device in BOTH:
            stored = await self._credentials(device)
            self.samples.add(device.column, await start_up(self._linked, device, stored[0]))

    async def _conversation(self) -> None:
        for device in (OURS, BAILEYS, OURS_IN_MEMORY):
            figures = await converse(self._linked, device, self._effort)
            self.samples.add(device.column, figures)

    async def _memory(self) -> None:
        for device in BOTH:
            stored = await self._credentials(device)
            figures = await memory(self._linked, device, stored, self._effort)
            if device is BAILEYS:
                figures |= _beside_home_assistant(figures)
            self.samples.add(device.column, figures)

    async def _home(self) -> None:
        if self._homes < HOME_ROUNDS:
            self._homes += 1
            figures = await home_assistant.added_memory(self._effort)
            self.samples.add(Column.OURS, figures)

    async def _credentials(self, device: Device) -> list[Path]:
        """Link some devices of a client, the first time; give their folders."""
        if device not in self._stored:
            self._stored[device] = await store_credentials(self._linked, device, CONNECTIONS)
        return self._stored[device]


async def run(groups: Collection[str], rounds: int, effort: Effort, say: Say) -> Samples:
    """Measure some groups; every round has all of them."""
    # The first import writes our byte code, and does not count.
    await asyncio.to_thread(load, Column.OURS)
    async with Linked.make() as linked:
        measured = Run(linked, effort)
        for index in range(rounds):
            for group in groups:
                say(f"round {index + 1} of {rounds}: {group}")
                await measured.group(group)
    return measured.samples


def _beside_home_assistant(figures: Figures) -> Figures:
    """What a process of its own adds to the machine, in the rows of Home Assistant."""
    return {
        f"home_{kind}_{step}": figures[f"{kind}_{upto}"]
        - (figures[f"{kind}_1"] if step == 2 else 0)
        for kind in ("rss", "uss")
        for step, upto in ((1, 1), (2, CONNECTIONS))
    }
