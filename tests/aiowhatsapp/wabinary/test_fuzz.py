"""Random bytes, and stanzas with random damage: a node or `DecodeError`, nothing else."""

from random import Random
import zlib

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import DecodeError
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode

from .support import random_node

SEEDS = range(8)
# What makes structure: lists and the beginnings of values, and short counts.
STRUCTURE = bytes((*range(6), 17, 28, 118, 200, *range(236, 256), 248, 248, 248, 250, 247))
FRAGMENTS = (
    b"\x00",
    b"\x03",
    b"\x04",
    b"\x76",
    b"\xec\x01",
    b"\xef\x07",
    b"\xfc\x00",
    b"\xfc\x01a",
    b"\xfc\x02:5",
    b"\xfd\x00\x00\x01a",
    b"\xfc\x01@",
    b"\xff\x01\x12",
    b"\xff\x82\x1a\x2b",
    b"\xfb\x02\xab\xcd",
    b"\xfa\x00\x03",
    b"\xfa\xff\x01\x12\x76",
    b"\xfa\xfc\x03:53\x03",
    b"\xf7\x00\x05\xff\x01\x12",
    b"\xf7\xff\x05\xff\x01\x12",
    b"\xf8",
    b"\xf8\x00",
    b"\xf8\x01\x11",
    b"\xf8\x02\x11\xf8\x01\x11",
    b"\xf9",
    b"\xff\xff",
    b"\x80",
)


def check(frame: bytes) -> bool:
    """Tell whether a frame decodes; what decodes can be said again, and means the same."""
    try:
        node = decode(frame)
    except DecodeError:
        return False
    assert isinstance(node, Node)
    str(node)
    again = encode(node)
    assert encode(decode(again)) == again
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_nodes_come_back(seed: int) -> None:
    random = Random(seed)
    for _ in range(150):
        frame = encode(node := random_node(random))
        # The text in these contents is all tokens, so it comes back as text.
        assert decode(frame) == node
        assert decode(b"\2" + zlib.compress(frame[1:])) == node


@pytest.mark.parametrize("seed", SEEDS)
def test_noise(seed: int) -> None:
    random = Random(seed)
    for _ in range(2000):
        check(random.randbytes(random.randint(0, 60)))


@pytest.mark.parametrize("seed", SEEDS)
def test_structured_noise(seed: int) -> None:
    random = Random(seed)
    decoded = 0
    for _ in range(4000):
        size = random.randint(1, 9)
        values = random.choices(FRAGMENTS, k=size - random.choice((0, 1, 1, 1)))
        decoded += check(bytes((0, 0xF8, size, 17)) + b"".join(values))
    assert decoded > 50


@pytest.mark.parametrize("seed", SEEDS)
def test_damage(seed: int) -> None:
    random = Random(seed)
    decoded = 0
    for _ in range(60):
        frame = encode(random_node(random, 2))
        for _ in range(20):
            damaged = bytearray(frame)
            for _ in range(random.randint(1, 3)):
                damaged[random.randrange(len(damaged))] = random.choice(STRUCTURE)
            decoded += check(bytes(damaged))
            decoded += check(bytes(damaged[: random.randrange(len(damaged))]))
    assert decoded > 50


@pytest.mark.parametrize("seed", SEEDS)
def test_compressed_damage(seed: int) -> None:
    random = Random(seed)
    for _ in range(100):
        damaged = bytearray(b"\2" + zlib.compress(encode(random_node(random, 2))[1:]))
        damaged[random.randrange(1, len(damaged))] ^= 1 << random.randrange(8)
        check(bytes(damaged))
