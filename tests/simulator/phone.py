"""The simulated phone: device 0 of its account, inside the server's process."""

import asyncio
from collections.abc import Callable
import os
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    DuplicateMessage,
    SignalError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import phone_peer, phone_retry
from .accounts import Account, Device
from .groups import Group, is_room
from .phone_calls import PhoneCalls
from .phone_groups import PhoneGroups
from .phone_keys import PhoneKeys, pad, seal_identity, unpad
from .phone_log import PhoneMessage, PhoneReceipt, Sent
from .phone_retry import ack
from .phone_state import PhoneState

if TYPE_CHECKING:
    from .server import Simulator


class Phone:
    """What the person holds: scans, reads, writes, and answers its companions."""

    def __init__(self, server: Simulator, account: Account) -> None:
        self.server = server
        self.account = account
        self.keys = PhoneKeys(server.now())
        self.groups = PhoneGroups(self)
        self.state = PhoneState(self)
        self.messages: list[PhoneMessage] = []
        self.receipts: list[PhoneReceipt] = []
        self.calls = PhoneCalls(self)
        self.undecryptable: list[str] = []
        self.peer_messages: list[tuple[Device, wire.Message]] = []
        self.online = True
        self.shares_history = True
        # Whether history goes to the media host, and not inside its announcement.
        self.uploads_history = False
        self.sent: dict[str, Sent] = {}
        self.attempts: dict[tuple[Device, str], int] = {}
        self._welcomed: set[Device] = set()
        self._changed = asyncio.Event()
        self.device = Device(
            account=account,
            id=0,
            noise_public=b"",
            identity_public=self.keys.identity.key_pair.public,
            registration_id=self.keys.identity.registration_id,
        )
        self.device.endpoint = self
        self.device.available = True
        account.devices[0] = self.device
        self.keys.fill(self.device.keys)
        self._sign_key_indexes()

    # --- what a person does

    async def scan(self, qr_text: str, *, timeout: float = 20) -> Device:
        """Scan a code; return the device once it has proven its signature."""
        return await self.server.pairing.scan(self.account, qr_text, timeout=timeout)

    async def enter_code(self, code: str, *, timeout: float = 20) -> Device:
        """Type in the code that a client shows; return the linked device."""
        return await self.server.link_codes.enter(self.account, code, timeout=timeout)

    async def send_text(self, to: Account | str, text: str, *, lid: bool | None = None) -> str:
        """Send a text to an account (or number) and its devices; return the message id."""
        recipient = self._account(to)
        use_lid = self.account.lid_migrated if lid is None else lid
        return self.send(recipient.jid(lid=use_lid), wire.Message(conversation=text), "text")

    async def send_group_text(self, group: Group, text: str) -> str:
        """Send a text to a group; return the message id."""
        return self.groups.send(group, wire.Message(conversation=text), "text")

    def send(
        self, chat: Jid, message: wire.Message, kind: str, stanza_id: str | None = None
    ) -> str:
        """Encrypt a message for everybody concerned and hand it to the server."""
        stanza_id = stanza_id or "3A" + os.urandom(9).hex().upper()
        recipient = self.server.directory.find(chat)
        if recipient is None:
            raise ValueError("No such account")
        copy = wire.Message()
        copy.deviceSentMessage.destinationJid = str(chat)
        copy.deviceSentMessage.message.CopyFrom(message)
        entries = []
        targets = {*recipient.devices.values(), *self.account.devices.values()}
        for target in sorted(targets - {self.device}, key=lambda each: each.label):
            own = target.account is self.account
            enc = self.encrypt(target, copy if own else message)
            if enc is not None:
                entries.append(Node("to", {"jid": target.jid(lid=chat.is_lid)}, [enc]))
        self.remember_sent(stanza_id, chat, message, kind)
        if entries:
            self.emit(
                Node(
                    "message",
                    {"id": stanza_id, "to": chat, "type": kind},
                    [Node("participants", {}, entries)],
                )
            )
        self.store(stanza_id, recipient, self.device, message)
        return stanza_id

    async def wait_message(
        self,
        matches: Callable[[PhoneMessage], bool] | str | None = None,
        *,
        timeout: float = 20,
    ) -> PhoneMessage:
        """Wait for a message (by text, or a predicate), among those already here too."""

        def found() -> PhoneMessage | None:
            for message in self.messages:
                if callable(matches):
                    if matches(message):
                        return message
                elif matches is None or message.text == matches:
                    return message
            return None

        return await self._until(found, timeout)

    async def wait_receipt(
        self, stanza_id: str, kind: str | None = None, *, timeout: float = 20
    ) -> PhoneReceipt:
        """Wait for a receipt for a message this phone sent."""

        def found() -> PhoneReceipt | None:
            for receipt in self.receipts:
                if stanza_id in receipt.ids and receipt.type == kind:
                    return receipt
            return None

        return await self._until(found, timeout)

    def mark_read(self, message: PhoneMessage) -> None:
        """Send a read receipt."""
        lid = self.account.lid_migrated
        to = message.sender.jid(lid=lid).bare
        attributes: dict[str, str | Jid] = {
            "id": message.id,
            "to": to,
            "type": "read",
            "t": str(self.server.now()),
        }
        self.emit(Node("receipt", attributes))

    def unlink(self, device: Device) -> None:
        """Remove a linked device."""
        self.server.device_unlinked(device)

    def reinstall(self) -> None:
        """Install the app anew: another identity, no companions, no sessions."""
        self.groups.forget()
        for device in self.account.companions:
            self.server.device_unlinked(device)
        self.keys = PhoneKeys(self.server.now())
        self.server.app_states.forget(self.account)
        self.state = PhoneState(self)
        self.device.identity_public = self.keys.identity.key_pair.public
        self.device.registration_id = self.keys.identity.registration_id
        shelf = self.device.keys
        shelf.one_time.clear()
        shelf.seen.clear()
        shelf.handed_out.clear()
        self.server.ledger.forget_pre_keys(self.device.label)
        self.keys.fill(shelf)
        self.account.raw_id = int.from_bytes(os.urandom(4), "big")
        self._sign_key_indexes()
        self.server.notices.identity_changed(self.account)

    def refill(self) -> None:
        """Leave more one-time keys with the server."""
        self.keys.fill(self.device.keys)

    # --- what the server asks of it while linking

    def sign_companion(self, device: Device, now: int) -> wire.ADVSignedDeviceIdentity:
        """Vouch for a device that is being linked."""
        return self.keys.sign_companion(self.account, device, now)

    def seal_identity(
        self, identity: wire.ADVSignedDeviceIdentity, adv_secret: bytes
    ) -> wire.ADVSignedDeviceIdentityHMAC:
        """Authenticate the identity with the secret of the QR code."""
        return seal_identity(identity, adv_secret)

    def companion_linked(self, device: Device) -> None:
        """Sign the new list of devices."""
        self._sign_key_indexes()

    def companion_unlinked(self, device: Device) -> None:
        """Sign the shorter list of devices."""
        self.keys.forget(device)
        self._welcomed.discard(device)
        self._sign_key_indexes()

    def companion_ready(self, device: Device) -> None:
        """Share app-state keys and history with a companion that has keys now."""
        if device not in self._welcomed and self.online:
            self._welcomed.add(device)
            phone_peer.welcome(self, device)

    def _sign_key_indexes(self) -> None:
        self.account.key_index_time = self.server.now()
        self.account.key_index_list = self.keys.sign_key_indexes(
            self.account, self.account.key_index_time
        )

    # --- messages to single devices

    def send_peer(self, device: Device, message: wire.Message) -> str:
        """Send one companion a message of the category peer."""
        stanza_id = "3A" + os.urandom(9).hex().upper()
        enc = self.encrypt(device, message)
        if enc is not None:
            self.emit(
                Node(
                    "message",
                    {
                        "id": stanza_id,
                        "to": device.jid(lid=False),
                        "type": "text",
                        "category": "peer",
                        "push_priority": "high_force",
                    },
                    [enc, Node("meta", {"appdata": "default"})],
                )
            )
        return stanza_id

    def encrypt(
        self, target: Device, message: wire.Message, count: int | None = None
    ) -> Node | None:
        if not self.keys.has_session(target) and not self.fetch_bundle(target):
            return None
        sealed = self.keys.encrypt(target, pad(message.SerializeToString()))
        attributes: dict[str, str | Jid] = {"v": "2", "type": sealed.kind}
        if count is not None:
            attributes["count"] = str(count)
        return Node("enc", attributes, sealed.ciphertext)

    def fetch_bundle(self, target: Device) -> bool:
        asked = Node("user", {"jid": target.jid(lid=True)})
        answer = self.server.answer(
            self.device,
            Node(
                "iq",
                {"type": "get", "xmlns": "encrypt", "id": "phone"},
                [Node("key", {}, [asked])],
            ),
        )
        user = answer.required_child("list").required_child("user")
        if user.child("error") is not None:
            return False
        self.keys.begin(target, user)
        return True

    # --- what arrives

    def deliver(self, node: Node) -> None:
        """Take a stanza from the server; it is handled on the loop's next turn."""
        asyncio.get_running_loop().call_soon(self._handle, node)

    def _handle(self, node: Node) -> None:
        match node.tag:
            case "message":
                self._on_message(node)
            case "receipt":
                self._on_receipt(node)
            case "notification":
                if node.attr("type") == "server_sync":
                    self.state.follow_all(node)
                self.emit(ack(node))
            case "call":
                self.calls.on_call(node)
                self.emit(ack(node))
        self._notify()

    def _on_message(self, node: Node) -> None:
        source = node.required_jid("from")
        author = node.jid("participant") if is_room(source) else source
        sender = self.server.directory.find_device(author)
        if sender is None:
            self.emit(ack(node))
            return
        if is_room(source):
            self.groups.receive(source, sender, node)
            return
        stanza_id = node.required_attr("id")
        try:
            message = self._decrypt(sender, node)
        except DuplicateMessage:
            self.emit(self.receipt_for(node))
            return
        except (SignalError, ProtobufError, ValueError) as err:
            self.undecryptable.append(stanza_id)
            phone_retry.ask_again(self, sender, node, err)
            return
        if node.attr("category") == "peer":
            if message.HasField("deviceSentMessage"):
                # Baileys wraps what it says to its own phone.
                message = message.deviceSentMessage.message
            self.peer_messages.append((sender, message))
            self.emit(self.receipt_for(node))
            phone_peer.answer(self, sender, stanza_id, message)
            return
        self.emit(self.receipt_for(node))
        if message.HasField("deviceSentMessage") and sender.account is self.account:
            chat = self.server.directory.find(Jid.parse(message.deviceSentMessage.destinationJid))
            message = message.deviceSentMessage.message
        else:
            chat = sender.account
        if chat is not None and not message.HasField("protocolMessage"):
            self.store(stanza_id, chat, sender, message)

    def _decrypt(self, sender: Device, node: Node) -> wire.Message:
        encs = node.children("enc")
        if not encs:
            raise ValueError("nothing to decrypt")
        plaintext = b""
        for enc in encs:
            plaintext = self.keys.decrypt(sender, enc.required_attr("type"), enc.data)
        message = wire.Message()
        message.ParseFromString(unpad(plaintext))
        return message

    def receipt_for(self, node: Node) -> Node:
        attributes: dict[str, str | Jid] = {
            "id": node.required_attr("id"),
            "to": node.required_jid("from"),
        }
        if (participant := node.jid("participant")) is not None:
            attributes["participant"] = participant
            author = self.server.directory.find(participant)
            if author is self.account:
                attributes["type"] = "sender"
        elif node.attr("category") == "peer":
            attributes["type"] = "peer_msg"
        elif (recipient := node.jid("recipient")) is not None:
            attributes["type"] = "sender"
            attributes["recipient"] = recipient
        return Node("receipt", attributes)

    def _on_receipt(self, node: Node) -> None:
        ids = [node.required_attr("id")]
        for listed in node.children("list"):
            ids += [item.required_attr("id") for item in listed.children("item")]
        sender = node.jid("participant") or node.required_jid("from")
        self.receipts.append(PhoneReceipt(tuple(ids), sender, node.attr("type")))
        self.emit(ack(node))
        if node.attr("type") == "retry":
            phone_retry.resend(self, node, sender)

    # --- small things

    def _account(self, to: Account | str) -> Account:
        account = to if isinstance(to, Account) else self.server.directory.find_number(to)
        if account is None:
            raise ValueError("No such account")
        return account

    def remember_sent(self, stanza_id: str, chat: Jid, message: wire.Message, kind: str) -> None:
        """Keep a message for devices that can't read it."""
        self.sent[stanza_id] = Sent(chat, message, kind)

    def store(
        self,
        stanza_id: str,
        chat: Account,
        sender: Device,
        message: wire.Message,
        room: Jid | None = None,
    ) -> None:
        """Show a message in the chat list, once."""
        if any(m.id == stanza_id and m.sender is sender for m in self.messages[-50:]):
            return
        text = message.conversation or message.extendedTextMessage.text or None
        self.messages.append(
            PhoneMessage(
                stanza_id,
                chat,
                sender,
                sender.account is self.account,
                text if isinstance(text, str) else None,
                self.server.now(),
                message,
                room,
            )
        )
        self._notify()

    def emit(self, node: Node) -> None:
        self.server.ledger.stanza("in", self.device.label, node)
        self.server.from_device(self.device, node)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until[T](self, found: Callable[[], T | None], timeout: float) -> T:
        async with asyncio.timeout(timeout):
            while (result := found()) is None:
                await self._changed.wait()
        return result
