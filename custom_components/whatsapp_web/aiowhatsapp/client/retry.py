"""Retry receipts, both ways: asking for what we can't read, serving what others can't."""

import asyncio
import logging
from typing import Final, NamedTuple

from ..errors import AttributeMissing, IdentityUnconfirmed, IqError, SignalError
from ..iq.prekeys import PublicSignedPreKey, build_signed_pre_key
from ..jid import Jid
from ..message.compose import device_sent, labels_of
from ..message.padding import pad
from ..proto import storage, wire
from ..stanza.message import MessageStanza
from ..stanza.receipt import RetryRequest, parse_retry
from ..wabinary import Node
from .context import Context
from .devices import Devices
from .group_sending import KEEP_SENT_SECONDS
from .outgoing import build_enc
from .prekeys import PreKeys
from .room_retry import RoomRetry
from .rooms import is_room
from .security import Security
from .sessions import Sessions, retry_reason

_LOGGER = logging.getLogger(__name__)

# Peers serve counts below 5 only.
MAX_REQUESTS: Final = 4
MAX_SERVED: Final = 5
# Nobody has more devices; and what may wait to be served.
MAX_REQUESTERS: Final = 64
MAX_BUSY: Final = 256
KEEP_COUNT_SECONDS: Final = 24 * 3600
# From this count on our keys go along, so that the sender can begin anew.
KEYS_FROM: Final = 2
# The same device may have its session made anew once in this time.
RECREATE_SECONDS: Final = 3600


class Asked(NamedTuple):
    """How often a sender has been asked for a message: never before, or for the last time."""

    first: bool
    in_vain: bool


class RetryRequester:
    """Asks senders to encrypt a message once more."""

    def __init__(self, context: Context, pre_keys: PreKeys) -> None:
        """Share the client's context; `pre_keys` makes the key that goes along."""
        self._context = context
        self._pre_keys = pre_keys

    async def request(self, stanza: MessageStanza, error: SignalError) -> Asked:
        """Send a retry receipt; say how often the sender has been asked."""
        context = self._context
        key = f"{stanza.chat}|{stanza.sender}|{stanza.id}"
        known = await context.store.retries.get(None, key)
        count = max([known, *(enc.count for enc in stanza.encs)]) + 1
        if count > MAX_REQUESTS:
            _LOGGER.warning("Giving up on a message that could not be read %s times", count - 1)
        else:
            await context.send(await self._build(stanza, count, retry_reason(error)))
        # Only now: what a broken line swallowed is no request.
        await context.store.retries.put(
            None, key, count, expires_at=context.now() + KEEP_COUNT_SECONDS
        )
        return Asked(first=not known, in_vain=count > MAX_REQUESTS)

    async def _build(self, stanza: MessageStanza, count: int, reason: int) -> Node:
        context = self._context
        attrs: dict[str, str | Jid] = {
            "id": stanza.id,
            "to": stanza.from_jid,
            "type": "retry",
        }
        if stanza.participant is not None:
            attrs["participant"] = stanza.participant
        if stanza.from_me and not stanza.is_group:
            if stanza.is_peer:
                attrs["category"] = "peer"
            else:
                attrs["recipient"] = (stanza.recipient or stanza.chat).bare
        retry: dict[str, str | Jid] = {
            "v": "1",
            "count": str(count),
            "id": stanza.id,
            "t": str(stanza.timestamp),
            "error": str(reason),
        }
        registration = context.credentials.registration_id.to_bytes(4)
        children = [Node("retry", retry), Node("registration", {}, registration)]
        if count >= KEYS_FROM:
            children.append(await self._build_keys())
        return Node("receipt", attrs, children)

    async def _build_keys(self) -> Node:
        context = self._context
        pre_key = await self._pre_keys.take_one()
        signed = await self._pre_keys.signed()
        return Node(
            "keys",
            {},
            [
                Node("type", {}, b"\x05"),
                Node("identity", {}, context.credentials.identity_key.public),
                Node(
                    "key",
                    {},
                    [
                        Node("id", {}, pre_key.id.to_bytes(3)),
                        Node("value", {}, pre_key.key_pair.public),
                    ],
                ),
                build_signed_pre_key(
                    PublicSignedPreKey(
                        id=signed.id,
                        public=signed.key_pair.public,
                        signature=signed.signature,
                    )
                ),
                Node("device-identity", {}, context.credentials.account),
            ],
        )


