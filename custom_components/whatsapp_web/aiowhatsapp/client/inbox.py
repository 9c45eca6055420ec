"""Receiving: one message after another, from ciphertext to listener, once each.

For every message: decrypt; commit ratchet, used prekey, dedupe note and the text as
one transaction; only then tell the listeners and mark it as handed over; last of all
tell the server that it is safe. So whatever the server has no receipt for comes again,
and a crash or a broken line anywhere loses nothing and repeats nothing. Messages that
wait one behind the other share the transaction, hence one wait for the disk.
"""

import asyncio
from collections.abc import Sequence
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
from ..events import UndecryptableMessage, event_of
from ..message.padding import unpad
from ..message.parse import decode, device_sent_of, has_content
from ..proto import storage, wire
from ..stanza.ack import Nack, build_ack
from ..stanza.message import Enc, MessageStanza, parse_message
from ..store import Transaction
from ..wabinary import Node
from .addons import AddOns
from .context import Context
from .identity import Identities
from .media_library import keep_file
from .newsletters import note_post
from .peer import PeerMessages
from .placeholders import Placeholders
from .reading import note_unread
from .receipts import Receipts
from .received import incoming_of
from .retry import RetryRequester
from .sender_keys import SenderKeys
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
    # What our phone brings in it: messages that this device could not read.
    brought: list[tuple[str, storage.InboxRecord]] = field(default_factory=list)
    contents: list[wire.Message] = field(default_factory=list)
    identity_changed: bool = False
    history: bool = False
    failure: SignalError | RemoteProtocolError | None = None


@dataclass(slots=True)
class _Message:
    """A message, and what became of it. `seen` is the name under which it came before."""

    stanza: MessageStanza
    key: str
    seen: str | None
    parts: _Parts = field(default_factory=_Parts)


