"""What a file's 32-byte media key expands to."""

from dataclasses import dataclass, field
from typing import Final

from ..crypto.kdf import hkdf_sha256
from ..errors import MediaIntegrityError
from .kinds import MediaKind

KEY_LENGTH: Final = 32
_EXPANDED: Final = 112
_RETRY_INFO: Final = b"WhatsApp Media Retry Notification"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaKeys:
    """The CBC iv (16 bytes), and the keys of the cipher and the MAC (32 bytes each)."""

    iv: bytes = field(repr=False)
    cipher: bytes = field(repr=False)
    mac: bytes = field(repr=False)


def derive_keys(media_key: bytes, kind: MediaKind) -> MediaKeys:
    """Expand a media key; raise `MediaIntegrityError` unless it has 32 bytes."""
    _check(media_key)
    expanded = hkdf_sha256(media_key, info=kind.info, length=_EXPANDED)
    # What follows names the file to the server in other protocols; not needed here.
    return MediaKeys(iv=expanded[:16], cipher=expanded[16:48], mac=expanded[48:80])


def derive_retry_key(media_key: bytes) -> bytes:
    """Give the key under which phone and companion speak of uploading a file again."""
    _check(media_key)
    return hkdf_sha256(media_key, info=_RETRY_INFO, length=KEY_LENGTH)


def _check(media_key: bytes) -> None:
    if len(media_key) != KEY_LENGTH:
        raise MediaIntegrityError("A media key has another length than 32 bytes")
