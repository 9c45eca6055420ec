"""What a phone does about calls."""

from dataclasses import dataclass, field
import os
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

if TYPE_CHECKING:
    from .accounts import Account
    from .phone import Phone


@dataclass(eq=False)
class PhoneCalls:
    """The calls of one phone; `heard` is what it was told, by call and in order."""

    phone: Phone
    heard: list[tuple[str, str]] = field(default_factory=list)

    def ring(self, to: Account, *, video: bool = False, group: Jid | None = None) -> str:
        """Call somebody; return the call's id."""
        call_id = os.urandom(16).hex().upper()
        attributes: dict[str, str | Jid] = {
            "call-id": call_id,
            "call-creator": self.phone.device.jid(lid=True),
        }
        if group is not None:
            attributes |= {"group-jid": group, "type": "group"}
        children = [Node("audio", {"enc": "opus", "rate": "16000"})]
        if video:
            children.append(Node("video", {"orientation": "0"}))
        self._emit(to, Node("offer", attributes, children))
        return call_id

    def hang_up(self, to: Account, call_id: str, reason: str | None = None) -> None:
        """End a call; `timeout` is the reason when nobody answered."""
        attributes: dict[str, str | Jid] = {
            "call-id": call_id,
            "call-creator": self.phone.device.jid(lid=True),
        }
        if reason is not None:
            attributes["reason"] = reason
        self._emit(to, Node("terminate", attributes))

    def accept(self, caller: Account, call_id: str) -> None:
        """Take a call that rings here."""
        attributes: dict[str, str | Jid] = {"call-id": call_id, "call-creator": caller.lid_jid}
        self._emit(caller, Node("accept", attributes))

    def on_call(self, node: Node) -> None:
        """Note what is heard of a call."""
        for child in node.children():
            self.heard.append((child.required_attr("call-id"), child.tag))

    def _emit(self, to: Account, child: Node) -> None:
        call: dict[str, str | Jid] = {"to": to.lid_jid, "id": os.urandom(8).hex().upper()}
        self.phone.emit(Node("call", call, [child]))
