"""The votes of a poll, as the store keeps them."""

from collections.abc import Iterable, Sequence
from typing import Final

from ..errors import DecodeError
from ..jid import Jid
from ..message.poll import HASH_LENGTH, PollState, Vote
from ..proto import storage

# The largest groups have this many members.
MAX_VOTES: Final = 1024
# Later than any clock.
MAX_TIMESTAMP_MS: Final = 2**50


def cast_vote(
    poll: storage.PollRecord,
    voter: Sequence[Jid],
    choices: Iterable[bytes],
    *,
    timestamp_ms: int,
) -> None:
    """Put a vote in the place of the voter's earlier one, unless that is the newer.

    `voter` is all addresses of one person, the one to go by first.
    """
    names = [str(form.bare) for form in voter]
    timestamp_ms = min(max(timestamp_ms, 0), MAX_TIMESTAMP_MS)
    earlier = [vote for vote in poll.votes if vote.voter in names]
    if any(vote.timestamp_ms > timestamp_ms for vote in earlier):
        return
    others = [vote for vote in poll.votes if vote.voter not in names][:MAX_VOTES]
    joined = b"".join(choice for choice in choices if len(choice) == HASH_LENGTH)
    vote = storage.PollRecord.Vote(voter=names[0], timestamp_ms=timestamp_ms, choices=joined)
    del poll.votes[:]
    poll.votes.extend([*others, vote])


def state_of(poll: storage.PollRecord) -> PollState:
    """Read a poll with its votes."""
    return PollState(
        question=poll.question, options=tuple(poll.options), votes=tuple(_votes_of(poll))
    )


def _votes_of(poll: storage.PollRecord) -> list[Vote]:
    votes = []
    for vote in poll.votes:
        try:
            voter = Jid.parse(vote.voter)
        except DecodeError:
            continue
        hashes = tuple(
            vote.choices[start : start + HASH_LENGTH]
            for start in range(0, len(vote.choices), HASH_LENGTH)
        )
        votes.append(Vote(voter=voter, timestamp_ms=vote.timestamp_ms, choices=hashes))
    return votes
