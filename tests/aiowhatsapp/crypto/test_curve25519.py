import json
from pathlib import Path
import random
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.errors import InvalidKey

unhex = bytes.fromhex

VECTORS = Path(__file__).parents[1] / "vectors" / "signal" / "npm_xeddsa.json"
SIGNATURES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["signatures"]

# RFC 7748, section 5.2: scalar, u-coordinate, result.
PRODUCTS = [
    pytest.param(
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        id="first",
    ),
    pytest.param(
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        id="second, with its unused top bit set",
    ),
]

# RFC 7748, section 6.1.
ALICE_PRIVATE = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
ALICE_PUBLIC = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
BOB_PRIVATE = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
BOB_PUBLIC = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
SHARED = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


@pytest.mark.parametrize(("scalar", "point", "product"), PRODUCTS)
def test_x25519(scalar: str, point: str, product: str) -> None:
    assert curve25519.agree(unhex(scalar), unhex(point)) == unhex(product)


def test_x25519_a_thousand_times() -> None:
    # RFC 7748, section 5.2: each result is the next scalar, each scalar the next point.
    scalar = point = b"\x09" + bytes(31)
    results = []
    for _ in range(1000):
        scalar, point = curve25519.agree(scalar, point), scalar
        results.append(scalar.hex())
    assert results[0] == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert results[-1] == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_agreement_of_two() -> None:
    alice = KeyPair.from_private(unhex(ALICE_PRIVATE))
    bob = KeyPair.from_private(unhex(BOB_PRIVATE))
    assert alice.public == unhex(ALICE_PUBLIC)
    assert bob.public == unhex(BOB_PUBLIC)
    assert (
        curve25519.agree(alice.private, bob.public)
        == curve25519.agree(bob.private, alice.public)
        == unhex(SHARED)
    )


# The points of small order that have an encoding below the prime.
@pytest.mark.parametrize(
    "public",
    [
        bytes(32),
        b"\x01" + bytes(31),
        unhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        unhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ],
)
def test_points_of_small_order_are_refused(public: bytes) -> None:
    with pytest.raises(InvalidKey):
        curve25519.agree(unhex(ALICE_PRIVATE), public)


@pytest.mark.parametrize(("private", "public"), [(31, 32), (32, 31), (33, 32), (32, 33), (0, 0)])
def test_keys_of_other_lengths_are_refused(private: int, public: int) -> None:
    with pytest.raises(InvalidKey):
        curve25519.agree(b"\x09" * private, b"\x09" * public)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_private_keys_have_32_bytes(length: int) -> None:
    with pytest.raises(InvalidKey):
        KeyPair.from_private(bytes(length))


def test_clamping() -> None:
    clamped = curve25519.clamp(b"\xff" * 32)
    assert clamped == b"\xf8" + b"\xff" * 30 + b"\x7f"
    assert curve25519.clamp(bytes(32)) == bytes(31) + b"\x40"
    assert curve25519.clamp(clamped) == clamped
    assert KeyPair.from_private(b"\xff" * 32).private == clamped


def test_serialized_keys_carry_their_type() -> None:
    pair = KeyPair.from_private(unhex(ALICE_PRIVATE))
    assert pair.serialized_public == curve25519.serialize_public(pair.public)
    assert pair.serialized_public == b"\x05" + pair.public
    assert curve25519.parse_public(pair.serialized_public) == pair.public


@pytest.mark.parametrize("serialized", [b"", bytes(32), b"\x04" + bytes(32), b"\x05" + bytes(33)])
def test_other_serialized_keys_are_refused(serialized: bytes) -> None:
    with pytest.raises(InvalidKey):
        curve25519.parse_public(serialized)


def test_private_keys_stay_out_of_logs() -> None:
    pair = KeyPair.from_private(unhex(ALICE_PRIVATE))
    assert "private" not in repr(pair)


@pytest.mark.parametrize("vector", SIGNATURES)
def test_signatures_of_two_other_implementations(vector: dict[str, Any]) -> None:
    public, message = unhex(vector["pub"]), unhex(vector["message"])
    for signer in ("signature_libsignal_node", "signature_rust"):
        assert curve25519.verify(public, message, unhex(vector[signer]))


def test_signing_is_deterministic_in_its_randomness() -> None:
    randomness = random.Random(1).randbytes(64)
    pair = KeyPair.from_private(unhex(ALICE_PRIVATE))
    first = curve25519.sign(pair.private, b"text", randomness)
    assert first == curve25519.sign(pair.private, b"text", randomness)
    assert first != curve25519.sign(pair.private, b"text", bytes(64))
    assert curve25519.verify(pair.public, b"text", first)


def test_every_part_of_a_signature_counts() -> None:
    pair = KeyPair.from_private(unhex(ALICE_PRIVATE))
    signature = curve25519.sign(pair.private, b"text", bytes(64))
    for position in range(64):
        for bit in (0x01, 0x80):
            broken = bytearray(signature)
            broken[position] ^= bit
            assert not curve25519.verify(pair.public, b"text", bytes(broken)), position


def test_signatures_of_both_signs() -> None:
    signs = set()
    for number in range(16):
        pair = KeyPair.from_private(random.Random(number).randbytes(32))
        signature = curve25519.sign(pair.private, b"text", bytes(64))
        assert curve25519.verify(pair.public, b"text", signature)
        signs.add(signature[63] >> 7)
    assert signs == {0, 1}


SIGNATURE = curve25519.sign(unhex(ALICE_PRIVATE), b"text", bytes(64))
# u = -1 has no point on the Edwards curve.
MINUS_ONE = unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")


@pytest.mark.parametrize(
    ("public", "signature"),
    [
        pytest.param(bytes(31), SIGNATURE, id="short key"),
        pytest.param(bytes(33), SIGNATURE, id="long key"),
        pytest.param(unhex(ALICE_PUBLIC), SIGNATURE[:63], id="short signature"),
        pytest.param(unhex(ALICE_PUBLIC), SIGNATURE + b"\0", id="long signature"),
        pytest.param(unhex(BOB_PUBLIC), SIGNATURE, id="someone else"),
        pytest.param(MINUS_ONE, SIGNATURE, id="no point"),
        pytest.param(bytes(32), SIGNATURE, id="small order"),
        pytest.param(b"\x02" + bytes(31), SIGNATURE, id="not on the curve"),
        pytest.param(
            unhex(ALICE_PUBLIC), SIGNATURE[:63] + bytes([SIGNATURE[63] | 0x60]), id="large scalar"
        ),
        pytest.param(unhex(ALICE_PUBLIC), bytes(64), id="zeros"),
        pytest.param(unhex(ALICE_PUBLIC), b"\xff" * 32 + SIGNATURE[32:], id="no commitment"),
    ],
)
def test_nonsense_does_not_verify(public: bytes, signature: bytes) -> None:
    assert not curve25519.verify(public, b"text", signature)
