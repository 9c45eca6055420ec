import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.iq.link_code import AnnounceLinkCode, FinishLinkCode
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

PHONE = Jid.of_number("15550001111")
ANNOUNCE = AnnounceLinkCode(
    phone=PHONE, wrapped_ephemeral=b"w" * 80, noise_public=b"n" * 32, client_type="1"
)


def result(*children: Node) -> Node:
    return Node("iq", {"id": "a-1", "type": "result"}, list(children))


def test_announcing_a_code() -> None:
    attrs: dict[str, str | Jid] = {
        "jid": PHONE,
        "stage": "companion_hello",
        "should_show_push_notification": "true",
    }
    assert ANNOUNCE.build_iq("a-1") == Node(
        "iq",
        {"id": "a-1", "xmlns": "md", "type": "set", "to": SERVER_JID},
        [
            Node(
                "link_code_companion_reg",
                attrs,
                [
                    Node("link_code_pairing_wrapped_companion_ephemeral_pub", {}, b"w" * 80),
                    Node("companion_server_auth_key_pub", {}, b"n" * 32),
                    Node("companion_platform_id", {}, "1"),
                    Node("companion_platform_display", {}, "Chrome (Linux)"),
                    Node("link_code_pairing_nonce", {}, b"\x00"),
                ],
            )
        ],
    )


def test_the_servers_ref() -> None:
    ref = Node("link_code_pairing_ref", {}, b"2@ref")
    assert ANNOUNCE.parse_iq(result(Node("link_code_companion_reg", {}, [ref]))) == b"2@ref"


@pytest.mark.parametrize(
    "answer",
    [
        result(),
        result(Node("link_code_companion_reg")),
        result(Node("link_code_companion_reg", {}, [Node("link_code_pairing_ref")])),
    ],
)
def test_without_a_ref(answer: Node) -> None:
    with pytest.raises(AttributeMissing):
        ANNOUNCE.parse_iq(answer)


def test_handing_over_the_keys() -> None:
    spec = FinishLinkCode(
        phone=PHONE, key_bundle=b"b" * 156, identity_public=b"i" * 32, ref=b"2@ref"
    )
    assert spec.build_iq("a-2") == Node(
        "iq",
        {"id": "a-2", "xmlns": "md", "type": "set", "to": SERVER_JID},
        [
            Node(
                "link_code_companion_reg",
                {"jid": PHONE, "stage": "companion_finish"},
                [
                    Node("link_code_pairing_wrapped_key_bundle", {}, b"b" * 156),
                    Node("companion_identity_public", {}, b"i" * 32),
                    Node("link_code_pairing_ref", {}, b"2@ref"),
                ],
            )
        ],
    )
    spec.parse_iq(result())
