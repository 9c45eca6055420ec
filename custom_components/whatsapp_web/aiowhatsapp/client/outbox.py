"""What is to be sent: kept until the server has it, sent in order, paced.

A message is on disk before `enqueue` returns. It leaves when there is a line and its
turn has come: urgent ones first, then answers, and no chat waits for another. It is
sent under the same id for ever and, from its first time on, as the same bytes, so
whatever an unclear end makes us send again shows only once. It goes off the disk in one
step with the note that the server has it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
import logging
from typing import Final, Protocol

from ..errors import (
    ConnectionFailed,
    Disconnected,
    IqError,
    LocalProtocolError,
    MessageExpired,
    OutboxFull,
    Rejected,
    RequestTimeout,
    ServiceRefused,
    StoreError,
    WhatsAppError,
)
from ..events import (
    MessageEnqueued,
    MessageReceived,
    MessageState,
    MessageStateChanged,
    PacingChanged,
    PacingState,
    Priority,
    QueuedMessage,
    StatusChanged,
)
from ..jid import Jid
from ..message.ids import new_message_id
from ..message.parse import decode
from ..proto import storage, wire
from ..store import Transaction
from .context import Context
from .message_states import MessageStates
from .new_chats import LOCKED, NEW_CHAT_CODES, NewChats
from .outgoing import MAX_ID, Outgoing, Writing
from .pacing import Pacing

_LOGGER = logging.getLogger(__name__)

EXPIRE_AFTER: Final = 24 * 3600.0
LONGEST_WAIT: Final = 14 * 24 * 3600.0
MAX_WAITING: Final = 2000
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
# Larger ones are encrypted anew after a crash, under the same id.
MAX_STANZA: Final = 512 * 1024
# Chats that are written to at the same time.
MAX_AT_ONCE: Final = 8
# Pauses after an end that says nothing about the message, by how often in a row.
PAUSES: Final = (1.0, 5.0, 15.0, 60.0, 300.0)
# Who wrote to us this lately gets an answer before others get news.
CONVERSATION_SECONDS: Final = 600.0
MAX_CONVERSATIONS: Final = 500
# The server's words for: slower.
TOO_FAST: Final = frozenset({"429"})
# Its words for: not now, for no reason of the message's.
_TRY_AGAIN: Final = frozenset({"500", "503"})

type OnUploaded = Callable[[Transaction, Jid, wire.Message, str], Awaitable[None]]


class Attachments(Protocol):
    """Keeps the files of messages until they are uploaded."""

    async def resolve(self, message: wire.Message, attachment: bytes) -> wire.Message:
        """Upload a file, and give the message that says where it lies."""
        ...

    async def discard(self, attachment: bytes) -> None:
        """Remove a file that is uploaded, or never will be."""
        ...


@dataclass(slots=True)
class _Entry:
    """A message that waits; what it says stays on disk."""

    message_id: str
    chat: Jid
    priority: int
    expires_at: int
    size: int
    only_now: bool
    failures: int = 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMessage:
    """A message that another connection may send in this one's place."""

    message_id: str
    chat: Jid
    message: wire.Message = field(repr=False)
    priority: Priority
    expires_at: int
    attachment: bytes = field(default=b"", repr=False)


