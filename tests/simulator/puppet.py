"""A linked device without a socket, for tests of what the server does with stanzas."""

import os

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import SERVER_JID, Account, Device
from .phone_keys import PhoneKeys, pad
from .server import Simulator


class Puppet:
    """Sends whatever a test wants, and keeps what it is sent."""

    def __init__(self, sim: Simulator, account: Account) -> None:
        self.sim = sim
        self.keys = PhoneKeys(sim.now())
        self.received: list[Node] = []
        own = self.keys.identity
        self.device = Device(
            account=account,
            id=account.next_device,
            noise_public=os.urandom(32),
            identity_public=own.key_pair.public,
            registration_id=own.registration_id,
            key_index=account.next_key_index,
            endpoint=self,
        )
        account.next_device += 1
        account.next_key_index += 1
        identity = account.phone.sign_companion(self.device, sim.now())
        message = b"\x06\x01" + identity.details + own.key_pair.public
        identity.deviceSignature = curve25519.sign(
            own.key_pair.private, message + identity.accountSignatureKey, os.urandom(64)
        )
        self.device.device_identity = identity.SerializeToString()
        self.keys.fill(self.device.keys)
        # The phone's greeting would take one of the keys a test counts.
        account.phone._welcomed.add(self.device)
        sim.device_linked(self.device)

    def deliver(self, node: Node) -> None:
        """Keep a stanza."""
        self.received.append(node)

    def last(self, tag: str) -> Node:
        """Return the newest stanza with that tag."""
        return [node for node in self.received if node.tag == tag][-1]

    def send(self, node: Node) -> None:
        """Hand the server a stanza."""
        self.sim.from_device(self.device, node)

    def iq(self, kind: str, xmlns: str, *children: Node) -> Node:
        """Ask something and return the answer."""
        request: dict[str, str | Jid] = {
            "id": os.urandom(4).hex(),
            "to": SERVER_JID,
            "type": kind,
            "xmlns": xmlns,
        }
        return self.sim.answer(self.device, Node("iq", request, list(children)))

    def bundle(self, target: Device) -> Node:
        """Fetch a device's keys."""
        user = Node("user", {"jid": target.jid(lid=True)})
        answer = self.iq("get", "encrypt", Node("key", {}, [user]))
        return answer.required_child("list").required_child("user")

    def enc(self, target: Device, text: str = "hi") -> Node:
        """Encrypt a text for a device, beginning a session if need be."""
        if not self.keys.has_session(target):
            self.keys.begin(target, self.bundle(target))
        plaintext = pad(wire.Message(conversation=text).SerializeToString())
        sealed = self.keys.encrypt(target, plaintext)
        return Node("enc", {"v": "2", "type": sealed.kind}, sealed.ciphertext)

    def listed(self, target: Device, enc: Node | None = None, *, lid: bool = True) -> Node:
        """Return the `<to>` for a device."""
        return Node("to", {"jid": target.jid(lid=lid)}, [enc or self.enc(target)])

    def message(
        self, to: Jid, *listed: Node, identity: bool = True, stanza_id: str = "M1", **more: str
    ) -> str | None:
        """Send a message; return the error of its ack, None if it was taken."""
        children = [Node("participants", {}, list(listed))]
        if identity:
            children.append(Node("device-identity", {}, self.device.device_identity))
        attributes: dict[str, str | Jid] = {"id": stanza_id, "to": to, "type": "text", **more}
        self.send(Node("message", attributes, children))
        return self.last("ack").attr("error")
