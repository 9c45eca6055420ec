"""What a phone and its own companions say to each other (category peer)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.proto import wire

from .phone_history import give_older, share_history

if TYPE_CHECKING:
    from .accounts import Device
    from .phone import Phone


def welcome(phone: Phone, device: Device) -> None:
    """Send a fresh companion what a phone sends after linking, keys first."""
    share_keys(phone, device)
    if phone.shares_history:
        share_history(phone, device)


def share_keys(phone: Phone, device: Device, key_ids: Iterable[bytes] | None = None) -> None:
    """Share keys of the app state: those asked for, without data for one that is not there."""
    message = wire.Message()
    protocol = message.protocolMessage
    protocol.type = wire.Message.ProtocolMessage.APP_STATE_SYNC_KEY_SHARE
    for key_id in phone.keys.app_state if key_ids is None else key_ids:
        key = protocol.appStateSyncKeyShare.keys.add()
        key.keyId.keyId = key_id
        data = phone.keys.app_state.get(key_id)
        if data is None:
            continue
        key.keyData.keyData = data
        key.keyData.fingerprint.rawId = phone.account.raw_id
        key.keyData.fingerprint.currentIndex = phone.account.next_key_index - 1
        key.keyData.fingerprint.deviceIndexes.extend(
            each.key_index or 0 for each in phone.account.devices.values()
        )
        key.keyData.timestamp = phone.server.now() * 1000
    phone.send_peer(device, message)


def answer(phone: Phone, device: Device, stanza_id: str, message: wire.Message) -> None:
    """Answer a companion's request."""
    protocol = message.protocolMessage
    kinds = wire.Message.ProtocolMessage
    if protocol.type == kinds.APP_STATE_SYNC_KEY_REQUEST:
        asked = protocol.appStateSyncKeyRequest.keyIds
        share_keys(phone, device, [each.keyId for each in asked])
    elif protocol.type == kinds.PEER_DATA_OPERATION_REQUEST_MESSAGE:
        request = protocol.peerDataOperationRequestMessage
        wanted = wire.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND
        if request.peerDataOperationRequestType == wanted:
            _resend_placeholders(phone, device, stanza_id, request)
        elif request.HasField("historySyncOnDemandRequest"):
            give_older(phone, device, stanza_id, request.historySyncOnDemandRequest)


def _resend_placeholders(
    phone: Phone,
    device: Device,
    stanza_id: str,
    request: wire.Message.PeerDataOperationRequestMessage,
) -> None:
    reply = wire.Message()
    protocol = reply.protocolMessage
    protocol.type = wire.Message.ProtocolMessage.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE
    response = protocol.peerDataOperationRequestResponseMessage
    response.peerDataOperationRequestType = request.peerDataOperationRequestType
    response.stanzaId = stanza_id
    for each in request.placeholderMessageResendRequest:
        result = response.peerDataOperationResult.add()
        for stored in phone.messages:
            if stored.id != each.messageKey.id:
                continue
            info = wire.WebMessageInfo(
                key=each.messageKey,
                message=stored.message,
                messageTimestamp=stored.timestamp,
                pushName=stored.sender.account.name,
            )
            result.placeholderMessageResendResponse.webMessageInfoBytes = info.SerializeToString()
    phone.send_peer(device, reply)
