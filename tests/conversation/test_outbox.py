"""Messages handed over at any time: all arrive, once each, in order per chat."""

from pathlib import Path

import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    Disconnected,
    MessageExpired,
    MessageState,
    MessageStateChanged,
    OutboxFull,
    PacingLimits,
    Priority,
    SendOptions,
    Text,
)
from custom_components.whatsapp_web.aiowhatsapp.client import outbox
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.store import COPY_MARK
from tests.simulator.accounts import Account
from tests.virtual_time import run

from .world import PATIENCE, THEIRS, World, make_world

HER = Jid.of_number(THEIRS)


def texts_at(account: Account) -> list[str | None]:
    return [each.text for each in account.phone.messages if not each.from_me]


async def go_down(world: World) -> None:
    """Break the line, and let nothing through until `come_back`."""
    world.network.up = False
    world.network.cut()
    await world.until(lambda: not world.is_connected())


async def come_back(world: World) -> None:
    world.network.up = True
    assert world.client is not None
    world.client.reconnect()
    await world.connected()


async def queue(world: World, text: str, chat: Jid = HER, **options: object) -> str:
    assert world.client is not None
    how = SendOptions(**options)  # type: ignore[arg-type]
    return (await world.client.send(chat, Text(text=text), options=how)).message_id


async def state_of(world: World, message_id: str) -> MessageState:
    assert world.client is not None
    found = await world.client.outbox.states.get(message_id)
    assert found is not None
    return found.state


def test_it_tells_how_far_a_message_is(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            assert world.client is not None
            told: list[MessageStateChanged] = []
            world.client.subscribe(MessageStateChanged, told.append)
            message_id = await queue(world, "Hello")
            reached = await world.client.outbox.states.wait(
                message_id, MessageState.DELIVERED, PATIENCE
            )
            assert reached.state is MessageState.DELIVERED
            found = await world.theirs.phone.wait_message("Hello", timeout=PATIENCE)
            world.theirs.phone.mark_read(found)
            reached = await world.client.outbox.states.wait(message_id, MessageState.READ, PATIENCE)
            assert reached.state is MessageState.READ
            # A receipt may overtake the server's ack, and then says more.
            states = [each.state for each in told]
            assert states in (["sent", "delivered", "read"], ["delivered", "read"])
            assert {each.message_id for each in told} == {message_id}

    run(play())


def test_500_wait_through_a_restart_and_arrive_in_order(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            world.pacing = PacingLimits(per_minute=None)
            people = [world.theirs] + [
                world.sim.add_account(f"1555000{number}", f"P{number}")
                for number in range(4000, 4004)
            ]
            await world.link()
            await go_down(world)
            for number in range(500):
                chat = Jid.of_number(people[number % 5].number)
                await queue(world, f"{number}", chat)
                if number == 250:
                    await world.stop()
                    await world.start()
            await world.stop()
            await world.start()
            await come_back(world)
            assert world.client is not None
            await world.until(lambda: world.client is not None and not world.client.outbox.waiting)
            await world.sim.settled(timeout=PATIENCE)
            for index, account in enumerate(people):
                assert texts_at(account) == [str(number) for number in range(index, 500, 5)]
            assert world.sim.ledger.violations == []

    run(play())


def test_urgent_messages_overtake(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            await go_down(world)
            for number in range(3):
                await queue(world, f"news {number}")
            await queue(world, "fire", priority=Priority.HIGH)
            await come_back(world)
            await world.theirs.phone.wait_message("news 2", timeout=PATIENCE)
            assert texts_at(world.theirs) == ["fire", "news 0", "news 1", "news 2"]

    run(play())


def test_the_pace_is_kept(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            world.pacing = PacingLimits(per_minute=60, burst=5)
            await world.link()
            began = world.clock.monotonic()
            for number in range(15):
                await queue(world, str(number))
            await world.theirs.phone.wait_message("14", timeout=PATIENCE)
            assert texts_at(world.theirs) == [str(number) for number in range(15)]
            # Five at once, ten more at one a second.
            assert 9 <= world.clock.monotonic() - began <= 12

    run(play())


def test_what_waits_too_long_expires(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            await go_down(world)
            assert world.client is not None
            old = await queue(world, "old", expire_after=60)
            new = await queue(world, "new", expire_after=3600)
            failed = await world.client.outbox.states.wait(old, MessageState.SENT, PATIENCE)
            assert failed.state is MessageState.FAILED
            assert isinstance(failed.error, MessageExpired)
            await come_back(world)
            sent = await world.client.outbox.states.wait(new, MessageState.SENT, PATIENCE)
            assert rank_ok(sent.state)
            await world.theirs.phone.wait_message("new", timeout=PATIENCE)
            assert texts_at(world.theirs) == ["new"]

    run(play())


def rank_ok(state: MessageState) -> bool:
    return state in (MessageState.SENT, MessageState.DELIVERED)


def test_now_or_never_fails_without_a_line(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            assert rank_ok(await sent_now(world, "with a line"))
            await go_down(world)
            with pytest.raises(Disconnected):
                await queue(world, "without", expire_after=0)
            assert world.client is not None
            assert world.client.outbox.waiting == 0

    run(play())


async def sent_now(world: World, text: str) -> MessageState:
    assert world.client is not None
    message_id = await queue(world, text, expire_after=0)
    return (await world.client.outbox.states.wait(message_id, MessageState.SENT, PATIENCE)).state


def test_nobody_can_queue_without_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 3)

    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            await go_down(world)
            for number in range(3):
                await queue(world, str(number))
            with pytest.raises(OutboxFull):
                await queue(world, "one too many")
            await come_back(world)
            await world.theirs.phone.wait_message("2", timeout=PATIENCE)
            assert texts_at(world.theirs) == ["0", "1", "2"]

    run(play())


def test_a_number_without_an_account_fails_alone(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            await go_down(world)
            assert world.client is not None
            nobody = await queue(world, "nobody", Jid.of_number("15559999999"))
            await queue(world, "her")
            await come_back(world)
            await world.theirs.phone.wait_message("her", timeout=PATIENCE)
            failed = await world.client.outbox.states.wait(nobody, MessageState.SENT, PATIENCE)
            assert type(failed.error).__name__ == "NotOnWhatsApp"

    run(play())


def test_a_copy_sends_nothing_that_waited(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            await go_down(world)
            await queue(world, "already sent by the original")
            assert world.client is not None
            await world.client._context.store.meta.put(None, COPY_MARK, b"another's")
            await world.stop()
            await world.start()
            await come_back(world)
            await world.probe()
            assert texts_at(world.theirs) == ["probe out 0"]

    run(play())


def test_what_is_given_away_is_sent_by_the_other_alone(tmp_path: Path) -> None:
    async def play() -> None:
        async with make_world(tmp_path) as world:
            await world.link()
            await go_down(world)
            ids = [await queue(world, str(number)) for number in range(3)]
            assert world.client is not None
            given = await world.client.outbox.give_away()
            assert [each.message_id for each in given] == ids
            await world.client.outbox.given_away(ids[:2])
            await world.stop()
            await world.start()
            await come_back(world)
            await world.probe()
            assert texts_at(world.theirs) == ["probe out 0"]
            assert world.client is not None
            await world.client.outbox.take_back()
            await world.theirs.phone.wait_message("2", timeout=PATIENCE)
            assert texts_at(world.theirs) == ["probe out 0", "2"]

    run(play())
