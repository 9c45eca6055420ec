import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.stanza.ack import Nack, build_ack
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

OWN = Jid.parse("15550001111:7@s.whatsapp.net")
PEER = Jid.parse("15550002222:3@s.whatsapp.net")
GROUP = Jid.parse("120363000000000001@g.us")
CHAT = Jid.parse("998877@lid")


def test_a_notification_is_acked_with_its_type() -> None:
    node = Node("notification", {"id": "n1", "from": SERVER_JID, "type": "devices", "t": "1"})
    assert build_ack(node) == Node(
        "ack", {"class": "notification", "id": "n1", "to": SERVER_JID, "type": "devices"}
    )


def test_participant_and_recipient_are_copied() -> None:
    node = Node("receipt", {"id": "r1", "from": GROUP, "participant": PEER, "recipient": CHAT})
    assert build_ack(node) == Node(
        "ack", {"class": "receipt", "id": "r1", "to": GROUP, "participant": PEER, "recipient": CHAT}
    )


def test_addresses_that_came_as_text_are_copied_as_addresses() -> None:
    node = Node("receipt", {"id": "r1", "from": str(GROUP), "participant": str(PEER)})
    ack = build_ack(node)
    assert ack is not None
    assert (ack.attrs["to"], ack.attrs["participant"]) == (GROUP, PEER)


def test_the_identity_form_is_acked_without_type() -> None:
    attrs: dict[str, str | Jid] = {"id": "n1", "from": PEER.bare, "type": "encrypt"}
    with_identity = build_ack(Node("notification", attrs, [Node("identity")]))
    with_count = build_ack(Node("notification", attrs, [Node("count", {"value": "3"})]))
    assert with_identity is not None
    assert with_count is not None
    assert "type" not in with_identity.attrs
    assert with_count.attrs["type"] == "encrypt"


def test_our_device_goes_into_acks_of_messages_and_into_nacks_only() -> None:
    message = Node("message", {"id": "m1", "from": PEER})
    receipt = Node("receipt", {"id": "r1", "from": PEER})
    assert build_ack(message, own_device=OWN) == Node(
        "ack", {"class": "message", "id": "m1", "to": PEER, "from": OWN}
    )
    assert build_ack(receipt, own_device=OWN) == Node(
        "ack", {"class": "receipt", "id": "r1", "to": PEER}
    )
    assert build_ack(receipt, own_device=OWN, error=Nack.UNHANDLED_ERROR) == Node(
        "ack", {"class": "receipt", "id": "r1", "to": PEER, "from": OWN, "error": "500"}
    )


def test_an_unknown_stanza_is_refused_by_its_tag() -> None:
    node = Node("hologram", {"id": "h1", "from": SERVER_JID, "type": "blue"})
    assert build_ack(node, own_device=OWN, error=Nack.UNRECOGNIZED_STANZA) == Node(
        "ack",
        {
            "class": "hologram",
            "id": "h1",
            "to": SERVER_JID,
            "type": "blue",
            "from": OWN,
            "error": "488",
        },
    )


@pytest.mark.parametrize(
    "attrs",
    [
        {},
        {"id": "1"},
        {"from": SERVER_JID},
        {"id": "", "from": SERVER_JID},
        {"id": "1", "from": ""},
    ],
)
def test_nobody_waits_for_an_ack_without_id_and_sender(attrs: dict[str, str | Jid]) -> None:
    assert build_ack(Node("notification", attrs)) is None


@pytest.mark.parametrize("name", ["from", "participant", "recipient"])
def test_an_address_that_is_none_can_not_be_answered(name: str) -> None:
    node = Node("message", {"id": "m1", "from": PEER, name: "5:99999@s.whatsapp.net"})
    with pytest.raises(AttributeMissing):
        build_ack(node)
