"""Retry receipts of a phone: asking for a message again, and sending one again."""

from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing, SignalError
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Device
from .groups import is_room

if TYPE_CHECKING:
    from .phone import Phone

MAX_RETRIES = 5


def ask_again(phone: Phone, sender: Device, node: Node, err: Exception) -> None:
    """Send a retry receipt for a message that could not be read, then its ack."""
    stanza_id = node.required_attr("id")
    attempt = phone.attempts.get((sender, stanza_id), 0) + 1
    phone.attempts[sender, stanza_id] = attempt
    if attempt <= MAX_RETRIES:
        attributes = dict(phone.receipt_for(node).attrs)
        attributes["type"] = "retry"
        if node.attr("category") == "peer":
            attributes["category"] = "peer"
        retry: dict[str, str | Jid] = {
            "count": str(attempt),
            "id": stanza_id,
            "t": node.attr("t") or "0",
            "v": "1",
            "error": "1" if "session" in str(err) else "4",
        }
        registration = phone.keys.identity.registration_id.to_bytes(4, "big")
        children = [Node("retry", retry), Node("registration", {}, registration)]
        if attempt > 1:
            children.append(phone.keys.fresh_key_nodes())
        phone.emit(Node("receipt", attributes, children))
    phone.emit(ack(node))


def resend(phone: Phone, node: Node, requester: Jid) -> None:
    """Send a message again to the one device that asks for it."""
    target = phone.server.directory.find_device(requester)
    sent = phone.sent.get(node.required_attr("id"))
    retry = node.child("retry")
    count = retry.int_attr("count", 1) if retry else 1
    if target is None or sent is None or count >= MAX_RETRIES:
        return
    try:
        keys = node.child("keys")
        if keys is not None:
            registration = node.required_child("registration").required_data(4)
            phone.keys.begin(target, keys, registration)
        else:
            phone.fetch_bundle(target)
    except (SignalError, AttributeMissing) as err:
        phone.server.ledger.violation(f"{target.label}: keys in a retry receipt: {err}")
        return
    message = sent.message
    attributes: dict[str, str | Jid] = {
        "id": node.required_attr("id"),
        "to": requester,
        "type": sent.type,
        "device_fanout": "false",
    }
    if is_room(sent.chat):
        phone.groups.lose_mark(sent.chat, target)
        del attributes["device_fanout"]
        mode = "lid" if requester.is_lid else "pn"
        attributes |= {"to": sent.chat, "participant": requester, "addressing_mode": mode}
    if target.account is phone.account:
        message = wire.Message()
        message.deviceSentMessage.destinationJid = str(sent.chat)
        message.deviceSentMessage.message.CopyFrom(sent.message)
        if not is_room(sent.chat):
            attributes["recipient"] = sent.chat
    enc = phone.encrypt(target, message, count)
    if enc is not None:
        phone.emit(Node("message", attributes, [enc]))


def ack(node: Node) -> Node:
    """Return the ack of a stanza."""
    attributes: dict[str, str | Jid] = {
        "class": node.tag,
        "id": node.required_attr("id"),
        "to": node.required_jid("from"),
    }
    if node.tag != "message" and (kind := node.attr("type")) is not None:
        attributes["type"] = kind
    return Node("ack", attributes)
