import pytest

from custom_components.whatsapp_web.aiowhatsapp.iq.session import (
    CleanDirty,
    IssueTrustedContactToken,
    LeavePassive,
    Ping,
    RemoveThisDevice,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.spec import CommandSpec
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

DEVICE = Jid.parse("15550001111:7@s.whatsapp.net")
CONTACT = Jid.parse("2222@lid")
DIRTY = "urn:xmpp:whatsapp:dirty"

CASES = [
    pytest.param(LeavePassive(), "passive", "set", [Node("active")], id="leave passive"),
    pytest.param(Ping(), "w:p", "get", None, id="ping"),
    pytest.param(
        CleanDirty("groups", "171"),
        DIRTY,
        "set",
        [Node("clean", {"type": "groups", "timestamp": "171"})],
        id="clean",
    ),
    pytest.param(
        CleanDirty("account_sync", None),
        DIRTY,
        "set",
        [Node("clean", {"type": "account_sync"})],
        id="clean without time",
    ),
    pytest.param(
        RemoveThisDevice(DEVICE),
        "md",
        "set",
        [Node("remove-companion-device", {"jid": DEVICE, "reason": "user_initiated"})],
        id="log out",
    ),
    pytest.param(
        IssueTrustedContactToken(CONTACT, 1785000000),
        "privacy",
        "set",
        [
            Node(
                "tokens",
                {},
                [Node("token", {"jid": CONTACT, "t": "1785000000", "type": "trusted_contact"})],
            )
        ],
        id="token",
    ),
]


@pytest.mark.parametrize(("spec", "namespace", "kind", "children"), CASES)
def test_what_is_asked(
    spec: CommandSpec, namespace: str, kind: str, children: list[Node] | None
) -> None:
    assert spec.build_iq("a-1") == Node(
        "iq", {"id": "a-1", "xmlns": namespace, "type": kind, "to": SERVER_JID}, children
    )
    # Whatever a result holds, it says that the thing was done.
    spec.parse_iq(Node("iq", {"id": "a-1", "type": "result"}, [Node("anything")]))
