"""The keys of the app state: the phone shares one, five come out of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ..crypto.kdf import hkdf_sha256
from ..errors import AppStateError

KEY_LENGTH: Final = 32
_INFO: Final = b"WhatsApp Mutation Keys"
_EXPANDED: Final = 5 * KEY_LENGTH
# A device number, 2 bytes, and the epoch, 4 bytes.
_DEVICE_LENGTH: Final = 2
_ID_LENGTH: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncKeys:
    """What one shared key is expanded to; each part has 32 bytes."""

    key_id: bytes
    index: bytes = field(repr=False)
    value_encryption: bytes = field(repr=False)
    value_mac: bytes = field(repr=False)
    snapshot_mac: bytes = field(repr=False)
    patch_mac: bytes = field(repr=False)


def expand(key_id: bytes, key_data: bytes) -> SyncKeys:
    """Expand a shared key; raise `AppStateError` unless it has 32 bytes."""
    if len(key_data) != KEY_LENGTH:
        raise AppStateError("An app state key of another length")
    parts = hkdf_sha256(key_data, info=_INFO, length=_EXPANDED)
    index, value_encryption, value_mac, snapshot_mac, patch_mac = (
        parts[start : start + KEY_LENGTH] for start in range(0, _EXPANDED, KEY_LENGTH)
    )
    return SyncKeys(
        key_id=key_id,
        index=index,
        value_encryption=value_encryption,
        value_mac=value_mac,
        snapshot_mac=snapshot_mac,
        patch_mac=patch_mac,
    )


def choose_active(key_ids: Iterable[bytes]) -> bytes | None:
    """Choose the key to encrypt with: of the highest epoch, then of the lowest device."""

    def rank(key_id: bytes) -> tuple[bool, int, int, bytes]:
        device = int.from_bytes(key_id[:_DEVICE_LENGTH])
        epoch = int.from_bytes(key_id[_DEVICE_LENGTH:])
        return len(key_id) == _ID_LENGTH, epoch, -device, key_id

    return max(key_ids, key=rank, default=None)
