"""The double ratchet: pure steps from one session state to the next.

A reading step changes nothing before MAC and cipher have verified.
"""

from dataclasses import replace
from typing import Final, NamedTuple

from ..crypto.aes import cbc_decrypt, cbc_encrypt
from ..crypto.curve25519 import KEY_LENGTH, KeyPair, agree, serialize_public
from ..crypto.kdf import equal, hkdf_sha256, hmac_sha256
from ..errors import BadMac
from .chain import Chain
from .keys import RandomBytes, make_key_pair
from .messages import MAC_LENGTH, SignalMessage, signal_message_body
from .session import MAX_RECEIVER_CHAINS, ReceiverChain, SessionState

_RATCHET_INFO: Final = b"WhisperRatchet"
_MESSAGE_INFO: Final = b"WhisperMessageKeys"


class RootStep(NamedTuple):
    """What a DH ratchet step gives: the next root key, and the key of a new chain."""

    root_key: bytes
    chain_key: bytes


class MessageKeys(NamedTuple):
    """The keys of one message: 32, 32 and 16 bytes."""

    cipher_key: bytes
    mac_key: bytes
    iv: bytes


def root_step(root_key: bytes, private: bytes, public: bytes) -> RootStep:
    """Mix a key agreement into the root key; raise `InvalidKey` for a bad public key."""
    derived = hkdf_sha256(agree(private, public), salt=root_key, info=_RATCHET_INFO, length=64)
    return RootStep(derived[:KEY_LENGTH], derived[KEY_LENGTH:])


def message_keys(seed: bytes) -> MessageKeys:
    """Expand a message seed, 32 bytes, to the keys of the message."""
    derived = hkdf_sha256(seed, info=_MESSAGE_INFO, length=80)
    return MessageKeys(derived[:32], derived[32:64], derived[64:])


def seal(state: SessionState, plaintext: bytes) -> tuple[SessionState, bytes]:
    """Encrypt on the sending chain; give the next state and the whole `msg`.

    Raises `InvalidMessage` when the chain is used up.
    """
    sender = state.sender.following()
    keys = message_keys(state.sender.seed())
    body = signal_message_body(
        state.ratchet.public,
        state.sender.index,
        state.previous_counter,
        cbc_encrypt(keys.cipher_key, keys.iv, plaintext),
    )
    mac = _mac(keys, state.local_identity, state.remote_identity, body)
    return replace(state, sender=sender), body + mac


def unseal(
    state: SessionState, message: SignalMessage, random_bytes: RandomBytes
) -> tuple[SessionState, bytes]:
    """Read a message; give the next state and the plaintext.

    Raises `DuplicateMessage`, `BadMac`, `InvalidMessage` or `InvalidKey`.
    """
    place = _receiver_place(state, message.ratchet_key)
    if place is None:
        step = root_step(state.root_key, state.ratchet.private, message.ratchet_key)
        found = Chain(step.chain_key, 0).find(message.counter)
    else:
        step = None
        found = state.receivers[place].chain.find(message.counter)
    keys = message_keys(found.seed)
    expected = _mac(keys, state.remote_identity, state.local_identity, message.body)
    if not equal(expected, message.mac):
        raise BadMac("The message's MAC does not verify")
    plaintext = cbc_decrypt(keys.cipher_key, keys.iv, message.ciphertext)

    receiver = ReceiverChain(message.ratchet_key, found.advanced())
    if step is not None:
        return _turned(state, step.root_key, receiver, random_bytes), plaintext
    receivers = tuple(
        receiver if index == place else other for index, other in enumerate(state.receivers)
    )
    return replace(state, receivers=receivers, pending=None), plaintext


def _turned(
    state: SessionState, root_key: bytes, receiver: ReceiverChain, random_bytes: RandomBytes
) -> SessionState:
    """Finish the DH step that `receiver` began: a new ratchet key and sending chain."""
    ratchet = make_key_pair(random_bytes)
    step = root_step(root_key, ratchet.private, receiver.ratchet_key)
    return replace(
        state,
        root_key=step.root_key,
        previous_counter=max(state.sender.index - 1, 0),
        ratchet=ratchet,
        sender=Chain(step.chain_key, 0),
        receivers=(*state.receivers, receiver)[-MAX_RECEIVER_CHAINS:],
        pending=None,
    )


def turn_as_initiator(state: SessionState, ratchet: KeyPair, remote_ratchet: bytes) -> SessionState:
    """Take the initiator's first DH step, against the signed prekey of the bundle."""
    step = root_step(state.root_key, ratchet.private, remote_ratchet)
    return replace(state, root_key=step.root_key, ratchet=ratchet, sender=Chain(step.chain_key, 0))


def _receiver_place(state: SessionState, ratchet_key: bytes) -> int | None:
    for place, receiver in enumerate(state.receivers):
        if receiver.ratchet_key == ratchet_key:
            return place
    return None


def _mac(keys: MessageKeys, sender: bytes, receiver: bytes, body: bytes) -> bytes:
    covered = serialize_public(sender) + serialize_public(receiver) + body
    return hmac_sha256(keys.mac_key, covered)[:MAC_LENGTH]