class RetryResponder:
    """Encrypts messages once more for devices that could not read them."""

    def __init__(
        self,
        context: Context,
        devices: Devices,
        sessions: Sessions,
        security: Security,
        rooms: RoomRetry,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._rooms = rooms
        self._security = security
        self._devices = devices
        self._sessions = sessions
        self._busy: set[tuple[str, Jid]] = set()
        self._serving = asyncio.Lock()

    async def handle(self, node: Node) -> None:
        """Serve a retry receipt, if it may be served."""
        request = parse_retry(node)
        key = (request.id, request.requester)
        if request.count >= MAX_SERVED or key in self._busy or len(self._busy) >= MAX_BUSY:
            return
        self._busy.add(key)
        try:
            # One after another: how often a message was served is read and written.
            async with self._serving:
                await self._serve(request)
        except (AttributeMissing, IdentityUnconfirmed, SignalError, IqError) as err:
            _LOGGER.info("A retry receipt was not served: %s", err)
        finally:
            self._busy.discard(key)

    async def _serve(self, request: RetryRequest) -> None:
        context = self._context
        requester = request.requester
        own_device = context.own.is_self(requester)
        in_room = is_room(request.from_jid)
        chat = request.recipient if own_device and not in_room else request.from_jid.bare
        if chat is None or context.own.is_this_device(requester):
            return
        if request.keys is None and not await self._is_listed(requester):
            _LOGGER.info("A device that nobody lists asked for a message again")
            return
        found = await self._find(chat, request.id)
        await self._mend_session(request)
        if in_room and not await self._rooms.admit(request):
            return
        if found is None:
            _LOGGER.info("A message was asked for again that is no longer kept")
            return
        stored_chat, record = found
        served = _served(record, requester)
        if served is None or served.count >= MAX_SERVED:
            return
        served.count += 1
        message = wire.Message.FromString(record.message)
        if own_device and not in_room:
            message = device_sent(chat.bare, message)
        await self._resend(request, stored_chat, record, message)

    async def _find(
        self, chat: Jid, message_id: str
    ) -> tuple[Jid, storage.SentMessageRecord] | None:
        """Find a message that was sent, and the form of its chat it is kept under."""
        context = self._context
        forms = (context.canonical(chat.bare), chat.bare, context.phone_of(chat))
        for form in dict.fromkeys(forms):
            if form is None:
                continue
            record = await context.store.sent_messages.get(None, form, message_id)
            if record is not None:
                return form, record
        return None

    async def _is_listed(self, device: Jid) -> bool:
        """Whether the server lists the device; asks anew when we didn't know it."""
        user = device.bare
        if not device.device or device in (await self._devices.of([user])).get(user, ()):
            return True
        await self._devices.forget([user])
        return device in (await self._devices.of([user])).get(user, ())

    async def _mend_session(self, request: RetryRequest) -> None:
        """Give the requester a session that it can read, as its receipt asks."""
        context = self._context
        requester = request.requester
        record = await context.store.sessions.get(None, context.address_of(requester))
        if request.keys is not None:
            if request.keys.pre_key is None:
                raise AttributeMissing("keys without a one-time key")
            if context.own.is_self(requester) and record is not None:
                known = record.remote_registration_id
                if known and known != request.keys.registration_id:
                    raise AttributeMissing("an own device's registration changed")
            await self._sessions.install_bundle(requester, request.keys)
            return
        stale = record is not None and (
            request.registration_id not in (0, record.remote_registration_id)
        )
        if (
            record is None
            or stale
            or (request.count >= KEYS_FROM and await self._may_recreate(requester))
        ):
            await self._sessions.ensure([requester], refresh=True)

    async def _may_recreate(self, device: Jid) -> bool:
        """Whether the session was not made anew lately; notes that it is now."""
        context = self._context
        key = f"recreate|{device}"
        now = context.now()
        # Expired entries stay until the next pruning: the time itself is what counts.
        if now - await context.store.retries.get(None, key) < RECREATE_SECONDS:
            return False
        async with context.store.transaction() as tx:
            await context.store.retries.put(tx, key, now, expires_at=now + RECREATE_SECONDS)
        return True

    async def _resend(
        self,
        request: RetryRequest,
        chat: Jid,
        record: storage.SentMessageRecord,
        message: wire.Message,
    ) -> None:
        context = self._context
        requester = request.requester
        in_room = is_room(request.from_jid)
        async with self._sessions.locked_for([requester]), context.store.transaction() as tx:
            # Whoever takes somebody's place would ask for what was meant for them.
            await self._security.require(tx, requester)
            dressed = await self._rooms.dress(tx, request, message) if in_room else message
            plaintext = pad(dressed.SerializeToString(), context.random_bytes)
            encrypted = await self._sessions.encrypt(tx, {requester: plaintext})
            await context.store.sent_messages.put(
                tx, chat, request.id, record, expires_at=record.sent_at + KEEP_SENT_SECONDS
            )
        ciphertext = encrypted.get(requester)
        if ciphertext is None:
            return
        attrs: dict[str, str | Jid] = {"id": request.id, "type": record.type or "text"}
        if in_room:
            attrs |= await self._rooms.address(request)
        else:
            attrs |= {"to": requester, "device_fanout": "false"}
        if request.recipient is not None:
            attrs["recipient"] = request.recipient
        if request.timestamp is not None:
            attrs["t"] = str(request.timestamp)
        labels = labels_of(message)
        if labels.edit is not None:
            attrs["edit"] = labels.edit
        children = [build_enc(message, ciphertext, count=request.count)]
        if ciphertext.kind == "pkmsg":
            children.append(Node("device-identity", {}, context.credentials.account))
        if labels.meta:
            children.append(Node("meta", dict(labels.meta)))
        await context.send(Node("message", attrs, children))


def _served(
    record: storage.SentMessageRecord, requester: Jid
) -> storage.SentMessageRecord.Resend | None:
    """Find, or add, the count of how often a device was served; None is too many devices."""
    name = str(requester)
    for resend in record.resends:
        if resend.requester == name:
            return resend
    if len(record.resends) >= MAX_REQUESTERS:
        return None
    return record.resends.add(requester=name, count=0)
