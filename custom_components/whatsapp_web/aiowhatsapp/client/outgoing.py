"""Sending: from a message to one stanza for all devices, and the server's word on it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
import logging
from typing import Final
from weakref import WeakValueDictionary

from ..errors import (
    AttributeMissing,
    Disconnected,
    LocalProtocolError,
    NoDevices,
    Rejected,
    RequestTimeout,
)
from ..jid import Jid
from ..message.compose import device_sent, labels_of, stanza_type
from ..message.ids import new_message_id
from ..message.padding import pad
from ..proto import storage, wire
from ..signal import EncryptedMessage
from ..wabinary import Node, decode, encode
from .context import Context
from .devices import Devices, participant_hash
from .group_sending import KEEP_SENT_SECONDS, STALE_ADDRESSING, GroupSending, RoomStanza
from .link import REQUEST_TIMEOUT, Link
from .rooms import is_room
from .security import Security
from .sessions import Sessions
from .tokens import TrustedContactTokens

_LOGGER = logging.getLogger(__name__)

# How often the same stanza is written anew when the line breaks before its ack.
WRITE_ATTEMPTS: Final = 3
MAX_ID: Final = 128
# The server's word for a stanza that mixes or uses the wrong namespace.
BAD_ADDRESSING: Final = "400"
_USE_PHONE_NUMBERS: Final = "address_by_phone_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How a message is written the same way again, whatever happens.

    `keep` is given the stanza before it is written for the first time. `stanza` is what
    it was given earlier: then that is written, and nothing is encrypted.
    """

    keep: Callable[[bytes], Awaitable[None]] | None = None
    stanza: bytes | None = field(default=None, repr=False)

    async def begin(self, node: Node) -> None:
        """Keep what is about to be written."""
        if self.keep is not None:
            await self.keep(encode(node))


_ONCE: Final = Writing()


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """What the server has accepted; `timestamp` is its own, in unix seconds.

    `recipients` is how many people it was sent to, ourselves not counted in.
    """

    message_id: str
    chat: Jid
    timestamp: int
    recipients: int = 1


@dataclass(slots=True)
class _Sending:
    """A message that is being sent, and how many wait for that."""

    task: asyncio.Task[SentMessage]
    chat: Jid
    message: wire.Message
    waiting: int = 0

    @property
    def over(self) -> bool:
        """Whether it has ended, or will because nobody waits for it any more."""
        return self.task.done() or not self.waiting

    async def outcome(self) -> SentMessage:
        """Wait for the end; give up on the sending with the last one who waits."""
        self.waiting += 1
        try:
            await asyncio.wait([self.task])
        finally:
            self.waiting -= 1
            if not self.waiting:
                self.task.cancel()
        if self.task.cancelled():
            raise Disconnected("The client was stopped")
        return self.task.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stanza:
    """A stanza ready to be written, and what its ack is compared with."""

    node: Node = field(repr=False)
    to: Jid
    hashes: frozenset[str]


