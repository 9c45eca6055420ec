"""Asking a phone to upload a file again, and its answer: AES-GCM, bound to the message id."""

from enum import IntEnum
from typing import Final

from google.protobuf.message import DecodeError as ProtobufError

from ..crypto import aes
from ..errors import BadMac, MediaIntegrityError
from ..proto import wire
from .keys import derive_retry_key

NONCE_LENGTH: Final = 12


class UploadedAgain(IntEnum):
    """What a phone answers; anything unknown counts as a general error."""

    GENERAL_ERROR = 0
    SUCCESS = 1
    NOT_FOUND = 2
    DECRYPTION_ERROR = 3


def seal_request(media_key: bytes, message_id: str, nonce: bytes) -> bytes:
    """Seal the request for the file of a message; `nonce` has 12 bytes."""
    request = wire.ServerErrorReceipt(stanzaId=message_id).SerializeToString()
    return aes.gcm_encrypt(derive_retry_key(media_key), nonce, request, message_id.encode())


def open_answer(
    media_key: bytes, message_id: str, nonce: bytes, sealed: bytes
) -> tuple[UploadedAgain, str]:
    """Read the answer: how it went, and the new direct path.

    Raises `MediaIntegrityError` when it is not about that message and key.
    """
    try:
        if len(nonce) != NONCE_LENGTH:
            raise BadMac("A nonce has another length than 12 bytes")
        key = derive_retry_key(media_key)
        answer = wire.MediaRetryNotification.FromString(
            aes.gcm_decrypt(key, nonce, sealed, message_id.encode())
        )
    except (BadMac, ProtobufError) as err:
        raise MediaIntegrityError("The answer of the phone can't be read") from err
    if answer.stanzaId != message_id:
        raise MediaIntegrityError("The answer of the phone is about another message")
    try:
        result = UploadedAgain(answer.result)
    except ValueError:
        result = UploadedAgain.GENERAL_ERROR
    path = answer.directPath
    return result, path if isinstance(path, str) else ""
