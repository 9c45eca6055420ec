"""Group messages under a sender key: signed, then encrypted once for all."""

from typing import Final, NamedTuple

from ..crypto.aes import cbc_decrypt, cbc_encrypt
from ..crypto.curve25519 import SIGNATURE_LENGTH, sign, verify
from ..crypto.kdf import hkdf_sha256
from ..errors import BadMac, NoSession
from .keys import RandomBytes
from .messages import group_message_body, parse_group_message
from .sender_key import SenderKeyRecord

_INFO: Final = b"WhisperGroup"


class GroupKeys(NamedTuple):
    """The keys of one group message: 16 and 32 bytes."""

    iv: bytes
    cipher_key: bytes


def group_keys(seed: bytes) -> GroupKeys:
    """Expand a message seed, 32 bytes, to the keys of the message."""
    derived = hkdf_sha256(seed, info=_INFO, length=48)
    return GroupKeys(derived[:16], derived[16:])


def group_encrypt(
    record: SenderKeyRecord, plaintext: bytes, random_bytes: RandomBytes
) -> tuple[SenderKeyRecord, bytes]:
    """Encrypt a padded plaintext; store the new record before the ciphertext is sent.

    Raises `NoSession` when the record isn't our own.
    """
    state, private = record.own()
    advanced = record.with_chain(0, state.chain.following())
    keys = group_keys(state.chain.seed())
    ciphertext = cbc_encrypt(keys.cipher_key, keys.iv, plaintext)
    body = group_message_body(state.key_id, state.chain.index, ciphertext)
    return advanced, body + sign(private, body, random_bytes(SIGNATURE_LENGTH))


def group_decrypt(
    record: SenderKeyRecord | None, ciphertext: bytes
) -> tuple[SenderKeyRecord, bytes]:
    """Read a `skmsg`; give the new record and the plaintext.

    Raises `NoSession` when its sender key is not known, `BadMac` when the signature does not
    verify, `DuplicateMessage` or `InvalidMessage`.
    """
    if record is None:
        raise NoSession("There is no sender key")
    message = parse_group_message(ciphertext)
    place = record.place_of(message.key_id)
    state = record.states[place]
    if not verify(state.signing_public, message.body, message.signature):
        raise BadMac("The signature of the group message does not verify")
    found = state.chain.find(message.iteration)
    keys = group_keys(found.seed)
    plaintext = cbc_decrypt(keys.cipher_key, keys.iv, message.ciphertext)
    return record.with_chain(place, found.advanced()), plaintext
