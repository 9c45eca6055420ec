"""Receiving: one message after another, from ciphertext to listener, once each.

For every message: decrypt; commit ratchet, used prekey, dedupe note and the text as
one transaction; only then tell the listeners and mark it as handed over; last of all
tell the server that it is safe. So whatever the server has no receipt for comes again,
and a crash or a broken line anywhere loses nothing and repeats nothing.
"""

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

    @property
    def held(self) -> bool:
        """Whether messages wait for `release`."""
        return self._held

    def hold(self) -> None:
        """Keep messages in the inbox until `release`."""
        self._held = True

    async def release(self) -> None:
        """Hand over what waits in the inbox, oldest first, and from now on at once."""
        self._held = False
        for key, record in await self._context.store.inbox.pending(None):
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
        key = self._key_of(stanza)
        if await self._context.store.seen.contains(None, key):
            await self._hand_over_late(key)
            await self._receipts.delivered(stanza)
            return
        if not stanza.encs:
            # Nothing for this device, as with view-once media: by design.
            await self._ack(node)
            return
        await self._read(stanza, key)

    async def _read(self, stanza: MessageStanza, key: str) -> None:
        try:
            message, history = await self._decrypt_and_commit(stanza, key)
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
        if message is not None and not self._held:
            self._hand_over(key, message)
        await self._receipts.delivered(stanza, history=history)

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

    async def _decrypt_and_commit(
        self, stanza: MessageStanza, key: str
    ) -> tuple[storage.InboxRecord | None, bool]:
        """Decrypt all parts and commit what they change.

        Returns the message to hand over, if there is one, and whether it announced
        history. A part that fails does not undo the parts before it.
        """
        context = self._context
        failure: Exception | None = None
        record: storage.InboxRecord | None = None
        after: list[wire.Message] = []
        identity_changed = False
        history = False
        # What was handed over since the last commit leaves the disk with this one.
        done = tuple(self._handed_over)
        address = context.address_of(stanza.sender)
        async with self._sessions.locked([address]), context.store.transaction() as tx:
            for enc in stanza.encs:
                try:
                    padded, changed = await self._decrypt(tx, stanza, enc)
                    identity_changed |= changed
                    message = decode(unpad(padded))
                    await self._groups.learn(tx, stanza, message)
                    history |= await self._peer.store(tx, stanza, message)
                    content, record_for = self._content(stanza, message)
                except (SignalError, RemoteProtocolError) as err:
                    failure = err
                    break
                after.append(content)
                record = record_for or record
            if failure is None:
                await context.store.seen.put(tx, key, expires_at=context.now() + SEEN_SECONDS)
                if record is not None:
                    await context.store.inbox.put(tx, key, record)
                await context.store.inbox.delete(tx, *done)
        if failure is None:
            self._forget(done)
        if identity_changed:
            await self._identities.changed_in_message(stanza.sender)
        if failure is not None:
            raise failure
        for message in after:
            self._peer.follow_up(stanza, message)
        return record, history

    async def _decrypt(
        self, tx: Transaction, stanza: MessageStanza, enc: Enc
    ) -> tuple[bytes, bool]:
        if enc.version != "2" or enc.kind not in _READABLE:
            raise RemoteProtocolError("Unknown kind of ciphertext")
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
        record = await self._context.store.inbox.get(None, key)
        if record is not None and not self._held:
            self._hand_over(key, record)

    def _hand_over(self, key: str, record: storage.InboxRecord) -> None:
        """Tell the listeners, and mark the message in the moment it is passed on."""
        if self._context.store.inbox.is_delivered(key):
            return
        message = self._build(record)

        def take() -> None:
            self._context.store.inbox.mark_delivered(key)

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

    def _key_of(self, stanza: MessageStanza) -> str:
        context = self._context
        chat = context.canonical(stanza.chat)
        return f"{chat}|{context.canonical(stanza.sender.bare)}|{stanza.id}"

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


def _is_visible(message: wire.Message) -> bool:
    """Whether anything in the message is for people."""
    if message.HasField("protocolMessage"):
        protocol = message.protocolMessage
        return protocol.HasField("type") and protocol.type in _VISIBLE_PROTOCOL
    return has_content(message)
