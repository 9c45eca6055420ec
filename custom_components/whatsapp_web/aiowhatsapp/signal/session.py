"""The session record: the current state, and the states that it replaced.

Archived states stay serialized until a message needs them: nearly none does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..crypto.curve25519 import KEY_LENGTH, KeyPair
from ..errors import StoreCorrupt
from ..proto import storage
from .chain import Chain, is_skipped_form

MAX_ARCHIVED: Final = 40
MAX_RECEIVER_CHAINS: Final = 5


@dataclass(frozen=True, slots=True)
class ReceiverChain:
    """A chain that reads the peer's messages under one of its ratchet keys (32 bytes)."""

    ratchet_key: bytes
    chain: Chain


@dataclass(frozen=True, slots=True)
class PendingPreKey:
    """What every message repeats until the peer has answered; `base_key` has 32 bytes."""

    pre_key_id: int | None
    signed_pre_key_id: int
    base_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """One double ratchet; identities and the initiator's `base_key` are raw 32 bytes."""

    local_identity: bytes
    remote_identity: bytes
    local_registration_id: int
    remote_registration_id: int
    base_key: bytes
    root_key: bytes = field(repr=False)
    previous_counter: int
    ratchet: KeyPair
    sender: Chain
    # Newest last.
    receivers: tuple[ReceiverChain, ...] = ()
    pending: PendingPreKey | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> SessionState:
        """Read what `to_bytes` wrote; raise `StoreCorrupt` when damaged."""
        try:
            stored = storage.SessionState.FromString(data)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A session state does not parse") from err
        state = cls(
            local_identity=stored.local_identity,
            remote_identity=stored.remote_identity,
            local_registration_id=stored.local_registration_id,
            remote_registration_id=stored.remote_registration_id,
            base_key=stored.base_key,
            root_key=stored.root_key,
            previous_counter=stored.previous_counter,
            ratchet=KeyPair(stored.sender_private, stored.sender_public),
            sender=Chain(stored.sender_chain_key, stored.sender_index),
            receivers=tuple(
                ReceiverChain(one.ratchet_key, Chain(one.chain_key, one.index, one.skipped))
                for one in stored.receivers
            ),
            pending=_read_pending(stored),
        )
        if not state.is_sound:
            raise StoreCorrupt("A session state is damaged")
        return state

    def to_bytes(self) -> bytes:
        """Serialize for the store."""
        stored = storage.SessionState(
            local_identity=self.local_identity,
            remote_identity=self.remote_identity,
            root_key=self.root_key,
            previous_counter=self.previous_counter,
            sender_private=self.ratchet.private,
            sender_public=self.ratchet.public,
            sender_chain_key=self.sender.key,
            sender_index=self.sender.index,
            remote_registration_id=self.remote_registration_id,
            local_registration_id=self.local_registration_id,
            base_key=self.base_key,
        )
        for receiver in self.receivers:
            chain = receiver.chain
            stored.receivers.add(
                ratchet_key=receiver.ratchet_key,
                chain_key=chain.key,
                index=chain.index,
                skipped=chain.skipped,
            )
        if self.pending is not None:
            if self.pending.pre_key_id is not None:
                stored.pending_pre_key.pre_key_id = self.pending.pre_key_id
            stored.pending_pre_key.signed_pre_key_id = self.pending.signed_pre_key_id
            stored.pending_pre_key.base_key = self.pending.base_key
        return stored.SerializeToString()

    @property
    def is_sound(self) -> bool:
        """Whether all keys have the length of a key."""
        keys = [self.local_identity, self.remote_identity, self.base_key, self.root_key]
        keys += [self.ratchet.private, self.ratchet.public, self.sender.key]
        if self.pending is not None:
            keys.append(self.pending.base_key)
        for receiver in self.receivers:
            keys += [receiver.ratchet_key, receiver.chain.key]
        return all(len(key) == KEY_LENGTH for key in keys) and all(
            is_skipped_form(receiver.chain.skipped) for receiver in self.receivers
        )


def _read_pending(stored: storage.SessionState) -> PendingPreKey | None:
    if not stored.HasField("pending_pre_key"):
        return None
    pending = stored.pending_pre_key
    pre_key_id = pending.pre_key_id if pending.HasField("pre_key_id") else None
    return PendingPreKey(pre_key_id, pending.signed_pre_key_id, pending.base_key)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """All session states with one device; never changed, only replaced."""

    current: SessionState | None = None
    # Serialized, newest first.
    archived: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> SessionRecord:
        """Read what `to_bytes` wrote; raise `StoreCorrupt` when damaged."""
        try:
            stored = storage.SessionRecord.FromString(data)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("A session record does not parse") from err
        current = SessionState.from_bytes(stored.current) if stored.HasField("current") else None
        return cls(current, tuple(stored.archived))

    def to_bytes(self) -> bytes:
        """Serialize for the store."""
        current = None if self.current is None else self.current.to_bytes()
        return storage.SessionRecord(current=current, archived=self.archived).SerializeToString()

    @property
    def has_state(self) -> bool:
        """Whether there is any session at all."""
        return self.current is not None or bool(self.archived)

    @property
    def has_pending_pre_key(self) -> bool:
        """Whether the next message will be a `pkmsg`."""
        return self.current is not None and self.current.pending is not None

    @property
    def remote_identity(self) -> bytes | None:
        """The peer's identity key in the current state, 32 bytes."""
        return None if self.current is None else self.current.remote_identity

    @property
    def remote_registration_id(self) -> int | None:
        """The peer's registration id in the current state; 0 when it never told."""
        return None if self.current is None else self.current.remote_registration_id

    @property
    def base_key(self) -> bytes | None:
        """The initiator's base key, 32 bytes: it tells one session from the next."""
        return None if self.current is None else self.current.base_key

    def states(self) -> Iterator[tuple[int, SessionState]]:
        """Give place and state: -1 is the current one, the others index `archived`."""
        if self.current is not None:
            yield -1, self.current
        for place, data in enumerate(self.archived):
            yield place, SessionState.from_bytes(data)

    def with_state(self, place: int, state: SessionState) -> SessionRecord:
        """Put the successor of the state at `place` first, archiving the current one."""
        if place < 0:
            return SessionRecord(state, self.archived)
        rest = self.archived[:place] + self.archived[place + 1 :]
        return SessionRecord(self.current, rest).with_new_state(state)

    def with_new_state(self, state: SessionState) -> SessionRecord:
        """Make `state` the current one and archive what was; the oldest may drop out."""
        archived = self.archived
        if self.current is not None:
            # An archived state never starts a conversation again.
            retired = replace(self.current, pending=None).to_bytes()
            archived = (retired, *archived)[:MAX_ARCHIVED]
        return SessionRecord(state, archived)

    def without_archived(self) -> SessionRecord:
        """Keep the current state only: for a peer whose identity key has changed."""
        return SessionRecord(self.current)
