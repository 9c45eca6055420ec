"""Messages that this device could not read: our own phone may have them.

A sender is asked first, by a retry receipt. What has not come some seconds later, and
what the server withholds from this device, is asked of the phone, once. Whatever comes
first counts; listeners hear of a message that is still missing after a minute.
"""

import asyncio
from collections.abc import Iterable
import logging
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import IqError, RequestTimeout, SignalError
from ..events import MessageUnreadable
from ..jid import Jid
from ..message.ids import new_message_id
from ..message.parse import has_content
from ..proto import storage, wire
from ..stanza.message import MessageStanza
from ..store import Transaction
from .context import Context
from .peer_requests import PeerRequests

_LOGGER = logging.getLogger(__name__)

# The sender's answer to a retry receipt takes a second or two.
ASK_AFTER: Final = 5.0
TELL_AFTER: Final = 60.0
# The web client's limit for asking at all; an answer may come much later than asked.
MAX_AGE: Final = 14 * 24 * 3600
KEEP_SECONDS: Final = 24 * 3600
MAX_MISSING: Final = 256
MAX_NAME: Final = 256
_CHECK_EVERY: Final = 1.0
_Kind: Final = wire.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND
_Protocol: Final = wire.Message.ProtocolMessage
# By design on the phone alone.
_PHONE_ONLY: Final = frozenset(
    {"view_once_unavailable_fanout", "hosted_unavailable_fanout", "bot_unavailable_fanout"}
)


class Placeholders:
    """Keeps in mind what is missing, asks the phone for it, and takes its answer in."""

    def __init__(self, context: Context, requests: PeerRequests) -> None:
        """Share the client's context; `requests` writes to our own phone."""
        self._context = context
        self._requests = requests
        self._missing = asyncio.Event()

    async def note(self, stanza: MessageStanza, key: str, *, again: bool = False) -> None:
        """Note that a message could not be read, before the server forgets it.

        `again` asks the phone once more, as the sender will not be asked any more.
        """
        context = self._context
        store = context.store.placeholders
        too_old = context.now() - stanza.timestamp > MAX_AGE
        if stanza.is_peer or too_old or stanza.unavailable in _PHONE_ONLY:
            return
        record = await store.get(None, key)
        if record is None:
            if len(await store.all(None)) >= MAX_MISSING:
                _LOGGER.info("Too many messages are missing to ask the phone for one more")
                return
            record = storage.PlaceholderRecord(
                chat=str(stanza.chat),
                sender=str(stanza.sender),
                id=stanza.id,
                timestamp=stanza.timestamp,
                push_name=stanza.push_name,
                from_me=stanza.from_me,
                offline=stanza.offline,
                noted_at=context.now(),
            )
        elif not again:
            return
        else:
            record.ClearField("request_id")
            record.ClearField("asked")
        await store.put(None, key, record, expires_at=context.now() + KEEP_SECONDS)
        self._missing.set()

    async def watch(self) -> None:
        """Ask and tell when it is time, as long as the line is up."""
        self._missing.set()
        while True:
            await self._missing.wait()
            self._missing.clear()
            while await self._look():
                await self._context.clock.sleep(_CHECK_EVERY)

    async def _look(self) -> bool:
        """Do what is due; say whether there will be more."""
        store = self._context.store
        missing = await store.placeholders.all(None)
        come = await store.seen.known(None, [key for key, _ in missing])
        await store.placeholders.delete(None, *come)
        more = False
        for key, record in missing:
            if key not in come:
                more |= await self._follow(key, record)
        return more

    async def _follow(self, key: str, record: storage.PlaceholderRecord) -> bool:
        """Ask and tell of one message when that is due; say whether more will be."""
        waited = self._context.now() - record.noted_at
        if not record.asked and not 0 <= waited < ASK_AFTER:
            await self._ask(key, record)
        if not record.told and not 0 <= waited < TELL_AFTER:
            self._tell(record)
            record.told = True
            await self._keep(key, record)
        return not (record.told and record.asked)

    async def _keep(self, key: str, record: storage.PlaceholderRecord) -> None:
        expires_at = record.noted_at + KEEP_SECONDS
        await self._context.store.placeholders.put(None, key, record, expires_at=expires_at)

    async def _ask(self, key: str, record: storage.PlaceholderRecord) -> None:
        """Ask the phone; the answer is known by an id that is on disk before it can come."""
        context = self._context
        if not record.request_id:
            record.request_id = new_message_id(
                context.own.phone.user, now=context.now(), random_bytes=context.random_bytes
            )
            await self._keep(key, record)
        try:
            await self._requests.send_surely(_request(context, record), record.request_id)
        except RequestTimeout:
            return
        except (IqError, SignalError) as err:
            _LOGGER.info("The phone can't be asked for a message: %s", err)
        record.asked = True
        await self._keep(key, record)

    def _tell(self, record: storage.PlaceholderRecord) -> None:
        context = self._context
        sender = Jid.parse(record.sender).bare
        _LOGGER.info("A message is missing that neither its sender nor our phone has brought")
        context.emit(
            MessageUnreadable(
                chat=context.canonical(Jid.parse(record.chat)),
                sender=context.canonical(sender),
                sender_phone=context.phone_of(sender),
                message_id=record.id,
                timestamp=record.timestamp,
                from_me=record.from_me,
            )
        )

    async def take_answer(
        self, tx: Transaction, stanza: MessageStanza, contents: Iterable[wire.Message]
    ) -> list[tuple[str, storage.InboxRecord]]:
        """Find the missing messages that our phone brings; each is given once."""
        found = []
        for content in contents:
            protocol = content.protocolMessage
            response = protocol.peerDataOperationRequestResponseMessage
            if (
                stanza.is_peer
                and not stanza.sender.device
                and protocol.type == _Protocol.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE
                and response.peerDataOperationRequestType == _Kind
            ):
                found += await self._match(tx, response)
        return found

    async def _match(
        self, tx: Transaction, response: wire.Message.PeerDataOperationRequestResponseMessage
    ) -> list[tuple[str, storage.InboxRecord]]:
        store = self._context.store
        asked = [
            (key, record)
            for key, record in await store.placeholders.all(tx)
            if record.request_id and record.request_id == response.stanzaId
        ]
        found = []
        for result in response.peerDataOperationResult[:MAX_MISSING]:
            info = _read(result.placeholderMessageResendResponse.webMessageInfoBytes)
            for key, record in asked:
                if info is None or info.key.id != record.id or not has_content(info.message):
                    continue
                await store.placeholders.delete(tx, key)
                if not await store.seen.contains(tx, key):
                    found.append((key, _as_received(record, info)))
        return found


