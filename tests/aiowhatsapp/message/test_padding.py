import random
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import DecodeError
from custom_components.whatsapp_web.aiowhatsapp.message.padding import pad, unpad
from tests.aiowhatsapp.message.support import load_vectors

CASES = load_vectors("npm_baileys_padding")["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["padded"][-2:])
def test_padding_of_baileys_comes_off(case: dict[str, Any]) -> None:
    assert unpad(bytes.fromhex(case["padded"])).hex() == case["message"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["padded"][-2:])
def test_padding_is_that_of_baileys(case: dict[str, Any]) -> None:
    padded = bytes.fromhex(case["padded"])
    chosen = bytes([padded[-1] - 1])
    assert pad(bytes.fromhex(case["message"]), lambda length: chosen[:length]) == padded


def test_every_length_occurs_and_comes_off() -> None:
    random_bytes = random.Random(5).randbytes
    lengths = {len(pad(b"text", random_bytes)) - 4 for _ in range(500)}
    assert lengths == set(range(1, 17))
    assert unpad(pad(b"", random_bytes)) == b""


@pytest.mark.parametrize(
    "padded", [b"", b"\x00", b"text\x00", b"a\x03\x03", b"\x05\x05", b"abc\x02\x03\x03", b"\xff"]
)
def test_malformed_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(DecodeError):
        unpad(padded)
