"""Starting and stopping: in any order, from several sides, cut short."""

import asyncio
from dataclasses import replace

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.client import LOGOUT_TIMEOUT
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    LocalProtocolError,
    StoreCorrupt,
    StoreError,
)
from custom_components.whatsapp_web.aiowhatsapp.events import Status
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from tests.aiowhatsapp.client.pairing_support import settle

from .line_support import LineBench, on_line

PEER = Jid("2002", "lid")


def others() -> set[asyncio.Task[object]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


@on_line
async def test_stopping_twice_and_at_once_is_one_stop(line: LineBench) -> None:
    session = await line.start()
    await asyncio.gather(line.client.stop(), line.client.stop(), line.client.stop())
    await line.client.stop()
    assert session.closed
    assert line.client.status is Status.DISCONNECTED
    # The test itself runs inside of the task that is left.
    assert len(others()) <= 1


@on_line
async def test_who_stops_may_be_cancelled(line: LineBench) -> None:
    session = await line.start()
    gate = line.disk.gate = asyncio.Event()
    line.client._inbox._handed_over.append("something to write")
    stopping = asyncio.create_task(line.client.stop())
    await settle()
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    assert stopping.cancelled()
    gate.set()
    line.disk.gate = None
    await settle()
    assert session.closed
    with pytest.raises(StoreError):
        await line.disk.count(next(iter(vars(line.disk)["_tables"])))


@on_line
async def test_started_once(line: LineBench) -> None:
    starting = asyncio.create_task(line.client.start())
    with pytest.raises(LocalProtocolError):
        await asyncio.gather(line.client.start(), starting)
    await starting
    with pytest.raises(LocalProtocolError):
        await line.client.start()


@on_line
async def test_stopped_and_started_again(line: LineBench) -> None:
    await line.start()
    await line.client.stop()
    await line.start()
    assert line.client.status is Status.CONNECTED
    assert len(line.network.sessions) == 2


@on_line
async def test_stopped_before_it_had_started(line: LineBench) -> None:
    gate = line.disk.gate = asyncio.Event()
    starting = asyncio.create_task(line.client.start())
    await settle()
    stopping = asyncio.create_task(line.client.stop())
    await settle()
    gate.set()
    line.disk.gate = None
    await asyncio.gather(starting, stopping, return_exceptions=True)
    assert isinstance(starting.exception(), Disconnected | StoreError)
    await settle()
    assert line.network.attempts == []


@on_line
async def test_a_start_that_fails_leaves_nothing_open(line: LineBench) -> None:
    line.disk.fault = StoreError("full")
    with pytest.raises(StoreError):
        await line.client.start()
    with pytest.raises(StoreError, match="not open"):
        await line.client._context.store.lids.all(None)
    line.disk.fault = None
    await line.start()
    assert line.client.status is Status.CONNECTED


@on_line
async def test_credentials_that_do_not_read_are_damaged(line: LineBench) -> None:
    context = line.client._context
    context.credentials = replace(context.credentials, account=b"\xff")
    with pytest.raises(StoreCorrupt):
        await line.client.start()


@on_line
async def test_who_waits_for_a_message_is_told_of_the_stop(line: LineBench) -> None:
    session = await line.start()
    session.script["usync"] = lambda _: None
    sending = asyncio.create_task(line.client.send_text(PEER, "hello"))
    await settle()
    await line.client.stop()
    await settle()
    assert sending.done()
    assert isinstance(sending.exception(), Disconnected)


@on_line
async def test_a_logout_waits_only_so_long(line: LineBench) -> None:
    session = await line.start()
    session.script["remove-companion-device"] = lambda _: None
    began = line.clock.monotonic()
    await line.client.logout()
    assert line.clock.monotonic() - began == pytest.approx(LOGOUT_TIMEOUT)
    assert len(session.asked("remove-companion-device")) == 1
    assert session.closed


@on_line
async def test_a_logout_without_a_line_just_stops(line: LineBench) -> None:
    await line.client.logout()
    assert line.network.attempts == []


@pytest.mark.parametrize("number", ["", "+", "12a", "+49 30 1", "١٢٣", "1@lid", "++1"])
@on_line
async def test_what_is_no_number_is_not_asked_for(line: LineBench, number: str) -> None:
    with pytest.raises(LocalProtocolError):
        await line.client.resolve_number(number)
