"""Polls: options by their hash, and what all votes come to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..crypto.kdf import sha256
from ..jid import Jid

# What the official clients let a person enter is 12; others may offer more.
MAX_OPTIONS: Final = 12
MAX_OPTIONS_READ: Final = 64
MAX_OPTION: Final = 1024
HASH_LENGTH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The last vote of somebody; `choices` are hashes, none when it was taken back."""

    voter: Jid
    timestamp_ms: int
    choices: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTally:
    """An option and who chose it."""

    option: str = field(repr=False)
    voters: tuple[Jid, ...] = field(repr=False)

    @property
    def votes(self) -> int:
        """How many chose it."""
        return len(self.voters)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollState:
    """A poll and the last vote of everybody."""

    question: str = field(repr=False)
    options: tuple[str, ...] = field(repr=False)
    votes: tuple[Vote, ...] = field(repr=False)


def option_hash(option: str) -> bytes:
    """Name an option as votes do."""
    return sha256(option.encode("utf-8", "replace"))


def chosen_options(options: Sequence[str], choices: Iterable[bytes]) -> tuple[str, ...]:
    """Name what a vote chose, in the poll's order; what the poll does not have is left out."""
    chosen = frozenset(choices)
    return tuple(option for option in options if option_hash(option) in chosen)


def tally(options: Sequence[str], votes: Iterable[Vote]) -> tuple[OptionTally, ...]:
    """Count the votes, option by option in the poll's order."""
    cast = [(vote.voter, frozenset(vote.choices)) for vote in votes]
    return tuple(
        OptionTally(
            option=option,
            voters=tuple(voter for voter, choices in cast if option_hash(option) in choices),
        )
        for option in options
    )