class Inbox:
    """Takes message stanzas in the order they came and hands over what is in them."""

    def __init__(  # noqa: PLR0913 - all that a message may be for
        self,
        context: Context,
        *,
        sessions: Sessions,
        identities: Identities,
        sender_keys: SenderKeys,
        peer: PeerMessages,
        receipts: Receipts,
        retries: RetryRequester,
        placeholders: Placeholders,
        addons: AddOns,
    ) -> None:
        """Share the client's context and its parts."""
        self._addons = addons
        self._context = context
        self._sessions = sessions
        self._identities = identities
        self._sender_keys = sender_keys
        self._peer = peer
        self._receipts = receipts
        self._retries = retries
        self._placeholders = placeholders
        self._handed_over: list[str] = []
        self._held = False
        # Storing a message and handing it over are one step to those who release.
        self._turn = asyncio.Lock()

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

    async def receive(self, nodes: Sequence[Node]) -> None:
        """Deal with some `<message>`s in order; every way out of here answers the server.

        Doing it again after an exception is safe, whatever was done before.
        """
        waiting = await self._understand(nodes)
        while waiting:
            count = await self._receive_together(waiting)
            waiting = waiting[count:]

    async def _understand(self, nodes: Sequence[Node]) -> list[MessageStanza]:
        """Read the stanzas, refuse what makes no sense, and learn who is who."""
        stanzas = []
        for node in nodes:
            try:
                stanza = parse_message(node, self._context.own)
            except (AttributeMissing, DecodeError) as err:
                _LOGGER.debug("A message makes no sense: %s", err)
                await self._nack(node, Nack.PARSING_ERROR)
                continue
            await self._identities.learn_from_message(stanza)
            stanzas.append(stanza)
        return stanzas

    async def _receive_together(self, stanzas: Sequence[MessageStanza]) -> int:
        """Deal with the first of some messages, as many as one commit can hold; say how many."""
        async with self._turn:
            messages = await self._read_and_commit(stanzas)
            for message in messages:
                if message.parts.identity_changed:
                    await self._identities.changed_in_message(message.stanza.sender)
                await self._pass_on(message)
        for message in messages:
            await self._answer(message)
        return len(messages)

    async def _pass_on(self, message: _Message) -> None:
        """Hand over what is in it now, or what was cut short when it came before."""
        record = message.parts.record
        if message.parts.failure is None:
            # Now or never: a line that breaks before the answer brings it again, but as seen.
            for content in message.parts.contents:
                self._peer.follow_up(message.stanza, content)
            for key, brought in message.parts.brought:
                if not self._held:
                    self._hand_over(key, brought)
        if message.seen is not None:
            record = await self._context.store.inbox.get(None, message.seen)
        if record is not None and message.parts.failure is None and not self._held:
            self._hand_over(message.seen or message.key, record)

    async def _answer(self, message: _Message) -> None:
        """Tell the server what became of a message."""
        stanza, parts = message.stanza, message.parts
        if stanza.is_newsletter and parts.failure is None:
            # Posts get no receipts.
            await self._ack(stanza.node)
        elif message.seen is not None or isinstance(parts.failure, DuplicateMessage):
            await self._receipts.delivered(stanza)
        elif isinstance(parts.failure, SignalError):
            await self._ask_again(message, parts.failure)
        elif parts.failure is not None:
            _LOGGER.debug("A message decrypts but does not parse: %s", parts.failure)
            await self._nack(stanza.node, Nack.INVALID_PROTOBUF)
        elif not stanza.encs:
            # Nothing for this device: by design, or the phone has it.
            if stanza.unavailable is not None:
                await self._placeholders.note(stanza, message.key)
            await self._ack(stanza.node)
        elif not _readable(stanza):
            of_bot = any(enc.kind == _BOT for enc in stanza.encs)
            error = Nack.MISSING_MESSAGE_SECRET if of_bot else Nack.UNRECOGNIZED_STANZA
            await self._nack(stanza.node, error)
        else:
            await self._receipts.delivered(stanza, history=parts.history)

    async def _ask_again(self, message: _Message, error: SignalError) -> None:
        stanza = message.stanza
        _LOGGER.info("A message could not be read (%s): asking for it again", type(error).__name__)
        asked = await self._retries.request(stanza, error)
        await self._placeholders.note(stanza, message.key, again=asked.in_vain)
        await self._ack(stanza.node)
        if asked.first:
            self._context.emit(
                UndecryptableMessage(
                    chat=self._context.canonical(stanza.chat),
                    sender=self._context.canonical(stanza.sender.bare),
                    message_id=stanza.id,
                )
            )

    async def _read_and_commit(self, stanzas: Sequence[MessageStanza]) -> list[_Message]:
        """Decrypt messages, and commit what all of them change as one.

        Stops behind one that fails or brings a new identity: what follows from that
        comes first, then the messages behind it.
        """
        store = self._context.store
        messages: list[_Message] = []
        # What was handed over since the last commit leaves the disk with this one.
        done = tuple(self._handed_over)
        names = [self._keys_of(stanza) for stanza in stanzas]
        known = await store.seen.known(None, [key for keys in names for key in keys])
        senders = [stanza.sender for stanza in stanzas]
        async with self._sessions.locked_for(senders), store.transaction() as tx:
            for stanza, keys in zip(stanzas, names, strict=True):
                seen = next((key for key in keys if key in known), None)
                message = _Message(stanza, keys[0], seen)
                messages.append(message)
                if seen is not None or not (_readable(stanza) or stanza.plaintext):
                    continue
                await self._read(tx, message)
                if message.parts.failure is not None or message.parts.identity_changed:
                    break
                known.update({message.key, *(key for key, _ in message.parts.brought)})
            await store.inbox.delete(tx, *done)
        self._forget(done)
        return messages

    async def _read(self, tx: Transaction, message: _Message) -> None:
        """Decrypt a message, and keep it if nothing of it failed."""
        store = self._context.store
        parts = message.parts = await self._decrypt_parts(tx, message.stanza)
        if parts.failure is None:
            expires_at = self._context.now() + SEEN_SECONDS
            await store.seen.put(tx, message.key, expires_at=expires_at)
            brought = await self._placeholders.take_answer(tx, message.stanza, parts.contents)
            for key, record in brought:
                await store.seen.put(tx, key, expires_at=expires_at)
                if await self._addons.take_in_record(tx, record):
                    await store.inbox.put(tx, key, record)
                    parts.brought.append((key, record))
            if parts.record is not None:
                if not await self._addons.take_in_record(tx, parts.record):
                    parts.record = None
                    return
                await store.inbox.put(tx, message.key, parts.record)
                await note_unread(self._context, tx, message.stanza, parts.contents[-1])
                await note_post(self._context, tx, message.stanza)
                await keep_file(self._context, tx, parts.record)

    async def _decrypt_parts(self, tx: Transaction, stanza: MessageStanza) -> _Parts:
        """Decrypt the parts in their order, up to one that fails.

        What those before it changed stays. So when the stanza comes again they are
        duplicates, and no reason to give up on the one that failed.
        """
        if stanza.plaintext is not None:
            return self._read_post(stanza, stanza.plaintext)
        parts = _Parts()
        for enc in _readable(stanza):
            try:
                padded, changed = await self._decrypt(tx, stanza, enc)
                parts.identity_changed |= changed
                message = decode(unpad(padded))
                await self._sender_keys.learn(tx, stanza, message)
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

    def _read_post(self, stanza: MessageStanza, plaintext: bytes) -> _Parts:
        """Read what a channel posted: it is not encrypted, and has no padding."""
        try:
            content, record = self._content(stanza, decode(plaintext))
        except RemoteProtocolError as err:
            return _Parts(failure=err)
        if record is not None and stanza.server_id is not None:
            record.server_id = stanza.server_id
        return _Parts(record=record, contents=[content])

    async def _decrypt(
        self, tx: Transaction, stanza: MessageStanza, enc: Enc
    ) -> tuple[bytes, bool]:
        if enc.kind == "skmsg":
            return await self._sender_keys.decrypt(tx, stanza, enc.ciphertext), False
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
        if stanza.is_peer or not has_content(message):
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

    def _hand_over(self, key: str, record: storage.InboxRecord) -> None:
        """Tell the listeners, and mark the message in the moment it is passed on."""
        if self._context.store.inbox.is_delivered(key):
            return

        def take() -> None:
            self._context.store.inbox.mark_delivered(key)

        try:
            message = incoming_of(self._context, record)
        except Exception:
            # Whatever is wrong with it, it must not keep all others back for ever.
            _LOGGER.exception("A stored message can't be handed over")
        else:
            self._context.emit(event_of(message, take))
        take()
        self._handed_over.append(key)

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


def _readable(stanza: MessageStanza) -> list[Enc]:
    """Choose the ciphertexts of kinds that are known here."""
    return [enc for enc in stanza.encs if enc.version == "2" and enc.kind in _READABLE]
