"""Signal, version 3: X3DH, double ratchet and sender keys, as pure functions over records."""

from .address import SignalAddress
from .chain import MAX_FORWARD_JUMP, MAX_SKIPPED
from .group_cipher import group_decrypt, group_encrypt
from .keys import (
    MAX_KEY_ID,
    IdentityKeys,
    PreKey,
    RandomBytes,
    SignedPreKey,
    make_identity_keys,
    make_key_pair,
    make_pre_keys,
    make_signed_pre_key,
    next_key_id,
)
from .prekey import PreKeyBundle, RawKey, bundle_from_parts
from .sender_key import SenderKeyRecord, create, distribution_message, process_distribution
from .session import MAX_ARCHIVED, MAX_RECEIVER_CHAINS, SessionRecord
from .session_cipher import (
    Decrypted,
    EncryptedMessage,
    PreKeyMessageInfo,
    decrypt,
    decrypt_pre_key,
    encrypt,
    peek_pre_key_message,
    process_bundle,
)

__all__ = [
    "MAX_ARCHIVED",
    "MAX_FORWARD_JUMP",
    "MAX_KEY_ID",
    "MAX_RECEIVER_CHAINS",
    "MAX_SKIPPED",
    "Decrypted",
    "EncryptedMessage",
    "IdentityKeys",
    "PreKey",
    "PreKeyBundle",
    "PreKeyMessageInfo",
    "RandomBytes",
    "RawKey",
    "SenderKeyRecord",
    "SessionRecord",
    "SignalAddress",
    "SignedPreKey",
    "bundle_from_parts",
    "create",
    "decrypt",
    "decrypt_pre_key",
    "distribution_message",
    "encrypt",
    "group_decrypt",
    "group_encrypt",
    "make_identity_keys",
    "make_key_pair",
    "make_pre_keys",
    "make_signed_pre_key",
    "next_key_id",
    "peek_pre_key_message",
    "process_bundle",
    "process_distribution",
]
