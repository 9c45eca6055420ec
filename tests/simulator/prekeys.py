"""The `encrypt` requests: count, upload, digest, rotation, and bundles for others."""

from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Device
from .iqs import IqRefused
from .keyshelf import KEY_TYPE, LOW_WATER, KeysRefused

if TYPE_CHECKING:
    from .server import Simulator

MAX_USERS = 500


def answer(server: Simulator, device: Device, node: Node) -> list[Node]:
    """Answer one `encrypt` request."""
    kind = node.attr("type")
    try:
        if kind == "set":
            return _set(server, device, node)
        if node.child("count") is not None:
            return [Node("count", {"value": str(len(device.keys.one_time))})]
        if node.child("digest") is not None:
            return [_digest(device)]
        if (wanted := node.child("key")) is not None:
            users = wanted.children("user")
            if not 0 < len(users) <= MAX_USERS:
                raise IqRefused(400, "bad-request")
            return [Node("list", {}, [_bundle(server, device, user) for user in users])]
    except KeysRefused as err:
        server.ledger.violation(f"{device.label}: {err.text}")
        raise IqRefused(err.code, err.text) from err
    raise IqRefused(400, "bad-request")


def _set(server: Simulator, device: Device, node: Node) -> list[Node]:
    if (rotate := node.child("rotate")) is not None:
        device.keys.replace_signed(rotate.required_child("skey"), device.identity_public)
        return []
    registration = node.required_child("registration").required_data(4)
    if node.required_child("type").required_data() != KEY_TYPE:
        raise KeysRefused(406, "wrong key type")
    if node.required_child("identity").required_data(32) != device.identity_public:
        raise KeysRefused(406, "identity differs from the linked one")
    if int.from_bytes(registration, "big") != device.registration_id:
        raise KeysRefused(406, "registration id differs from the linked one")
    device.keys.replace_signed(node.required_child("skey"), device.identity_public)
    device.keys.add_one_time(node.required_child("list").children("key"))
    server.keys_uploaded(device)
    return []


def _digest(device: Device) -> Node:
    keys = device.keys
    if keys.signed is None or not keys.uploads:
        raise IqRefused(404, "item-not-found")
    return Node(
        "digest",
        {},
        [
            Node("registration", {}, device.registration_id.to_bytes(4, "big")),
            Node("type", {}, KEY_TYPE),
            Node("identity", {}, device.identity_public),
            keys.signed.node(),
            Node(
                "list", {}, [Node("id", {}, key_id.to_bytes(3, "big")) for key_id in keys.one_time]
            ),
            Node("hash", {}, keys.digest(device.identity_public)),
        ],
    )


def _bundle(server: Simulator, asker: Device, user: Node) -> Node:
    jid = user.required_jid("jid")
    account = server.directory.find(jid)
    device = server.directory.find_device(jid)
    if account is None or device is None or device.keys.signed is None:
        code, text = (406, "not-acceptable") if account else (404, "item-not-found")
        return Node("user", {"jid": jid}, [Node("error", {"code": str(code), "text": text})])
    children = [
        Node("registration", {}, device.registration_id.to_bytes(4, "big")),
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, device.identity_public),
    ]
    if device.device_identity:
        children.append(Node("device-identity", {}, device.device_identity))
    children.append(device.keys.signed.node())
    one_time = device.keys.take_one_time(asker.label)
    if one_time is not None:
        key_id, public = one_time
        children.append(
            Node("key", {}, [Node("id", {}, key_id.to_bytes(3, "big")), Node("value", {}, public)])
        )
        if len(device.keys.one_time) == LOW_WATER - 1:
            server.notices.prekeys_low(device)
    return Node("user", {"jid": jid, "t": str(server.now())}, children)
