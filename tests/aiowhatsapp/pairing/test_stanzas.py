from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    RemoteProtocolError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.pairing import stanzas
from custom_components.whatsapp_web.aiowhatsapp.pairing.adv import AdvRejected, accept_identity
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode
from tests.aiowhatsapp.pairing.support import Phone, SeededBytes, load_vectors

CASES = load_vectors("npm_baileys_pair_success")["cases"]
IDENTITY = Node("device-identity", {}, b"proof")
DEVICE = Node("device", {"jid": "15551234567:76@s.whatsapp.net", "lid": "998877:76@lid"})


def pair_success(*children: Node) -> Node:
    return Node("pair-success", {}, list(children))


@pytest.mark.parametrize("case", CASES, ids=["plain", "hosted"])
def test_pair_success_of_baileys_is_read(case: dict[str, Any]) -> None:
    iq = decode(bytes.fromhex(case["stanza_encoded"]))
    success = stanzas.parse_pair_success(iq.required_child("pair-success"))
    assert success.device_identity.hex() == case["device_identity_container"]
    assert success.jid == Jid("15551234567", "s.whatsapp.net", 12)
    assert success.lid == Jid("99887766554433", "lid", 12)
    assert not success.lid_migrated


def test_pair_success_tells_platform_name_and_addressing() -> None:
    props = wire.ClientPairingProps(isChatDbLidMigrated=True).SerializeToString()
    success = stanzas.parse_pair_success(
        pair_success(
            IDENTITY,
            DEVICE,
            Node("platform", {"name": "smba"}),
            Node("biz", {"name": "Shop"}),
            Node("client-props", {}, props),
            Node("jurisdiction", {}, b"\x00"),
        )
    )
    assert (success.platform, success.business_name, success.lid_migrated) == ("smba", "Shop", True)


def test_malformed_client_props_say_nothing() -> None:
    success = stanzas.parse_pair_success(
        pair_success(IDENTITY, DEVICE, Node("client-props", {}, b"\xff"))
    )
    assert (success.platform, success.business_name, success.lid_migrated) == ("", None, False)


def test_lid_without_a_device_number_has_that_of_the_phone_number() -> None:
    device = Node("device", {"jid": "1:7@s.whatsapp.net", "lid": "2@lid"})
    assert stanzas.parse_pair_success(pair_success(IDENTITY, device)).lid == Jid("2", "lid", 7)


@pytest.mark.parametrize(
    "device",
    [
        Node("device", {"jid": "name:1@s.whatsapp.net", "lid": "2:1@lid"}),
        Node("device", {"jid": "1@s.whatsapp.net", "lid": "2:1@lid"}),
        Node("device", {"jid": "1:1@lid", "lid": "2:1@lid"}),
        Node("device", {"jid": "1:1@s.whatsapp.net", "lid": "2:1@s.whatsapp.net"}),
    ],
)
def test_addresses_of_nobody_are_refused(device: Node) -> None:
    with pytest.raises(AdvRejected) as refused:
        stanzas.parse_pair_success(pair_success(IDENTITY, device))
    assert refused.value.code == 500


@pytest.mark.parametrize(
    "identity", [None, Node("device-identity"), Node("device-identity", {}, b"")]
)
def test_missing_proof_is_refused(identity: Node | None) -> None:
    children = [DEVICE] if identity is None else [identity, DEVICE]
    with pytest.raises(AdvRejected) as refused:
        stanzas.parse_pair_success(pair_success(*children))
    assert (refused.value.code, refused.value.text) == (500, "internal-error")


@pytest.mark.parametrize(
    "children",
    [
        [IDENTITY],
        [IDENTITY, Node("device", {"jid": "1:1@s.whatsapp.net"})],
        [IDENTITY, Node("device", {"lid": "1:1@lid"})],
        [IDENTITY, Node("device", {"jid": "1:99999@s.whatsapp.net", "lid": "2:1@lid"})],
    ],
)
def test_missing_addresses_are_refused(children: list[Node]) -> None:
    with pytest.raises(AttributeMissing):
        stanzas.parse_pair_success(pair_success(*children))


def pair_device(*refs: bytes | str) -> Node:
    return Node("pair-device", {}, [Node("ref", {}, ref) for ref in refs])


def test_refs_are_read_in_order() -> None:
    assert stanzas.parse_refs(pair_device(b"2@first", "2@second")) == ["2@first", "2@second"]


def test_refs_are_bounded() -> None:
    assert len(stanzas.parse_refs(pair_device(*[b"2@r"] * 1000))) == 32


@pytest.mark.parametrize("ref", [b"", b"a,b", b"\xff", b"a\nb", b"a" * 2000])
def test_ref_that_cannot_be_in_a_code_is_refused(ref: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        stanzas.parse_refs(pair_device(b"2@good", ref))


def test_no_refs_are_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        stanzas.parse_refs(pair_device())


@pytest.mark.parametrize(
    ("child", "refresh"),
    [("companion_reg_refresh", True), ("pair-device-rotate-qr", True), ("other", False)],
)
def test_refresh_is_known_by_its_child(child: str, refresh: bool) -> None:
    assert stanzas.is_refresh(Node("notification", {}, [Node(child)])) is refresh


def test_answers_have_their_form() -> None:
    phone, random_bytes = Phone(), SeededBytes(3)
    device = phone.identity
    accepted = accept_identity(
        phone.container(device.public, bytes(32)),
        adv_secret=bytes(32),
        identity_key=device,
        randomness=random_bytes(64),
    )
    assert stanzas.build_result("1") == Node("iq", {"to": SERVER_JID, "type": "result", "id": "1"})
    assert stanzas.build_error("2", 401, "hmac-mismatch") == Node(
        "iq",
        {"to": SERVER_JID, "type": "error", "id": "2"},
        [Node("error", {"code": "401", "text": "hmac-mismatch"})],
    )
    signed = Node("device-identity", {"key-index": "5"}, accepted.reply)
    assert stanzas.build_device_sign("3", accepted) == Node(
        "iq",
        {"to": SERVER_JID, "type": "result", "id": "3"},
        [Node("pair-device-sign", {}, [signed])],
    )
