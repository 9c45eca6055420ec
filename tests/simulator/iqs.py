"""Requests: who answers which namespace, and the small ones' answers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing, DecodeError
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import media_host
from .accounts import SERVER_JID, Device

if TYPE_CHECKING:
    from .server import Simulator


class IqRefused(Exception):
    """The request gets an error answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


type Handler = Callable[[Simulator, Device, Node], list[Node]]


def answer(server: Simulator, device: Device, node: Node) -> Node | None:
    """Return the answer to a request, or None for something that is an answer itself."""
    if node.attr("type") not in ("get", "set"):
        return None
    reply_to = {"from": node.attrs.get("to", SERVER_JID), "id": node.required_attr("id")}
    handler = HANDLERS.get(node.attr("xmlns") or "")
    try:
        if handler is None:
            raise IqRefused(501, "feature-not-implemented")
        children = handler(server, device, node)
    except IqRefused as err:
        error = Node("error", {"code": str(err.code), "text": err.text})
        return Node("iq", {**reply_to, "type": "error"}, [error])
    except (AttributeMissing, DecodeError) as err:
        server.ledger.violation(f"{device.label}: malformed request: {err}")
        error = Node("error", {"code": "400", "text": "bad-request"})
        return Node("iq", {**reply_to, "type": "error"}, [error])
    return Node("iq", {**reply_to, "type": "result", "t": str(server.now())}, children or None)


def _encrypt(server: Simulator, device: Device, node: Node) -> list[Node]:
    from . import prekeys  # noqa: PLC0415 - it raises this module's error

    return prekeys.answer(server, device, node)


def _usync(server: Simulator, device: Device, node: Node) -> list[Node]:
    from . import usync  # noqa: PLC0415 - it raises this module's error

    return usync.answer(server, device, node)


def _groups(server: Simulator, device: Device, node: Node) -> list[Node]:
    from . import group_iqs  # noqa: PLC0415 - it raises this module's error

    return group_iqs.answer(server, device, node)


def _ping(server: Simulator, device: Device, node: Node) -> list[Node]:
    return []


def _passive(server: Simulator, device: Device, node: Node) -> list[Node]:
    if node.child("active") is None and node.child("passive") is None:
        raise IqRefused(400, "bad-request")
    if node.child("active") is not None:
        server.after_reply(lambda: server.activate(device))
    return []


def _props(server: Simulator, device: Device, node: Node) -> list[Node]:
    props = [
        Node("prop", {"config_code": code, "config_value": value})
        for code, value in server.props.items()
    ]
    return [Node("props", {"protocol": "1", "hash": "sim1", "refresh": "86400"}, list(props))]


def _blocklist(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.people.blocklist(device, node)


def _privacy(server: Simulator, device: Device, node: Node) -> list[Node]:
    tokens = node.child("tokens")
    if tokens is None:
        return server.people.privacy(device, node)
    for token in tokens.children("token"):
        server.notices.privacy_token(device, token)
    return []


def _status(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.people.status(device, node)


def _disappearing_mode(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.people.disappearing_mode(device, node)


def _newsletter(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.newsletters.request(device, node)


def _mex(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.newsletters.mex(device, node)


def _business(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.people.business(device, node)


def _linked_devices(server: Simulator, device: Device, node: Node) -> list[Node]:
    remove = node.child("remove-companion-device")
    if remove is None or node.attr("type") != "set":
        raise IqRefused(501, "feature-not-implemented")
    target = server.directory.find_device(remove.required_jid("jid"))
    if target is None or target.account is not device.account or not target.id:
        raise IqRefused(404, "item-not-found")
    if device.id and target is not device:
        raise IqRefused(403, "forbidden")
    server.after_reply(lambda: server.device_unlinked(target, tell=target is not device))
    return []


def _app_state(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.app_states.answer(device, node)


def _picture(server: Simulator, device: Device, node: Node) -> list[Node]:
    return server.people.picture(device, node)


def _media(server: Simulator, device: Device, node: Node) -> list[Node]:
    return media_host.answer(server, device, node)


HANDLERS: dict[str, Handler] = {
    "abt": _props,
    "blocklist": _blocklist,
    "disappearing_mode": _disappearing_mode,
    "encrypt": _encrypt,
    "md": _linked_devices,
    "newsletter": _newsletter,
    "passive": _passive,
    "privacy": _privacy,
    "status": _status,
    "urn:xmpp:whatsapp:dirty": _ping,
    "usync": _usync,
    "w:biz": _business,
    "w:g2": _groups,
    "w:m": _media,
    "w:mex": _mex,
    "w:p": _ping,
    "w:profile:picture": _picture,
    "w:stats": _ping,
    "w:sync:app:state": _app_state,
}
