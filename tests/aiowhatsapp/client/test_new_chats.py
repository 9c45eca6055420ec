"""Refusals for beginning chats (463, 475): who is held back, until when, and who is not."""

import asyncio
from collections.abc import Mapping
import json
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.drafting import SendOptions
from custom_components.whatsapp_web.aiowhatsapp.client.new_chats import LONGEST, NO_END, UNKNOWN
from custom_components.whatsapp_web.aiowhatsapp.errors import Rejected
from custom_components.whatsapp_web.aiowhatsapp.events import (
    MessageState,
    PacingChanged,
    PacingState,
    QueuedMessage,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.mex import NEW_CHAT_CAP, REACHOUT_LOCK
from custom_components.whatsapp_web.aiowhatsapp.message.drafts import Text
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import (
    NOW,
    Answer,
    Bench,
    Person,
    benched,
    refusal,
    result,
    silence,
    text,
)
from tests.aiowhatsapp.client.pairing_support import settle

HOLD = 6 * 3600
END = NOW + HOLD
LOCK = "xwa2_fetch_account_reachout_timelock"
CAP = "xwa2_message_capping_info"


def answer(data: Mapping[str, Any]) -> Answer:
    """Answer a query in the service's query language."""
    body = json.dumps({"data": data}).encode()
    return lambda request: result(request, Node("result", {}, body))


def lock(end: object = str(END), *, active: object = True) -> Answer:
    return answer({LOCK: {"is_active": active, "time_enforcement_ends": end}})


def cap(end: object = str(END)) -> Answer:
    return answer({CAP: {"cycle_end_timestamp": end}})


async def hand_over(bench: Bench, person: Person, words: str = "hi", **how: Any) -> str:
    queued = await bench.client.send(
        person.phone, Text(text=words), options=SendOptions(**how) if how else None
    )
    return queued.message_id


async def outcome(bench: Bench, message_id: str, timeout: float = 60) -> QueuedMessage:
    return await bench.client.outbox.states.wait(message_id, MessageState.SENT, timeout)


async def refused(bench: Bench, person: Person, code: str, script: Answer) -> None:
    """Have a message to a person refused; from then on the server takes all again."""
    bench.server.script["query"] = script
    bench.server.ack_attrs = {"error": code}
    failed = await outcome(bench, await hand_over(bench, person))
    assert isinstance(failed.error, Rejected)
    assert failed.error.code == code
    # The query for the end, which may be left without an answer, is over.
    await asyncio.gather(*bench.client.outbox._busy.values())
    bench.server.ack_attrs = {}
    await settle()


def queries(bench: Bench) -> list[tuple[str, Any]]:
    """What was asked, with its variables."""
    asked = [node.required_child("query") for node in bench.server.asked("query")]
    return [
        (query.required_attr("query_id"), json.loads(query.data)["variables"]) for query in asked
    ]


def invited(bench: Bench) -> list[str | None]:
    """Whom we gave our token."""
    asked = [node.required_child("tokens") for node in bench.server.asked("tokens")]
    return [tokens.required_child("token").attr("jid") for tokens in asked]


def pace_of(bench: Bench) -> PacingState:
    return bench.client.outbox.pacing.state(bench.clock.now())


def followed(bench: Bench) -> list[PacingState]:
    """The changes of pace that are told from now on."""
    told: list[PacingState] = []
    bench.client.subscribe(PacingChanged, lambda event: told.append(event.state))
    return told


async def still_waits(bench: Bench, message_id: str, seconds: float) -> None:
    before = len(bench.server.messages)
    assert (await outcome(bench, message_id, seconds)).state is MessageState.PENDING
    assert len(bench.server.messages) == before


@pytest.mark.parametrize(
    ("code", "script", "query"),
    [
        ("463", lock(), (REACHOUT_LOCK, {})),
        ("475", cap(), (NEW_CHAT_CAP, {"input": {"type": "INDIVIDUAL_NEW_CHAT_THREAD"}})),
    ],
)
@benched
async def test_new_chats_wait_for_the_end_that_the_server_names(
    bench: Bench, code: str, script: Answer, query: tuple[str, Any]
) -> None:
    told = followed(bench)
    await refused(bench, bench.ann, code, script)
    assert queries(bench) == [query]
    assert [(each.new_chats_held_until, each.held_until, each.code) for each in told] == [
        (END, None, code)
    ]
    message_id = await hand_over(bench, bench.bob)
    await still_waits(bench, message_id, HOLD - 60)
    assert (await outcome(bench, message_id, 120)).state is MessageState.SENT
    assert bench.clock.now() >= END
    # The end is told, once; and nobody was asked or written to again for it.
    assert [each.is_limited for each in told] == [True, False]
    assert len(queries(bench)) == 1
    assert len(bench.server.messages) == 2


@benched
async def test_the_end_is_told_without_any_message_or_line(bench: Bench) -> None:
    told = followed(bench)
    await refused(bench, bench.ann, "463", lock(NOW + 600))
    await bench.cut()
    await bench.clock.sleep(602)
    assert [each.is_limited for each in told] == [True, False]


@benched
async def test_without_a_lock_only_that_chat_was_refused(bench: Bench) -> None:
    told = followed(bench)
    await refused(bench, bench.ann, "463", lock(active=False))
    assert (await outcome(bench, await hand_over(bench, bench.bob))).state is MessageState.SENT
    assert told == []


@benched
async def test_it_holds_across_restarts(bench: Bench) -> None:
    await refused(bench, bench.ann, "463", lock())
    message_id = await hand_over(bench, bench.bob)
    await bench.restart()
    told = followed(bench)
    await settle()
    assert [(each.new_chats_held_until, each.code) for each in told] == [(END, "463")]
    await still_waits(bench, message_id, HOLD - 60)
    assert len(queries(bench)) == 1
    assert (await outcome(bench, message_id, 120)).state is MessageState.SENT
    await bench.restart()
    assert not pace_of(bench).is_limited


@benched
async def test_chats_that_begin_nothing_new_go_on(bench: Bench) -> None:
    await bench.client._identities.learn([(bench.bob.phone, bench.bob.lid)])
    await bench.introduce(bench.bob.first)
    await bench.receive(bench.message(bench.bob.first, text("hello")))
    await refused(bench, bench.ann, "463", lock())
    for person in (bench.bob, bench.me):
        assert (await outcome(bench, await hand_over(bench, person))).state is MessageState.SENT
    # Ann allows it now, with a token of hers.
    token = Node("token", {"type": "trusted_contact", "t": str(NOW)}, b"token")
    attrs = {"type": "privacy_token", "id": "N1", "t": str(NOW)}
    granted = Node("notification", {**attrs, "from": bench.ann.lid}, [Node("tokens", {}, [token])])
    await bench.receive(granted)
    assert (await outcome(bench, await hand_over(bench, bench.ann))).state is MessageState.SENT
    assert pace_of(bench).new_chats_held_until == END


@benched
async def test_what_is_held_leaves_when_they_begin_the_chat(bench: Bench) -> None:
    await bench.client._identities.learn([(bench.bob.phone, bench.bob.lid)])
    await bench.introduce(bench.bob.first)
    await refused(bench, bench.ann, "463", lock())
    ids = [await hand_over(bench, bench.bob, words) for words in ("one", "two")]
    await still_waits(bench, ids[0], 600)
    await bench.receive(bench.message(bench.bob.first, text("hello")))
    for message_id in ids:
        assert (await outcome(bench, message_id)).state is MessageState.SENT
    assert [node.attr("id") for node in bench.server.messages[1:]] == ids


@benched
async def test_whom_we_may_not_write_to_gets_our_token_once(bench: Bench) -> None:
    for _ in range(3):
        await refused(bench, bench.ann, "463", lock(active=False))
    await refused(bench, bench.bob, "463", lock(active=False))
    assert len(invited(bench)) == 2
    assert len(set(invited(bench))) == 2


@benched
async def test_now_or_never_is_refused_without_asking_anybody(bench: Bench) -> None:
    await refused(bench, bench.ann, "463", lock())
    # Another refusal, for another reason, which is over.
    bench.client.outbox.pacing.too_fast("429", bench.clock.now())
    await bench.clock.sleep(61)
    before = len(bench.server.sent)
    failed = await outcome(bench, await hand_over(bench, bench.bob, expire_after=0))
    assert isinstance(failed.error, Rejected)
    assert failed.error.code == "463"
    assert len(bench.server.messages) == 1
    assert [node for node in bench.server.sent[before:] if node.child("query")] == []
    assert (pace_of(bench).held_until, pace_of(bench).code) == (None, "463")


@pytest.mark.parametrize(
    ("code", "script", "seconds"),
    [
        ("463", lock(None), NO_END),
        ("463", lock("soon"), NO_END),
        ("463", lock(True), NO_END),
        ("463", lock(-5), NO_END),
        ("463", lock("1" * 500), NO_END),
        ("463", lock(NOW + 10**9), LONGEST),
        ("463", lock(active="yes"), None),
        ("463", answer({LOCK: [1]}), None),
        ("463", answer({}), None),
        ("463", refusal(500), UNKNOWN),
        ("463", lambda request: result(request, Node("result", {}, b"{")), UNKNOWN),
        ("463", result, UNKNOWN),
        ("475", cap(None), UNKNOWN),
        ("475", cap(NOW - 1), UNKNOWN),
        ("475", cap(10**10), LONGEST),
        ("475", answer({CAP: "no"}), UNKNOWN),
    ],
)
@benched
async def test_whatever_the_server_answers_the_hold_has_an_end(
    bench: Bench, code: str, script: Answer, seconds: int | None
) -> None:
    await refused(bench, bench.ann, code, script)
    expected = None if seconds is None else NOW + seconds
    assert pace_of(bench).new_chats_held_until == expected


@benched
async def test_a_query_without_an_answer_holds_for_a_while(bench: Bench) -> None:
    await refused(bench, bench.ann, "463", silence)
    until = pace_of(bench).new_chats_held_until
    assert until is not None
    assert NOW + UNKNOWN <= until <= bench.clock.now() + UNKNOWN


@benched
async def test_the_answer_about_a_lock_does_not_lift_a_cap(bench: Bench) -> None:
    await bench.client._identities.learn([(bench.bob.phone, bench.bob.lid)])
    await bench.introduce(bench.bob.first)
    await bench.receive(bench.message(bench.bob.first, text("hello")))
    await refused(bench, bench.ann, "475", cap())
    await refused(bench, bench.bob, "463", lock(active=False))
    assert (pace_of(bench).new_chats_held_until, pace_of(bench).code) == (END, "475")
    await bench.restart()
    assert (pace_of(bench).new_chats_held_until, pace_of(bench).code) == (END, "475")


@benched
async def test_nobody_new_is_written_to_while_the_server_is_asked(bench: Bench) -> None:
    asked: list[Node] = []
    bench.server.script["query"] = asked.append
    bench.server.ack_attrs = {"error": "463"}
    await hand_over(bench, bench.ann)
    await settle()
    assert len(asked) == 1
    bench.server.ack_attrs = {}
    message_id = await hand_over(bench, bench.bob)
    await settle()
    assert len(bench.server.messages) == 1
    (released,) = [lock(NOW + 600)(asked[0])]
    assert released is not None
    await bench.receive(released)
    await still_waits(bench, message_id, 500)
    assert (await outcome(bench, message_id, 120)).state is MessageState.SENT


@benched
async def test_two_that_are_refused_together_are_one_question(bench: Bench) -> None:
    bench.server.script["query"] = lock()
    bench.server.ack_attrs = {"error": "463"}
    ids = [await hand_over(bench, person) for person in (bench.ann, bench.bob)]
    for message_id in ids:
        assert isinstance((await outcome(bench, message_id)).error, Rejected)
    await settle()
    assert len(queries(bench)) == 1
    assert len(invited(bench)) == 2
