"""The padding that hides a message's length inside its encryption."""

from collections.abc import Callable

from ..errors import DecodeError


def pad(plaintext: bytes, random_bytes: Callable[[int], bytes]) -> bytes:
    """Append n bytes of value n, n random from 1 to 16."""
    count = 1 + (random_bytes(1)[0] & 15)
    return plaintext + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    """Take the padding off; raise `DecodeError` when it is malformed."""
    count = padded[-1] if padded else 0
    if not 0 < count <= len(padded) or not padded.endswith(bytes([count]) * count):
        raise DecodeError("Malformed message padding")
    return padded[:-count]
