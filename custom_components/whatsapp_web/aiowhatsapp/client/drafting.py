"""From a draft to a message on its way: its target found, composed, remembered, queued."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol, assert_never

from ..errors import InvalidDraft, MessageUnknown
from ..events import Priority, QueuedMessage
from ..jid import Jid
from ..message.compose import (
    Extras,
    Quote,
    add_extras,
    compose,
    compose_addon,
    compose_forward,
    compose_timer,
    wrap_media,
)
from ..message.drafts import (
    LAST,
    LAST_SENT,
    Addon,
    Delete,
    DisappearingTimer,
    Draft,
    Edit,
    EventResponse,
    Forward,
    Keep,
    MessageTarget,
    Pin,
    PollVote,
    Reaction,
    Target,
)
from ..message.ids import new_message_id
from ..message.media_drafts import Media
from ..message.poll import option_hash
from ..message.secret import IV_LENGTH, SECRET_LENGTH, Binding, Sealed, UseCase, seal
from ..proto import wire
from ..store import Transaction
from .chat_log import ChatLog, LoggedMessage
from .context import Context
from .media import MediaFiles
from .votes import cast_vote

type Mentions = Sequence[Jid] | Literal["all"]

# What may be wrong with our own message without our knowing it: it need not be logged.
_OWN_BY_DEFAULT: Final = (Edit, Delete)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """How a message is to be sent: see `Outbox.enqueue`."""

    priority: Priority = Priority.NORMAL
    expire_after: float | None = None
    attachment: bytes = field(default=b"", repr=False)


class Enqueue(Protocol):
    """Takes a message that is to be sent."""

    def __call__(
        self,
        chat: Jid,
        message: wire.Message,
        *,
        message_id: str,
        priority: Priority,
        expire_after: float | None,
        attachment: bytes,
    ) -> Awaitable[QueuedMessage]:
        """Keep it until it is sent under that id."""
        ...


class Drafting:
    """Sends drafts."""

    def __init__(
        self, context: Context, chat_log: ChatLog, files: MediaFiles, enqueue: Enqueue
    ) -> None:
        """Share the client's context."""
        self._context = context
        self._files = files
        self._log = chat_log
        self._enqueue = enqueue

    async def send(
        self,
        chat: Jid,
        draft: Draft,
        *,
        reply_to: Target | None = None,
        mentions: Mentions = (),
        message_id: str | None = None,
        options: SendOptions | None = None,
    ) -> QueuedMessage:
        """Compose a draft and hand it over to be sent.

        Raises `MessageUnknown` when it is about a message that we don't have,
        `InvalidDraft` when it makes no sense, and what `Outbox.enqueue` raises.
        """
        context = self._context
        chat = context.canonical(chat.bare)
        message_id = message_id or new_message_id(
            context.own.phone.user, now=context.now(), random_bytes=context.random_bytes
        )
        match draft:
            case Reaction() | Edit() | Delete() | Pin() | Keep() | PollVote() | EventResponse():
                return await self._send_addon(chat, draft, message_id, options)
            case DisappearingTimer():
                message = compose_timer(draft, now=context.now())
            case Forward():
                message = await self._compose_forward(chat, draft)
            case Media():
                # Sealed at once: what waits to be sent no longer needs the caller's file.
                message, attachment = await self._files.prepare(draft)
                await self._complete(chat, message, reply_to=reply_to, mentions=mentions)
                message = wrap_media(message, draft)
                options = replace(options or SendOptions(), attachment=attachment)
            case _:
                message = compose(draft)
                await self._complete(chat, message, reply_to=reply_to, mentions=mentions)
        async with context.store.transaction() as tx:
            await self._log.keep(tx, self._entry(chat, message, message_id))
        return await self._queue(chat, message, message_id, options)

    async def keep_uploaded(
        self, tx: Transaction, chat: Jid, message: wire.Message, message_id: str
    ) -> None:
        """Remember where the file of a message lies, now that it was uploaded."""
        await self._log.keep(tx, self._entry(self._context.canonical(chat), message, message_id))

    # --- what stands alone

    async def _complete(
        self, chat: Jid, message: wire.Message, *, reply_to: Target | None, mentions: Mentions
    ) -> None:
        """Add what every message of this chat has, and what goes with this one."""
        timer = await self._log.timer_of(chat)
        quote = None if reply_to is None else await self._quote(chat, reply_to)
        add_extras(
            message,
            Extras(
                quote=quote,
                mentions=() if mentions == "all" else mentions,
                mentions_all=mentions == "all",
                expiration=0 if timer is None else timer.seconds,
                expiration_set_at=None if timer is None else timer.set_at,
            ),
        )
        message.messageContextInfo.messageSecret = self._context.random_bytes(SECRET_LENGTH)

    async def _quote(self, chat: Jid, target: Target) -> Quote:
        entry = await self._find(chat, target)
        return Quote(
            message_id=entry.id,
            author=entry.sender.bare,
            message=entry.message or wire.Message(),
        )

    async def _compose_forward(self, chat: Jid, draft: Forward) -> wire.Message:
        entry = await self._find(draft.chat, draft.target)
        if entry.message is None:
            raise MessageUnknown
        message = compose_forward(entry.message, own=entry.from_me)
        await self._complete(chat, message, reply_to=None, mentions=())
        return message

    # --- what is about another message

    async def _send_addon(
        self, chat: Jid, draft: Addon, message_id: str, options: SendOptions | None
    ) -> QueuedMessage:
        context = self._context
        entry = await self._find(
            chat, draft.target, own_by_default=isinstance(draft, _OWN_BY_DEFAULT)
        )
        if isinstance(draft, Edit) and not entry.from_me:
            raise InvalidDraft("Only our own messages can be edited")
        secret = await self._log.secret_of(None, chat, entry.sender, entry.id)

        def sealer(use: UseCase, plaintext: bytes) -> Sealed:
            if secret is None:
                raise MessageUnknown
            binding = Binding(
                message_id=entry.id,
                author=entry.sender.bare,
                modifier=self._own_as(entry.sender),
            )
            return seal(secret, use, binding, plaintext, iv=context.random_bytes(IV_LENGTH))

        now_ms = int(context.clock.now() * 1000)
        message = compose_addon(
            draft, self._key(chat, entry), original=entry.message, sealer=sealer, now_ms=now_ms
        )
        async with context.store.transaction() as tx:
            await self._note(tx, chat, draft, entry, now_ms=now_ms)
        return await self._queue(chat, message, message_id, options)

    async def _note(
        self, tx: Transaction, chat: Jid, draft: Addon, entry: LoggedMessage, *, now_ms: int
    ) -> None:
        """Remember what we changed: no other device of ours tells us."""
        match draft:
            case Edit() if entry.message is not None:
                await self._log.edit(tx, entry, wire.Message(conversation=draft.text))
            case Delete():
                await self._log.forget(tx, entry)
            case PollVote():
                poll = await self._log.poll_of(tx, chat, entry.sender, entry.id)
                if poll is None:
                    raise MessageUnknown
                unknown = set(draft.options) - set(poll.options)
                if unknown or (poll.choices and len(draft.options) > poll.choices):
                    raise InvalidDraft("The poll has no such choice")
                choices = [option_hash(option) for option in draft.options]
                own = self._context.forms_of(self._context.own.lid)
                cast_vote(poll, own, choices, timestamp_ms=now_ms)
                await self._log.put_poll(tx, chat, entry.sender, entry.id, poll)
            case _:
                pass

    # --- inside

    async def _find(
        self, chat: Jid, target: Target, *, own_by_default: bool = False
    ) -> LoggedMessage:
        """Find the message that is meant; raise `MessageUnknown`."""
        found: LoggedMessage | None
        match target:
            case MessageTarget(id=message_id, sender=sender):
                found = await self._log.find(chat, message_id, sender=sender)
                return found or self._stranger(chat, message_id, sender.bare)
            case "last" | "last_sent":
                found = await self._log.last(chat, from_me=target == LAST_SENT)
            case str(message_id):
                found = await self._log.find(chat, message_id)
                if found is None and own_by_default:
                    return self._stranger(chat, message_id, self._own_in(chat))
            case _:
                assert_never(target)
        if found is None:
            raise MessageUnknown
        return found

    def _stranger(self, chat: Jid, message_id: str, sender: Jid) -> LoggedMessage:
        """Describe a message that is not, or no longer, in the log."""
        return LoggedMessage(
            chat=chat,
            sender=sender,
            id=message_id,
            timestamp=self._context.now(),
            push_name=None,
            from_me=self._context.own.is_self(sender),
            edited=False,
            message=None,
        )

    def _entry(self, chat: Jid, message: wire.Message, message_id: str) -> LoggedMessage:
        return LoggedMessage(
            chat=chat,
            sender=self._own_in(chat),
            id=message_id,
            timestamp=self._context.now(),
            push_name=None,
            from_me=True,
            edited=False,
            message=message,
        )

    def _key(self, chat: Jid, entry: LoggedMessage) -> wire.MessageKey:
        key = wire.MessageKey(remoteJid=str(chat), fromMe=entry.from_me, id=entry.id)
        if not chat.is_user and not entry.from_me:
            key.participant = str(entry.sender.bare)
        return key

    def _own_in(self, chat: Jid) -> Jid:
        """Our own address, as messages of that chat name it."""
        own = self._context.own
        return own.phone.bare if chat.is_phone_number else own.lid.bare

    def _own_as(self, author: Jid) -> Jid:
        """Our own address in the namespace of the author's."""
        own = self._context.own
        return own.lid.bare if author.is_lid else own.phone.bare

    async def _queue(
        self, chat: Jid, message: wire.Message, message_id: str, options: SendOptions | None
    ) -> QueuedMessage:
        how = options or SendOptions()
        return await self._enqueue(
            chat,
            message,
            message_id=message_id,
            priority=how.priority,
            expire_after=how.expire_after,
            attachment=how.attachment,
        )


__all__ = ["LAST", "LAST_SENT", "Drafting", "Mentions", "SendOptions"]
