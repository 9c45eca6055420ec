"""Notifications the server sends by itself."""

import os
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import SERVER_JID, Account, Device

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .server import Simulator


class Notices:
    """Makes notifications and queues them."""

    def __init__(self, server: Simulator) -> None:
        self._server = server

    def push(
        self, target: Device, kind: str, source: Jid, child: Node, **attributes: str | Jid
    ) -> str:
        """Queue one notification; return its id."""
        stanza_id = self._server.next_id()
        self._server.push(
            target,
            Node(
                "notification",
                {
                    "type": kind,
                    "from": source,
                    "id": stanza_id,
                    "t": str(self._server.now()),
                    **attributes,
                },
                [child],
            ),
        )
        return stanza_id

    def prekeys_low(self, device: Device) -> str | None:
        """Tell a companion how few one-time keys it has left."""
        if not device.id:
            return None
        child = Node("count", {"value": str(len(device.keys.one_time))})
        return self.push(device, "encrypt", SERVER_JID, child)

    def identity_changed(self, account: Account, *, lid: bool = False) -> None:
        """Tell everyone who knows the account that its phone has a new identity."""
        for target in self._others(account):
            self.push(
                target,
                "encrypt",
                account.jid(lid=lid),
                Node("identity"),
                lid=account.lid_jid,
            )

    def device_added(self, device: Device) -> None:
        """Tell the account's own devices and its contacts about a new device."""
        attributes: dict[str, str | Jid] = {
            "jid": device.jid(lid=False),
            "key-index": str(device.key_index),
            "lid": device.jid(lid=True),
        }
        self._devices(device, "add", Node("device", attributes))

    def device_removed(self, device: Device) -> None:
        """Tell them that a device is gone."""
        attributes: dict[str, str | Jid] = {
            "jid": device.jid(lid=False),
            "lid": device.jid(lid=True),
        }
        self._devices(device, "remove", Node("device", attributes))

    def _devices(self, subject: Device, change: str, element: Node) -> None:
        account = subject.account
        children = [element]
        if account.key_index_list:
            children.append(
                Node(
                    "key-index-list",
                    {"ts": str(account.key_index_time)},
                    account.key_index_list,
                )
            )
        child = Node(
            change,
            {
                "device_hash": account.device_hash(lid=False),
                "device_lid_hash": account.device_hash(lid=True),
            },
            children,
        )
        own = [each for each in account.devices.values() if each is not subject]
        for target in (*own, *self._others(account)):
            self.push(target, "devices", account.pn_jid, child, lid=account.lid_jid)

    def privacy_token(self, giver: Device, token: Node) -> None:
        """Pass a trusted-contact token on to the one it is meant for."""
        peer = self._server.directory.find(token.required_jid("jid"))
        if peer is None:
            return
        child = Node(
            "tokens",
            {},
            [
                Node(
                    "token",
                    {
                        "type": "trusted_contact",
                        "t": token.required_attr("t"),
                        "jid": peer.lid_jid,
                    },
                    os.urandom(12),
                )
            ],
        )
        account = giver.account
        for target in peer.devices.values():
            self.push(target, "privacy_token", account.pn_jid, child, sender_lid=account.lid_jid)

    def _others(self, account: Account) -> Iterable[Device]:
        for number in sorted(account.contacts):
            contact = self._server.directory.find_number(number)
            yield from contact.devices.values() if contact else ()
