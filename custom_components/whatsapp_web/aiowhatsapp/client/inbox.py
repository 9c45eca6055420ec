"""Receiving: one message after another, from ciphertext to listener, once each.

For every message: decrypt; commit ratchet, used prekey, dedupe note and the text as
one transaction; only then tell the listeners and mark it as handed over; last of all
tell the server that it is safe. So whatever the server has no receipt for comes again,
and a crash or a broken line anywhere loses nothing and repeats nothing.
"""

import asyncio
from dataclasses import dataclass, field
import logging
from typing import Final

from ..errors import (
    AttributeMissing,
    DecodeError,
    DuplicateMessage,
    RemoteProtocolError,
    SignalError,
)
from ..events import IncomingMessage, MessageReceived, UndecryptableMessage
from ..jid import Jid
from ..message.padding import unpad
from ..message.parse import decode, device_sent_of, has_content, parse
from ..proto import storage, wire
from ..stanza.ack import Nack, build_ack
from ..stanza.message import Enc, MessageStanza, parse_message
from ..store import Transaction
from ..wabinary import Node
from .context import Context
from .groups import GroupKeys
from .identity import Identities
from .peer import PeerMessages
from .receipts import Receipts
from .retry import RetryRequester
from .sessions import Sessions

_LOGGER = logging.getLogger(__name__)

# The server gives up on undelivered messages after some weeks; so do our notes.
SEEN_SECONDS: Final = 30 * 24 * 3600
_READABLE: Final = ("pkmsg", "msg", "skmsg")
_BOT: Final = "msmsg"
# Far fewer than there are delivery marks, and little work for the listeners at once.
RELEASED_TOGETHER: Final = 64


@dataclass(slots=True)
class _Parts:
    """What the parts of a message held."""

    record: storage.InboxRecord | None = None
    contents: list[wire.Message] = field(default_factory=list)
    identity_changed: bool = False
    history: bool = False
    failure: SignalError | RemoteProtocolError | None = None


