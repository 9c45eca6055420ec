"""Linking by a code that is typed into the phone instead of scanned.

Both sides prove that they know the code by wrapping an ephemeral key with it; the key
that the two ephemeral keys agree on then carries our identity key, and with the identity
keys gives the ADV secret that a QR code would have carried.
The requests of this are in `iq/link_code.py`; in between comes

```
<notification type="link_code_companion_reg" from="s.whatsapp.net">
  <link_code_companion_reg stage="primary_hello">
    <link_code_pairing_wrapped_primary_ephemeral_pub>..</..>
    <primary_identity_pub>..</primary_identity_pub>
    <link_code_pairing_ref>..</link_code_pairing_ref>
  </link_code_companion_reg>
</notification>
```
"""

from dataclasses import dataclass
import re
from typing import Final

from ..crypto import aes, kdf
from ..crypto.curve25519 import KEY_LENGTH, KeyPair, agree
from ..errors import PairingFailed
from ..jid import Jid
from ..wabinary.node import Node

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
CODE_LENGTH: Final = 8
CODE_BYTES: Final = 5
SALT_LENGTH: Final = 32
IV_LENGTH: Final = 16
WRAPPED_KEY_LENGTH: Final = SALT_LENGTH + IV_LENGTH + KEY_LENGTH
BUNDLE_SALT_LENGTH: Final = 32
BUNDLE_IV_LENGTH: Final = 12
SHARED_RANDOM_LENGTH: Final = 32

NOTIFICATION: Final = "link_code_companion_reg"

_ITERATIONS: Final = 131_072
_BUNDLE_INFO: Final = b"link_code_pairing_key_bundle_encryption_key"
_SECRET_INFO: Final = b"adv_secret"
_PHONE_NUMBER = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryHello:
    """The phone's part: it knows the code."""

    wrapped_ephemeral: bytes
    """80 bytes: salt, IV and the encrypted ephemeral key."""
    identity: bytes
    """The phone's identity key, 32 bytes."""
    ref: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshCode:
    """The server wants another code; by itself, or only when a person asks for it."""

    ref: bytes
    manual: bool


def make_code(randomness: bytes) -> str:
    """Make a code of 8 characters out of 5 random bytes."""
    number = int.from_bytes(randomness[:CODE_BYTES])
    return "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def display_form(code: str) -> str:
    """Give a code as people read it."""
    return f"{code[:4]}-{code[4:]}"


def parse_phone_number(text: str) -> Jid:
    """Read an international number, with any of the usual separators.

    Raises `PairingFailed` at stage phone_number for anything else.
    """
    digits = re.sub(r"[\s()./+-]", "", text)
    if _PHONE_NUMBER.fullmatch(digits) is None:
        raise PairingFailed("phone_number", "Not an international phone number")
    return Jid.of_number(digits)


def derive_key(code: str, salt: bytes) -> bytes:
    """Derive the 32-byte wrapping key; slow on purpose: not for the event loop."""
    return kdf.pbkdf2_sha256(code.encode(), salt=salt, iterations=_ITERATIONS, length=32)


def wrap_ephemeral(key: bytes, *, salt: bytes, iv: bytes, public: bytes) -> bytes:
    """Wrap our ephemeral public key with the key of `derive_key(code, salt)`."""
    return salt + iv + aes.ctr_apply(key, iv, public)


def salt_of(wrapped: bytes) -> bytes:
    """Give the salt that the key of a wrapped ephemeral is derived with."""
    return wrapped[:SALT_LENGTH]


def unwrap_ephemeral(key: bytes, wrapped: bytes) -> bytes:
    """Unwrap the phone's ephemeral public key; a wrong code gives a wrong key."""
    iv = wrapped[SALT_LENGTH : SALT_LENGTH + IV_LENGTH]
    return aes.ctr_apply(key, iv, wrapped[SALT_LENGTH + IV_LENGTH :])


def seal_key_bundle(
    *, shared: bytes, own_identity: bytes, phone_identity: bytes, randomness: bytes
) -> bytes:
    """Seal the identity keys of both sides for the phone; 156 bytes.

    `randomness` has 76 bytes: what goes into the secret, then salt, then IV.
    """
    contribution, rest = randomness[:SHARED_RANDOM_LENGTH], randomness[SHARED_RANDOM_LENGTH:]
    salt, iv = rest[:BUNDLE_SALT_LENGTH], rest[BUNDLE_SALT_LENGTH:]
    key = kdf.hkdf_sha256(shared, info=_BUNDLE_INFO, length=32, salt=salt)
    return salt + iv + aes.gcm_encrypt(key, iv, own_identity + phone_identity + contribution)


def derive_adv_secret(*, shared: bytes, identity_shared: bytes, contribution: bytes) -> bytes:
    """Derive the secret by which the phone proves itself; all lengths are 32 bytes."""
    material = shared + identity_shared + contribution
    return kdf.hkdf_sha256(material, info=_SECRET_INFO, length=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Our answer to the phone's hello."""

    key_bundle: bytes
    adv_secret: bytes


# Randomness that `finish` uses up.
FINISH_RANDOM_LENGTH: Final = SHARED_RANDOM_LENGTH + BUNDLE_SALT_LENGTH + BUNDLE_IV_LENGTH


def finish(
    hello: PrimaryHello, *, key: bytes, ephemeral: KeyPair, identity: KeyPair, randomness: bytes
) -> Finish:
    """Answer the phone's hello.

    `key` is that of `derive_key(code, salt_of(hello.wrapped_ephemeral))`, `randomness`
    has 76 bytes. Raises `InvalidKey` for keys that can't be agreed with.
    """
    shared = agree(ephemeral.private, unwrap_ephemeral(key, hello.wrapped_ephemeral))
    return Finish(
        key_bundle=seal_key_bundle(
            shared=shared,
            own_identity=identity.public,
            phone_identity=hello.identity,
            randomness=randomness,
        ),
        adv_secret=derive_adv_secret(
            shared=shared,
            identity_shared=agree(identity.private, hello.identity),
            contribution=randomness[:SHARED_RANDOM_LENGTH],
        ),
    )


def parse_notification(node: Node) -> PrimaryHello | RefreshCode | None:
    """Read the phone's or server's answer; None for a stage that means nothing to us.

    Raises `AttributeMissing` when a part is missing or of another length.
    """
    content = node.required_child(NOTIFICATION)
    stage = content.attr("stage")
    if stage not in ("primary_hello", "refresh_code"):
        return None
    ref = content.required_child("link_code_pairing_ref").required_data()
    if stage == "refresh_code":
        return RefreshCode(ref=ref, manual=content.attr("force_manual_refresh") == "true")
    wrapped = content.required_child("link_code_pairing_wrapped_primary_ephemeral_pub")
    return PrimaryHello(
        wrapped_ephemeral=wrapped.required_data(WRAPPED_KEY_LENGTH),
        identity=content.required_child("primary_identity_pub").required_data(KEY_LENGTH),
        ref=ref,
    )
