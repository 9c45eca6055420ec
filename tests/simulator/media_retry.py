"""A phone uploads a file again when a companion asks for it."""

import os
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.crypto import aes
from custom_components.whatsapp_web.aiowhatsapp.errors import BadMac
from custom_components.whatsapp_web.aiowhatsapp.media.keys import derive_retry_key
from custom_components.whatsapp_web.aiowhatsapp.message.files import file_of
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Device

if TYPE_CHECKING:
    from .server import Simulator

NOT_FOUND = "2"
UNREADABLE = "3"
_SUCCESS = 1


def answer(server: Simulator, device: Device, node: Node) -> None:
    """Have the phone answer a request, if it is online."""
    phone = device.account.phone
    if not phone.online:
        return
    message_id = node.required_attr("id")
    asked = node.required_child("rmr")
    if asked.jid("jid") is None or asked.attr("from_me") not in ("true", "false"):
        server.ledger.violation(f"{device.label}: media retry for no message")
    child = _answer(server, device, node)
    server.push(
        device,
        Node(
            "notification",
            {
                "type": "mediaretry",
                "from": device.account.jid(lid=False),
                "id": message_id,
                "t": str(server.now()),
            },
            [child, Node("rmr", dict(asked.attrs))],
        ),
    )


def _answer(server: Simulator, device: Device, node: Node) -> Node:
    message_id = node.required_attr("id")
    messages = device.account.phone.messages
    message = next((each.message for each in messages if each.id == message_id), None)
    found = None if message is None else file_of(message)
    if found is None or found.reference is None:
        return Node("error", {"code": NOT_FOUND})
    key = derive_retry_key(found.reference.media_key)
    encrypted = node.required_child("encrypt")
    nonce = encrypted.required_child("enc_iv").required_data(12)
    sealed = encrypted.required_child("enc_p").required_data()
    try:
        plaintext = aes.gcm_decrypt(key, nonce, sealed, message_id.encode())
    except BadMac:
        server.ledger.violation(f"{device.label}: media retry that can't be read")
        return Node("error", {"code": UNREADABLE})
    if wire.ServerErrorReceipt.FromString(plaintext).stanzaId != message_id:
        server.ledger.violation(f"{device.label}: media retry for another message")
    stored = server.media.find(found.reference.encrypted_digest)
    if stored is None:
        return Node("error", {"code": NOT_FOUND})
    again = server.media.put(stored.kind, stored.content)
    reply = wire.MediaRetryNotification(
        stanzaId=message_id, directPath=again.direct_path, result=_SUCCESS
    )
    nonce = os.urandom(12)
    sealed = aes.gcm_encrypt(key, nonce, reply.SerializeToString(), message_id.encode())
    return Node("encrypt", {}, [Node("enc_p", {}, sealed), Node("enc_iv", {}, nonce)])
