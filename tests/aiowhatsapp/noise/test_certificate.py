"""One thing wrong at a time; and a chain that WhatsApp's own root has signed."""

from collections.abc import Callable

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import CertificateError, CertificateOutOfDate
from custom_components.whatsapp_web.aiowhatsapp.noise.certificate import (
    WHATSAPP_ROOT_KEY,
    verify_chain,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

from .support import KEYS, NOW, ROOT, WHATSAPP_CHAIN, Forge, certify

STATIC = KEYS["server_static"].public
GENUINE = bytes.fromhex(WHATSAPP_CHAIN["chain"])
GENUINE_KEY = bytes.fromhex(WHATSAPP_CHAIN["leaf"]["key"])
NOT_BEFORE: int = WHATSAPP_CHAIN["leaf"]["not_before"]
NOT_AFTER: int = WHATSAPP_CHAIN["leaf"]["not_after"]


def check_genuine(
    *,
    chain: bytes = GENUINE,
    root: bytes = WHATSAPP_ROOT_KEY,
    static: bytes = GENUINE_KEY,
    now: int = NOW,
) -> None:
    verify_chain(chain, root_key=root, server_static=static, now=now)


@pytest.mark.parametrize("now", [NOT_BEFORE, NOW, NOT_AFTER])
def test_genuine_chain(now: int) -> None:
    check_genuine(now=now)


@pytest.mark.parametrize("now", [0, NOT_BEFORE - 1, NOT_AFTER + 1, 1 << 40])
def test_genuine_chain_at_another_time(now: int) -> None:
    with pytest.raises(CertificateError, match=rf"valid from \d+ to \d+, .* says {now}"):
        check_genuine(now=now)


def test_genuine_chain_under_another_root() -> None:
    with pytest.raises(CertificateError, match="intermediate certificate's signature"):
        check_genuine(root=ROOT)


def test_genuine_chain_for_another_key() -> None:
    with pytest.raises(CertificateError, match="for another key"):
        check_genuine(static=STATIC)


def test_every_byte_of_the_genuine_chain_counts() -> None:
    for place in range(len(GENUINE)):
        for flip in (0x01, 0x80):
            damaged = bytearray(GENUINE)
            damaged[place] ^= flip
            with pytest.raises(CertificateError):
                check_genuine(chain=bytes(damaged))


def test_every_cut_of_the_genuine_chain() -> None:
    for length in range(len(GENUINE)):
        with pytest.raises(CertificateError):
            check_genuine(chain=GENUINE[:length])


def check_forged(chain: wire.CertChain, now: int = NOW) -> None:
    verify_chain(chain.SerializeToString(), root_key=ROOT, server_static=STATIC, now=now)


@pytest.mark.parametrize("now", [NOW - 50, NOW, NOW + 50])
def test_chain_of_ours(now: int) -> None:
    check_forged(Forge().chain(), now)


def wrong_root(forge: Forge) -> None:
    forge.root = KEYS["client_static"]


def wrong_leaf_signer(forge: Forge) -> None:
    forge.leaf_signer = KEYS["root"]


def wrong_intermediate_issuer(forge: Forge) -> None:
    forge.intermediate.issuerSerial = 1


def wrong_leaf_issuer(forge: Forge) -> None:
    forge.leaf.issuerSerial = 0


def wrong_leaf_key(forge: Forge) -> None:
    forge.leaf.key = KEYS["intermediate"].public


def short_leaf_key(forge: Forge) -> None:
    forge.leaf.key = STATIC[:-1]


def short_intermediate_key(forge: Forge) -> None:
    forge.intermediate.key = forge.intermediate.key[:-1]


def no_leaf_dates(forge: Forge) -> None:
    forge.leaf.ClearField("notAfter")


def expired_leaf(forge: Forge) -> None:
    forge.leaf.notAfter = NOW - 1


def early_leaf(forge: Forge) -> None:
    forge.leaf.notBefore = NOW + 1


def expired_intermediate(forge: Forge) -> None:
    forge.intermediate.notAfter = NOW - 1


def early_intermediate(forge: Forge) -> None:
    forge.intermediate.notBefore = NOW + 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (wrong_root, "intermediate certificate's signature"),
        (wrong_leaf_signer, "leaf certificate's signature"),
        (wrong_intermediate_issuer, "intermediate certificate has another issuer"),
        (wrong_leaf_issuer, "leaf certificate has another issuer"),
        (wrong_leaf_key, "for another key"),
        (short_leaf_key, "leaf certificate has no key"),
        (short_intermediate_key, "intermediate certificate has no key"),
        (no_leaf_dates, "leaf certificate is valid"),
        (expired_leaf, "leaf certificate is valid"),
        (early_leaf, "leaf certificate is valid"),
        (expired_intermediate, "intermediate certificate is valid"),
        (early_intermediate, "intermediate certificate is valid"),
    ],
)
def test_one_fault(fault: Callable[[Forge], None], message: str) -> None:
    forge = Forge()
    fault(forge)
    with pytest.raises(CertificateError, match=message):
        check_forged(forge.chain())


@pytest.mark.parametrize("name", ["leaf", "intermediate"])
@pytest.mark.parametrize("part", ["details", "signature"])
def test_missing_part(name: str, part: str) -> None:
    chain = Forge().chain()
    getattr(chain, name).ClearField(part)
    with pytest.raises(CertificateError, match=f"{name} certificate is incomplete"):
        check_forged(chain)


@pytest.mark.parametrize("name", ["leaf", "intermediate"])
def test_missing_certificate(name: str) -> None:
    chain = Forge().chain()
    chain.ClearField(name)
    with pytest.raises(CertificateError, match=f"{name} certificate is incomplete"):
        check_forged(chain)


@pytest.mark.parametrize("signature", [bytes(63), bytes(64), bytes(65)], ids=len)
def test_signature_of_nothing(signature: bytes) -> None:
    chain = Forge().chain()
    chain.leaf.signature = signature
    with pytest.raises(CertificateError, match="leaf certificate"):
        check_forged(chain)


def test_signed_nonsense() -> None:
    chain = Forge().chain()
    chain.leaf.CopyFrom(certify(KEYS["intermediate"], b"\xff"))
    with pytest.raises(CertificateError, match="leaf certificate does not decode"):
        check_forged(chain)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\0\0", b"\x0a\xff\xff\xff\xff\x0f"])
def test_no_chain(payload: bytes) -> None:
    with pytest.raises(CertificateError):
        verify_chain(payload, root_key=ROOT, server_static=STATIC, now=NOW)


@pytest.mark.parametrize(
    "fault", [expired_leaf, early_leaf, expired_intermediate, early_intermediate]
)
def test_dates_are_told_apart_from_forgery(fault: Callable[[Forge], None]) -> None:
    forge = Forge()
    fault(forge)
    with pytest.raises(CertificateOutOfDate):
        check_forged(forge.chain(), NOW)
