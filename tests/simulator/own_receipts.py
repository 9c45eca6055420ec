"""What one device of an account read, the account's others hear of."""

from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Device

if TYPE_CHECKING:
    from .server import Simulator

VIEW = "view"
KINDS = (VIEW, "read", "read-self", "played", "played-self")


def tell_own_devices(server: Simulator, device: Device, node: Node, to: Jid) -> None:
    """Pass a receipt on to the other devices of whoever sent it."""
    if node.attr("type") == VIEW:
        server.newsletters.viewed(device, node)
        return
    attributes: dict[str, str | Jid] = {
        "id": node.required_attr("id"),
        "type": node.required_attr("type"),
        "t": node.attr("t") or str(server.now()),
    }
    in_room = not to.is_user
    participant = node.jid("participant")
    lid = to.is_lid if participant is None else participant.is_lid
    reader = device.account.jid(lid=lid)
    attributes |= (
        {"from": to, "participant": reader} if in_room else {"from": reader, "recipient": to.bare}
    )
    for target in list(device.account.devices.values()):
        if target is not device:
            server.push(target, Node("receipt", attributes, node.children() or None))
