"""The keys of this device: identity, prekeys and signed prekeys."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..crypto.curve25519 import KEY_LENGTH, SIGNATURE_LENGTH, KeyPair, sign

type RandomBytes = Callable[[int], bytes]

# Ids travel in three bytes and start at 1.
MAX_KEY_ID: Final = 0xFFFFFF
_REGISTRATION_ID_MASK: Final = 0x3FFF


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityKeys:
    """The identity key pair of this device, and its registration id."""

    key_pair: KeyPair
    registration_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreKey:
    """A one-time prekey."""

    id: int
    key_pair: KeyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPreKey:
    """A prekey signed by the identity key (64 bytes); `created_at` in unix seconds."""

    id: int
    key_pair: KeyPair
    signature: bytes
    created_at: int


def make_key_pair(random_bytes: RandomBytes) -> KeyPair:
    """Make a fresh X25519 key pair."""
    return KeyPair.from_private(random_bytes(KEY_LENGTH))


def make_identity_keys(random_bytes: RandomBytes) -> IdentityKeys:
    """Make the identity of a new device; its registration id has 14 bits, never 0."""
    registration_id = int.from_bytes(random_bytes(2)) & _REGISTRATION_ID_MASK or 1
    return IdentityKeys(key_pair=make_key_pair(random_bytes), registration_id=registration_id)


def next_key_id(key_id: int) -> int:
    """Give the id that follows, from the highest back to 1."""
    return key_id % MAX_KEY_ID + 1


def make_pre_keys(first_id: int, count: int, random_bytes: RandomBytes) -> list[PreKey]:
    """Make `count` prekeys with rising ids from `first_id` on."""
    pre_keys = []
    key_id = first_id
    for _ in range(count):
        pre_keys.append(PreKey(id=key_id, key_pair=make_key_pair(random_bytes)))
        key_id = next_key_id(key_id)
    return pre_keys


def make_signed_pre_key(
    identity: KeyPair, key_id: int, created_at: int, random_bytes: RandomBytes
) -> SignedPreKey:
    """Make a prekey and sign its serialized public half with the identity key."""
    key_pair = make_key_pair(random_bytes)
    signature = sign(identity.private, key_pair.serialized_public, random_bytes(SIGNATURE_LENGTH))
    return SignedPreKey(id=key_id, key_pair=key_pair, signature=signature, created_at=created_at)
