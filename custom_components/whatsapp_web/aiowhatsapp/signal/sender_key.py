"""The sender key record: how the messages of one sender to one group are read or written."""

from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..crypto.curve25519 import KEY_LENGTH
from ..errors import NoSession, StoreCorrupt
from ..proto import storage
from .chain import MAX_FORWARD_JUMP, Chain, is_skipped_form
from .keys import RandomBytes, make_key_pair
from .messages import (
    CHAIN_KEY_LENGTH,
    DistributionMessage,
    distribution_message as write_distribution,
    parse_distribution_message,
)

MAX_STATES: Final = 5
_KEY_ID_MASK: Final = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class SenderKeyState:
    """One sender key; the signing keys are raw 32 bytes, the private one only in our own."""

    key_id: int
    chain: Chain
    signing_public: bytes
    signing_private: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SenderKeyRecord:
    """The sender keys of one sender in one group, newest first; only ever replaced."""

    states: tuple[SenderKeyState, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> SenderKeyRecord:
        """Read what `to_bytes` wrote; raise `StoreCorrupt` when damaged."""
        try:
            stored = storage.SenderKeyRecord.FromString(data)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A sender key record does not parse") from err
        return cls(tuple(_read_state(state) for state in stored.states))

    def to_bytes(self) -> bytes:
        """Serialize for the store."""
        stored = storage.SenderKeyRecord()
        for state in self.states:
            stored.states.add(
                id=state.key_id,
                iteration=state.chain.index,
                chain_key=state.chain.key,
                signing_public=state.signing_public,
                signing_private=state.signing_private,
                skipped=state.chain.skipped,
            )
        return stored.SerializeToString()

    def own(self) -> tuple[SenderKeyState, bytes]:
        """Give the state to send with, and its private signing key.

        Raises `NoSession` when this record isn't our own.
        """
        private = self.states[0].signing_private if self.states else None
        if private is None:
            raise NoSession("There is no sender key to send with")
        return self.states[0], private

    @property
    def iteration(self) -> int | None:
        """How many messages the newest sender key has behind it."""
        return self.states[0].chain.index if self.states else None

    def place_of(self, key_id: int) -> int:
        """Tell where the state with this id is; raise `NoSession` when there is none."""
        for place, state in enumerate(self.states):
            if state.key_id == key_id:
                return place
        raise NoSession("There is no sender key with this id")

    def with_chain(self, place: int, chain: Chain) -> SenderKeyRecord:
        """Replace the chain of one state, keeping the order."""
        old = self.states[place]
        state = SenderKeyState(old.key_id, chain, old.signing_public, old.signing_private)
        return SenderKeyRecord((*self.states[:place], state, *self.states[place + 1 :]))


def _read_state(stored: storage.SenderKeyState) -> SenderKeyState:
    private = stored.signing_private if stored.HasField("signing_private") else None
    keys = [stored.chain_key, stored.signing_public, *([] if private is None else [private])]
    if any(len(key) != KEY_LENGTH for key in keys) or not is_skipped_form(stored.skipped):
        raise StoreCorrupt("A sender key is damaged")
    chain = Chain(stored.chain_key, stored.iteration, stored.skipped)
    return SenderKeyState(stored.id, chain, stored.signing_public, private)


def create(random_bytes: RandomBytes) -> SenderKeyRecord:
    """Make a sender key of our own, with nothing sent yet."""
    key_id = int.from_bytes(random_bytes(4)) & _KEY_ID_MASK
    chain = Chain(random_bytes(CHAIN_KEY_LENGTH), 0)
    signing = make_key_pair(random_bytes)
    return SenderKeyRecord((SenderKeyState(key_id, chain, signing.public, signing.private),))


def distribution_message(record: SenderKeyRecord) -> bytes:
    """Write our sender key as it stands: it opens the next message and those after it.

    Raises `NoSession` when the record isn't our own.
    """
    state, _ = record.own()
    return write_distribution(
        DistributionMessage(state.key_id, state.chain.index, state.chain.key, state.signing_public)
    )


def process_distribution(record: SenderKeyRecord | None, data: bytes) -> SenderKeyRecord:
    """Take up a sender key that its owner sent us.

    A key that we have stays where it is in its chain, so that no message is read twice, unless
    it lags so far behind that it could never catch up.
    Raises `InvalidMessage`, or `InvalidKey` for a malformed signing key.
    """
    offered = parse_distribution_message(data)
    state = SenderKeyState(
        offered.key_id, Chain(offered.chain_key, offered.iteration), offered.signing_key
    )
    others = []
    for known in () if record is None else record.states:
        if known.key_id != offered.key_id:
            others.append(known)
        elif (
            known.signing_public == offered.signing_key
            and offered.iteration - known.chain.index <= MAX_FORWARD_JUMP
        ):
            state = known
    return SenderKeyRecord((state, *others)[:MAX_STATES])