class Outbox:
    """Sends what was handed over."""

    def __init__(
        self,
        context: Context,
        outgoing: Outgoing,
        pacing: Pacing,
        *,
        attachments: Attachments,
        new_chats: NewChats,
    ) -> None:
        """Share the client's context."""
        self.states: Final = MessageStates(context)
        self._context = context
        self._outgoing = outgoing
        self._pacing = pacing
        self._new_chats = new_chats
        # Held while the server is asked whether chats may be begun.
        self._asking = asyncio.Lock()
        self._told: PacingState | None = None
        self._entries: dict[str, _Entry] = {}
        self._busy: dict[Jid, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._served: dict[Jid, float] = {}
        self._heard_from: dict[Jid, float] = {}
        self._attachments = attachments
        self._on_uploaded: OnUploaded | None = None
        self._on_store_error: Callable[[StoreError], None] = lambda _: None
        context.dispatcher.subscribe(StatusChanged, lambda _: self._wake.set())
        context.dispatcher.subscribe(MessageReceived, self._on_message)

    def connect(
        self, *, on_store_error: Callable[[StoreError], None], on_uploaded: OnUploaded
    ) -> None:
        """Say who hears that the store failed, and who that a file was uploaded."""
        self._on_store_error, self._on_uploaded = on_store_error, on_uploaded

    @property
    def pacing(self) -> Pacing:
        """The pace of this connection."""
        return self._pacing

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._entries)

    # --- handing over

    async def load(self) -> None:
        """Read what waits from disk."""
        self._pacing.hold_new_chats(*await self._new_chats.load())
        self._entries.clear()
        for message_id, record in await self._context.store.outbox.all(None):
            entry = _entry(message_id, record)
            if record.only_now:
                await self._fail(entry, MessageExpired("It was to be sent at once"))
            elif not record.given_away:
                self._entries[message_id] = entry

    async def enqueue(
        self,
        chat: Jid,
        message: wire.Message,
        *,
        message_id: str | None = None,
        priority: Priority = Priority.NORMAL,
        expire_after: float | None = None,
        attachment: bytes = b"",
    ) -> QueuedMessage:
        """Keep a message until it is sent, at most for `expire_after` seconds.

        The same id again is the same message. With 0 it is sent now or never: raises
        `Disconnected` when there is no line. Raises `OutboxFull` or `StoreError`.
        """
        context = self._context
        message_id = message_id or new_message_id(
            context.own.phone.user, now=context.now(), random_bytes=context.random_bytes
        )
        wait = EXPIRE_AFTER if expire_after is None else min(expire_after, LONGEST_WAIT)
        record = storage.OutboxRecord(
            chat=str(chat.bare),
            message=message.SerializeToString(),
            queued_at=context.now(),
            expires_at=context.now() + int(wait),
            priority=priority,
            attachment=attachment,
            only_now=wait <= 0,
        )
        try:
            queued = await self._keep(message_id, record)
        except WhatsAppError:
            if attachment and message_id not in self._entries:
                await self._attachments.discard(attachment)
            raise
        context.emit(MessageEnqueued(message_id=message_id, chat=chat.bare))
        return queued

    async def _keep(self, message_id: str, record: storage.OutboxRecord) -> QueuedMessage:
        """Write a message down, if it may wait and there is room."""
        if not 0 < len(message_id) <= MAX_ID:
            raise LocalProtocolError("Message id of a wrong length")
        if record.only_now:
            # The error says why there is no line, where that is known.
            await self._context.wait_online(0)
        entry = _entry(message_id, record)
        if message_id not in self._entries:
            self._check_room(entry)
        async with self.states.turn:
            async with self._context.store.transaction() as tx:
                queued = await self.states.begin(tx, message_id, entry.chat)
                if queued.state is MessageState.PENDING:
                    await self._context.store.outbox.put(tx, message_id, record)
            if queued.state is MessageState.PENDING:
                self._entries.setdefault(message_id, entry)
        self._wake.set()
        return queued

    def _check_room(self, entry: _Entry) -> None:
        size = sum(each.size for each in self._entries.values())
        if len(self._entries) >= MAX_WAITING or size + entry.size > MAX_WAITING_BYTES:
            raise OutboxFull("Too many messages wait to be sent")

    async def give_away(self) -> list[WaitingMessage]:
        """Stop sending what certainly has not left, for another connection to send it.

        Survives a restart: what was given away stays so until `given_away` or
        `take_back`. Messages of which the server may have heard stay here.
        """
        context = self._context
        given: list[WaitingMessage] = []
        async with self.states.turn, context.store.transaction() as tx:
            for message_id, record in await context.store.outbox.all(tx):
                entry = self._entries.get(message_id)
                under_way = entry is not None and self._is_busy(entry)
                if record.begun or record.only_now or under_way:
                    continue
                record.given_away = True
                await context.store.outbox.put(tx, message_id, record)
                given.append(_waiting(message_id, record))
            # In the same turn of the loop as the marks, or the next pick would send one.
            for each in given:
                self._entries.pop(each.message_id, None)
        return given

    async def given_away(self, message_ids: Sequence[str]) -> None:
        """The other connection has these safely: forget them, and their states."""
        await self._context.store.outbox.delete(None, *message_ids)

    async def take_back(self) -> None:
        """Send what was given away, and not taken, ourselves."""
        context = self._context
        async with context.store.transaction() as tx:
            for message_id, record in await context.store.outbox.all(tx):
                if record.given_away:
                    record.given_away = False
                    await context.store.outbox.put(tx, message_id, record)
        await self.load()
        self._wake.set()

    async def learn(self, change: MessageStateChanged) -> None:
        """Take over what another connection tells of a message that was given to it."""
        async with self.states.turn, self._context.store.transaction() as tx:
            ours = await self.states.learn(tx, change)
        self.states.tell(ours)

    # --- sending

    async def run(self) -> None:
        """Send for as long as this is not cancelled."""
        try:
            while True:
                self._wake.clear()
                try:
                    pause = await self._send_what_can_be()
                except StoreError as err:
                    self._on_store_error(err)
                    pause = PAUSES[0]
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            tasks = list(self._busy.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_what_can_be(self) -> float | None:
        """Begin to send what may leave now; say after how long to look again."""
        await self._expire()
        self._tell_pace()
        context = self._context
        while context.link is not None and not context.link.closed:
            entry = self._next()
            if entry is None or len(self._busy) >= MAX_AT_ONCE:
                break
            delay = self._pacing.delay(context.clock.now())
            if delay > 0:
                # What expires meanwhile is told in time.
                return min(delay, self._next_look() or delay)
            self._pacing.take(context.clock.now())
            self._begin(entry)
        return self._next_look()

    def _begin(self, entry: _Entry) -> None:
        chat = self._context.canonical(entry.chat)
        self._served.pop(chat, None)
        self._served[chat] = self._context.clock.monotonic()
        _bound(self._served)
        task = asyncio.create_task(self._deliver(entry), name="whatsapp outbox")
        self._busy[chat] = task

        def done(_task: asyncio.Task[None]) -> None:
            del self._busy[chat]
            self._wake.set()

        task.add_done_callback(done)

    def _next(self) -> _Entry | None:
        """Choose: urgent before others, answers before news, then who waited longest."""
        now, clock = self._context.clock.now(), self._context.clock.monotonic()
        seen: set[tuple[Jid, int]] = set()
        best: tuple[tuple[float, ...], _Entry] | None = None
        for position, entry in enumerate(self._entries.values()):
            chat = self._context.canonical(entry.chat)
            if (chat, entry.priority) in seen:
                continue
            seen.add((chat, entry.priority))
            if chat in self._busy or entry.not_before > now:
                continue
            heard = self._heard_from.get(chat, -CONVERSATION_SECONDS)
            news = heard + CONVERSATION_SECONDS <= clock
            order = (-entry.priority, news, self._served.get(chat, 0.0), position)
            if best is None or order < best[0]:
                best = (order, entry)
        return None if best is None else best[1]

    def _is_busy(self, entry: _Entry) -> bool:
        return self._context.canonical(entry.chat) in self._busy

    def _next_look(self) -> float | None:
        """Say when something comes due that no event announces."""
        now = self._context.clock.now()
        times = [
            max(time - now, 0.0) + 0.01
            for entry in self._entries.values()
            for time in (float(entry.expires_at), entry.not_before)
            if time > now
        ]
        state = self._pacing.state(now)
        holds = (state.held_until, state.new_chats_held_until)
        times += [max(end - now, 0.0) + 1 for end in holds if end is not None]
        return min(times, default=None)

    async def _expire(self) -> None:
        """Give up on what waited too long; what is just being sent has its chance."""
        now = self._context.now()
        for entry in list(self._entries.values()):
            if entry.expires_at <= now and not entry.only_now and not self._is_busy(entry):
                await self._fail(entry, MessageExpired("It waited too long"))

    async def _deliver(self, entry: _Entry) -> None:
        """Send one message and note what came of it."""
        try:
            await self._send(entry)
        except StoreError as err:
            # Nothing can be noted now; it stays as it is.
            self._pause(entry)
            self._on_store_error(err)
        except WhatsAppError as err:
            try:
                await self._after_error(entry, err)
            except StoreError as store_err:
                self._pause(entry)
                self._on_store_error(store_err)
        except Exception:
            # It stays on disk for a version that can; the next ones need not wait for it.
            _LOGGER.exception("A message could not be sent")
            self._entries.pop(entry.message_id, None)

    async def _send(self, entry: _Entry) -> None:
        store = self._context.store
        record = await store.outbox.get(None, entry.message_id)
        if record is None:
            self._entries.pop(entry.message_id, None)
            return
        if not record.begun and await self._is_held(entry):
            return
        message = decode(record.message)
        if record.attachment:
            message = await self._upload(entry, record, message)

        async def keep(stanza: bytes) -> None:
            # Before anything leaves: from here on only this connection may send it, and
            # after a crash the same bytes, which whoever has them drops.
            record.begun = True
            if len(stanza) <= MAX_STANZA:
                record.stanza = stanza
            await store.outbox.put(None, entry.message_id, record)

        writing = Writing(keep=keep, stanza=record.stanza or None)
        sent = await self._outgoing.send(
            entry.chat, message, message_id=entry.message_id, writing=writing
        )
        async with self.states.turn, store.transaction() as tx:
            await store.outbox.delete(tx, entry.message_id)
            change = await self.states.sent(
                tx, entry.message_id, sent.chat, sent.timestamp, sent.recipients
            )
        self._entries.pop(entry.message_id, None)
        if self._pacing.accepted(self._context.clock.now()):
            self._tell_pace()
        self.states.tell(change)

    async def _upload(
        self, entry: _Entry, record: storage.OutboxRecord, message: wire.Message
    ) -> wire.Message:
        """Upload a message's file, once; from there on it is a message like others."""
        attachment = record.attachment
        message = await self._attachments.resolve(message, attachment)
        record.message, record.begun = message.SerializeToString(), True
        record.ClearField("attachment")
        store = self._context.store
        async with store.transaction() as tx:
            await store.outbox.put(tx, entry.message_id, record)
            if self._on_uploaded is not None:
                await self._on_uploaded(tx, entry.chat, message, entry.message_id)
        await self._attachments.discard(attachment)
        return message

    async def _is_held(self, entry: _Entry) -> bool:
        """Whether it would begin a chat while none may be begun; then it waits."""
        if not (self._asking.locked() or self._holds_new_chats()):
            return False
        if self._context.canonical(entry.chat) in self._heard_from:
            return False
        if not await self._new_chats.is_new(entry.chat):
            return False
        # What the server is just being asked decides.
        async with self._asking:
            if not self._holds_new_chats():
                return False
        if entry.only_now:
            # Not an answer to this message: there is nothing to ask the server for.
            await self._fail(entry, Rejected(self._pacing.new_chats_code or LOCKED))
            return True
        self._pause(entry, self._pacing.new_chats_held_until - self._context.clock.now())
        return True

    def _holds_new_chats(self) -> bool:
        return self._pacing.new_chats_held_until > self._context.now()

    async def _hold_new_chats(self, entry: _Entry, code: str) -> None:
        """Find out whether the account may begin no chats, or only this one was refused."""
        if not self._holds_new_chats() or self._pacing.new_chats_code != code:
            self._pacing.hold_new_chats(*await self._new_chats.ask(code))
            self._tell_pace()
        self._context.spawn(self._new_chats.invite(entry.chat), "issuing a token")

    async def _after_error(self, entry: _Entry, error: WhatsAppError) -> None:
        """Keep a message that another try may bring through; fail the others."""
        code = getattr(error, "code", None)
        if isinstance(error, Rejected) and code in TOO_FAST:
            self._pacing.too_fast(str(code), self._context.clock.now())
            self._tell_pace()
            self._pause(entry, 0.0)
        elif entry.only_now and isinstance(error, ConnectionFailed | ServiceRefused):
            await self._fail(entry, error)
        elif isinstance(error, Disconnected):
            # The next line wakes us.
            self._pause(entry, 0.0)
        elif isinstance(error, RequestTimeout | ConnectionFailed | ServiceRefused) or (
            isinstance(error, Rejected | IqError) and str(code) in _TRY_AGAIN
        ):
            self._pause(entry)
        elif isinstance(error, Rejected) and code in NEW_CHAT_CODES:
            async with self._asking:
                await self._fail(entry, error)
                await self._hold_new_chats(entry, code)
        else:
            await self._fail(entry, error)

    def _pause(self, entry: _Entry, seconds: float | None = None) -> None:
        """Let a message wait before its next try."""
        if seconds is None:
            seconds = PAUSES[min(entry.failures, len(PAUSES) - 1)]
            entry.failures += 1
        entry.not_before = self._context.clock.now() + seconds

    async def _fail(self, entry: _Entry, error: WhatsAppError) -> None:
        """Give up on a message, and say so."""
        _LOGGER.info("A message was not sent: %s", type(error).__name__)
        store = self._context.store
        record = await store.outbox.get(None, entry.message_id)
        async with self.states.turn, store.transaction() as tx:
            await store.outbox.delete(tx, entry.message_id)
            change = await self.states.failed(tx, entry.message_id, entry.chat, error)
        self._entries.pop(entry.message_id, None)
        if record is not None and record.attachment:
            await self._attachments.discard(record.attachment)
        self.states.tell(change)

    def _tell_pace(self) -> None:
        """Tell what holds messages back, when that has changed; the end of it, too."""
        state = self._pacing.state(self._context.clock.now())
        if self._told is None and not state.is_limited:
            return
        if state != self._told:
            self._told = state if state.is_limited else None
            self._context.emit(PacingChanged(state=state))

    def _on_message(self, event: MessageReceived) -> None:
        """Note with whom we are talking."""
        chat = self._context.canonical(event.message.chat)
        if event.message.from_me:
            return
        self._heard_from.pop(chat, None)
        self._heard_from[chat] = self._context.clock.monotonic()
        _bound(self._heard_from)
        if self._holds_new_chats():
            self._let_go(chat)

    def _let_go(self, chat: Jid) -> None:
        """Send what was held for beginning a chat: by now they have begun it."""
        for entry in self._entries.values():
            if entry.failures == 0 and self._context.canonical(entry.chat) == chat:
                entry.not_before = 0.0
        self._wake.set()


def _bound(times: dict[Jid, float]) -> None:
    """Forget the chat that was quiet for longest, when there are too many."""
    if len(times) > MAX_CONVERSATIONS:
        times.pop(next(iter(times)))


def _entry(message_id: str, record: storage.OutboxRecord) -> _Entry:
    return _Entry(
        message_id=message_id,
        chat=Jid.parse(record.chat),
        priority=record.priority,
        expires_at=record.expires_at,
        size=len(record.message) + len(record.attachment),
        only_now=record.only_now,
    )


def _waiting(message_id: str, record: storage.OutboxRecord) -> WaitingMessage:
    return WaitingMessage(
        message_id=message_id,
        chat=Jid.parse(record.chat),
        message=decode(record.message),
        priority=Priority(min(record.priority, Priority.HIGH)),
        expires_at=record.expires_at,
        attachment=record.attachment,
    )
