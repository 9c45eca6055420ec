"""Sessions as their user sees them: set one up, encrypt, decrypt.

Every function gives a new record and leaves the one it was given as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import BadMac, DuplicateMessage, InvalidKeyId, InvalidMessage, NoSession, SignalError
from .chain import Chain
from .keys import IdentityKeys, PreKey, RandomBytes, SignedPreKey, make_key_pair
from .messages import PreKeyMessage, parse_pre_key_message, parse_signal_message, pre_key_message
from .prekey import PreKeyBundle
from .ratchet import seal, turn_as_initiator, unseal
from .session import PendingPreKey, ReceiverChain, SessionRecord, SessionState
from .x3dh import initiate, respond


@dataclass(frozen=True, slots=True)
class EncryptedMessage:
    """A ciphertext and the type that its `<enc>` node names."""

    kind: Literal["pkmsg", "msg"]
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class PreKeyMessageInfo:
    """What a `pkmsg` says of itself, not authenticated; keys are raw 32 bytes."""

    pre_key_id: int | None
    signed_pre_key_id: int
    base_key: bytes
    identity: bytes
    registration_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decrypted:
    """A message that was read, and the record to store with it in one transaction.

    `identity` is the sender's identity key (32 bytes) in the session that read the message.
    `new_identity` is the same key when the message began a session, else None: only then may
    it differ from the one known before, and what that means is the caller's to decide.
    `archived` tells that an older session read the message, and is the current one again.
    `used_pre_key_id` is the one-time prekey to delete.
    """

    record: SessionRecord
    plaintext: bytes = field(repr=False)
    identity: bytes
    archived: bool = False
    new_identity: bytes | None = None
    used_pre_key_id: int | None = None


def process_bundle(
    record: SessionRecord | None,
    bundle: PreKeyBundle,
    *,
    ours: IdentityKeys,
    random_bytes: RandomBytes,
) -> SessionRecord:
    """Begin a session with the owner of the bundle, archiving the current one.

    Raises `InvalidKey` when the bundle's signature or one of its keys is bad.
    """
    bundle.verify()
    base = make_key_pair(random_bytes)
    ratchet = make_key_pair(random_bytes)
    secrets = initiate(ours.key_pair, base, bundle)
    state = SessionState(
        local_identity=ours.key_pair.public,
        remote_identity=bundle.identity,
        local_registration_id=ours.registration_id,
        remote_registration_id=bundle.registration_id,
        base_key=base.public,
        root_key=secrets.root_key,
        previous_counter=0,
        ratchet=ratchet,
        sender=Chain(secrets.chain_key, 0),
        receivers=(ReceiverChain(bundle.signed_pre_key, Chain(secrets.chain_key, 0)),),
        pending=PendingPreKey(bundle.pre_key_id, bundle.signed_pre_key_id, base.public),
    )
    state = turn_as_initiator(state, ratchet, bundle.signed_pre_key)
    return (record or SessionRecord()).with_new_state(state)


def encrypt(record: SessionRecord, plaintext: bytes) -> tuple[SessionRecord, EncryptedMessage]:
    """Encrypt a padded plaintext; store the new record before the ciphertext is sent.

    Raises `NoSession` when there is no current state.
    """
    state = record.current
    if state is None:
        raise NoSession("There is no session to encrypt with")
    sealed, message = seal(state, plaintext)
    advanced = SessionRecord(sealed, record.archived)
    pending = state.pending
    if pending is None:
        return advanced, EncryptedMessage("msg", message)
    wrapped = PreKeyMessage(
        pre_key_id=pending.pre_key_id,
        signed_pre_key_id=pending.signed_pre_key_id,
        base_key=pending.base_key,
        identity=state.local_identity,
        registration_id=state.local_registration_id,
        message=message,
    )
    return advanced, EncryptedMessage("pkmsg", pre_key_message(wrapped))


def decrypt(
    record: SessionRecord | None, ciphertext: bytes, *, random_bytes: RandomBytes
) -> Decrypted:
    """Read a `msg` with the current state, or else the archived ones, newest first.

    Raises `NoSession` without any state, `DuplicateMessage` when any state knows the counter
    as used, else `BadMac` when any state found a bad MAC, else `InvalidMessage` (`InvalidKey`
    for a malformed ratchet key).
    """
    if record is None or not record.has_state:
        raise NoSession("There is no session to decrypt with")
    message = parse_signal_message(ciphertext)
    failures = []
    for place, state in record.states():
        try:
            advanced, plaintext = unseal(state, message, random_bytes)
        except SignalError as err:
            failures.append(err)
            continue
        return Decrypted(
            record=record.with_state(place, advanced),
            plaintext=plaintext,
            identity=advanced.remote_identity,
            archived=place >= 0,
        )
    raise _verdict(failures)


def peek_pre_key_message(ciphertext: bytes) -> PreKeyMessageInfo:
    """Tell which keys a `pkmsg` needs, before it is decrypted.

    Raises `InvalidMessage`, or `InvalidKey` for a malformed key.
    """
    message = parse_pre_key_message(ciphertext)
    return PreKeyMessageInfo(
        pre_key_id=message.pre_key_id,
        signed_pre_key_id=message.signed_pre_key_id,
        base_key=message.base_key,
        identity=message.identity,
        registration_id=message.registration_id,
    )


def decrypt_pre_key(
    record: SessionRecord | None,
    ciphertext: bytes,
    *,
    ours: IdentityKeys,
    signed_pre_key: SignedPreKey | None,
    pre_key: PreKey | None,
    random_bytes: RandomBytes,
) -> Decrypted:
    """Read a `pkmsg`, with the session that it began before or by beginning one.

    `signed_pre_key` and `pre_key` are those that `peek_pre_key_message` names, None when they
    aren't known (any more); a session begun before needs neither.
    Raises `InvalidKeyId` when a key is needed and missing, `InvalidKey` for a bad public key,
    `DuplicateMessage`, `BadMac` or `InvalidMessage`.
    """
    outer = parse_pre_key_message(ciphertext)
    message = parse_signal_message(outer.message)
    record = record or SessionRecord()
    for place, state in record.states():
        if state.base_key == outer.base_key:
            advanced, plaintext = unseal(state, message, random_bytes)
            return Decrypted(
                record=record.with_state(place, advanced),
                plaintext=plaintext,
                identity=advanced.remote_identity,
                archived=place >= 0,
            )
    state = _respond(outer, ours, signed_pre_key, pre_key)
    advanced, plaintext = unseal(state, message, random_bytes)
    return Decrypted(
        record=record.with_new_state(advanced),
        plaintext=plaintext,
        identity=outer.identity,
        new_identity=outer.identity,
        used_pre_key_id=outer.pre_key_id,
    )


def _respond(
    outer: PreKeyMessage,
    ours: IdentityKeys,
    signed_pre_key: SignedPreKey | None,
    pre_key: PreKey | None,
) -> SessionState:
    """Make the state of the side whose prekeys were used, before its first DH step."""
    if signed_pre_key is None or signed_pre_key.id != outer.signed_pre_key_id:
        raise InvalidKeyId("The message names an unknown signed prekey")
    one_time = None
    if outer.pre_key_id is not None:
        if pre_key is None or pre_key.id != outer.pre_key_id:
            raise InvalidKeyId("The message names an unknown one-time prekey")
        one_time = pre_key.key_pair
    secrets = respond(
        ours.key_pair,
        signed_pre_key.key_pair,
        one_time,
        remote_identity=outer.identity,
        base_key=outer.base_key,
    )
    return SessionState(
        local_identity=ours.key_pair.public,
        remote_identity=outer.identity,
        local_registration_id=ours.registration_id,
        remote_registration_id=outer.registration_id,
        base_key=outer.base_key,
        root_key=secrets.root_key,
        previous_counter=0,
        ratchet=signed_pre_key.key_pair,
        sender=Chain(secrets.chain_key, 0),
    )


def _verdict(failures: Sequence[SignalError]) -> SignalError:
    """Choose what weighs most: every state had its own reason to refuse."""
    for kind in (DuplicateMessage, BadMac):
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    return InvalidMessage(f"No session can read the message: {failures[0]}")
