"""A phone in groups: its sender keys, and those of the others."""

import os
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    DuplicateMessage,
    NoSession,
    SignalError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    SenderKeyRecord,
    group_decrypt,
    process_distribution,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.group_cipher import group_encrypt
from custom_components.whatsapp_web.aiowhatsapp.signal.sender_key import (
    create,
    distribution_message,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import phone_retry
from .accounts import Device
from .groups import Group
from .phone_keys import pad, unpad

if TYPE_CHECKING:
    from .phone import Phone


class PhoneGroups:
    """The sender keys of one phone."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._theirs: dict[tuple[Jid, Device], SenderKeyRecord] = {}
        self._ours: dict[Jid, SenderKeyRecord] = {}
        self._held_by: dict[Jid, frozenset[Device]] = {}

    def forget(self) -> None:
        """Lose all of it, as a new installation does."""
        self._theirs.clear()
        self._ours.clear()
        self._held_by.clear()

    def receive(self, chat: Jid, sender: Device, node: Node) -> None:
        """Take a message of a group, or a status; ask for it again when it can't be read."""
        phone = self._phone
        stanza_id = node.required_attr("id")
        try:
            messages = self.decrypt(chat, sender, node)
        except DuplicateMessage:
            messages = []
        except (SignalError, ProtobufError, ValueError) as err:
            phone.undecryptable.append(stanza_id)
            phone_retry.ask_again(phone, sender, node, err)
            return
        phone.emit(phone.receipt_for(node))
        for message in messages:
            copied = message.HasField("deviceSentMessage") and sender.account is phone.account
            said = message.deviceSentMessage.message if copied else message
            if _says_something(said):
                phone.store(stanza_id, sender.account, sender, said, chat)

    def decrypt(self, chat: Jid, sender: Device, node: Node) -> list[wire.Message]:
        """Read the parts of a message in their order; keep the sender key it brings."""
        messages = []
        encs = node.children("enc")
        if not encs:
            raise ValueError("nothing to decrypt")
        for enc in sorted(encs, key=lambda each: each.attr("type") == "skmsg"):
            kind = enc.required_attr("type")
            if kind == "skmsg":
                padded = self.read(chat, sender, enc.data)
            else:
                padded = self._phone.keys.decrypt(sender, kind, enc.data)
            message = wire.Message()
            message.ParseFromString(unpad(padded))
            given = message.senderKeyDistributionMessage
            if given.groupId == str(chat):
                key = (chat, sender)
                self._theirs[key] = process_distribution(
                    self._theirs.get(key), given.axolotlSenderKeyDistributionMessage
                )
            messages.append(message)
        return messages

    def read(self, chat: Jid, sender: Device, ciphertext: bytes) -> bytes:
        """Read a ciphertext under a sender key; raise `NoSession` when we were not given it."""
        record = self._theirs.get((chat, sender))
        if record is None:
            raise NoSession("no sender key")
        self._theirs[chat, sender], plaintext = group_decrypt(record, ciphertext)
        return plaintext

    def send(self, group: Group, message: wire.Message, kind: str) -> str:
        """Encrypt a message for a group, with our sender key for those who lack it."""
        phone = self._phone
        devices = frozenset(group.devices()) - {phone.device}
        held = self._held_by.get(group.jid, frozenset())
        record = self._ours.get(group.jid)
        if record is None or held - devices:
            # Whoever left must not read on.
            record, held = create(os.urandom), frozenset()
        given = wire.Message()
        given.senderKeyDistributionMessage.groupId = str(group.jid)
        given.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = (
            distribution_message(record)
        )
        entries = []
        for target in sorted(devices - held, key=lambda each: each.label):
            enc = phone.encrypt(target, given)
            if enc is not None:
                entries.append(Node("to", {"jid": target.jid(lid=group.lid)}, [enc]))
        record, ciphertext = group_encrypt(record, pad(message.SerializeToString()), os.urandom)
        self._ours[group.jid], self._held_by[group.jid] = record, devices
        stanza_id = "3A" + os.urandom(9).hex().upper()
        children = [Node("participants", {}, entries)] if entries else []
        children.append(Node("enc", {"v": "2", "type": "skmsg"}, ciphertext))
        mode = "lid" if group.lid else "pn"
        phone.remember_sent(stanza_id, group.jid, message, kind)
        phone.emit(
            Node(
                "message",
                {"id": stanza_id, "to": group.jid, "type": kind, "addressing_mode": mode},
                children,
            )
        )
        return stanza_id

    def lose_mark(self, chat: Jid, device: Device) -> None:
        """Give a device our key again with the next message."""
        self._held_by[chat] = self._held_by.get(chat, frozenset()) - {device}


def _says_something(message: wire.Message) -> bool:
    beside = ("senderKeyDistributionMessage", "messageContextInfo", "protocolMessage")
    return any(descriptor.name not in beside for descriptor, _ in message.ListFields())
