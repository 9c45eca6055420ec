"""What is remembered of chats: the last messages, their secrets, polls, the chat's timer.

All of it is bounded, by number and by time, and lies sealed in the store. It is what
answers, reactions, edits and votes to older messages are made and read with.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..events import IncomingMessage
from ..jid import Jid
from ..message.compose import content_field
from ..message.compose.context import context_of, has_context
from ..message.edit import edited_form
from ..message.parse import parse
from ..message.poll import MAX_OPTION, MAX_OPTIONS_READ
from ..message.secret import SECRET_LENGTH
from ..message.wrappers import unwrap
from ..proto import storage, wire
from ..store import Transaction, message_key
from .context import Context

DEFAULT_LIMIT: Final = 100
DAY: Final = 24 * 3600
MAX_TIMER: Final = 366 * DAY
KEEP_LOG: Final = 30 * DAY
KEEP_SECRETS: Final = 90 * DAY
MAX_SECRETS: Final = 50_000
MAXPOLLS: Final = 2_000
MAX_LOGGED: Final = 20_000
# A chat may grow beyond its share by this much before it is trimmed.
SLACK: Final = 25
# What is larger is logged without its content: it is no use in a quote.
MAX_LOGGED_SIZE: Final = 128 * 1024
# What people would not call a message is in no log.
_NOT_LOGGED: Final = frozenset(
    {
        "protocolMessage",
        "reactionMessage",
        "encReactionMessage",
        "pollUpdateMessage",
        "pinInChatMessage",
        "keepInChatMessage",
        "encEventResponseMessage",
        "secretEncryptedMessage",
    }
)
POLLS: Final = (
    "pollCreationMessage",
    "pollCreationMessageV2",
    "pollCreationMessageV3",
    "pollCreationMessageV5",
    "pollCreationMessageV6",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedMessage:
    """A message that was received or sent; `message` is None where it was not kept.

    `chat` and `sender` are in the form that the message came in.
    """

    chat: Jid
    sender: Jid
    id: str
    timestamp: int
    push_name: str | None = field(repr=False)
    from_me: bool
    edited: bool
    message: wire.Message | None = field(repr=False)


class ChatLog:
    """Remembers. `limit` is how many messages of each chat, 0 for none with their content.

    It may be changed at any time.
    """

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self.limit: int = DEFAULT_LIMIT
        self._grown: Counter[Jid] = Counter()

    # --- writing

    async def keep(self, tx: Transaction, entry: LoggedMessage) -> None:
        """Remember what a message brings: its secret, its poll, its timer, itself."""
        message = entry.message
        if message is None:
            return
        inner = unwrap(message).message
        await self._keep_secret(tx, entry, inner)
        await self._keep_poll(tx, entry, inner)
        await self._keep_timer(tx, entry, inner)
        if content_field(inner) not in _NOT_LOGGED:
            await self._log(tx, entry)

    async def edit(self, tx: Transaction, entry: LoggedMessage, becomes: wire.Message) -> None:
        """Put another text or caption into a message, as it was edited."""
        if entry.message is None:
            return
        record = _record(entry)
        record.message = edited_form(entry.message, becomes).SerializeToString()
        record.edited = True
        await self._put(tx, entry.chat, record)

    async def forget(self, tx: Transaction, entry: LoggedMessage) -> None:
        """Remove a message that was deleted; its secret goes in time."""
        for chat in self._context.forms_of(entry.chat):
            await self._context.store.message_log.delete(tx, chat, _record(entry))

    async def set_timer(
        self, tx: Transaction | None, chat: Jid, seconds: int, *, set_at: int
    ) -> None:
        """Note after how long a chat's messages disappear; an older setting changes nothing."""
        context = self._context
        if not 0 <= seconds <= MAX_TIMER:
            return
        # Whoever set it in the future would have the last word until then.
        set_at = min(max(set_at, 0), context.now())
        known = await self._timer_record(tx, chat)
        if known is not None and (known.set_at > set_at or known.seconds == seconds):
            return
        if known is None and not seconds:
            return
        record = storage.TimerRecord(seconds=seconds, set_at=set_at)
        await context.store.chat_timers.put(tx, context.canonical(chat.bare), record)

    async def put_poll(
        self,
        tx: Transaction,
        chat: Jid,
        author: Jid,
        message_id: str,
        record: storage.PollRecord,
    ) -> None:
        """Keep a poll."""
        context = self._context
        await context.store.polls.put(
            tx,
            context.canonical(chat.bare),
            context.canonical(author.bare),
            message_id,
            record,
            expires_at=context.now() + KEEP_SECRETS,
        )

    async def trim(self) -> None:
        """Drop what is more than there is room for."""
        store = self._context.store
        grown = [chat for chat, count in self._grown.items() if count >= SLACK]
        for chat in grown:
            del self._grown[chat]
            await store.message_log.trim(chat, max(self.limit, SLACK))

    async def trim_all(self) -> None:
        """The same over all chats together; now and then is enough."""
        store = self._context.store
        await store.message_log.trim(None, MAX_LOGGED)
        await store.message_secrets.trim(MAX_SECRETS)
        await store.polls.trim(MAXPOLLS)

    # --- reading

    async def find(
        self,
        chat: Jid,
        message_id: str,
        *,
        sender: Jid | None = None,
        tx: Transaction | None = None,
    ) -> LoggedMessage | None:
        """Find a message by its id, and by its sender where that is known."""
        context = self._context
        senders = None if sender is None else context.forms_of(sender)
        for form in context.forms_of(chat):
            for record in await context.store.message_log.find(tx, form, message_id):
                entry = _entry(record)
                if senders is None or entry.sender in senders:
                    return entry
        return None

    async def recent(self, chat: Jid) -> list[LoggedMessage]:
        """Give the messages of a chat that are kept, oldest first."""
        found: list[LoggedMessage] = []
        for form in self._context.forms_of(chat):
            records = await self._context.store.message_log.of_chat(None, form)
            found.extend(_entry(record) for record in records)
        return sorted(found, key=lambda entry: entry.timestamp)

    async def last(self, chat: Jid, *, from_me: bool) -> LoggedMessage | None:
        """Give the last message of a chat that came in, or that we sent."""
        entries = await self.recent(chat)
        return next((entry for entry in reversed(entries) if entry.from_me is from_me), None)

    async def chat_of(self, message_id: str) -> Jid | None:
        """Give the chat of a message by its id; None when it is not, or no longer, known."""
        records = await self._context.store.message_log.anywhere(message_id)
        chats = {self._context.canonical(Jid.parse(record.chat)) for record in records}
        # An id that two chats have names neither.
        return chats.pop() if len(chats) == 1 else None

    async def messages(
        self, chat: Jid, *, limit: int = DEFAULT_LIMIT, since: int = 0
    ) -> list[IncomingMessage]:
        """Give the last messages of a chat, read, oldest first; those without content not."""
        entries = [
            entry
            for entry in await self.recent(chat)
            if entry.message is not None and entry.timestamp >= since
        ]
        return [self._read(entry) for entry in entries[-limit:]] if limit > 0 else []

    async def secret_of(
        self, tx: Transaction | None, chat: Jid, author: Jid, message_id: str
    ) -> bytes | None:
        """Give the secret of a message, under whatever names its chat and author go."""
        context = self._context
        keys = [
            message_key(chat_form, author_form, message_id)
            for chat_form in context.forms_of(chat)
            for author_form in context.forms_of(author)
        ]
        return await context.store.message_secrets.find(tx, keys)

    async def poll_of(
        self, tx: Transaction | None, chat: Jid, author: Jid, message_id: str
    ) -> storage.PollRecord | None:
        """Give a poll, under whatever names its chat and author go."""
        context = self._context
        for chat_form in context.forms_of(chat):
            for author_form in context.forms_of(author):
                record = await context.store.polls.get(tx, chat_form, author_form, message_id)
                if record is not None:
                    return record
        return None

    async def timer_of(self, chat: Jid) -> storage.TimerRecord | None:
        """Give after how long a chat's messages disappear; None when that was never said."""
        if not chat.is_group:
            return await self._timer_record(None, chat)
        group = await self._context.store.groups.get(None, str(chat))
        return None if group is None else storage.TimerRecord(seconds=min(group.timer, MAX_TIMER))

    # --- inside

    def _read(self, entry: LoggedMessage) -> IncomingMessage:
        context = self._context
        return IncomingMessage(
            id=entry.id,
            chat=context.canonical(entry.chat),
            chat_phone=context.phone_of(entry.chat),
            sender=context.canonical(entry.sender),
            sender_phone=context.phone_of(entry.sender),
            push_name=entry.push_name,
            timestamp=entry.timestamp,
            from_me=entry.from_me,
            is_group=not entry.chat.is_user,
            offline=False,
            content=parse(entry.message or wire.Message()),
        )

    async def _timer_record(self, tx: Transaction | None, chat: Jid) -> storage.TimerRecord | None:
        for form in self._context.forms_of(chat):
            record = await self._context.store.chat_timers.get(tx, form)
            if record is not None:
                return record
        return None

    async def _keep_secret(
        self, tx: Transaction, entry: LoggedMessage, inner: wire.Message
    ) -> None:
        secret = inner.messageContextInfo.messageSecret
        if len(secret) != SECRET_LENGTH:
            return
        context = self._context
        await context.store.message_secrets.put(
            tx,
            context.canonical(entry.chat.bare),
            context.canonical(entry.sender.bare),
            entry.id,
            secret=secret,
            expires_at=context.now() + KEEP_SECRETS,
        )

    async def _keep_poll(self, tx: Transaction, entry: LoggedMessage, inner: wire.Message) -> None:
        record = poll_in(inner)
        if record is None:
            return
        if await self.poll_of(tx, entry.chat, entry.sender, entry.id) is None:
            await self.put_poll(tx, entry.chat, entry.sender, entry.id, record)

    async def _keep_timer(self, tx: Transaction, entry: LoggedMessage, inner: wire.Message) -> None:
        if inner.HasField("protocolMessage"):
            protocol = inner.protocolMessage
            kind = wire.Message.ProtocolMessage.Type.EPHEMERAL_SETTING
            if protocol.HasField("type") and protocol.type == kind:
                set_at = protocol.ephemeralSettingTimestamp or entry.timestamp
                await self.set_timer(tx, entry.chat, protocol.ephemeralExpiration, set_at=set_at)
            return
        # Any message tells the timer that its sender knows; but what is quiet tells nothing.
        if entry.chat.is_user and has_context(inner):
            context = context_of(inner)
            if context is not None and context.HasField("expiration"):
                set_at = context.ephemeralSettingTimestamp or entry.timestamp
                await self.set_timer(tx, entry.chat, context.expiration, set_at=set_at)

    async def _log(self, tx: Transaction, entry: LoggedMessage) -> None:
        record = _record(entry)
        message = entry.message
        if (
            not self.limit
            or message is None
            or unwrap(message).view_once
            or len(record.message) > MAX_LOGGED_SIZE
        ):
            record.ClearField("message")
        await self._put(tx, entry.chat, record)

    async def _put(self, tx: Transaction, chat: Jid, record: storage.LogRecord) -> None:
        context = self._context
        key = context.canonical(chat.bare)
        lifetime = KEEP_LOG
        if record.message:
            inner = unwrap(wire.Message.FromString(record.message)).message
            found = context_of(inner) if has_context(inner) else None
            # What disappears from the phones disappears here.
            if found is not None and found.expiration:
                lifetime = min(lifetime, found.expiration)
        expires_at = context.now() + lifetime
        await context.store.message_log.put(tx, key, record, expires_at=expires_at)
        self._grown[key] += 1


