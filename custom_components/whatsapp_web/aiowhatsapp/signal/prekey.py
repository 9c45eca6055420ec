"""The prekey bundle: what a peer publishes so that others can start a session."""

from dataclasses import dataclass
from typing import Final

from ..crypto.curve25519 import KEY_LENGTH, SIGNATURE_LENGTH, serialize_public, verify
from ..errors import InvalidKey
from .keys import MAX_KEY_ID

_REGISTRATION_LENGTH: Final = 4
_KEY_ID_LENGTH: Final = 3
_MAX_REGISTRATION_ID: Final = 0xFFFFFFFF
# A device identity is four short fields; this leaves room for more of them.
MAX_DEVICE_IDENTITY: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PreKeyBundle:
    """A peer's public keys, raw 32 bytes each, with the signature (64 bytes).

    `pre_key_id` and `pre_key` are None together, when the peer has no one-time key left.
    `device_identity` is the serialized ADV identity, not looked at here.
    Raises `InvalidKey` when a part has the wrong length or an id is out of range.
    """

    registration_id: int
    identity: bytes
    signed_pre_key_id: int
    signed_pre_key: bytes
    signature: bytes
    pre_key_id: int | None = None
    pre_key: bytes | None = None
    device_identity: bytes | None = None

    def __post_init__(self) -> None:
        """Check lengths and ranges."""
        if not 0 <= self.registration_id <= _MAX_REGISTRATION_ID:
            raise InvalidKey("Registration id out of range")
        if (self.pre_key_id is None) != (self.pre_key is None):
            raise InvalidKey("A one-time prekey comes with its id")
        for key_id in (self.signed_pre_key_id, self.pre_key_id):
            if key_id is not None and not 0 <= key_id <= MAX_KEY_ID:
                raise InvalidKey("Prekey id out of range")
        for key in (self.identity, self.signed_pre_key, self.pre_key):
            if key is not None and len(key) != KEY_LENGTH:
                raise InvalidKey("A public key in a bundle has 32 bytes")
        if len(self.signature) != SIGNATURE_LENGTH:
            raise InvalidKey("The signature in a bundle has 64 bytes")
        if len(self.device_identity or b"") > MAX_DEVICE_IDENTITY:
            raise InvalidKey("The device identity in a bundle is too long")

    def verify(self) -> None:
        """Check that the identity signed the signed prekey; raise `InvalidKey` if not."""
        if not verify(self.identity, serialize_public(self.signed_pre_key), self.signature):
            raise InvalidKey("The signature of the signed prekey does not verify")


@dataclass(frozen=True, slots=True)
class RawKey:
    """A public key as stanzas carry it: id (3 bytes), value, signature if it has one."""

    id: bytes
    value: bytes
    signature: bytes = b""

    @property
    def number(self) -> int:
        """The id as a number; raise `InvalidKey` unless it has 3 bytes."""
        if len(self.id) != _KEY_ID_LENGTH:
            raise InvalidKey("A prekey id has 3 bytes")
        return int.from_bytes(self.id)


def bundle_from_parts(
    *,
    registration: bytes,
    identity: bytes,
    signed_pre_key: RawKey,
    pre_key: RawKey | None = None,
    device_identity: bytes | None = None,
) -> PreKeyBundle:
    """Build a bundle from the raw contents of a key answer, or of a retry's `<keys>`.

    `registration` has 4 bytes. The signature is checked when the bundle is processed.
    Raises `InvalidKey` when a part has the wrong length.
    """
    if len(registration) != _REGISTRATION_LENGTH:
        raise InvalidKey("A registration id has 4 bytes")
    return PreKeyBundle(
        registration_id=int.from_bytes(registration),
        identity=identity,
        signed_pre_key_id=signed_pre_key.number,
        signed_pre_key=signed_pre_key.value,
        signature=signed_pre_key.signature,
        pre_key_id=None if pre_key is None else pre_key.number,
        pre_key=None if pre_key is None else pre_key.value,
        device_identity=device_identity,
    )
