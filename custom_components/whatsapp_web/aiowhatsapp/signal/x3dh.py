"""X3DH: the secrets both sides of a new session agree on."""

from typing import Final, NamedTuple

from ..crypto.curve25519 import KeyPair, agree
from ..crypto.kdf import hkdf_sha256
from .prekey import PreKeyBundle

_DISCONTINUITY: Final = b"\xff" * 32
_INFO: Final = b"WhisperText"


class Secrets(NamedTuple):
    """The first root key and the first chain key, 32 bytes each."""

    root_key: bytes
    chain_key: bytes


def initiate(identity: KeyPair, base: KeyPair, bundle: PreKeyBundle) -> Secrets:
    """Agree as the side that read the bundle; `base` is fresh.

    Raises `InvalidKey` for a public key of low order.
    """
    agreements = [
        agree(identity.private, bundle.signed_pre_key),
        agree(base.private, bundle.identity),
        agree(base.private, bundle.signed_pre_key),
    ]
    if bundle.pre_key is not None:
        agreements.append(agree(base.private, bundle.pre_key))
    return _derive(agreements)


def respond(
    identity: KeyPair,
    signed_pre_key: KeyPair,
    pre_key: KeyPair | None,
    *,
    remote_identity: bytes,
    base_key: bytes,
) -> Secrets:
    """Agree as the side that published the prekeys; public keys are raw 32 bytes.

    Raises `InvalidKey` for a public key of low order.
    """
    agreements = [
        agree(signed_pre_key.private, remote_identity),
        agree(identity.private, base_key),
        agree(signed_pre_key.private, base_key),
    ]
    if pre_key is not None:
        agreements.append(agree(pre_key.private, base_key))
    return _derive(agreements)


def _derive(agreements: list[bytes]) -> Secrets:
    derived = hkdf_sha256(_DISCONTINUITY + b"".join(agreements), info=_INFO, length=64)
    return Secrets(derived[:32], derived[32:])
