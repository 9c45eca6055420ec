"""The line breaks at every step of everything, in every way, and all goes on."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
import itertools
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.simulator.memory import Action, Point, Trap
from tests.virtual_time import pass_turns, run

from .alone import (  # noqa: F401 - fixtures, used by their names
    SEED,
    Folders,
    _folders,
    _integrations,
    _quick,
)
from .scenarios import BUSY, SCENARIOS, Scenario
from .world import make_world

# Long enough for what follows a scenario by itself, short enough for no keepalive.
AFTERMATH = 3.0
# A dead line is found in under 45 s; then the first wait is a second.
LONGEST = {
    Action.DROP: 3.0,
    Action.DROP_AFTER: 3.0,
    Action.GARBAGE: 47.0,
    Action.ENDLESS: 125.0,
    Action.HALF: 47.0,
    Action.STALL: 47.0,
}
# What no exchange of messages gets along with: a sweep that is shorter has not begun.
FEWEST_TURNS = 10

type Table = dict[tuple[str, Point], dict[Action, float]]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Collect how long it took to be open again, and print it in the end."""
    rows: Table = defaultdict(dict)
    yield rows
    print_table(rows)


async def points_of(scenario: Scenario, folder: Path) -> list[Point]:
    """Go through a scenario undisturbed, and list the frames that cross the line."""
    async with make_world(folder, SEED) as world:
        await scenario.prepare(world)
        world.network.watch()
        await scenario.act(world)
        await world.connected()
        await world.clock.sleep(AFTERMATH)
        points = list(world.network.points)
        await world.probe()
        world.check()
    return points


async def recover(scenario: Scenario, trap: Trap, folder: Path) -> float:
    """Go through a scenario with one fault; tell how long it took to be open again."""
    async with make_world(folder, SEED) as world:
        await scenario.prepare(world)
        world.network.watch(trap)
        recovery = world.recovery_after(trap)
        await scenario.act(world)
        await world.connected()
        await world.clock.sleep(AFTERMATH)
        took = await recovery
        await world.probe()
        world.forgive_garbage(trap)
        world.check()
    return took


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_open_again_by_itself(
    scenario: Scenario, action: Action, folders: Folders, table: Table
) -> None:
    failed: list[str] = []
    for point in run(points_of(scenario, folders())):
        try:
            took = run(recover(scenario, Trap(point, action), folders()))
        except Exception as err:  # noqa: BLE001 - all of them are told together
            failed.append(f"{point} {action}: {err!r}")
            continue
        table[scenario.name, point][action] = took
        if took > LONGEST[action]:
            failed.append(f"{point} {action}: took {took:.0f} s")
    assert failed == []


@pytest.mark.parametrize("scenario", BUSY, ids=lambda scenario: scenario.name)
def test_line_cut_at_any_turn_of_the_loop(scenario: Scenario, folders: Folders) -> None:
    async def cut_in(turns: int) -> bool:
        async with make_world(folders(), SEED) as world:
            await scenario.prepare(world)
            acting = asyncio.ensure_future(scenario.act(world))
            await pass_turns(turns)
            over = acting.done()
            world.network.cut()
            await acting
            await world.connected()
            await world.probe()
            world.check()
        return over

    sweep(cut_in)


@pytest.mark.parametrize("scenario", BUSY, ids=lambda scenario: scenario.name)
def test_client_restarted_at_any_turn_of_the_loop(scenario: Scenario, folders: Folders) -> None:
    async def restart_in(turns: int) -> bool:
        async with make_world(folders(), SEED) as world:
            await scenario.prepare(world)
            acting = asyncio.ensure_future(scenario.act(world))
            await pass_turns(turns)
            over = acting.done()
            await world.restart()
            await acting
            await world.probe()
            world.check()
        return over

    sweep(restart_in)


def sweep(disturb: Callable[[int], Coroutine[Any, Any, bool]]) -> None:
    """Disturb after each number of turns until there is nothing left to be disturbed."""
    failed: list[str] = []
    for turns in itertools.count():
        try:
            if run(disturb(turns)):
                break
        except Exception as err:  # noqa: BLE001 - all of them are told together
            failed.append(f"after {turns} turns: {err!r}")
    assert failed == []
    assert turns > FEWEST_TURNS


def print_table(rows: Table) -> None:
    """Print the seconds from each fault to the next open line."""
    print("\n\nSeconds from the fault until the account was open again")
    print(f"{'':44}" + "".join(f"{action:>11}" for action in Action))
    before = ""
    for (name, point), times in rows.items():
        if name != before:
            print(name)
            before = name
        cells = "".join(
            f"{times[action]:11.1f}" if action in times else f"{'FAILED':>11}" for action in Action
        )
        print(f"  {point!s:42}{cells}")
    for label, summary in (("median", median), ("worst", max)):
        cells = "".join(
            f"{summary([times[action] for times in rows.values() if action in times] or [0]):11.1f}"
            for action in Action
        )
        print(f"{label:44}{cells}")
    done = sum(map(len, rows.values()))
    print(f"{len(rows)} points, {done} of {len(rows) * len(Action)} faults survived")
