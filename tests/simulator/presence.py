"""Who is online, who follows whom, who types: passed on, never kept or answered."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device

if TYPE_CHECKING:
    from .server import Simulator


class PresenceDesk:
    """Passes presence and typing on to those who are online themselves, as WhatsApp does."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        # Who follows an account, and under which of its names.
        self._followers: dict[Account, dict[Device, Jid]] = {}
        self._last_seen: dict[Account, int] = {}
        # Whose phone is in its owner's hand.
        self._phones: set[Account] = set()

    def appear(self, account: Account, *, online: bool) -> None:
        """Take a phone into the hand, or put it away."""
        before = self.is_online(account)
        if online:
            self._phones.add(account)
        else:
            self._phones.discard(account)
        self._tell(account, before=before)

    def is_online(self, account: Account) -> bool:
        """Whether others see an account as online."""
        return account in self._phones or any(each.available for each in account.companions)

    def followers(self, account: Account) -> list[Device]:
        """Who asked to be told of an account."""
        return list(self._followers.get(account, ()))

    def presence(self, device: Device, node: Node) -> None:
        """Note availability and name, or who is followed."""
        kind, to = node.attr("type"), node.jid("to")
        if to is not None:
            self._follow(device, kind, to, node)
            return
        if name := node.attr("name"):
            device.push_name = name
        if kind in ("available", "unavailable"):
            before = self.is_online(device.account)
            device.available = kind == "available"
            self._tell(device.account, before=before)

    def gone(self, device: Device) -> None:
        """Forget what a device asked for on its connection; it is online no more."""
        for followers in self._followers.values():
            followers.pop(device, None)
        before = self.is_online(device.account)
        device.available = False
        self._tell(device.account, before=before)

    def _follow(self, device: Device, kind: str | None, to: Jid, node: Node) -> None:
        account = self._server.directory.find(to)
        if account is None:
            return
        followers = self._followers.setdefault(account, {})
        if kind == "unsubscribe":
            followers.pop(device, None)
        elif kind == "subscribe":
            self._server.ledger.counts["subscriptions"] += 1
            if node.child("tctoken") is not None:
                self._server.ledger.counts["subscriptions with token"] += 1
            followers[device] = to.bare
            if device.available:
                self._server.tell(device, self._describe(account, to.bare))

    def _tell(self, account: Account, *, before: bool) -> None:
        if self.is_online(account) is before:
            return
        if before:
            self._last_seen[account] = self._server.now()
        for follower, name in list(self._followers.get(account, {}).items()):
            if follower.available:
                self._server.tell(follower, self._describe(account, name))

    def _describe(self, account: Account, name: Jid) -> Node:
        attributes: dict[str, str | Jid] = {"from": name}
        if not self.is_online(account):
            attributes["type"] = "unavailable"
            seen = self._last_seen.get(account)
            attributes["last"] = "deny" if seen is None else str(seen)
        return Node("presence", attributes)

    # --- typing

    def chat_state(self, device: Device, node: Node) -> None:
        """Pass typing on to whoever is online; nobody else is told."""
        to = node.required_jid("to")
        for child in node.children():
            if child.tag not in ("composing", "paused"):
                self._server.ledger.violation(f"{device.label}: chatstate <{child.tag}>")
                return
        for target, attributes in self._audience(device, to):
            if target.available:
                self._server.tell(target, Node("chatstate", attributes, node.children()))

    def _audience(self, device: Device, to: Jid) -> Iterator[tuple[Device, dict[str, str | Jid]]]:
        account = self._server.directory.find(to)
        group = self._server.groups.find(to)
        if group is not None and device.account in group.members:
            attributes = {"from": to, "participant": device.account.jid(lid=group.lid)}
            for target in group.devices():
                if target.account is not device.account:
                    yield target, dict(attributes)
        elif account is not None and account is not device.account:
            source = device.jid(lid=to.is_lid).bare
            for target in account.devices.values():
                yield target, {"from": source}