def poll_in(inner: wire.Message) -> storage.PollRecord | None:
    """Make the record of a poll, without votes; None when the message is none."""
    name = content_field(inner)
    if name is None or name not in POLLS:
        return None
    content: wire.Message.PollCreationMessage = getattr(inner, name)
    question, options = text_in(content)
    return storage.PollRecord(
        question=question, options=options, choices=content.selectableOptionsCount
    )


def text_in(content: wire.Message.PollCreationMessage) -> tuple[str, list[str]]:
    """Read the question and the options of a poll."""
    options = content.options[:MAX_OPTIONS_READ]
    return _text(content.name), [_text(option.optionName) for option in options]


def _text(value: str | bytes) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text[:MAX_OPTION]


def _record(entry: LoggedMessage) -> storage.LogRecord:
    record = storage.LogRecord(
        chat=str(entry.chat.bare),
        sender=str(entry.sender.bare),
        id=entry.id,
        timestamp=entry.timestamp,
        from_me=entry.from_me,
        edited=entry.edited,
    )
    if entry.push_name:
        record.push_name = entry.push_name
    if entry.message is not None:
        record.message = entry.message.SerializeToString()
    return record


def _entry(record: storage.LogRecord) -> LoggedMessage:
    message: wire.Message | None = None
    if record.HasField("message"):
        try:
            message = wire.Message.FromString(record.message)
        except ProtobufDecodeError:
            message = None
    return LoggedMessage(
        chat=Jid.parse(record.chat),
        sender=Jid.parse(record.sender),
        id=record.id,
        timestamp=record.timestamp,
        push_name=record.push_name or None,
        from_me=record.from_me,
        edited=record.edited,
        message=message,
    )