class Outgoing:
    """Sends messages; in order for each chat."""

    def __init__(
        self,
        context: Context,
        devices: Devices,
        sessions: Sessions,
        tokens: TrustedContactTokens,
        security: Security,
        rooms: GroupSending,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._devices = devices
        self._sessions = sessions
        self._tokens = tokens
        self._security = security
        self._rooms = rooms
        self._chat_locks: WeakValueDictionary[Jid, asyncio.Lock] = WeakValueDictionary()
        self._sending: dict[str, _Sending] = {}

    async def send(
        self,
        chat: Jid,
        message: wire.Message,
        *,
        message_id: str | None = None,
        writing: Writing = _ONCE,
    ) -> SentMessage:
        """Send a message to a user or a group and wait for the server's ack.

        Raises `Disconnected`, `RequestTimeout`, `NotOnWhatsApp`, `NotInGroup`,
        `NoDevices` or `Rejected`. After `Disconnected` or `RequestTimeout` it may have arrived all
        the same: sending it again under the same id shows it only once. Who asks for
        that while it is still under way waits for the same outcome.
        """
        if not (chat.is_user or is_room(chat)):
            raise LocalProtocolError("Only users and groups can be written to")
        context = self._context
        message_id = message_id or new_message_id(
            context.own.phone.user, now=context.now(), random_bytes=context.random_bytes
        )
        if len(message_id) > MAX_ID:
            raise LocalProtocolError("Message id too long")
        sending = self._sending.get(message_id)
        if sending is None:
            work = self._send(chat.bare, message, message_id, writing)
            task = asyncio.create_task(work, name="whatsapp send")
            sending = self._sending[message_id] = _Sending(task, chat.bare, message)
        elif (sending.chat, sending.message) != (chat.bare, message):
            raise LocalProtocolError("Another message with this id is under way")
        try:
            return await sending.outcome()
        finally:
            if sending.over and self._sending.get(message_id) is sending:
                del self._sending[message_id]

    async def cancel(self) -> None:
        """Give up on everything that is under way: who waits for it gets `Disconnected`."""
        tasks = [sending.task for sending in self._sending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(
        self, chat: Jid, message: wire.Message, message_id: str, writing: Writing
    ) -> SentMessage:
        context = self._context
        await context.wait_online()
        if is_room(chat):
            return await self._send_to_room(chat, message, message_id, writing)
        try:
            return await self._send_to(chat, message, message_id, writing)
        except Rejected as err:
            phone = context.phone_of(chat)
            if err.code != BAD_ADDRESSING or phone is None or not context.canonical(chat).is_lid:
                raise
            if await context.store.meta.get(None, _USE_PHONE_NUMBERS) is not None:
                raise
        _LOGGER.info("The server refuses LIDs as addresses: trying phone numbers")
        anew = Writing(keep=writing.keep)
        sent = await self._send_to(phone, message, message_id, anew, by_number=True)
        # It was the addresses, then: the account stays with numbers.
        stay = context.store.meta.put(None, _USE_PHONE_NUMBERS, b"\x01")
        context.spawn(stay, "remembering the kind of addresses", lasting=True)
        return sent

    async def _route(self, chat: Jid) -> Jid:
        """Choose the one namespace for the whole stanza: LID where there is one."""
        if await self._context.store.meta.get(None, _USE_PHONE_NUMBERS) is not None:
            return self._context.phone_of(chat) or chat
        if chat.is_lid:
            return chat
        return await self._devices.lid_of(chat) or chat

    async def _send_to(
        self,
        chat: Jid,
        message: wire.Message,
        message_id: str,
        writing: Writing,
        *,
        by_number: bool = False,
    ) -> SentMessage:
        # From looking it up to writing, so that the chat's messages leave in order.
        async with self._chat_lock(chat):
            if writing.stanza is not None:
                stanza = self._kept(writing.stanza)
            else:
                to = chat if by_number else await self._route(chat)
                stanza = await self._prepare(to, message, message_id)
                await writing.begin(stanza.node)
            link, waiter = await self._write(stanza.node)
        ack = await self._wait_for_ack(stanza.node, link, waiter)
        return await self._conclude(stanza, ack, message_id)

    async def _send_to_room(
        self, chat: Jid, message: wire.Message, message_id: str, writing: Writing
    ) -> SentMessage:
        """Send to many; once more when the server says how they are addressed by now."""
        for attempt in range(2):
            async with self._chat_lock(chat):
                if writing.stanza is not None and not attempt:
                    stanza = _kept_for_room(writing.stanza)
                else:
                    stanza = await self._rooms.prepare(chat, message, message_id)
                    await writing.begin(stanza.node)
                link, waiter = await self._write(stanza.node)
            ack = await self._wait_for_ack(stanza.node, link, waiter)
            try:
                await self._rooms.conclude(stanza, ack)
            except Rejected as err:
                if attempt or err.code != STALE_ADDRESSING:
                    raise
            else:
                timestamp = _timestamp(ack) or self._context.now()
                return SentMessage(message_id=message_id, chat=chat, timestamp=timestamp)
        raise Rejected(STALE_ADDRESSING)

    def _kept(self, data: bytes) -> _Stanza:
        """Read a stanza that was, or may have been, written before."""
        node = decode(data)
        to, own = node.required_jid("to"), self._context.own
        listed = node.required_child("participants").children("to")
        devices = [each.required_jid("jid") for each in listed]
        this_device = own.lid if to.is_lid else own.phone
        hashes = {participant_hash(devices), participant_hash([*devices, this_device])}
        return _Stanza(node=node, to=to, hashes=frozenset(hashes))

    def _chat_lock(self, chat: Jid) -> asyncio.Lock:
        key = self._context.canonical(chat)
        lock = self._chat_locks.get(key)
        if lock is None:
            lock = self._chat_locks[key] = asyncio.Lock()
        return lock

    async def _write(self, node: Node) -> tuple[Link, asyncio.Future[Node]]:
        """Write; a line that breaks over it fails the future, as one that breaks later."""
        link = await self._context.wait_online()
        waiter = link.expect(node.required_attr("id"))
        try:
            await link.send(node)
        except Disconnected as err:
            if not waiter.done():
                waiter.set_exception(err)
        except BaseException:
            link.forget(node.required_attr("id"))
            raise
        return link, waiter

    async def _wait_for_ack(self, node: Node, link: Link, waiter: asyncio.Future[Node]) -> Node:
        """Wait for the ack; write the very same bytes anew when the line broke."""
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT):
                    return await waiter
            except TimeoutError:
                break
            except Disconnected:
                if attempt == WRITE_ATTEMPTS:
                    raise
            finally:
                link.forget(node.required_attr("id"))
            link, waiter = await self._write(node)
        raise RequestTimeout("The server did not confirm the message")

    async def _conclude(self, stanza: _Stanza, ack: Node, message_id: str) -> SentMessage:
        """Read the ack; raise `Rejected` when it carries an error."""
        error = ack.attr("error")
        if error is not None:
            raise Rejected(error[:16])
        server_hash = ack.attr("phash")
        if server_hash is not None and server_hash not in stanza.hashes:
            stale = self._devices.forget([stanza.to, self._context.own.lid])
            self._context.spawn(stale, "forgetting a device list", lasting=True)
        phone = self._context.phone_of(stanza.to)
        if ack.attr("refresh_lid") == "true" and phone is not None:
            self._context.spawn(self._devices.refresh_lid(phone), "asking for a new LID")
        if not self._context.own.is_self(stanza.to):
            self._context.spawn(self._tokens.issue(stanza.to), "issuing a token")
        return SentMessage(
            message_id=message_id,
            chat=self._context.canonical(stanza.to),
            timestamp=_timestamp(ack) or self._context.now(),
        )

    async def _prepare(self, to: Jid, message: wire.Message, message_id: str) -> _Stanza:
        """Encrypt for everyone and build the stanza; the new state is on disk then."""
        own = self._context.own
        me = own.lid.bare if to.is_lid else own.phone.bare
        this_device = own.lid if to.is_lid else own.phone
        listed = await self._devices.of([to, me])
        recipients = [] if to == me else list(listed.get(to, ()))
        if to != me and not recipients:
            raise NoDevices("The recipient has no device")
        mine = [device for device in listed.get(me, ()) if device != this_device]
        gone = await self._sessions.ensure([*recipients, *mine])
        if gone:
            await self._devices.forget({device.bare for device in gone})
        encrypted = await self._encrypt(to, message, message_id, recipients, mine)
        node = await self._build(to, message, message_id, encrypted)
        return _Stanza(
            node=node,
            to=to,
            hashes=frozenset(
                {participant_hash(encrypted), participant_hash([*encrypted, this_device])}
            ),
        )

    async def _encrypt(
        self,
        to: Jid,
        message: wire.Message,
        message_id: str,
        recipients: list[Jid],
        mine: list[Jid],
    ) -> dict[Jid, EncryptedMessage]:
        """Encrypt and commit, with the message kept for devices that can't read it.

        Raises `NoDevices` when the message would reach nobody: a stanza for our own
        devices alone is taken by the server, and the recipient never hears of it.
        """
        context = self._context
        serialized = message.SerializeToString()
        own_copy = device_sent(to, message).SerializeToString() if mine else b""
        for_them = {device: pad(serialized, context.random_bytes) for device in recipients}
        for_us = {device: pad(own_copy, context.random_bytes) for device in mine}
        record = storage.SentMessageRecord(
            message=serialized, sent_at=context.now(), type=stanza_type(message)
        )
        async with (
            self._sessions.locked_for([*recipients, *mine]),
            context.store.transaction() as tx,
        ):
            await self._security.require(tx, to)
            encrypted = await self._sessions.encrypt(tx, for_them)
            if recipients and not encrypted:
                raise NoDevices("No device of the recipient could be encrypted for")
            encrypted |= await self._sessions.encrypt(tx, for_us)
            if not encrypted:
                raise NoDevices("There is no other device of ours")
            await context.store.sent_messages.put(
                tx,
                context.canonical(to),
                message_id,
                record,
                expires_at=context.now() + KEEP_SENT_SECONDS,
            )
        return encrypted

    async def _build(
        self,
        to: Jid,
        message: wire.Message,
        message_id: str,
        encrypted: Mapping[Jid, EncryptedMessage],
    ) -> Node:
        labels = labels_of(message)
        attrs: dict[str, str | Jid] = {"id": message_id, "to": to, "type": labels.type}
        if labels.edit is not None:
            attrs["edit"] = labels.edit
        if to.is_lid and (phone := self._context.phone_of(to)) is not None:
            attrs["peer_recipient_pn"] = phone
        children = [
            Node(
                "participants",
                {},
                [
                    Node("to", {"jid": device}, [build_enc(message, ciphertext)])
                    for device, ciphertext in encrypted.items()
                ],
            )
        ]
        if any(ciphertext.kind == "pkmsg" for ciphertext in encrypted.values()):
            children.append(Node("device-identity", {}, self._context.credentials.account))
        if labels.meta:
            children.append(Node("meta", dict(labels.meta)))
        if not self._context.own.is_self(to):
            token = await self._tokens.node_for(to)
            if token is not None:
                children.append(token)
        return Node("message", attrs, children)


def _kept_for_room(data: bytes) -> RoomStanza:
    """Read a stanza for many. Who got our key with it gets it once more with the next one."""
    node = decode(data)
    room, server_hash = node.required_jid("to"), node.attr("phash") or ""
    return RoomStanza(node=node, room=room, hash=server_hash, key_id=0, warm=())


def _timestamp(ack: Node) -> int | None:
    """Read when the server took it; nonsense there is no reason to fail afterwards."""
    try:
        return ack.int_attr("t")
    except AttributeMissing:
        return None


def build_enc(
    message: wire.Message, ciphertext: EncryptedMessage, *, count: int | None = None
) -> Node:
    """Build the `<enc>` of one device; `count` marks an answer to a retry receipt."""
    attrs: dict[str, str | Jid] = {"v": "2", "type": ciphertext.kind}
    labels = labels_of(message)
    if labels.media_type is not None:
        attrs["mediatype"] = labels.media_type
    if labels.hide_failure:
        attrs["decrypt-fail"] = "hide"
    if count is not None:
        attrs["count"] = str(count)
    return Node("enc", attrs, ciphertext.ciphertext)
