"""Frames: a 3-byte big-endian length and as many bytes, on a stream of any chunking."""

from typing import Final

from ..errors import LocalProtocolError

# "WA", protocol version 6, token dictionary 3; also the Noise prologue.
HEADER: Final = b"WA\x06\x03"

_ROUTED: Final = b"ED\x00\x01"
_LENGTH_BYTES: Final = 3
MAX_FRAME: Final = (1 << 24) - 1


def intro(routing_info: bytes | None = None) -> bytes:
    """Give what goes before the first frame, with what the server said of routing."""
    if not routing_info:
        return HEADER
    return _ROUTED + frame(routing_info) + HEADER


def frame(payload: bytes) -> bytes:
    """Put the length in front; raise `LocalProtocolError` from 2^24 bytes on."""
    if len(payload) > MAX_FRAME:
        raise LocalProtocolError("Frame too large")
    return len(payload).to_bytes(_LENGTH_BYTES) + payload


class FrameBuffer:
    """Reassembles frames; holds at most one unfinished frame and one chunk."""

    def __init__(self) -> None:
        """Start empty."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take a chunk; return the payloads of the frames that it completes."""
        buffer = self._buffer
        buffer += data
        frames: list[bytes] = []
        pos, size = 0, len(buffer)
        while size - pos >= _LENGTH_BYTES:
            start = pos + _LENGTH_BYTES
            end = start + int.from_bytes(buffer[pos:start])
            if end > size:
                break
            frames.append(bytes(buffer[start:end]))
            pos = end
        del buffer[:pos]
        return frames