def _request(context: Context, record: storage.PlaceholderRecord) -> wire.Message:
    message = wire.Message()
    message.protocolMessage.type = _Protocol.Type.PEER_DATA_OPERATION_REQUEST_MESSAGE
    request = message.protocolMessage.peerDataOperationRequestMessage
    request.peerDataOperationRequestType = _Kind
    wanted = request.placeholderMessageResendRequest.add().messageKey
    chat = Jid.parse(record.chat)
    wanted.remoteJid = str(context.canonical(chat))
    wanted.fromMe = record.from_me
    wanted.id = record.id
    if not chat.is_user and not record.from_me:
        wanted.participant = str(Jid.parse(record.sender).bare)
    return message


def _as_received(
    record: storage.PlaceholderRecord, info: wire.WebMessageInfo
) -> storage.InboxRecord:
    """Put the phone's content under what the server had said of the message."""
    name = info.pushName if isinstance(info.pushName, str) else ""
    return storage.InboxRecord(
        message=info.message.SerializeToString(),
        chat=record.chat,
        sender=str(Jid.parse(record.sender).bare),
        id=record.id,
        timestamp=record.timestamp,
        push_name=record.push_name or name[:MAX_NAME],
        from_me=record.from_me,
        offline=record.offline,
    )


def _read(data: bytes) -> wire.WebMessageInfo | None:
    """Read what the phone brings; nothing at all says that it does not have it."""
    try:
        return wire.WebMessageInfo.FromString(data) if data else None
    except ProtobufDecodeError:
        return None
