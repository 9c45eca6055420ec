"""The history that a phone gives its companions: after linking, and when it is asked."""

from typing import TYPE_CHECKING
import zlib

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.media.kinds import MediaKind
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

from .blobs import store_blob
from .phone_log import PhoneMessage

if TYPE_CHECKING:
    from .accounts import Device
    from .phone import Phone

# Messages of each chat that come by themselves.
AT_FIRST = 3
_COMPLETE, _MORE = 1, 0

type OnDemand = wire.Message.PeerDataOperationRequestMessage.HistorySyncOnDemandRequest


def share_history(phone: Phone, device: Device) -> None:
    """Send what a phone sends after linking, in three parts."""
    kinds = wire.Message.HistorySyncType
    bootstrap = wire.HistorySync(syncType=wire.HistorySync.INITIAL_BOOTSTRAP, progress=100)
    for number in sorted(phone.account.contacts):
        contact = phone.server.directory.find_number(number)
        if contact is not None:
            bootstrap.phoneNumberToLidMappings.add(
                pnJid=str(contact.pn_jid), lidJid=str(contact.lid_jid)
            )
    names = wire.HistorySync(syncType=wire.HistorySync.PUSH_NAME)
    names.pushnames.add(id=str(phone.account.pn_jid), pushname=phone.account.name)
    recent = wire.HistorySync(syncType=wire.HistorySync.RECENT, progress=100, chunkOrder=1)
    for chat, messages in _by_chat(phone).items():
        _add_chat(phone, recent, chat, messages, messages[-AT_FIRST:])
    _send(phone, device, kinds.INITIAL_BOOTSTRAP, bootstrap)
    _send(phone, device, kinds.PUSH_NAME, names)
    _send(phone, device, kinds.RECENT, recent)


def give_older(phone: Phone, device: Device, request_id: str, asked: OnDemand) -> None:
    """Answer a request for what is older than a message."""
    chat = Jid.parse(asked.chatJid)
    account = phone.server.directory.find(chat)
    messages = _by_chat(phone).get(account.lid_jid if account else chat, [])
    place = next(
        (at for at, each in enumerate(messages) if each.id == asked.oldestMsgId), len(messages)
    )
    page = messages[max(0, place - asked.onDemandMsgCount) : place]
    history = wire.HistorySync(syncType=wire.HistorySync.ON_DEMAND)
    _add_chat(phone, history, chat, messages, page)
    kind = wire.Message.HistorySyncType.ON_DEMAND
    _send(phone, device, kind, history, request_id=request_id)


def _by_chat(phone: Phone) -> dict[Jid, list[PhoneMessage]]:
    found: dict[Jid, list[PhoneMessage]] = {}
    for message in phone.messages:
        found.setdefault(message.room or message.chat.lid_jid, []).append(message)
    return found


def _add_chat(
    phone: Phone,
    history: wire.HistorySync,
    chat: Jid,
    messages: list[PhoneMessage],
    given: list[PhoneMessage],
) -> None:
    conversation = history.conversations.add(id=str(chat))
    group = phone.server.groups.find(chat) if chat.is_group else None
    if group is not None:
        conversation.name = group.subject
    whole = not given or given[0] is messages[0]
    conversation.endOfHistoryTransferType = _COMPLETE if whole else _MORE
    for place, message in reversed(list(enumerate(given))):
        entry = conversation.messages.add(msgOrderId=place + 1)
        info = entry.message
        info.key.remoteJid, info.key.id = str(chat), message.id
        info.key.fromMe = message.from_me
        if message.room is not None and not message.from_me:
            info.key.participant = str(message.sender.account.lid_jid)
        info.message.CopyFrom(message.message)
        info.messageTimestamp = message.timestamp
        info.pushName = message.sender.account.name


def _send(
    phone: Phone,
    device: Device,
    kind: wire.Message.HistorySyncType,
    history: wire.HistorySync,
    *,
    request_id: str = "",
) -> None:
    """Announce a part, with the part itself inside or at the media host."""
    message = wire.Message()
    protocol = message.protocolMessage
    protocol.type = wire.Message.ProtocolMessage.HISTORY_SYNC_NOTIFICATION
    notification = protocol.historySyncNotification
    blob = history.SerializeToString()
    notification.fileLength = len(blob)
    notification.syncType = kind
    notification.chunkOrder = history.chunkOrder
    notification.progress = history.progress
    if request_id:
        notification.peerDataRequestSessionId = request_id
    compressed = zlib.compress(blob)
    if phone.uploads_history:
        file = store_blob(phone.server, MediaKind.HISTORY, compressed)
        notification.mediaKey = file.media_key
        notification.directPath = file.direct_path
        notification.fileSha256, notification.fileEncSha256 = file.digest, file.encrypted_digest
        notification.fileLength = len(compressed)
    else:
        notification.initialHistBootstrapInlinePayload = compressed
    phone.send_peer(device, message)
