"""Calls: who rings where, and who hears how it ended. Nothing is ever spoken."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device

if TYPE_CHECKING:
    from .server import Simulator


@dataclass(eq=False)
class Call:
    """A call that is under way."""

    id: str
    caller: Device
    callee: Account
    lid: bool
    heard: list[Node] = field(default_factory=list)


class Calls:
    """Passes call stanzas on."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self.under_way: dict[str, Call] = {}

    def stanza(self, device: Device, node: Node) -> None:
        """Take a client's call stanza: it gets an ack, the other side the stanza."""
        to, children = node.required_jid("to"), node.children()
        account = self._server.directory.find(to)
        answer: dict[str, str | Jid] = {
            "class": "call",
            "id": node.required_attr("id"),
            "from": to,
            "t": str(self._server.now()),
        }
        if len(children) != 1 or account is None:
            self._server.tell(device, Node("ack", {**answer, "error": "404"}))
            return
        (child,) = children
        self._server.tell(device, Node("ack", {**answer, "type": child.tag}))
        call_id = child.required_attr("call-id")
        match child.tag:
            case "offer":
                self._offer(Call(call_id, device, account, to.is_lid), child)
            case "reject" | "accept":
                self._answer(device, to, child)
            case "terminate":
                self.end(call_id, child.attr("reason"))
            case _:
                self._server.ledger.violation(f"{device.label}: call <{child.tag}>")

    def _offer(self, call: Call, offer: Node) -> None:
        if self._server.people.blocks(call.callee, call.caller.account):
            return
        self.under_way[call.id] = call
        attributes: dict[str, str | Jid] = {
            **offer.attrs,
            "call-creator": call.caller.jid(lid=call.lid),
            "caller_pn": call.caller.account.pn_jid,
        }
        child = Node("offer", attributes, offer.children())
        for target in call.callee.devices.values():
            self._push(call, target, child)

    def _answer(self, device: Device, to: Jid, child: Node) -> None:
        call = self.under_way.get(child.required_attr("call-id"))
        if call is None or call.callee is not device.account:
            return
        creator = child.required_jid("call-creator")
        if child.tag == "reject" and creator.device:
            self._server.ledger.violation(f"{device.label}: reject names the caller's device")
        if self._server.directory.find(creator) is not call.caller.account:
            self._server.ledger.violation(f"{device.label}: {child.tag} names another caller")
        source = device.jid(lid=to.is_lid)
        told = Node(child.tag, {**child.attrs, "call-creator": call.caller.jid(lid=call.lid)})
        self._server.push(call.caller, self._stanza(source, told))
        if child.tag == "reject":
            del self.under_way[call.id]
        for other in call.callee.devices.values():
            if other is not device:
                self._push(call, other, self._ended(call, f"{child.tag}ed_elsewhere"))

    def end(self, call_id: str, reason: str | None = None) -> None:
        """Let the caller hang up, or nobody answer."""
        call = self.under_way.pop(call_id, None)
        for target in call.callee.devices.values() if call else ():
            assert call is not None
            self._push(call, target, self._ended(call, reason))

    @staticmethod
    def _ended(call: Call, reason: str | None) -> Node:
        attributes: dict[str, str | Jid] = {
            "call-id": call.id,
            "call-creator": call.caller.jid(lid=call.lid),
        }
        return Node("terminate", attributes if reason is None else {**attributes, "reason": reason})

    def _push(self, call: Call, target: Device, child: Node) -> None:
        self._server.push(target, self._stanza(call.caller.jid(lid=call.lid).bare, child))

    def _stanza(self, source: Jid, child: Node) -> Node:
        attributes: dict[str, str | Jid] = {
            "from": source,
            "id": self._server.next_id(),
            "t": str(self._server.now()),
            "platform": "android",
            "version": "2.26.30",
        }
        return Node("call", attributes, [child])
