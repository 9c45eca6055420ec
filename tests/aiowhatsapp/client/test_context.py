"""What all parts share: waiting for the line, work beside the reader, names of users."""

import asyncio
import logging

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.context import (
    LASTING_GRACE,
    LINE_WAIT,
    LidMap,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    LoggedOut,
    TransportError,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.prekeys import GetPreKeyCount
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import Bench, benched
from tests.aiowhatsapp.client.pairing_support import settle

jid = Jid.parse


# --- the line


@benched
async def test_a_line_that_is_open(bench: Bench) -> None:
    assert await bench.context.wait_online() is bench.context.link
    assert await bench.context.execute(GetPreKeyCount()) == 100


@benched
async def test_no_line(bench: Bench) -> None:
    await bench.cut()
    with pytest.raises(Disconnected):
        bench.context.require_link()
    with pytest.raises(Disconnected):
        await bench.context.send(Node("presence"))
    with pytest.raises(Disconnected):
        await bench.context.execute(GetPreKeyCount())
    began = bench.clock.monotonic()
    with pytest.raises(Disconnected):
        await bench.context.wait_online()
    assert bench.clock.monotonic() - began == LINE_WAIT


@benched
async def test_a_line_that_comes_back_in_time(bench: Bench) -> None:
    await bench.cut()
    waiting = asyncio.create_task(bench.context.wait_online())
    await bench.clock.sleep(LINE_WAIT - 1)
    bench.connect()
    assert await waiting is bench.context.link


@benched
async def test_a_line_that_broke_this_moment_is_not_the_one_waited_for(bench: Bench) -> None:
    broken = bench.context.link
    assert broken is not None
    # A write fails; nobody but the link itself knows of it yet.
    await broken.close(TransportError("broken"))
    assert bench.context.online.is_set()
    waiting = asyncio.create_task(bench.context.wait_online())
    await settle()
    assert not waiting.done()
    await bench.cut()
    bench.connect()
    link = await waiting
    assert link is bench.context.link
    assert link is not broken


@benched
async def test_who_waits_in_vain_is_told_at_once(bench: Bench) -> None:
    await bench.cut()
    bench.context.hindrance = LoggedOut("401")
    began = bench.clock.monotonic()
    with pytest.raises(LoggedOut):
        await bench.context.wait_online()
    assert bench.clock.monotonic() == began


# --- work beside the reader


@benched
async def test_work_ends_with_the_connection(bench: Bench) -> None:
    context, ended = bench.context, list[str]()

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    context.spawn(work("one"), "one")
    context.spawn(work("two"), "two")
    await settle()
    await context.cancel_tasks()
    assert sorted(ended) == ["one", "two"]
    await context.cancel_tasks()


@benched
async def test_work_may_end_the_work(bench: Bench) -> None:
    context, done = bench.context, asyncio.Event()

    async def work() -> None:
        await context.cancel_tasks()
        done.set()

    context.spawn(work(), "ending it all")
    await done.wait()


@benched
async def test_lasting_work_is_let_finish(bench: Bench) -> None:
    context, ended = bench.context, list[str]()

    async def work(name: str, seconds: float) -> None:
        await bench.clock.sleep(seconds)
        ended.append(name)

    context.spawn(work("short", 1), "short", lasting=True)
    context.spawn(work("endless", 1000), "endless", lasting=True)
    await context.cancel_tasks()
    began = bench.clock.monotonic()
    await context.finish_lasting()
    assert ended == ["short"]
    assert bench.clock.monotonic() - began == LASTING_GRACE
    await context.finish_lasting()


@pytest.mark.parametrize(
    ("error", "level"),
    [(Disconnected("gone"), logging.DEBUG), (ZeroDivisionError("ours"), logging.ERROR)],
)
@benched
async def test_a_failure_is_logged_and_no_more(
    bench: Bench, caplog: pytest.LogCaptureFixture, error: Exception, level: int
) -> None:
    caplog.set_level(logging.DEBUG, logger="custom_components")

    async def work() -> None:
        raise error

    bench.context.spawn(work(), "an errand")
    await settle()
    (record,) = [each for each in caplog.records if "an errand" in each.getMessage()]
    assert record.levelno == level


# --- who is who


def test_a_pair_replaces_what_contradicts_it() -> None:
    lids = LidMap()
    lids.add("1", "a")
    lids.add("2", "b")
    lids.add("1", "b")
    assert (lids.lid_of("1"), lids.lid_of("2")) == ("b", None)
    assert (lids.phone_of("b"), lids.phone_of("a")) == ("1", None)
    lids.add("1", "b")
    assert (lids.lid_of("1"), lids.phone_of("b")) == ("b", "1")


@benched
async def test_forms_of_a_user(bench: Bench) -> None:
    context = bench.context
    context.lids.add("15550002222", "2002")
    for given, lid, phone in (
        ("15550002222@s.whatsapp.net", "2002@lid", "15550002222@s.whatsapp.net"),
        ("15550002222:3@s.whatsapp.net", "2002:3@lid", "15550002222@s.whatsapp.net"),
        ("2002:3@lid", "2002:3@lid", "15550002222@s.whatsapp.net"),
        ("15550001111:7@s.whatsapp.net", "1001:7@lid", "15550001111@s.whatsapp.net"),
        ("1001@lid", "1001@lid", "15550001111@s.whatsapp.net"),
        ("19@s.whatsapp.net", "19@s.whatsapp.net", "19@s.whatsapp.net"),
        ("19@lid", "19@lid", None),
        ("120363@g.us", "120363@g.us", None),
    ):
        assert context.canonical(jid(given)) == jid(lid)
        assert context.phone_of(jid(given)) == (None if phone is None else jid(phone))


@benched
async def test_addresses_of_sessions(bench: Bench) -> None:
    context = bench.context
    unknown = context.address_of(jid("15550002222:3@s.whatsapp.net"))
    context.lids.add("15550002222", "2002")
    known = context.address_of(jid("15550002222:3@s.whatsapp.net"))
    assert unknown != known
    assert known == context.address_of(jid("2002:3@lid"))
    assert known.device == 3


@benched
async def test_chance_and_time(bench: Bench) -> None:
    draws = [bench.context.random_unit() for _ in range(100)]
    assert all(0 <= draw < 1 for draw in draws)
    assert len(set(draws)) == 100
    assert isinstance(bench.context.now(), int)


@benched
async def test_our_name(bench: Bench) -> None:
    bench.context.set_push_name("Home")
    assert bench.context.credentials.push_name == "Home"
    assert bench.context.own.phone == bench.credentials.jid
