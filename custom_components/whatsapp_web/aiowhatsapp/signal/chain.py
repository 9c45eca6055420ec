"""The symmetric-key chain: message seeds from a chain key that only moves forward.

Sessions and sender keys share it. Seeds of messages jumped over are kept in one
byte string, oldest first, so that a chain is copied and stored at no cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..crypto.curve25519 import KEY_LENGTH
from ..crypto.kdf import hmac_sha256
from ..errors import DuplicateMessage, InvalidMessage

# How far ahead of the expected counter a message may be.
MAX_FORWARD_JUMP: Final = 2000
MAX_SKIPPED: Final = 2000
# Counters are uint32, and the chain must still be able to name the next one.
MAX_COUNTER: Final = 0xFFFFFFFE

_COUNTER_LENGTH: Final = 4
_ENTRY_LENGTH: Final = _COUNTER_LENGTH + KEY_LENGTH
_SEED: Final = b"\x01"
_NEXT: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain key (32 bytes), the counter of its next message, and skipped seeds."""

    key: bytes = field(repr=False)
    index: int
    skipped: bytes = field(default=b"", repr=False)

    def seed(self) -> bytes:
        """Give the seed of the next message, 32 bytes."""
        return hmac_sha256(self.key, _SEED)

    def following(self) -> Chain:
        """Give the chain after its next message; raise `InvalidMessage` at its end."""
        if self.index >= MAX_COUNTER:
            raise InvalidMessage("The chain is used up")
        return Chain(hmac_sha256(self.key, _NEXT), self.index + 1, self.skipped)

    def find(self, counter: int) -> Found:
        """Find the seed of message `counter`; nothing is used up yet.

        Raises `DuplicateMessage` when the counter was used before (or its seed dropped),
        `InvalidMessage` when it is too far in the future.
        """
        if counter < self.index:
            return self._find_skipped(counter)
        if counter > MAX_COUNTER or counter - self.index > MAX_FORWARD_JUMP:
            raise InvalidMessage("The message is too far in the future")
        key = self.key
        passed = []
        for _ in range(counter - self.index):
            passed.append(key)
            key = hmac_sha256(key, _NEXT)
        return Found(self, counter, hmac_sha256(key, _SEED), key, passed)

    def _find_skipped(self, counter: int) -> Found:
        name = counter.to_bytes(_COUNTER_LENGTH)
        at = self.skipped.find(name)
        # A seed may contain the same four bytes: an entry begins on a whole multiple.
        while at % _ENTRY_LENGTH and at != -1:
            at = self.skipped.find(name, at + 1)
        if at == -1:
            raise DuplicateMessage("The counter was used before")
        end = at + _ENTRY_LENGTH
        rest = Chain(self.key, self.index, self.skipped[:at] + self.skipped[end:])
        return Found(rest, counter, self.skipped[at + _COUNTER_LENGTH : end], None, ())


@dataclass(frozen=True, slots=True)
class Found:
    """A message's place on a chain; `advanced` tells what reading it leaves behind."""

    chain: Chain
    counter: int
    seed: bytes = field(repr=False)
    key: bytes | None = field(repr=False)
    passed: Sequence[bytes] = field(repr=False)

    def advanced(self) -> Chain:
        """Give the chain after this message, with the seeds of those jumped over.

        Deriving them waits for this call: a forged message shall not cost it.
        """
        if self.key is None:
            return self.chain
        skipped = self.chain.skipped
        if self.passed:
            entries = [
                (self.chain.index + offset).to_bytes(_COUNTER_LENGTH) + hmac_sha256(key, _SEED)
                for offset, key in enumerate(self.passed)
            ]
            skipped = (skipped + b"".join(entries))[-MAX_SKIPPED * _ENTRY_LENGTH :]
        return Chain(hmac_sha256(self.key, _NEXT), self.counter + 1, skipped)


def is_skipped_form(skipped: bytes) -> bool:
    """Tell whether stored bytes can be a chain's skipped seeds."""
    return len(skipped) % _ENTRY_LENGTH == 0
