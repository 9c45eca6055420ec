"""When the server says that we go too fast (429): what is held, for how long, what is told."""

from custom_components.whatsapp_web.aiowhatsapp.client.drafting import SendOptions
from custom_components.whatsapp_web.aiowhatsapp.client.pacing import (
    FIRST_HOLD,
    LONGEST_HOLD,
    Pacing,
    PacingLimits,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import MessageExpired
from custom_components.whatsapp_web.aiowhatsapp.events import (
    MessageState,
    PacingChanged,
    PacingState,
    QueuedMessage,
)
from custom_components.whatsapp_web.aiowhatsapp.message.drafts import Text
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Person, benched
from tests.aiowhatsapp.client.pairing_support import settle


def followed(bench: Bench) -> list[PacingState]:
    told: list[PacingState] = []
    bench.client.subscribe(PacingChanged, lambda event: told.append(event.state))
    return told


async def hand_over(bench: Bench, person: Person, **how: float) -> str:
    options = SendOptions(expire_after=how.get("expire_after"))
    return (await bench.client.send(person.phone, Text(text="hi"), options=options)).message_id


async def outcome(bench: Bench, message_id: str, timeout: float = 60) -> QueuedMessage:
    return await bench.client.outbox.states.wait(message_id, MessageState.SENT, timeout)


def refuse_first(bench: Bench, count: int) -> None:
    """Take no message before so many were refused."""
    bench.server.ack_attrs = {"error": "429"}

    def on_write(node: Node) -> None:
        if node.tag == "message" and len(bench.server.messages) > count:
            bench.server.ack_attrs = {}

    bench.server.on_write = on_write


@benched
async def test_everything_waits_and_then_leaves_as_the_same_bytes(bench: Bench) -> None:
    told = followed(bench)
    refuse_first(bench, 1)
    first = await hand_over(bench, bench.ann)
    await settle()
    assert [(each.held_until, each.code) for each in told] == [(NOW + FIRST_HOLD, "429")]
    others = [await hand_over(bench, person) for person in (bench.bob, bench.me)]
    assert (await outcome(bench, others[0], FIRST_HOLD - 1)).state is MessageState.PENDING
    assert len(bench.server.messages) == 1
    for message_id in (first, *others):
        assert (await outcome(bench, message_id, 2)).state is MessageState.SENT
    same = [node for node in bench.server.messages if node.attr("id") == first]
    assert same[0] == same[1]
    # The end is told when the time is over, and not once more when the server takes one.
    assert [each.is_limited for each in told] == [True, False]


@benched
async def test_each_refusal_in_a_row_holds_for_twice_as_long(bench: Bench) -> None:
    told = followed(bench)
    refuse_first(bench, 3)
    message_id = await hand_over(bench, bench.ann)
    assert (await outcome(bench, message_id, 3600)).state is MessageState.SENT
    assert 60 + 120 + 240 <= bench.clock.monotonic() <= 60 + 120 + 240 + 5
    assert [each.is_limited for each in told] == [True, False] * 3
    # Whoever was let through begins anew.
    refuse_first(bench, len(bench.server.messages) + 1)
    began = bench.clock.monotonic()
    assert (await outcome(bench, await hand_over(bench, bench.ann), 3600)).error is None
    assert 60 <= bench.clock.monotonic() - began <= 65


@benched
async def test_those_that_are_refused_together_are_one_refusal(bench: Bench) -> None:
    refuse_first(bench, 3)
    ids = [await hand_over(bench, person) for person in (bench.ann, bench.bob, bench.me)]
    for message_id in ids:
        assert (await outcome(bench, message_id, 3600)).state is MessageState.SENT
    assert len(bench.server.messages) == 6
    assert 60 <= bench.clock.monotonic() <= 65


@benched
async def test_what_expires_while_all_is_held_is_told_in_time(bench: Bench) -> None:
    refuse_first(bench, 1)
    await hand_over(bench, bench.ann)
    await settle()
    failed = await outcome(bench, await hand_over(bench, bench.bob, expire_after=10), 12)
    assert isinstance(failed.error, MessageExpired)
    assert bench.clock.monotonic() < 12


def test_no_hold_is_longer_than_an_hour() -> None:
    pacing = Pacing(PacingLimits(), now=0)
    now = 0.0
    for _ in range(100):
        pacing.too_fast("429", now)
        assert FIRST_HOLD <= pacing.delay(now) <= LONGEST_HOLD
        now += pacing.delay(now)
    assert pacing.state(now - 1).held_until == now
