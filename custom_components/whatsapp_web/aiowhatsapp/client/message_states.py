"""How far our messages have come: kept across restarts, told when it changes."""

import asyncio
from collections import defaultdict
from typing import Final

from ..errors import (
    IdentityUnconfirmed,
    MessageExpired,
    NoDevices,
    NotInGroup,
    NotOnWhatsApp,
    Rejected,
    SendFailed,
    WhatsAppError,
)
from ..events import (
    MessageState,
    MessageStateChanged,
    QueuedMessage,
    ReceiptKind,
    ReceiptReceived,
)
from ..jid import Jid
from ..proto import storage
from ..store import Transaction
from .context import Context

# Receipts of people who were away for longer change nothing any more.
KEEP_STATES_SECONDS: Final = 14 * 24 * 3600
# A group has no more members.
MAX_PARTICIPANTS: Final = 1024

_ORDER: Final = (
    MessageState.PENDING,
    MessageState.FAILED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
    MessageState.PLAYED,
)
_OF_RECEIPT: Final = {
    ReceiptKind.DELIVERED: MessageState.DELIVERED,
    ReceiptKind.READ: MessageState.READ,
    ReceiptKind.PLAYED: MessageState.PLAYED,
}
_ERRORS: Final = {
    kind.__name__: kind
    for kind in (IdentityUnconfirmed, MessageExpired, NoDevices, NotInGroup, NotOnWhatsApp)
}


def rank(state: MessageState) -> int:
    """Say which of two states is further."""
    return _ORDER.index(state)


