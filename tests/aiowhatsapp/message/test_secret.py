"""Sealing under a message's secret, against what others sealed."""

from dataclasses import replace

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import BadMac, InvalidMessage
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.secret import (
    Binding,
    Sealed,
    UseCase,
    seal,
    unseal,
)
from tests.aiowhatsapp.message.support import load_vectors

CASES = load_vectors("npm_zapo_addons")["cases"]
SECRET, IV = bytes(32), bytes(12)
BINDING = Binding(message_id="A", author=Jid("1", "lid"), modifier=Jid("2", "lid"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['use']} {case['author']}")
def test_ours_is_theirs(case: dict[str, str]) -> None:
    binding = Binding(
        message_id=case["message_id"],
        author=Jid.parse(case["author"]),
        modifier=Jid.parse(case["modifier"]),
    )
    secret, iv = bytes.fromhex(case["secret"]), bytes.fromhex(case["iv"])
    plaintext, payload = bytes.fromhex(case["plaintext"]), bytes.fromhex(case["payload"])
    use = UseCase(case["use"])
    assert seal(secret, use, binding, plaintext, iv=iv) == Sealed(payload=payload, iv=iv)
    assert unseal(secret, use, binding, Sealed(payload=payload, iv=iv)) == plaintext


@pytest.mark.parametrize("use", UseCase)
def test_the_device_says_nothing_about_whose_it_is(use: UseCase) -> None:
    with_device = replace(BINDING, modifier=BINDING.modifier.with_device(7))
    sealed = seal(SECRET, use, with_device, b"x", iv=IV)
    assert unseal(SECRET, use, BINDING, sealed) == b"x"


@pytest.mark.parametrize("use", UseCase)
@pytest.mark.parametrize(
    "other",
    [
        replace(BINDING, message_id="B"),
        replace(BINDING, author=Jid("3", "lid")),
        replace(BINDING, modifier=Jid("3", "lid")),
        replace(BINDING, modifier=Jid("2", "s.whatsapp.net")),
    ],
)
def test_it_opens_for_its_own_message_only(use: UseCase, other: Binding) -> None:
    sealed = seal(SECRET, use, BINDING, b"x", iv=IV)
    with pytest.raises(BadMac):
        unseal(SECRET, use, other, sealed)


def test_it_opens_for_its_own_use_only() -> None:
    sealed = seal(SECRET, UseCase.REACTION, BINDING, b"x", iv=IV)
    with pytest.raises(BadMac):
        unseal(SECRET, UseCase.COMMENT, BINDING, sealed)


@pytest.mark.parametrize(
    ("secret", "iv"), [(bytes(31), IV), (b"", IV), (SECRET, b""), (SECRET, bytes(16))]
)
def test_wrong_lengths_are_refused(secret: bytes, iv: bytes) -> None:
    with pytest.raises(InvalidMessage):
        unseal(secret, UseCase.POLL_VOTE, BINDING, Sealed(payload=bytes(32), iv=iv))


def test_too_short_a_ciphertext_is_refused() -> None:
    with pytest.raises(BadMac):
        unseal(SECRET, UseCase.POLL_VOTE, BINDING, Sealed(payload=b"short", iv=IV))
