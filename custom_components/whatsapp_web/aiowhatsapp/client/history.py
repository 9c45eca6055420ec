"""The history that the phone gives: names, chats, LIDs, timers; older messages on demand.

An announcement is stored before it is receipted, and its history read in the order in
which they came, over broken lines and restarts. Nothing of it is handed over as new.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
import logging
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import (
    ConnectionFailed,
    DecodeError,
    LocalProtocolError,
    RequestTimeout,
    WhatsAppError,
)
from ..events import IncomingMessage, OwnNameChanged
from ..jid import Jid
from ..message.history import History, PastChat, PastMessage, PastSecret, read_history
from ..message.parse import decode, parse
from ..proto import storage, wire
from ..store import Transaction
from .chat_log import KEEP_SECRETS, poll_in
from .context import Context
from .identity import Identities
from .names import Names
from .peer_requests import PeerRequests
from .sync_actions import REGULAR_HIGH, REGULAR_LOW
from .tokens import TrustedContactTokens

_LOGGER = logging.getLogger(__name__)

type DownloadHistory = Callable[[wire.Message.HistorySyncNotification], Awaitable[bytes]]
type Notification = wire.Message.HistorySyncNotification

MAX_HISTORY: Final = 256 * 1024 * 1024
MAX_PENDING: Final = 256
# As many as take a few milliseconds to put together.
PER_COMMIT: Final = 128
# What the web client asks for at once; the phone gives no more.
MAX_ON_DEMAND: Final = 50
# The phone may have to be woken first.
ON_DEMAND_TIMEOUT: Final = 60.0
_Type: Final = wire.Message.HistorySyncType


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Older messages of a chat, oldest first; `complete` says that there are none before."""

    messages: tuple[IncomingMessage, ...]
    complete: bool


