"""User queries: device lists, LIDs, who is on WhatsApp."""

from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device
from .iqs import IqRefused

if TYPE_CHECKING:
    from .server import Simulator

MAX_USERS = 500
KNOWN = (
    "business",
    "contact",
    "devices",
    "disappearing_mode",
    "lid",
    "picture",
    "status",
    "text_status",
    "username",
)


def answer(server: Simulator, device: Device, node: Node) -> list[Node]:
    """Answer one query about a list of users."""
    query = node.required_child("usync")
    query.required_attr("sid")
    protocols = query.required_child("query").children()
    users = query.required_child("list").children("user")
    if not protocols or not 0 < len(users) <= MAX_USERS:
        raise IqRefused(400, "bad-request")
    for protocol in protocols:
        if protocol.tag == "devices" and protocol.attr("version") != "2":
            raise IqRefused(400, "bad-request")
    found = [
        result for user in users if (result := _user(server, device, protocols, user)) is not None
    ]
    attributes = {
        name: value
        for name, value in query.attrs.items()
        if name in ("sid", "mode", "context", "last", "index")
    }
    results = [
        Node(protocol.tag, {}, None if protocol.tag in KNOWN else [_error(501)])
        for protocol in protocols
    ]
    return [Node("usync", attributes, [Node("result", {}, results), Node("list", {}, found)])]


def _error(code: int) -> Node:
    return Node("error", {"code": str(code), "text": "error"})


def _user(server: Simulator, asker: Device, protocols: list[Node], user: Node) -> Node | None:
    contact = user.child("contact")
    jid = user.jid("jid")
    lid_only = user.child("lid")
    account: Account | None = None
    if jid is not None:
        account = server.directory.find(jid)
        answered = jid.bare
    elif contact is not None and contact.attr("username"):
        account = server.people.find_username(contact)
        if account is None:
            return Node("user", {}, [_contact(contact, found=False)])
        answered = account.lid_jid
    elif contact is not None and contact.text:
        digits = contact.text.split("@")[0].removeprefix("+")
        account = server.people.find_number(digits)
        by_lid = any(p.tag == "contact" and p.attr("addressing_mode") == "lid" for p in protocols)
        if account is None:
            return Node("user", {}, [_contact(contact, found=False)])
        answered = account.jid(lid=by_lid)
    elif lid_only is not None and lid_only.jid("jid") is not None:
        account = server.directory.find(lid_only.jid("jid"))
        answered = lid_only.required_jid("jid").bare
    else:
        raise IqRefused(400, "bad-request")
    if account is None:
        return None
    known = user.child("devices")
    if known is not None and known.attr("device_hash") == account.device_hash(lid=answered.is_lid):
        return None
    attributes = {"jid": answered}
    if answered.is_lid and contact is not None:
        attributes["pn_jid"] = account.pn_jid
    parts = [
        _part(server, asker, account, protocol, contact, lid=answered.is_lid)
        for protocol in protocols
    ]
    return Node("user", dict(attributes), [part for part in parts if part is not None])


def _contact(asked: Node | None, *, found: bool) -> Node:
    return Node("contact", {"type": "in" if found else "out"}, asked.content if asked else None)


def _part(
    server: Simulator,
    asker: Device,
    account: Account,
    protocol: Node,
    contact: Node | None,
    *,
    lid: bool,
) -> Node | None:
    match protocol.tag:
        case "devices":
            return devices_node(account, lid=lid)
        case "lid":
            return Node("lid", {"val": account.lid_jid})
        case "contact":
            return _contact(contact, found=True)
        case _:
            return server.people.part(asker.account, account, protocol.tag)


def devices_node(account: Account, *, lid: bool) -> Node:
    """Return the `<devices>` element of an account."""
    listed = []
    for device in account.devices.values():
        attributes = {"id": str(device.id)}
        if device.key_index is not None:
            attributes["key-index"] = str(device.key_index)
        listed.append(Node("device", dict(attributes)))
    children = [Node("device-list", {"hash": account.device_hash(lid=lid)}, listed)]
    if account.key_index_list:
        children.append(
            Node(
                "key-index-list",
                {"ts": str(account.key_index_time)},
                account.key_index_list,
            )
        )
    return Node("devices", {}, children)