class Inbox:
    """Takes message stanzas in the order they came and hands over what is in them."""

    def __init__(
        self,
        context: Context,
        *,
        sessions: Sessions,
        identities: Identities,
        groups: GroupKeys,
        peer: PeerMessages,
        receipts: Receipts,
        retries: RetryRequester,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._sessions = sessions
        self._identities = identities
        self._groups = groups
        self._peer = peer
        self._receipts = receipts
        self._retries = retries
        self._handed_over: list[str] = []
        self._held = False
        # Storing a message and handing it over are one step to those who release.
        self._turn = asyncio.Lock()

    @property
    def held(self) -> bool:
        """Whether messages wait for `release`."""
        return self._held

    def hold(self) -> None:
        """Keep messages in the inbox until `release`."""
        self._held = True

    async def release(self) -> None:
        """Hand over what waits in the inbox, oldest first, and from now on at once."""
        while True:
            async with self._turn:
                await self.flush()
                waiting = await self._context.store.inbox.pending(None, limit=RELEASED_TOGETHER)
                if not waiting:
                    self._held = False
                    return
                for key, record in waiting:
                    self._hand_over(key, record)

    async def flush(self) -> None:
        """Remove from disk what was handed over."""
        keys = tuple(self._handed_over)
        if keys:
            await self._context.store.inbox.delete(None, *keys)
            self._forget(keys)

    def _forget(self, keys: tuple[str, ...]) -> None:
        """Note that these are off the disk, and their marks with them."""
        gone = frozenset(keys)
        self._handed_over = [key for key in self._handed_over if key not in gone]

    async def receive(self, node: Node) -> None:
        """Deal with one `<message>`; every way out of here answers the server."""
        try:
            stanza = parse_message(node, self._context.own)
        except (AttributeMissing, DecodeError) as err:
            _LOGGER.debug("A message makes no sense: %s", err)
            await self._nack(node, Nack.PARSING_ERROR)
            return
        await self._identities.learn_from_message(stanza)
        keys = self._keys_of(stanza)
        seen = await self._context.store.seen.find(None, keys)
        if seen is not None:
            await self._hand_over_late(seen)
            await self._receipts.delivered(stanza)
        elif not stanza.encs:
            # Nothing for this device, as with view-once media: by design.
            await self._ack(node)
        elif not _readable(stanza):
            of_bot = any(enc.kind == _BOT for enc in stanza.encs)
            await self._nack(
                node, Nack.MISSING_MESSAGE_SECRET if of_bot else Nack.UNRECOGNIZED_STANZA
            )
        else:
            await self._read(stanza, keys[0])

    async def _read(self, stanza: MessageStanza, key: str) -> None:
        try:
            async with self._turn:
                parts = await self._decrypt_and_commit(stanza, key)
                if parts.record is not None and not self._held:
                    self._hand_over(key, parts.record)
        except DuplicateMessage:
            await self._receipts.delivered(stanza)
            return
        except SignalError as err:
            await self._ask_again(stanza, err)
            return
        except RemoteProtocolError as err:
            _LOGGER.debug("A message decrypts but does not parse: %s", err)
            await self._nack(stanza.node, Nack.INVALID_PROTOBUF)
            return
        for message in parts.contents:
            self._peer.follow_up(stanza, message)
        await self._receipts.delivered(stanza, history=parts.history)

    async def _ask_again(self, stanza: MessageStanza, error: SignalError) -> None:
        _LOGGER.info("A message could not be read (%s): asking for it again", type(error).__name__)
        first = await self._retries.request(stanza, error)
        await self._ack(stanza.node)
        if first:
            self._context.emit(
                UndecryptableMessage(
                    chat=self._context.canonical(stanza.chat),
                    sender=self._context.canonical(stanza.sender.bare),
                    message_id=stanza.id,
                )
            )

    async def _decrypt_and_commit(self, stanza: MessageStanza, key: str) -> _Parts:
        """Decrypt all parts and commit what they change; raise what keeps it unread."""
        context = self._context
        # What was handed over since the last commit leaves the disk with this one.
        done = tuple(self._handed_over)
        async with self._sessions.locked_for([stanza.sender]), context.store.transaction() as tx:
            parts = await self._decrypt_parts(tx, stanza)
            if parts.failure is None:
                await context.store.seen.put(tx, key, expires_at=context.now() + SEEN_SECONDS)
                if parts.record is not None:
                    await context.store.inbox.put(tx, key, parts.record)
                await context.store.inbox.delete(tx, *done)
        if parts.failure is None:
            self._forget(done)
        if parts.identity_changed:
            await self._identities.changed_in_message(stanza.sender)
        if parts.failure is not None:
            raise parts.failure
        return parts

    async def _decrypt_parts(self, tx: Transaction, stanza: MessageStanza) -> _Parts:
        """Decrypt the parts in their order, up to one that fails.

        What those before it changed stays. So when the stanza comes again they are
        duplicates, and no reason to give up on the one that failed.
        """
        parts = _Parts()
        for enc in _readable(stanza):
            try:
                padded, changed = await self._decrypt(tx, stanza, enc)
                parts.identity_changed |= changed
                message = decode(unpad(padded))
                await self._groups.learn(tx, stanza, message)
                parts.history |= await self._peer.store(tx, stanza, message)
                content, record = self._content(stanza, message)
            except DuplicateMessage as err:
                parts.failure = err
                continue
            except (SignalError, RemoteProtocolError) as err:
                parts.failure = err
                return parts
            parts.contents.append(content)
            parts.record = record or parts.record
        if parts.contents:
            parts.failure = None
        return parts

    async def _decrypt(
        self, tx: Transaction, stanza: MessageStanza, enc: Enc
    ) -> tuple[bytes, bool]:
        if enc.kind == "skmsg":
            return await self._groups.decrypt(tx, stanza, enc.ciphertext), False
        return await self._sessions.decrypt(tx, stanza.sender, enc.kind, enc.ciphertext)

    def _content(
        self, stanza: MessageStanza, message: wire.Message
    ) -> tuple[wire.Message, storage.InboxRecord | None]:
        """Find what a person would see in it; our other devices wrap theirs."""
        chat = stanza.chat
        sent = device_sent_of(message)
        if sent is not None:
            if not stanza.from_me:
                raise RemoteProtocolError("A copy of a sent message from someone else")
            destination, message = sent
            if stanza.recipient is None and destination is not None:
                chat = destination.bare
        if stanza.is_peer or not _is_visible(message):
            return message, None
        return message, storage.InboxRecord(
            message=message.SerializeToString(),
            chat=str(chat),
            sender=str(stanza.sender.bare),
            id=stanza.id,
            timestamp=stanza.timestamp,
            push_name=stanza.push_name,
            from_me=stanza.from_me,
            offline=stanza.offline,
        )

    async def _hand_over_late(self, key: str) -> None:
        """Hand over a message that was stored, but whose handing over was cut short."""
        async with self._turn:
            record = await self._context.store.inbox.get(None, key)
            if record is not None and not self._held:
                self._hand_over(key, record)

    def _hand_over(self, key: str, record: storage.InboxRecord) -> None:
        """Tell the listeners, and mark the message in the moment it is passed on."""
        if self._context.store.inbox.is_delivered(key):
            return

        def take() -> None:
            self._context.store.inbox.mark_delivered(key)

        try:
            message = self._build(record)
        except Exception:
            # Whatever is wrong with it, it must not keep all others back for ever.
            _LOGGER.exception("A stored message can't be handed over")
        else:
            self._context.emit(MessageReceived(message=message, take=take))
        take()
        self._handed_over.append(key)

    def _build(self, record: storage.InboxRecord) -> IncomingMessage:
        context = self._context
        chat, sender = Jid.parse(record.chat), Jid.parse(record.sender)
        return IncomingMessage(
            id=record.id,
            chat=context.canonical(chat),
            chat_phone=context.phone_of(chat),
            sender=context.canonical(sender),
            sender_phone=context.phone_of(sender),
            push_name=record.push_name or None,
            timestamp=record.timestamp,
            from_me=record.from_me,
            is_group=not chat.is_user,
            offline=record.offline,
            content=parse(decode(record.message)),
        )

    def _keys_of(self, stanza: MessageStanza) -> list[str]:
        """Name a message: as it is known now, and as it was before LIDs were learned."""
        context = self._context
        chats, senders = context.forms_of(stanza.chat), context.forms_of(stanza.sender)
        forms = ((chats[0], senders[0]), (chats[-1], senders[0]), (chats[-1], senders[-1]))
        return list(dict.fromkeys(f"{chat}|{sender}|{stanza.id}" for chat, sender in forms))

    async def _ack(self, node: Node) -> None:
        ack = build_ack(node, own_device=self._context.own.phone)
        if ack is not None:
            await self._context.send(ack)

    async def _nack(self, node: Node, error: Nack) -> None:
        try:
            ack = build_ack(node, own_device=self._context.own.phone, error=error)
        except AttributeMissing:
            return
        if ack is not None:
            await self._context.send(ack)


_VISIBLE_PROTOCOL: Final = frozenset(
    {
        wire.Message.ProtocolMessage.Type.REVOKE,
        wire.Message.ProtocolMessage.Type.MESSAGE_EDIT,
    }
)


def _readable(stanza: MessageStanza) -> list[Enc]:
    """Choose the ciphertexts of kinds that are known here."""
    return [enc for enc in stanza.encs if enc.version == "2" and enc.kind in _READABLE]


def _is_visible(message: wire.Message) -> bool:
    """Whether anything in the message is for people."""
    if message.HasField("protocolMessage"):
        protocol = message.protocolMessage
        return protocol.HasField("type") and protocol.type in _VISIBLE_PROTOCOL
    return has_content(message)
