from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair, agree
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    InvalidKey,
    PairingFailed,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.pairing import link_code
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.pairing.support import load_vectors

VECTOR = load_vectors("npm_baileys_link_code")


def from_vector(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


def key_pair(name: str) -> KeyPair:
    return KeyPair.from_private(bytes.fromhex(VECTOR[name]["priv"]))


@pytest.mark.parametrize("case", load_vectors("npm_baileys_crockford")["cases"])
def test_code_is_that_of_baileys(case: dict[str, Any]) -> None:
    assert link_code.make_code(bytes.fromhex(case["bytes"])) == case["code"]


def test_code_reads_in_two_groups() -> None:
    assert link_code.display_form("15JMBSWA") == "15JM-BSWA"


def test_ephemeral_key_is_wrapped_as_baileys_wraps_it() -> None:
    key = link_code.derive_key(VECTOR["code_utf8"], from_vector("salt"))
    assert key == from_vector("pbkdf2_key")
    wrapped = link_code.wrap_ephemeral(
        key,
        salt=from_vector("salt"),
        iv=from_vector("iv"),
        public=key_pair("companion_ephemeral").public,
    )
    assert wrapped == from_vector("wrapped_companion_ephemeral_pub")
    assert len(wrapped) == link_code.WRAPPED_KEY_LENGTH


def test_phones_key_is_unwrapped() -> None:
    wrapped = from_vector("wrapped_primary_ephemeral_pub")
    key = link_code.derive_key(VECTOR["code_utf8"], link_code.salt_of(wrapped))
    assert link_code.unwrap_ephemeral(key, wrapped) == from_vector("primary_ephemeral_pub")


def hello(identity: bytes | None = None) -> link_code.PrimaryHello:
    return link_code.PrimaryHello(
        wrapped_ephemeral=from_vector("wrapped_primary_ephemeral_pub"),
        identity=from_vector("primary_identity_pub") if identity is None else identity,
        ref=b"ref",
    )


def finish(received: link_code.PrimaryHello) -> link_code.Finish:
    salt = link_code.salt_of(received.wrapped_ephemeral)
    return link_code.finish(
        received,
        key=link_code.derive_key(VECTOR["code_utf8"], salt),
        ephemeral=key_pair("companion_ephemeral"),
        identity=key_pair("companion_identity"),
        randomness=from_vector("random") + from_vector("bundle_salt") + from_vector("bundle_iv"),
    )


def test_bundle_and_secret_are_those_of_baileys() -> None:
    finished = finish(hello())
    assert finished.key_bundle == from_vector("wrapped_key_bundle")
    assert finished.adv_secret == from_vector("adv_secret")
    assert len(finished.key_bundle) == 156


def test_key_that_cannot_be_agreed_with_is_refused() -> None:
    with pytest.raises(InvalidKey):
        finish(hello(identity=bytes(32)))


def test_secret_is_shared_with_the_phones_identity() -> None:
    ours, theirs = key_pair("companion_identity"), from_vector("primary_identity_pub")
    secret = link_code.derive_adv_secret(
        shared=agree(key_pair("companion_ephemeral").private, from_vector("primary_ephemeral_pub")),
        identity_shared=agree(ours.private, theirs),
        contribution=from_vector("random"),
    )
    assert secret == from_vector("adv_secret")


@pytest.mark.parametrize(
    "text", ["15551234567", "+1 (555) 123-4567", "1.555.123/4567", "+15551234567"]
)
def test_phone_number_is_read_in_usual_forms(text: str) -> None:
    assert link_code.parse_phone_number(text) == Jid.of_number("15551234567")


@pytest.mark.parametrize(
    "text", ["", "123456", "0155512345", "1" * 16, "name", "1555123456x", "١٢٣٤٥٦٧٨"]
)
def test_no_phone_number_is_refused(text: str) -> None:
    with pytest.raises(PairingFailed) as refused:
        link_code.parse_phone_number(text)
    assert refused.value.stage == "phone_number"


def notification(stage: str | None, *parts: Node, **attrs: str) -> Node:
    content_attrs: dict[str, str | Jid] = dict(attrs)
    if stage is not None:
        content_attrs["stage"] = stage
    return Node(
        "notification",
        {"type": "link_code_companion_reg"},
        [Node("link_code_companion_reg", content_attrs, list(parts))],
    )


WRAPPED = Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, bytes(80))
IDENTITY = Node("primary_identity_pub", {}, bytes(32))
REF = Node("link_code_pairing_ref", {}, b"ref")


def test_phones_hello_is_read() -> None:
    assert link_code.parse_notification(
        notification("primary_hello", WRAPPED, IDENTITY, REF)
    ) == link_code.PrimaryHello(wrapped_ephemeral=bytes(80), identity=bytes(32), ref=b"ref")


@pytest.mark.parametrize(
    ("attrs", "manual"), [({}, False), ({"force_manual_refresh": "true"}, True)]
)
def test_refresh_is_read(attrs: dict[str, str], manual: bool) -> None:
    assert link_code.parse_notification(
        notification("refresh_code", REF, **attrs)
    ) == link_code.RefreshCode(ref=b"ref", manual=manual)


@pytest.mark.parametrize("stage", [None, "", "companion_hello"])
def test_other_stages_mean_nothing(stage: str | None) -> None:
    assert link_code.parse_notification(notification(stage, WRAPPED, IDENTITY, REF)) is None


@pytest.mark.parametrize(
    "malformed",
    [
        Node("notification"),
        notification("primary_hello", IDENTITY, REF),
        notification("primary_hello", WRAPPED, REF),
        notification("primary_hello", WRAPPED, IDENTITY),
        notification("refresh_code"),
        notification(
            "primary_hello",
            Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, bytes(79)),
            IDENTITY,
            REF,
        ),
        notification("primary_hello", WRAPPED, Node("primary_identity_pub", {}, bytes(33)), REF),
    ],
)
def test_incomplete_notification_is_refused(malformed: Node) -> None:
    with pytest.raises(AttributeMissing):
        link_code.parse_notification(malformed)
