from random import Random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import LocalProtocolError
from custom_components.whatsapp_web.aiowhatsapp.noise import FrameBuffer, frame, intro

from .support import XX


def test_intro() -> None:
    assert intro() == b"WA\x06\x03"
    assert intro(b"") == intro(None) == intro()


def test_routed_intro() -> None:
    example = XX["routed_intro_example"]
    assert intro(bytes.fromhex(example["routing_info"])).hex() == example["bytes"]


def test_frame() -> None:
    assert frame(b"") == b"\0\0\0"
    assert frame(b"abc") == b"\0\0\3abc"
    assert frame(bytes(0x010203))[:3] == b"\1\2\3"


def test_largest_frame() -> None:
    largest = bytes((1 << 24) - 1)
    assert FrameBuffer().feed(frame(largest)) == [largest]
    with pytest.raises(LocalProtocolError):
        frame(largest + b"\0")


@pytest.mark.parametrize("seed", range(20))
def test_any_chunking(seed: int) -> None:
    random = Random(seed)
    payloads = [random.randbytes(random.choice((0, 1, 2, 3, 200, 70_000))) for _ in range(10)]
    stream = b"".join(map(frame, payloads))
    buffer = FrameBuffer()
    received = []
    while stream:
        size = random.choice((1, 2, 3, 4, 100, 100_000))
        received += buffer.feed(stream[:size])
        stream = stream[size:]
    assert received == payloads


def test_byte_by_byte() -> None:
    buffer = FrameBuffer()
    received = [buffer.feed(bytes((byte,))) for byte in frame(b"ab") + frame(b"") + frame(b"c")]
    assert received == [[], [], [], [], [b"ab"], [], [], [b""], [], [], [], [b"c"]]


def test_an_announced_length_takes_no_room() -> None:
    buffer = FrameBuffer()
    assert buffer.feed(b"\xff\xff\xff") == []
    assert len(buffer._buffer) == 3
