"""Trusted-contact tokens: kept, shown while they are good, and given out once a week."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.tokens import (
    BUCKET_SECONDS,
    BUCKETS,
    MAX_TOKEN,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Person, benched, refusal

# The beginning of the week that the tests begin in.
WEEK = NOW // BUCKET_SECONDS * BUCKET_SECONDS


def token(value: bytes, t: int | str | None = NOW, kind: str = "trusted_contact") -> Node:
    attrs: dict[str, str | Jid] = {"type": kind, "jid": Jid("1001", "lid")}
    if t is not None:
        attrs["t"] = str(t)
    return Node("token", attrs, value)


async def grant(bench: Bench, person: Person, *tokens: Node, by_number: bool = False) -> None:
    """Have a person's tokens come, by notification."""
    attrs: dict[str, str | Jid] = {
        "type": "privacy_token",
        "id": "N1",
        "from": person.phone,
        "t": str(NOW),
    }
    if not by_number:
        attrs["sender_lid"] = person.lid
    (ack,) = await bench.receive(Node("notification", attrs, [Node("tokens", {}, list(tokens))]))
    assert ack.attr("class") == "notification"


async def shown(bench: Bench, person: Person) -> bytes | None:
    """Write to a person; give the token that went along."""
    child = (await bench.send(person.lid, "hi")).child("tctoken")
    return None if child is None else child.data


@pytest.mark.parametrize("by_number", [True, False])
@benched
async def test_a_token_is_shown_with_each_message(bench: Bench, by_number: bool) -> None:
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    await grant(bench, bench.ann, token(b"secret"), by_number=by_number)
    assert await shown(bench, bench.ann) == b"secret"
    await bench.restart()
    assert await shown(bench, bench.ann) == b"secret"
    assert await shown(bench, bench.bob) is None
    stanza = bench.server.messages[0]
    assert stanza.required_child("tctoken").attrs == {}


@benched
async def test_a_note_to_self_shows_none(bench: Bench) -> None:
    await grant(bench, bench.me, token(b"own"))
    assert await shown(bench, bench.me) is None


@benched
async def test_the_newer_token_counts_in_whatever_order_they_come(bench: Bench) -> None:
    await grant(bench, bench.ann, token(b"new", NOW), token(b"old", NOW - 1))
    assert await shown(bench, bench.ann) == b"new"
    await grant(bench, bench.ann, token(b"newer", NOW + 1))
    assert await shown(bench, bench.ann) == b"newer"


@pytest.mark.parametrize(
    "bad",
    [
        token(b"x", kind="other"),
        token(b"x", t=None),
        token(b"x", t=0),
        token(b"x", t=-5),
        token(b"x", t=2**40),
        token(b""),
        token(b"x" * (MAX_TOKEN + 1)),
    ],
)
@benched
async def test_what_makes_no_sense_is_not_kept(bench: Bench, bad: Node) -> None:
    await grant(bench, bench.ann, bad, token(b"good"))
    assert await shown(bench, bench.ann) == b"good"


@benched
async def test_a_malformed_notification_is_only_acked(bench: Bench) -> None:
    await grant(bench, bench.ann, token(b"x", t="noon"))
    (ack,) = await bench.receive(
        Node("notification", {"type": "privacy_token", "id": "N2", "from": bench.ann.phone})
    )
    assert ack.attr("class") == "notification"
    assert await shown(bench, bench.ann) is None


@benched
async def test_a_token_is_good_for_its_week_and_the_three_that_follow(bench: Bench) -> None:
    await grant(bench, bench.ann, token(b"secret", WEEK))
    bench.clock.skew = WEEK + BUCKETS * BUCKET_SECONDS - 1 - NOW
    assert await shown(bench, bench.ann) == b"secret"
    bench.clock.skew += 1
    assert await shown(bench, bench.ann) is None


def issued(bench: Bench) -> list[tuple[str | None, str | None]]:
    """Name whom the server was asked to trust, and when."""
    tokens = [
        node.required_child("tokens").required_child("token")
        for node in bench.server.asked("tokens")
    ]
    assert all(each.attr("type") == "trusted_contact" for each in tokens)
    return [(each.attr("jid"), each.attr("t")) for each in tokens]


@benched
async def test_whoever_we_write_to_may_write_to_us_once_a_week(bench: Bench) -> None:
    await bench.send(bench.ann.phone, "hi")
    await bench.send(bench.ann.lid, "again")
    await bench.send(bench.bob.lid, "hi")
    now = str(NOW)
    assert issued(bench) == [(str(bench.ann.lid), now), (str(bench.bob.lid), now)]
    await bench.restart()
    bench.clock.skew = WEEK + BUCKET_SECONDS - 1 - NOW
    await bench.send(bench.ann.lid, "still this week")
    assert len(issued(bench)) == 2
    bench.clock.skew += 1
    await bench.send(bench.ann.lid, "next week")
    await bench.send(bench.ann.lid, "next week, too")
    assert issued(bench)[2:] == [(str(bench.ann.lid), str(WEEK + BUCKET_SECONDS))]


@benched
async def test_a_token_that_could_not_be_issued_is_issued_later(bench: Bench) -> None:
    bench.server.script["tokens"] = refusal(500)
    await bench.send(bench.ann.lid, "hi")
    bench.server.script.clear()
    await bench.send(bench.ann.lid, "hi")
    await bench.send(bench.ann.lid, "hi")
    assert len(issued(bench)) == 2


def new_phone(person: Person) -> Node:
    attrs: dict[str, str | Jid] = {"type": "encrypt", "id": "N2", "from": person.lid}
    return Node("notification", attrs, [Node("identity")])


def given_out(bench: Bench) -> list[str | None]:
    """When each token that we gave out is said to be from."""
    return [when for _, when in issued(bench)]


@benched
async def test_a_contact_with_a_new_phone_gets_ours_again_as_it_was(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    (first,) = given_out(bench)
    await bench.clock.sleep(3600)
    await bench.receive(new_phone(bench.ann))
    assert given_out(bench) == [first, first]
    # Of somebody we never wrote to there is none to give.
    await bench.receive(new_phone(bench.bob))
    assert given_out(bench) == [first, first]


@benched
async def test_one_that_could_not_be_given_again_comes_with_the_next_message(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    bench.server.script["tokens"] = refusal(500)
    await bench.receive(new_phone(bench.ann))
    del bench.server.script["tokens"]
    bench.ann.first.reinstall()
    laptop = bench.ann.devices[1]
    laptop.proof = bench.ann.vouch(laptop.identity.key_pair)
    await bench.send(bench.ann.lid, "hi again")
    assert len(given_out(bench)) == 3


@benched
async def test_one_that_has_expired_is_not_given_again(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    await bench.clock.sleep(BUCKETS * BUCKET_SECONDS)
    await bench.receive(new_phone(bench.ann))
    assert len(given_out(bench)) == 1
