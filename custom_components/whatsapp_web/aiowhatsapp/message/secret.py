"""What is encrypted under the secret of another message: votes, answers, edits.

Whoever can read a message knows its secret, 32 bytes that travel beside it. A key for
each use, author and modifier comes out of it; who is in no such message can't forge one.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..crypto.aes import gcm_decrypt, gcm_encrypt
from ..crypto.kdf import hkdf_sha256
from ..errors import InvalidMessage
from ..jid import Jid

SECRET_LENGTH: Final = 32
IV_LENGTH: Final = 12


class UseCase(StrEnum):
    """What a key is for; the text goes into its derivation."""

    POLL_VOTE = "Poll Vote"
    EVENT_RESPONSE = "Event Response"
    REACTION = "Enc Reaction"
    COMMENT = "Enc Comment"
    EVENT_EDIT = "Event Edit"
    MESSAGE_EDIT = "Message Edit"
    POLL_EDIT = "Poll Edit"
    POLL_ADD_OPTION = "Poll Add Option"


# Only these also bind the ciphertext to its message and modifier by associated data.
_BOUND: Final = (UseCase.POLL_VOTE, UseCase.EVENT_RESPONSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Whose message it is about, and who says something about it; both without device."""

    message_id: str
    author: Jid
    modifier: Jid


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A ciphertext with its tag, and the nonce that goes with it."""

    payload: bytes = field(repr=False)
    iv: bytes = field(repr=False)


def seal(secret: bytes, use: UseCase, binding: Binding, plaintext: bytes, *, iv: bytes) -> Sealed:
    """Encrypt under a message's secret; `iv` is 12 fresh random bytes."""
    key = _key(secret, use, binding)
    return Sealed(payload=gcm_encrypt(key, iv, plaintext, _aad(use, binding)), iv=iv)


def unseal(secret: bytes, use: UseCase, binding: Binding, sealed: Sealed) -> bytes:
    """Decrypt; raise `BadMac` when it does not verify, `InvalidMessage` when malformed."""
    if len(sealed.iv) != IV_LENGTH or len(secret) != SECRET_LENGTH:
        raise InvalidMessage("Nonce or secret of a wrong length")
    return gcm_decrypt(_key(secret, use, binding), sealed.iv, sealed.payload, _aad(use, binding))


def _key(secret: bytes, use: UseCase, binding: Binding) -> bytes:
    info = f"{binding.message_id}{binding.author.bare}{binding.modifier.bare}{use}"
    return hkdf_sha256(secret, info=info.encode("utf-8", "replace"), length=32)


def _aad(use: UseCase, binding: Binding) -> bytes:
    if use not in _BOUND:
        return b""
    return f"{binding.message_id}\0{binding.modifier.bare}".encode("utf-8", "replace")
