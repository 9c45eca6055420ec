"""X25519 key agreement, and XEdDSA signatures in the variant that Signal uses.

Signal's variant differs from the published XEdDSA in one bit: the signer's point
keeps its own sign, and that sign travels in the top bit of the signature.
Scalar and point arithmetic is libsodium's; the glue here follows PROTOCOL
section "XEdDSA" of docs/protocol.md.
"""

from dataclasses import dataclass, field
import hashlib
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from ..errors import InvalidKey

KEY_LENGTH: Final = 32
SIGNATURE_LENGTH: Final = 64
# Public keys inside Signal messages carry this type byte in front.
KEY_TYPE: Final = b"\x05"
SERIALIZED_KEY_LENGTH: Final = 33

_P: Final = 2**255 - 19
_LOW_255_BITS: Final = 2**255 - 1
# Domain separation of the nonce hash: 0xFE then 31 times 0xFF.
_NONCE_PREFIX: Final = b"\xfe" + b"\xff" * 31


def clamp(scalar: bytes) -> bytes:
    """Clamp 32 bytes to an X25519 private key."""
    clamped = bytearray(scalar)
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    return bytes(clamped)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An X25519 key pair, both halves raw 32 bytes."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def from_private(cls, private: bytes) -> KeyPair:
        """Derive the public half; 32 random bytes make a new key pair."""
        if len(private) != KEY_LENGTH:
            raise InvalidKey("A private key has 32 bytes")
        private = clamp(private)
        return cls(private, bindings.crypto_scalarmult_base(private))

    @property
    def serialized_public(self) -> bytes:
        """The public half with its type byte, 33 bytes."""
        return KEY_TYPE + self.public


def serialize_public(public: bytes) -> bytes:
    """Put the type byte in front of a raw 32-byte public key."""
    return KEY_TYPE + public


def parse_public(serialized: bytes) -> bytes:
    """Take the type byte off; raise `InvalidKey` unless it is 05 and 32 bytes."""
    if len(serialized) != SERIALIZED_KEY_LENGTH or serialized[:1] != KEY_TYPE:
        raise InvalidKey("A serialized public key has 33 bytes and begins with 05")
    return serialized[1:]


def agree(private: bytes, public: bytes) -> bytes:
    """X25519: the 32-byte secret shared by our private and their public key.

    Raises `InvalidKey` for a public key of another length or of low order.
    """
    # The binding reads 32 bytes wherever it is pointed at: lengths are ours to check.
    if len(private) != KEY_LENGTH or len(public) != KEY_LENGTH:
        raise InvalidKey("A key has 32 bytes")
    try:
        return bindings.crypto_scalarmult(private, public)
    except CryptoError as err:
        raise InvalidKey("The public key is of low order") from err


def sign(private: bytes, message: bytes, randomness: bytes) -> bytes:
    """Sign with an X25519 private key; `randomness` has 64 bytes. 64 bytes out."""
    key = clamp(private)
    scalar = bindings.crypto_core_ed25519_scalar_reduce(key + bytes(32))
    point = bindings.crypto_scalarmult_ed25519_base_noclamp(scalar)
    nonce_hash = hashlib.sha512(_NONCE_PREFIX + key + message + randomness).digest()
    nonce = bindings.crypto_core_ed25519_scalar_reduce(nonce_hash)
    commitment = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce)
    challenge = bindings.crypto_core_ed25519_scalar_reduce(
        hashlib.sha512(commitment + point + message).digest()
    )
    response = bytearray(
        bindings.crypto_core_ed25519_scalar_add(
            nonce, bindings.crypto_core_ed25519_scalar_mul(challenge, scalar)
        )
    )
    response[31] = response[31] & 0x7F | point[31] & 0x80
    return commitment + bytes(response)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) over `message` was made by `public`'s owner."""
    if len(public) != KEY_LENGTH or len(signature) != SIGNATURE_LENGTH:
        return False
    u = int.from_bytes(public, "little") & _LOW_255_BITS
    if (u + 1) % _P == 0:
        return False
    y = (u - 1) * pow(u + 1, -1, _P) % _P
    point = bytearray(y.to_bytes(KEY_LENGTH, "little"))
    point[31] |= signature[63] & 0x80
    response = bytearray(signature[32:])
    response[31] &= 0x7F
    if response[31] & 0xE0:
        return False
    commitment = signature[:32]
    challenge = bindings.crypto_core_ed25519_scalar_reduce(
        hashlib.sha512(commitment + bytes(point) + message).digest()
    )
    try:
        return _verifies(bytes(point), commitment, bytes(response), challenge)
    except CryptoError, RuntimeError:
        # libsodium refuses points that aren't on the curve or of small order.
        return False


def _verifies(point: bytes, commitment: bytes, response: bytes, challenge: bytes) -> bool:
    """Check s*B - h*A == R."""
    reduced = bindings.crypto_core_ed25519_scalar_reduce(response + bytes(32))
    left = bindings.crypto_scalarmult_ed25519_base_noclamp(reduced)
    right = bindings.crypto_scalarmult_ed25519_noclamp(challenge, point)
    return bindings.crypto_core_ed25519_sub(left, right) == commitment
