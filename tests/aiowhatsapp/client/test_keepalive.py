import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.keepalive import (
    DEAD_AFTER,
    INTERVAL_SPREAD,
    SHORTEST_INTERVAL,
    keep_alive,
)
from custom_components.whatsapp_web.aiowhatsapp.client.link import Link
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    KeepAliveLost,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.session import Ping
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.pairing_support import FakeClock, settle

# A line that dies must be given up within this time, whatever chance says.
LONGEST_SILENCE = 45.0


@dataclass
class FakeLine:
    """What the watchdog sees of a line: it answers at once until it is dead."""

    clock: FakeClock = field(default_factory=FakeClock)
    chance: float = 0.5
    dead: bool = False
    broken: bool = False
    unanswered_since: float | None = None
    pings: list[float] = field(default_factory=list)
    sent: list[Node] = field(default_factory=list)

    def random_unit(self) -> float:
        return self.chance

    def next_id(self) -> str:
        return f"a-{len(self.sent)}"

    async def send(self, node: Node) -> None:
        if self.broken:
            raise Disconnected("broken")
        self.sent.append(node)
        self.pings.append(self.clock.monotonic())
        if self.dead:
            self.ask()

    def ask(self) -> None:
        """Write something that wants an answer."""
        if self.unanswered_since is None:
            self.unanswered_since = self.clock.monotonic()

    def watch(self) -> asyncio.Task[WhatsAppError]:
        return asyncio.create_task(keep_alive(self, cast("Link", self)))


async def stop(task: asyncio.Task[WhatsAppError]) -> None:
    task.cancel()
    await settle()
    assert task.cancelled()


async def time_until(line: FakeLine, task: asyncio.Task[WhatsAppError]) -> float:
    """Let time pass until the watchdog gives up; measure it to a tenth."""
    began = line.clock.monotonic()
    while not task.done():
        await line.clock.advance(0.1)
        assert line.clock.monotonic() - began < 2 * LONGEST_SILENCE
    return line.clock.monotonic() - began


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.5, 0.999999])
async def test_pings_come_every_15_to_30_seconds(chance: float) -> None:
    line = FakeLine(chance=chance)
    task = line.watch()
    await line.clock.advance(600)
    gaps = [after - before for before, after in zip(line.pings, line.pings[1:], strict=False)]
    assert len(gaps) >= 19
    assert min(gaps) >= SHORTEST_INTERVAL
    assert max(gaps) <= 30
    assert line.pings[0] <= 30
    assert line.sent[0] == Ping().build_iq("a-0")
    assert len({node.required_attr("id") for node in line.sent}) == len(line.sent)
    assert not task.done()
    await stop(task)


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.5, 0.75, 0.999999])
async def test_a_dead_line_is_found(chance: float) -> None:
    # The worst moment to die is right after an answer.
    line = FakeLine(chance=chance)
    task = line.watch()
    await line.clock.advance(100)
    while line.pings[-1] < line.clock.monotonic():
        await line.clock.advance(0.5)
    line.dead = True
    assert await time_until(line, task) < LONGEST_SILENCE
    assert isinstance(task.result(), KeepAliveLost)


def test_the_arithmetic_leaves_room() -> None:
    assert SHORTEST_INTERVAL + INTERVAL_SPREAD + DEAD_AFTER < LONGEST_SILENCE


async def test_any_question_arms_the_watchdog() -> None:
    line = FakeLine()
    task = line.watch()
    await line.clock.advance(1)
    line.dead = True
    line.ask()
    taken = await time_until(line, task)
    assert DEAD_AFTER <= taken < DEAD_AFTER + 5
    assert isinstance(task.result(), KeepAliveLost)


async def test_later_questions_do_not_rearm_it() -> None:
    line = FakeLine(dead=True)
    task = line.watch()
    line.ask()
    for _ in range(4):
        await line.clock.advance(4.9)
        line.ask()
    assert not task.done()
    await line.clock.advance(3)
    assert isinstance(task.result(), KeepAliveLost)


async def test_anything_heard_disarms_it() -> None:
    line = FakeLine(dead=True)
    task = line.watch()
    for _ in range(20):
        line.ask()
        await line.clock.advance(DEAD_AFTER - 0.1)
        line.unanswered_since = None
    assert not task.done()
    await stop(task)


async def test_a_line_that_broke_ends_it() -> None:
    line = FakeLine(broken=True)
    task = line.watch()
    await line.clock.advance(SHORTEST_INTERVAL + INTERVAL_SPREAD)
    assert isinstance(task.exception(), Disconnected)
