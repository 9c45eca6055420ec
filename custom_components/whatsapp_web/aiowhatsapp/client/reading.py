"""Saying that we read or played what others wrote: only when asked to.

```
<receipt id to type="read|read-self|played|played-self" t {participant} {context}
         {peer_participant_pn}>{<list><item id/>..</list>}</receipt>
```
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
import logging
from typing import Final

from ..errors import Disconnected, RequestTimeout, StoreError, WhatsAppError
from ..events import IncomingMessage, MessageReceived, ReceiptKind, ReceiptReceived
from ..jid import SERVER_NEWSLETTER, STATUS_BROADCAST, Jid
from ..message.wrappers import unwrap
from ..proto import storage, wire
from ..stanza.message import MessageStanza
from ..store import Transaction
from ..wabinary import Node
from .context import Context
from .privacy import Privacy

_LOGGER = logging.getLogger(__name__)

# After this nobody waits for a tick any more.
KEEP_SECONDS: Final = 30 * 24 * 3600
IDS_PER_RECEIPT: Final = 256
# What is marked by itself goes out together with what comes right after it.
AUTOMATIC_PAUSE: Final = 1.0
MAX_DUE: Final = 10_000

# What is about another message counts as nothing unread.
_ABOUT_ANOTHER: Final = (
    "protocolMessage",
    "reactionMessage",
    "encReactionMessage",
    "pollUpdateMessage",
    "pinInChatMessage",
    "keepInChatMessage",
    "encEventResponseMessage",
    "secretEncryptedMessage",
)

type _Row = tuple[str, storage.UnreadRecord]


async def note_unread(
    context: Context, tx: Transaction, stanza: MessageStanza, message: wire.Message
) -> None:
    """Keep in mind that somebody else wrote a message that could be read."""
    if stanza.from_me:
        return
    unwrapped = unwrap(message)
    content = unwrapped.message
    if any(content.HasField(name) for name in _ABOUT_ANOTHER):
        return
    playable = unwrapped.view_once or content.HasField("ptvMessage")
    if content.HasField("audioMessage"):
        playable = playable or content.audioMessage.ptt
    record = storage.UnreadRecord(
        chat=str(stanza.chat),
        sender=str(stanza.sender.bare),
        timestamp=stanza.timestamp,
        playable=playable,
    )
    await context.store.unread.put(
        tx,
        context.canonical(stanza.chat),
        stanza.id,
        record,
        expires_at=context.now() + KEEP_SECONDS,
    )


class Reading:
    """Read and played receipts; silent unless asked, or `automatic`."""

    def __init__(self, context: Context, privacy: Privacy) -> None:
        """Share the client's context; `privacy` knows whether others may see it."""
        self._context = context
        self._privacy = privacy
        self.automatic = False
        """Whether messages count as read as soon as they are handed over."""
        self._due: dict[Jid, list[str]] = {}
        self._due_count = 0
        self._marking = False
        context.dispatcher.subscribe(MessageReceived, self._on_message)
        context.dispatcher.subscribe(ReceiptReceived, self._on_receipt)

    async def chat_of(self, message_id: str) -> Jid | None:
        """Find the chat of a message that was not marked as read yet."""
        found = await self._context.store.unread.find(None, message_id)
        return self._context.canonical(found[-1][0]) if found else None

    async def mark_read(self, chat: Jid, message_ids: Collection[str] | None = None) -> int:
        """Say that messages were read, without ids all of the chat; return how many.

        Where our privacy settings forbid that others see it, only our own devices are told.
        Messages that were marked before, or are older than 30 days, count as none. Raises
        `Disconnected`, `RequestTimeout` or `IqError`.
        """
        rows = await self._rows(chat, message_ids)
        rows = [row for row in rows if not row[1].read]
        await self._send("read", rows)
        await self._forget(chat, [row for row in rows if not row[1].playable])
        await self._keep_read(chat, [row for row in rows if row[1].playable])
        return len(rows)

    async def mark_played(self, chat: Jid, message_ids: Collection[str]) -> int:
        """Say that voice messages, video notes or view-once media were played; return how many."""
        rows = [row for row in await self._rows(chat, message_ids) if row[1].playable]
        await self._send("read", [row for row in rows if not row[1].read])
        await self._send("played", rows)
        await self._forget(chat, rows)
        return len(rows)

    async def unread(self, chat: Jid) -> list[str]:
        """The ids of what was not marked as read in a chat, oldest first."""
        return [message_id for message_id, row in await self._rows(chat, None) if not row.read]

    async def _rows(self, chat: Jid, message_ids: Collection[str] | None) -> list[_Row]:
        found: list[_Row] = []
        for form in self._context.forms_of(chat):
            found += await self._context.store.unread.of_chat(None, form)
        return [row for row in found if message_ids is None or row[0] in message_ids]

    async def _send(self, kind: str, rows: Sequence[_Row]) -> None:
        """Send receipts, one for each chat and sender, as the web client does."""
        if not rows:
            return
        await self._context.wait_online()
        now = str(self._context.now())

        def place(row: _Row) -> tuple[str, str]:
            return row[1].chat, row[1].sender

        for (chat, sender), group in groupby(sorted(rows, key=place), key=place):
            attrs = await self._attrs(kind, Jid.parse(chat), Jid.parse(sender))
            ids = [message_id for message_id, _ in group]
            for start in range(0, len(ids), IDS_PER_RECEIPT):
                first, *others = ids[start : start + IDS_PER_RECEIPT]
                items = [Node("item", {"id": each}) for each in others]
                content = [Node("list", {}, items)] if items else None
                await self._context.send(Node("receipt", {"id": first, "t": now, **attrs}, content))

    async def _attrs(self, kind: str, chat: Jid, sender: Jid) -> dict[str, str | Jid]:
        if chat.is_user:
            shown = await self._privacy.shows_reading()
            return {"to": chat, "type": kind if shown else f"{kind}-self"}
        if chat.server == SERVER_NEWSLETTER:
            return {"to": chat, "type": f"{kind}-self"}
        attrs: dict[str, str | Jid] = {"to": chat, "type": kind, "participant": sender}
        if chat == STATUS_BROADCAST:
            attrs["context"] = "status"
            phone = self._context.phone_of(sender)
            if sender.is_lid and phone is not None:
                attrs["peer_participant_pn"] = phone
        return attrs

    async def _forget(self, chat: Jid, rows: Iterable[_Row]) -> None:
        ids = [message_id for message_id, _ in rows]
        if ids:
            async with self._context.store.transaction() as tx:
                for form in self._context.forms_of(chat):
                    await self._context.store.unread.delete(tx, form, ids)

    async def _keep_read(self, chat: Jid, rows: Iterable[_Row]) -> None:
        """Note that messages were read, and could still be played."""
        store = self._context.store
        async with store.transaction() as tx:
            for message_id, row in rows:
                row.read = True
                for form in self._context.forms_of(chat):
                    await store.unread.delete(tx, form, [message_id])
                expires_at = self._context.now() + KEEP_SECONDS
                await store.unread.put(
                    tx, self._context.canonical(chat), message_id, row, expires_at=expires_at
                )

    # --- what happens by itself

    def _on_receipt(self, event: ReceiptReceived) -> None:
        """Another device of ours read something: it is unread no more."""
        if event.kind is not ReceiptKind.DELIVERED and self._context.own.is_self(event.sender):
            self._context.spawn(
                self._read_elsewhere(event.chat, event.message_ids), "noting what was read"
            )

    async def _read_elsewhere(self, chat: Jid, message_ids: Collection[str]) -> None:
        await self._forget(chat, await self._rows(chat, message_ids))

    def _on_message(self, event: MessageReceived) -> None:
        if self.automatic and _wants_tick(event.message) and self._due_count < MAX_DUE:
            self._due.setdefault(event.message.chat, []).append(event.message.id)
            self._due_count += 1
            self.resume()

    def resume(self) -> None:
        """Mark what is due, soon; also on a new connection."""
        if self._due and not self._marking and self._context.online.is_set():
            self._marking = True
            self._context.spawn(self._mark_due(), "marking as read")

    async def _mark_due(self) -> None:
        try:
            while self._due:
                await self._context.clock.sleep(AUTOMATIC_PAUSE)
                chat = next(iter(self._due))
                ids = tuple(self._due[chat])
                try:
                    await self.mark_read(chat, ids)
                except Disconnected, RequestTimeout, StoreError:
                    # The next connection resumes it.
                    return
                except WhatsAppError as err:
                    _LOGGER.debug("Some messages were not marked as read: %s", err)
                self._settle(chat, ids)
        finally:
            self._marking = False

    def _settle(self, chat: Jid, ids: Sequence[str]) -> None:
        left = self._due[chat][len(ids) :]
        self._due_count -= len(ids)
        if left:
            self._due[chat] = left
        else:
            del self._due[chat]


def _wants_tick(message: IncomingMessage) -> bool:
    return not message.from_me and message.chat != STATUS_BROADCAST
