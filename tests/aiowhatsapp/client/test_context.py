"""What the client's parts share: names in both namespaces, the line, work on the side."""

import asyncio
import logging

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.context import LINE_WAIT, LidMap
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    SessionReplaced,
    StoreError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from tests.aiowhatsapp.client.bench import Bench, benched


def test_a_pair_that_contradicts_others_replaces_both() -> None:
    lids = LidMap()
    lids.add("1", "a")
    lids.add("2", "b")
    lids.add("1", "b")
    assert (lids.lid_of("1"), lids.phone_of("b")) == ("b", "1")
    assert (lids.lid_of("2"), lids.phone_of("a")) == (None, None)


@benched
async def test_our_own_names_are_always_known(bench: Bench) -> None:
    context = bench.context
    assert context.canonical(bench.credentials.jid) == bench.credentials.lid
    assert context.phone_of(bench.credentials.lid) == bench.me.phone
    assert context.phone_of(bench.ann.lid) is None
    assert context.phone_of(Jid("1-2", "g.us")) is None
    assert context.canonical(bench.ann.phone) == bench.ann.phone


@benched
async def test_a_random_number_is_below_one(bench: Bench) -> None:
    numbers = [bench.context.random_unit() for _ in range(50)]
    assert all(0 <= number < 1 for number in numbers)
    assert len(set(numbers)) > 1


@benched
async def test_without_a_line_there_is_nothing_to_write_on(bench: Bench) -> None:
    await bench.cut()
    with pytest.raises(Disconnected):
        bench.context.require_link()


@benched
async def test_the_line_is_waited_for(bench: Bench) -> None:
    await bench.cut()
    waiting = asyncio.create_task(bench.context.wait_online())
    await asyncio.sleep(LINE_WAIT - 1)
    bench.connect()
    assert await waiting is bench.context.link


@benched
async def test_a_line_that_broke_this_moment_does_not_count(bench: Bench) -> None:
    link = bench.context.link
    assert link is not None
    await link.close()
    with pytest.raises(Disconnected):
        await bench.context.wait_online()
    assert bench.clock.monotonic() == pytest.approx(LINE_WAIT)


@benched
async def test_what_keeps_the_line_down_is_said_at_once(bench: Bench) -> None:
    bench.context.hindrance = SessionReplaced("elsewhere")
    with pytest.raises(SessionReplaced):
        await bench.context.wait_online()
    assert bench.clock.monotonic() == 0


@benched
async def test_work_on_the_side_fails_into_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def fail(error: Exception) -> None:
        raise error

    bench.context.spawn(fail(StoreError("full")), "storing")
    bench.context.spawn(fail(ZeroDivisionError()), "dividing")
    await asyncio.sleep(1)
    levels = {record.message: record.levelno for record in caplog.records}
    assert levels["storing did not finish: full"] == logging.DEBUG
    assert levels["dividing failed"] == logging.ERROR


@benched
async def test_work_ends_with_the_line_unless_it_is_to_last(bench: Bench) -> None:
    done = []

    async def work(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.append(name)

    bench.context.spawn(work("short", 1), "short")
    bench.context.spawn(work("lasting", 1), "lasting", lasting=True)
    bench.context.spawn(work("endless", 1e6), "endless", lasting=True)
    await bench.context.cancel_tasks()
    await bench.context.finish_lasting()
    assert done == ["lasting"]
    # With nothing left there is nothing to wait for.
    began = bench.clock.monotonic()
    await bench.context.finish_lasting()
    assert bench.clock.monotonic() == began