class HistoryReader:
    """Reads history as it comes in, and asks for more."""

    def __init__(
        self,
        context: Context,
        *,
        identities: Identities,
        names: Names,
        peer: PeerRequests,
        tokens: TrustedContactTokens,
        download: DownloadHistory,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._identities = identities
        self._names = names
        self._peer = peer
        self._tokens = tokens
        self._download = download
        self._reading = False
        self._asking = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[HistoryPage]] = {}

    # --- announcements

    async def store(self, tx: Transaction, message_id: str, notification: Notification) -> None:
        """Keep an announcement, to be read after it was committed."""
        if await self._context.store.history.count(tx) < MAX_PENDING:
            await self._context.store.history.put(tx, message_id, notification.SerializeToString())

    def follow(self) -> None:
        """Read what was announced, beside everything else."""
        if not self._reading:
            self._context.spawn(self._read_all(), "reading history")

    async def _read_all(self) -> None:
        if self._reading:
            return
        self._reading = True
        try:
            while (found := await self._context.store.history.next(None)) is not None:
                message_id, data = found
                await self._read_one(data)
                await self._context.store.history.delete(None, message_id)
        finally:
            self._reading = False

    async def _read_one(self, data: bytes) -> None:
        """Read one; only a line that breaks keeps it for the next time."""
        notification = wire.Message.HistorySyncNotification.FromString(data)
        on_demand = notification.syncType == _Type.ON_DEMAND
        try:
            blob = notification.initialHistBootstrapInlinePayload
            if not blob and notification.directPath:
                blob = await self._download(notification)
            if not blob:
                return
            history = await self._context.run_blocking(
                lambda: read_history(blob, keep_messages=on_demand, limit=MAX_HISTORY)
            )
        except ConnectionFailed:
            raise
        except WhatsAppError as err:
            _LOGGER.warning("A part of the history could not be read: %s", err)
            return
        await self._take(history)
        if on_demand:
            self._answer(notification.peerDataRequestSessionId, history)

    # --- what is in it

    async def _take(self, history: History) -> None:
        await self._identities.learn(history.pairs, overwrite=False)
        for start in range(0, len(history.names), PER_COMMIT):
            await self._take_names(history.names[start : start + PER_COMMIT])
        # What the app state says of a chat counts more, once it is there.
        store = self._context.store
        settled = {
            name: await store.app_state.get(None, name) is not None
            for name in (REGULAR_HIGH, REGULAR_LOW)
        }
        for start in range(0, len(history.chats), PER_COMMIT):
            async with store.transaction() as tx:
                for chat in history.chats[start : start + PER_COMMIT]:
                    await self._take_chat(tx, chat, settled)
            await self._names.refresh(
                chat.jid for chat in history.chats[start : start + PER_COMMIT]
            )

    async def _take_names(self, names: Sequence[tuple[Jid, str]]) -> None:
        context = self._context
        async with context.store.transaction() as tx:
            await self._names.learn(tx, names)
        for user, name in names:
            if context.own.is_self(user):
                context.emit(OwnNameChanged(name=name))

    async def _take_chat(self, tx: Transaction, past: PastChat, settled: dict[str, bool]) -> None:
        context, store = self._context, self._context.store
        chat = context.canonical(past.jid)
        record = await store.chats.get(tx, chat) or storage.ChatRecord()
        if past.name:
            record.name = past.name
        if past.is_parent_group:
            record.is_parent_group = True
        record.last_message_at = max(record.last_message_at, past.last_message_at)
        if not settled[REGULAR_LOW]:
            record.archived, record.pinned_at = past.archived, past.pinned_at
            record.marked_unread, record.locked = past.marked_unread, past.locked
        if not settled[REGULAR_HIGH]:
            record.muted_until = past.muted_until
        _note_oldest(record, past)
        await store.chats.put(tx, chat, record)
        if past.token and chat.is_user:
            await self._tokens.learn(tx, chat, past.token, past.token_at)
        for secret in past.secrets:
            await self._take_secret(tx, chat, secret)
        if past.timer is not None:
            known = await store.chat_timers.get(tx, chat)
            if known is None or known.set_at < past.timer_set_at:
                timer = storage.TimerRecord(seconds=past.timer, set_at=past.timer_set_at)
                await store.chat_timers.put(tx, chat, timer)

    async def _take_secret(self, tx: Transaction, chat: Jid, past: PastSecret) -> None:
        """Keep what votes, edits and reactions to a message of the past are read with."""
        context, store = self._context, self._context.store
        expires_at = past.timestamp + KEEP_SECRETS
        if expires_at <= context.now():
            return
        author = context.canonical(past.sender or context.own.lid.bare)
        await store.message_secrets.put(
            tx, chat, author, past.id, secret=past.secret, expires_at=expires_at
        )
        poll = None if past.poll is None else poll_in(past.poll)
        if poll is not None and await store.polls.get(tx, chat, author, past.id) is None:
            await store.polls.put(tx, chat, author, past.id, poll, expires_at=expires_at)

    # --- on demand

    async def request(self, chat: Jid, *, count: int = MAX_ON_DEMAND) -> HistoryPage:
        """Ask the phone for messages of a chat older than all that it gave so far.

        Raises `LocalProtocolError` where nothing is known to go on from, `RequestTimeout`
        when the phone does not answer, or `Disconnected`.
        """
        async with self._asking:
            forms = self._context.forms_of(chat)
            found = await self._context.store.chats.get_many(None, forms)
            record = next((found[form] for form in forms if form in found), None)
            if record is None or not record.HasField("oldest"):
                raise LocalProtocolError("No message of this chat is known to go on from")
            if record.history_complete:
                return HistoryPage(messages=(), complete=True)
            return await self._request(forms[0], record, min(max(count, 1), MAX_ON_DEMAND))

    async def _request(self, chat: Jid, record: storage.ChatRecord, count: int) -> HistoryPage:
        message = wire.Message()
        protocol = message.protocolMessage
        protocol.type = wire.Message.ProtocolMessage.PEER_DATA_OPERATION_REQUEST_MESSAGE
        operation = protocol.peerDataOperationRequestMessage
        operation.peerDataOperationRequestType = (
            wire.Message.PeerDataOperationRequestType.HISTORY_SYNC_ON_DEMAND
        )
        asked = operation.historySyncOnDemandRequest
        asked.chatJid = record.oldest.chat or str(chat)
        asked.oldestMsgId = record.oldest.id
        asked.oldestMsgFromMe = record.oldest.from_me
        asked.onDemandMsgCount = count
        # Seconds, whatever the field is called.
        asked.oldestMsgTimestampMs = record.oldest.timestamp
        asked.supportInlineResponse = True
        await self._context.wait_online()
        request_id = self._peer.new_id()
        waiter: asyncio.Future[HistoryPage] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = waiter
        try:
            await self._peer.send(message, request_id=request_id)
            async with asyncio.timeout(ON_DEMAND_TIMEOUT):
                return await waiter
        except TimeoutError as err:
            raise RequestTimeout("The phone did not answer") from err
        finally:
            del self._waiting[request_id]

    def _answer(self, request_id: str, history: History) -> None:
        waiter = self._waiting.get(request_id)
        if waiter is None or waiter.done():
            return
        chats = history.chats
        waiter.set_result(
            HistoryPage(
                messages=tuple(
                    sorted(
                        (message for chat in chats for message in self._messages(chat)),
                        key=lambda message: message.timestamp,
                    )
                ),
                complete=not chats or all(chat.complete for chat in chats),
            )
        )

    def _messages(self, chat: PastChat) -> list[IncomingMessage]:
        built = (self._build(chat, message) for message in chat.messages)
        return [message for message in built if message is not None]

    def _build(self, chat: PastChat, past: PastMessage) -> IncomingMessage | None:
        context = self._context
        try:
            content = parse(decode(past.message))
        except DecodeError, ProtobufDecodeError:
            return None
        sender = past.sender or context.own.lid.bare
        return IncomingMessage(
            id=past.id,
            chat=context.canonical(chat.jid),
            chat_phone=context.phone_of(chat.jid),
            sender=context.canonical(sender),
            sender_phone=context.phone_of(sender),
            push_name=past.push_name,
            timestamp=past.timestamp,
            from_me=past.sender is None,
            is_group=chat.jid.is_group,
            offline=True,
            content=content,
        )


def _note_oldest(record: storage.ChatRecord, past: PastChat) -> None:
    """Remember where older history goes on."""
    oldest = past.oldest
    if oldest is not None and (
        not record.HasField("oldest") or oldest.timestamp <= record.oldest.timestamp
    ):
        record.oldest.id = oldest.id
        record.oldest.from_me = oldest.sender is None
        record.oldest.timestamp = oldest.timestamp
        # The phone knows the chat under the address that it gave it under.
        record.oldest.chat = str(past.jid)
    if past.complete:
        record.history_complete = True