class MessageStates:
    """Knows the messages that were enqueued; of all others it says nothing."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        # Held while a state is read and written.
        self.turn: Final = asyncio.Lock()

    async def begin(self, tx: Transaction, message_id: str, chat: Jid) -> QueuedMessage:
        """Note a message that is to be sent, unless it is known."""
        known = (await self._context.store.message_states.get(tx, [message_id])).get(message_id)
        if known is not None:
            return _read(message_id, known)
        record = storage.MessageStateRecord(
            chat=str(chat), state=rank(MessageState.PENDING), timestamp=self._context.now()
        )
        await self._put(tx, message_id, record)
        return _read(message_id, record)

    async def get(self, message_id: str) -> QueuedMessage | None:
        """Say how far a message has come; None when that is not known, or no longer."""
        found = await self._context.store.message_states.get(None, [message_id])
        return _read(message_id, found[message_id]) if message_id in found else None

    async def wait(self, message_id: str, state: MessageState, timeout: float) -> QueuedMessage:
        """Wait until a message is that far, or failed, or the time is over; say where it is.

        Raises `SendFailed` when the message is not known.
        """
        change = asyncio.Event()
        self._waiting[message_id].add(change)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    change.clear()
                    now = await self.get(message_id)
                    if now is None or now.error is not None or rank(now.state) >= rank(state):
                        break
                    await change.wait()
        except TimeoutError:
            now = await self.get(message_id)
        finally:
            self._waiting[message_id].discard(change)
            if not self._waiting[message_id]:
                del self._waiting[message_id]
        if now is None:
            raise SendFailed("There is no such message")
        return now

    async def sent(
        self, tx: Transaction, message_id: str, chat: Jid, timestamp: int, recipients: int
    ) -> MessageStateChanged | None:
        """Note that the server took a message; give what is to be told once `tx` is done."""
        record = await self._record(tx, message_id, chat)
        record.recipients = recipients
        return await self._advance(tx, message_id, record, MessageState.SENT, timestamp)

    async def failed(
        self, tx: Transaction, message_id: str, chat: Jid, error: WhatsAppError
    ) -> MessageStateChanged | None:
        """Note that a message will not be sent; give what is to be told once `tx` is done."""
        record = await self._record(tx, message_id, chat)
        record.error = type(error).__name__
        record.code = _code(error)
        return await self._advance(tx, message_id, record, MessageState.FAILED, self._context.now())

    async def learn(
        self, tx: Transaction, change: MessageStateChanged
    ) -> MessageStateChanged | None:
        """Note what became of a message elsewhere; give what is to be told once `tx` is done."""
        record = await self._record(tx, change.message_id, change.chat)
        if change.participant is not None:
            return change
        if change.error is not None:
            record.error = type(change.error).__name__
            record.code = _code(change.error)
        return await self._advance(tx, change.message_id, record, change.state, change.timestamp)

    def tell(self, change: MessageStateChanged | None) -> None:
        """Tell the listeners and those who wait, once it is on disk."""
        if change is None:
            return
        for waiter in self._waiting.get(change.message_id, ()):
            waiter.set()
        self._context.emit(change)

    async def on_receipt(self, receipt: ReceiptReceived) -> None:
        """Note what a receipt says of our messages."""
        context = self._context
        if context.own.is_self(receipt.sender):
            return
        state = _OF_RECEIPT[receipt.kind]
        changes = []
        async with self.turn:
            known = await context.store.message_states.get(None, receipt.message_ids)
            if not known:
                return
            async with context.store.transaction() as tx:
                for message_id, record in known.items():
                    changes += await self._receive(tx, message_id, record, state, receipt)
        for change in changes:
            self.tell(change)

    async def _receive(
        self,
        tx: Transaction,
        message_id: str,
        record: storage.MessageStateRecord,
        state: MessageState,
        receipt: ReceiptReceived,
    ) -> list[MessageStateChanged]:
        """Note one receipt for one message; a group's is that far when all its people are."""
        chat = Jid.parse(record.chat)
        changes: list[MessageStateChanged] = []
        if not chat.is_user:
            if not _note_participant(record, str(receipt.sender), rank(state)):
                return []
            changes.append(
                MessageStateChanged(
                    message_id=message_id,
                    chat=chat,
                    state=state,
                    participant=receipt.sender,
                    timestamp=receipt.timestamp,
                )
            )
            if len(record.participants) < record.recipients or not record.recipients:
                await self._put(tx, message_id, record)
                return changes
            state = _ORDER[min(each.state for each in record.participants)]
        change = await self._advance(tx, message_id, record, state, receipt.timestamp)
        if change is None:
            await self._put(tx, message_id, record)
            return changes
        return [*changes, change]

    async def _record(
        self, tx: Transaction, message_id: str, chat: Jid
    ) -> storage.MessageStateRecord:
        known = await self._context.store.message_states.get(tx, [message_id])
        return known.get(message_id) or storage.MessageStateRecord(
            chat=str(chat), state=0, timestamp=self._context.now()
        )

    async def _advance(
        self,
        tx: Transaction,
        message_id: str,
        record: storage.MessageStateRecord,
        state: MessageState,
        timestamp: int,
    ) -> MessageStateChanged | None:
        """Move a message forward, never back."""
        if rank(state) <= record.state:
            return None
        record.state, record.timestamp = rank(state), timestamp
        if state is not MessageState.FAILED:
            record.ClearField("error")
            record.ClearField("code")
        await self._put(tx, message_id, record)
        now = _read(message_id, record)
        return MessageStateChanged(
            message_id=message_id, chat=now.chat, state=state, timestamp=timestamp, error=now.error
        )

    async def _put(
        self, tx: Transaction, message_id: str, record: storage.MessageStateRecord
    ) -> None:
        expires_at = self._context.now() + KEEP_STATES_SECONDS
        await self._context.store.message_states.put(tx, message_id, record, expires_at=expires_at)


def _note_participant(record: storage.MessageStateRecord, user: str, state: int) -> bool:
    """Note how far a message is with one member of a group; say whether that is news."""
    for participant in record.participants:
        if participant.user == user:
            news = state > participant.state
            participant.state = max(state, participant.state)
            return news
    if len(record.participants) >= MAX_PARTICIPANTS:
        return False
    record.participants.add(user=user, state=state)
    return True


def _read(message_id: str, record: storage.MessageStateRecord) -> QueuedMessage:
    return QueuedMessage(
        message_id=message_id,
        chat=Jid.parse(record.chat),
        state=_ORDER[min(record.state, len(_ORDER) - 1)],
        timestamp=record.timestamp,
        error=_error(record) if record.error else None,
    )


def _code(error: WhatsAppError) -> str:
    return error.code if isinstance(error, Rejected) else str(error)[:200]


def _error(record: storage.MessageStateRecord) -> WhatsAppError:
    """Make the error anew that a message failed with."""
    if record.error == Rejected.__name__:
        return Rejected(record.code)
    kind = _ERRORS.get(record.error, SendFailed)
    return kind(record.code or record.error)
