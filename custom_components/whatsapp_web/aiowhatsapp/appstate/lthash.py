"""LTHash: a hash over a set, to which members can be added and from which they can be taken.

128 bytes are 64 little-endian numbers of 16 bits. A member is expanded to as many, and
added or subtracted number by number.
"""

from collections.abc import Iterable
from typing import Final

from ..crypto.kdf import hkdf_sha256

HASH_LENGTH: Final = 128
EMPTY_HASH: Final = bytes(HASH_LENGTH)
_INFO: Final = b"WhatsApp Patch Integrity"
_LANE_BITS: Final = 16
# Every other lane: the 16 bits above each hold what is carried, for as many additions.
_EVEN: Final = int.from_bytes(b"\xff\xff\0\0" * (HASH_LENGTH // 4), "little")
_FULL: Final = 1 << _LANE_BITS


def update(current: bytes, *, added: Iterable[bytes] = (), removed: Iterable[bytes] = ()) -> bytes:
    """Return the hash after members were taken and added; members are value MACs."""
    even, odd = _split(current)
    plus_even, plus_odd = _sum(added)
    minus_even, minus_odd = _sum(removed)
    # Each lane is lifted by 65536 before another is taken from it: it never borrows.
    lifted = _EVEN + (_EVEN // (_FULL - 1))
    even = (even + plus_even & _EVEN) + (lifted - minus_even) & _EVEN
    odd = (odd + plus_odd & _EVEN) + (lifted - minus_odd) & _EVEN
    return (even | odd << _LANE_BITS).to_bytes(HASH_LENGTH, "little")


def _sum(members: Iterable[bytes]) -> tuple[int, int]:
    """Add members up, lane by lane."""
    even = odd = 0
    for member in members:
        more_even, more_odd = _split(hkdf_sha256(member, info=_INFO, length=HASH_LENGTH))
        even = even + more_even & _EVEN
        odd = odd + more_odd & _EVEN
    return even, odd


def _split(data: bytes) -> tuple[int, int]:
    number = int.from_bytes(data, "little")
    return number & _EVEN, number >> _LANE_BITS & _EVEN
