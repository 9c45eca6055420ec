"""Counting votes."""

from custom_components.whatsapp_web.aiowhatsapp.client.votes import (
    MAX_VOTES,
    cast_vote,
    state_of,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.poll import (
    Vote,
    chosen_options,
    option_hash,
    tally,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import storage

ANN, BOB = Jid("1", "lid"), Jid("2", "lid")
OPTIONS = ("Yes", "No", "Só às vezes 🤔")


def vote(voter: Jid, *options: str) -> Vote:
    return Vote(voter=voter, timestamp_ms=1, choices=tuple(map(option_hash, options)))


def poll() -> storage.PollRecord:
    return storage.PollRecord(question="?", options=OPTIONS, choices=0)


def counts(record: storage.PollRecord) -> dict[str, int]:
    state = state_of(record)
    return {option.option: option.votes for option in tally(state.options, state.votes)}


def test_every_option_has_its_voters_in_the_order_of_the_poll() -> None:
    votes = [vote(ANN, "No", OPTIONS[2]), vote(BOB, "No")]
    assert [(each.option, each.voters) for each in tally(OPTIONS, votes)] == [
        ("Yes", ()),
        ("No", (ANN, BOB)),
        (OPTIONS[2], (ANN,)),
    ]


def test_what_the_poll_does_not_have_is_left_out() -> None:
    hashes = [option_hash("Yes"), option_hash("Perhaps"), b"\0" * 32]
    assert chosen_options(OPTIONS, hashes) == ("Yes",)


def test_a_later_vote_replaces_an_earlier_one() -> None:
    record = poll()
    cast_vote(record, [ANN], [option_hash("Yes")], timestamp_ms=1)
    cast_vote(record, [BOB], [option_hash("Yes")], timestamp_ms=2)
    cast_vote(record, [ANN], [option_hash("No")], timestamp_ms=3)
    assert counts(record) == {"Yes": 1, "No": 1, OPTIONS[2]: 0}
    cast_vote(record, [ANN], [], timestamp_ms=4)
    assert counts(record) == {"Yes": 1, "No": 0, OPTIONS[2]: 0}


def test_an_older_vote_that_comes_late_changes_nothing() -> None:
    record = poll()
    cast_vote(record, [ANN], [option_hash("No")], timestamp_ms=3)
    cast_vote(record, [ANN], [option_hash("Yes")], timestamp_ms=2)
    assert counts(record) == {"Yes": 0, "No": 1, OPTIONS[2]: 0}


def test_a_person_has_one_vote_whatever_their_address() -> None:
    record, number = poll(), Jid.of_number("15551234567")
    cast_vote(record, [number], [option_hash("Yes")], timestamp_ms=1)
    cast_vote(record, [ANN, number], [option_hash("No")], timestamp_ms=2)
    assert counts(record) == {"Yes": 0, "No": 1, OPTIONS[2]: 0}
    assert [each.voter for each in state_of(record).votes] == [ANN]


def test_hostile_votes_are_bounded() -> None:
    record = poll()
    cast_vote(record, [ANN], [b"short", b"x" * 33], timestamp_ms=-(2**63))
    assert record.votes[0].choices == b""
    assert record.votes[0].timestamp_ms == 0
    for number in range(MAX_VOTES + 50):
        cast_vote(record, [Jid(str(number + 10), "lid")], [], timestamp_ms=2**63)
    assert len(record.votes) == MAX_VOTES + 1
