"""A month of bad days: nothing grows, nothing gets lost, all sessions stay good."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
import gc
from pathlib import Path
import random
from types import FunctionType, ModuleType
from typing import Any, Final

from custom_components.whatsapp_web.aiowhatsapp import Client, UndecryptableMessage
from custom_components.whatsapp_web.aiowhatsapp.client import prekeys
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from tests.simulator.faults import by
from tests.simulator.memory import Direction, Line
from tests.virtual_time import VirtualTimeLoop, run

from .alone import (  # noqa: F401 - fixtures, used by their names
    BATCH,
    SEED,
    Folders,
    _folders,
    _integrations,
    _quick,
)
from .scenarios import DAY, run_low
from .world import World, make_world

DAYS: Final = 30
# After this many days all that is bounded has reached its bound.
SETTLED: Final = 10
HOUR: Final = 3600.0
FAULTS_A_DAY: Final = 3
# In, out and typed for each fault, and a misfortune that is a message itself.
MESSAGES_A_DAY: Final = 4 * FAULTS_A_DAY
# One entry a message, for as long as the server might send it again.
BY_MESSAGE: Final = {Table.SEEN, Table.SENT_MESSAGE, Table.RETRY}
# One entry a message as well, for a month from when it came.
BY_MONTH: Final = {Table.MESSAGE_LOG, Table.UNREAD}

type Misfortune = Callable[[World], Awaitable[None]]


async def cut(world: World) -> None:
    world.network.cut()


async def hang_up(world: World) -> None:
    world.sim.faults.hang_up(world.device)


async def fall_silent(world: World) -> None:
    world.sim.faults.silence(world.device)


async def half_open(world: World) -> None:
    world.network.lines[0].mute.add(Direction.TO_SERVER)


async def send_noise(world: World) -> None:
    world.sim.faults.garbage(world.device, sealed=False)


async def send_nonsense(world: World) -> None:
    world.sim.faults.garbage(world.device)


async def end_stream(world: World) -> None:
    world.sim.faults.end_stream(world.device)


async def network_down(world: World) -> None:
    """Take the line away for half an hour, in which they write."""
    world.network.up = False
    world.network.cut()
    await world.write(f"while down {len(world.expected_in)}")
    await world.clock.sleep(0.5 * HOUR)
    world.network.up = True


async def refuse_login(world: World) -> None:
    world.sim.faults.fail_login("503")
    world.network.cut()


async def restart(world: World) -> None:
    await world.restart()


async def spoil(world: World) -> None:
    world.sim.faults.add("spoil", by("message"), device=world.device)
    await world.write(f"spoiled {len(world.expected_in)}")


async def forget_sessions(world: World) -> None:
    world.theirs.phone.keys.forget(world.device)


async def new_phone(world: World) -> None:
    world.theirs.phone.reinstall()


async def lose_the_answer_to_an_upload(world: World) -> None:
    world.sim.faults.add("drop", by("iq", type="result"), device=world.device)
    await run_low(world)
    world.network.cut()


def stream_error(code: str) -> Misfortune:
    async def end(world: World) -> None:
        world.sim.faults.close(world.device, code)

    return end


MISFORTUNES: Final[tuple[Misfortune, ...]] = (
    cut,
    hang_up,
    fall_silent,
    half_open,
    send_noise,
    send_nonsense,
    end_stream,
    network_down,
    refuse_login,
    restart,
    spoil,
    forget_sessions,
    new_phone,
    run_low,
    lose_the_answer_to_an_upload,
    stream_error("515"),
    stream_error("503"),
    stream_error("429"),
    stream_error("401"),
)


async def live_a_day(world: World, misfortunes: Iterator[Misfortune]) -> None:
    """Go through a day: every few hours something happens, and a chat after it."""
    for number in range(FAULTS_A_DAY):
        await world.clock.sleep(6 * HOUR)
        await next(misfortunes)(world)
        await world.probe()
        await world.type_on_phone(f"typed {number} of day {world.clock.monotonic() // DAY}")
        await world.arrived()
    await world.clock.sleep(6 * HOUR)
    await world.connected()


def in_any_order(chance: random.Random) -> Iterator[Misfortune]:
    """Give misfortunes without end, each as often as the others."""
    while True:
        yield from chance.sample(MISFORTUNES, len(MISFORTUNES))


@dataclass(frozen=True)
class Figures:
    """What must not grow."""

    tasks: int
    timers: int
    objects: int
    rows: dict[Table, int]

    @classmethod
    async def of(cls, world: World) -> Figures:
        client = world.client
        assert client is not None
        loop: Any = asyncio.get_running_loop()
        backend = client._context.store.backend
        rows = {table: await backend.count(table) for table in Table}
        # Between two of the client's own rounds, so that none is counted half way.
        await world.clock.sleep(0.3)
        gc.collect()
        return cls(
            tasks=len(asyncio.all_tasks()),
            timers=sum(not timer.cancelled() for timer in loop._scheduled),
            objects=held_by(client, world),
            rows=rows,
        )


def held_by(client: Client, world: World) -> int:
    """Count the objects that a client keeps alive."""
    foreign = {id(each) for each in (world, world.network, world.clock, world.sim)}
    seen: set[int] = set()
    waiting: list[object] = [client]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or id(item) in foreign:
            continue
        if isinstance(item, type | ModuleType | FunctionType | VirtualTimeLoop | Line):
            continue
        seen.add(id(item))
        waiting.extend(gc.get_referents(item))
    return len(seen)


async def soak(folder: Path) -> list[Figures]:
    """Live through the month; give the figures of each day."""
    chance = random.Random(SEED)
    misfortunes = in_any_order(chance)
    days: list[Figures] = []
    async with make_world(folder, SEED) as world:
        await world.link()
        await world.connected()
        first_signed = world.device.keys.signed
        for _ in range(DAYS):
            await live_a_day(world, misfortunes)
            days.append(await Figures.of(world))
        world.check()
        assert world.device.keys.signed != first_signed
        # Sessions are good: nothing has to be asked for again.
        asked = len(world.of_kind(UndecryptableMessage))
        retries = world.sim.ledger.counts["retry receipts"]
        await world.probe()
        assert len(world.of_kind(UndecryptableMessage)) == asked
        assert world.sim.ledger.counts["retry receipts"] == retries
        # What is kept by message goes when its time has come.
        await world.stop()
        world.clock.skew += 31 * DAY
        await world.start()
        await world.connected()
        await world.clock.sleep(60)
        left = (await Figures.of(world)).rows
        assert {table: left[table] for table in BY_MESSAGE} == dict.fromkeys(BY_MESSAGE, 0)
        await world.probe()
        world.check()
    return days


def test_a_month_of_bad_days(folders: Folders) -> None:
    days = run(soak(folders()))
    settled, last = days[SETTLED - 1], days[-1]
    print("\nday    tasks timers objects  rows")
    for number, day in enumerate(days, start=1):
        if number % 5 == 0:
            total = sum(day.rows.values())
            print(f"{number:3}{day.tasks:9}{day.timers:7}{day.objects:8}{total:6}")
    assert last.tasks <= settled.tasks
    assert last.timers <= settled.timers
    assert last.objects <= 1.05 * settled.objects
    messages = DAYS * MESSAGES_A_DAY
    for table in Table:
        if table is Table.PRE_KEY:
            assert last.rows[table] <= prekeys.KEPT_BATCHES * BATCH
        elif table is Table.SIGNED_PRE_KEY:
            assert last.rows[table] == 2
        elif table in BY_MESSAGE | BY_MONTH:
            assert last.rows[table] <= messages, table
        else:
            assert last.rows[table] <= settled.rows[table], table
