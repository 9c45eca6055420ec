"""The client: one linked account, from the outside."""

import asyncio
from collections.abc import Callable, Coroutine
import logging
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import (
    AttributeMissing,
    ConnectionFailed,
    Disconnected,
    LocalProtocolError,
    StoreCorrupt,
    StoreError,
    WhatsAppError,
)
from ..events import (
    Event,
    IdentityChanged,
    OwnNameChanged,
    QueuedMessage,
    Status,
    StatusChanged,
)
from ..iq.session import RemoveThisDevice
from ..jid import Jid
from ..message.compose import compose_text
from ..message.drafts import Draft, Target
from ..pairing.credentials import Credentials
from ..proto import wire
from ..signal import SignalAddress
from ..stanza.ack import Nack, build_ack
from ..store import RunBlocking, Store
from ..transport.base import Connector
from ..wabinary import Node
from .account_state import AccountState
from .addons import AddOns
from .blobs import Blobs
from .chat_log import ChatLog
from .context import Context
from .copies import skip_pre_keys, take_over_copy
from .devices import Devices
from .drafting import Drafting, Mentions, SendOptions
from .handlers.ib import IbHandler, OfflineBacklog
from .handlers.notification import NotificationHandler
from .handlers.receipt import ReceiptHandler
from .identity import Identities
from .inbox import Inbox
from .media import MediaFiles
from .new_chats import NewChats
from .notes import Notes
from .outbox import Outbox
from .outgoing import Outgoing, SentMessage
from .pacing import DEFAULT_PACING, Pacing, PacingLimits
from .peer import PeerMessages
from .people import People
from .placeholders import Placeholders
from .prekeys import PreKeys
from .receipts import Receipts
from .retry import RetryRequester, RetryResponder
from .room_retry import RoomRetry
from .rooms import Rooms
from .router import Router
from .runner import Runner
from .security import Security
from .sessions import Sessions
from .settings import Clock, MediaSettings, ServerSettings
from .tokens import TrustedContactTokens

_LOGGER = logging.getLogger(__name__)

# How long a logout waits for the server before it goes on without its answer.
LOGOUT_TIMEOUT: Final = 5.0
PRUNE_EVERY: Final = 6 * 3600.0
FLUSH_EVERY: Final = 5.0
# With less room than this the store counts as full.
ROOM_NEEDED: Final = 64 * 1024
_ROOM: Final = "room"


class Client:
    """A linked device of one WhatsApp account.

    `random_bytes` must be a cryptographic source. `run_blocking` runs a function on
    another thread. Without `media` no files are sent or fetched. With `hold_messages`
    received messages are kept in the store, answered, but told to nobody until
    `release_messages`. `fresh` says that this device may never have logged in: only
    then an empty store is as it should be.
    """

    def __init__(  # noqa: PLR0913 - all that is ambient comes in here, and nowhere else
        self,
        *,
        credentials: Credentials,
        store: Store,
        connector: Connector,
        server: ServerSettings,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        run_blocking: RunBlocking,
        media: MediaSettings | None = None,
        hold_messages: bool = False,
        fresh: bool = True,
        pacing: PacingLimits = DEFAULT_PACING,
    ) -> None:
        """Put the parts together; nothing happens before `start`."""
        context = self._context = Context(credentials, store, clock, random_bytes, run_blocking)
        security = self.security = Security(context)
        self._sessions = Sessions(context, security)
        self._identities = Identities(context, self._sessions, security)
        self._devices = Devices(context, self._identities)
        self._tokens = TrustedContactTokens(context)
        self._pre_keys = PreKeys(context)
        self._media = MediaFiles(context, media, host=server.media_host)
        rooms = self._rooms = Rooms(
            context,
            devices=self._devices,
            sessions=self._sessions,
            identities=self._identities,
        )
        self.groups: Final = rooms.groups
        self._outgoing = Outgoing(
            context, self._devices, self._sessions, self._tokens, security, rooms.sending
        )
        chat_log = self.log = ChatLog(context)
        self.notes: Final = Notes(context)
        account = self._account = AccountState(
            context,
            identities=self._identities,
            sessions=self._sessions,
            tokens=self._tokens,
            groups=rooms.directory,
            blobs=Blobs(self._media),
        )
        self.chats: Final = account.chats
        self._placeholders = Placeholders(context, account.peer)
        self._inbox = Inbox(
            context,
            sessions=self._sessions,
            identities=self._identities,
            sender_keys=rooms.sender_keys,
            peer=PeerMessages(context, self._identities, account),
            receipts=Receipts(context),
            retries=RetryRequester(context, self._pre_keys),
            placeholders=self._placeholders,
            addons=AddOns(context, chat_log),
        )
        self.outbox: Final = Outbox(
            context,
            self._outgoing,
            Pacing(pacing, now=clock.now()),
            attachments=self._media,
            new_chats=NewChats(context, self._tokens),
        )
        self._drafting = Drafting(context, chat_log, self._media, self.outbox.enqueue)
        self.outbox.connect(
            on_store_error=self._on_store_error, on_uploaded=self._drafting.keep_uploaded
        )
        people = self._people = People(
            context,
            devices=self._devices,
            identities=self._identities,
            tokens=self._tokens,
            media=media,
        )
        self.calls: Final = people.calls
        self.contacts: Final = people.contacts
        self.profile: Final = people.profile
        self.newsletters: Final = people.newsletters
        self.presence: Final = people.presence
        self.privacy: Final = people.privacy
        self.reading: Final = people.reading
        self._responder = RetryResponder(
            context, self._devices, self._sessions, security, RoomRetry(context, rooms)
        )
        self._runner = Runner(
            context,
            connector=connector,
            server=server,
            pre_keys=self._pre_keys,
            make_router=self._make_router,
            reopen_store=self._reopen_store,
            on_status=self._set_status,
            on_ready=self._on_ready,
        )
        self._hold_messages = hold_messages
        self._fresh = fresh
        self._status = Status.DISCONNECTED
        self._last_error: WhatsAppError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False
        self._stopped = False
        self._stopping: asyncio.Task[None] | None = None
        self._status_changed = asyncio.Event()
        self._connections = 0
        context.dispatcher.subscribe(OwnNameChanged, self._on_own_name)
        context.dispatcher.subscribe(IdentityChanged, self._on_identity)

    # --- life

    async def start(self) -> None:
        """Open the store and begin to connect in the background.

        Raises `StoreError` when the stored state can't be used.
        """
        if self._started:
            raise LocalProtocolError("The client was started already")
        self._started = True
        self._stopped = False
        try:
            await self._open()
            if self._stopped:
                raise Disconnected("Stopped")
        except BaseException:
            self._started = False
            await self._close_store()
            raise
        self._tasks = {
            asyncio.create_task(self._run(), name="whatsapp connection"),
            asyncio.create_task(self._tidy(), name="whatsapp store upkeep"),
            asyncio.create_task(self.outbox.run(), name="whatsapp outbox"),
        }

    async def _open(self) -> None:
        context = self._context
        await context.store.open()
        await take_over_copy(context)
        for phone_user, lid_user in (await context.store.lids.all(None)).items():
            context.lids.add(phone_user, lid_user)
        await self._rooms.load()
        await self._account.names.load()
        await self._seed_store()
        await context.store.inbox.recover()
        await self.outbox.load()
        await self._media.sweep()
        if self._hold_messages:
            self._inbox.hold()
        else:
            await self._inbox.release()

    async def _seed_store(self) -> None:
        """Into an empty store goes what pairing gave us.

        If it was not to be empty the server has prekeys that we lost: it is given new
        ones, and none has the id of an old one.
        """
        context = self._context
        credentials = context.credentials
        if await context.store.signed_pre_keys.current(None) is not None:
            return
        try:
            account = wire.ADVSignedDeviceIdentity.FromString(credentials.account)
        except ProtobufDecodeError as err:
            raise StoreCorrupt("The stored credentials can't be read") from err
        own_phone = SignalAddress(credentials.lid.signal_name, 0)
        async with context.store.transaction() as tx:
            if not self._fresh:
                _LOGGER.warning("The stored state is gone: beginning new sessions with everybody")
                await skip_pre_keys(context, tx)
            await context.store.signed_pre_keys.put(tx, credentials.signed_pre_key)
            await context.store.signed_pre_keys.set_current(tx, credentials.signed_pre_key.id)
            await context.store.identities.put(tx, own_phone, account.accountSignatureKey)

    async def _run(self) -> None:
        try:
            error: WhatsAppError = await self._runner.run()
        except WhatsAppError as err:
            error = err
            self._set_status(Status.ERROR, error)
        except Exception as err:
            _LOGGER.exception("The connection failed")
            self._set_status(Status.ERROR, Disconnected(type(err).__name__))
            return
        _LOGGER.debug("Stopped connecting: %s", error)

    async def _tidy(self) -> None:
        """Now and then remove what has served its time."""
        context = self._context
        next_prune = context.clock.monotonic()
        while True:
            try:
                await self._inbox.flush()
                await self.log.trim()
                if context.clock.monotonic() >= next_prune:
                    next_prune = context.clock.monotonic() + PRUNE_EVERY
                    await context.store.prune(context.now())
                    await self.log.trim_all()
                    await context.store.media.trim(None)
            except WhatsAppError as err:
                _LOGGER.debug("Store upkeep failed: %s", err)
            await context.clock.sleep(FLUSH_EVERY)

    async def stop(self) -> None:
        """Disconnect, finish writing and close the store; safe to call again.

        It goes on to its end when the caller is cancelled, or several call at once.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(), name="whatsapp stopping")
            self._stopping.add_done_callback(self._on_stopped)
        await asyncio.shield(self._stopping)

    def _on_stopped(self, _task: asyncio.Task[None]) -> None:
        self._started, self._stopping = False, None

    async def _stop(self) -> None:
        self._stopped = True
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._outgoing.cancel()
        await self._context.finish_lasting()
        try:
            if tasks:
                await self._inbox.flush()
        except WhatsAppError as err:
            _LOGGER.debug("The last flush failed: %s", err)
        await self._close_store()
        if tasks and self._status not in (Status.LOGGED_OUT, Status.ERROR):
            self._set_status(Status.DISCONNECTED, None)

    async def _close_store(self) -> None:
        try:
            await self._context.store.close()
        except StoreError as err:
            # It is closed all the same, and what matters was on disk before.
            _LOGGER.debug("Closing the store failed: %s", err)

    async def _reopen_store(self) -> None:
        """Open the store anew, and go on where it had failed.

        Raises `StoreError` unless it can be read and written.
        """
        await self._close_store()
        store = self._context.store
        await store.open()
        # On a full disk a store still opens.
        await store.meta.put(None, _ROOM, bytes(ROOM_NEEDED))
        await store.meta.delete(None, _ROOM)
        if not self._hold_messages:
            await self._inbox.release()

    async def logout(self) -> None:
        """Ask the server to remove this device, then stop; works best effort."""
        try:
            # Also a line that takes no data must not hold it up.
            async with asyncio.timeout(LOGOUT_TIMEOUT):
                await self._context.execute(RemoveThisDevice(self._context.credentials.jid))
        except (WhatsAppError, TimeoutError) as err:
            _LOGGER.debug("The server did not confirm the logout: %s", err)
        await self.stop()

    def reconnect(self) -> None:
        """Try to connect now instead of waiting out a pause."""
        self._runner.hurry()

    async def release_messages(self) -> None:
        """Hand over the messages that were held, and from now on at once.

        A store that fails raises `StoreError`; they come when it works again.
        """
        self._hold_messages = False
        await self._do(self._inbox.release())

    async def wait_connected(self, timeout: float) -> None:
        """Wait until the line is up.

        Raises the error that ended all trying (`NotLinked`, `ServiceRefused`,
        `StoreError`), or `ConnectionFailed` when the time is over.
        """
        try:
            async with asyncio.timeout(timeout):
                while self._status is not Status.CONNECTED:
                    if self._status in (Status.LOGGED_OUT, Status.ERROR):
                        raise self._last_error or ConnectionFailed("Stopped")
                    self._status_changed.clear()
                    await self._status_changed.wait()
        except TimeoutError as err:
            raise ConnectionFailed("Not connected in time") from (self._last_error or err)

    # --- what it knows

    @property
    def status(self) -> Status:
        """How the connection stands."""
        return self._status

    @property
    def last_error(self) -> WhatsAppError | None:
        """Why the connection last ended, if it did."""
        return self._last_error

    @property
    def credentials(self) -> Credentials:
        """What this device logs in with."""
        return self._context.credentials

    @property
    def own_jid(self) -> Jid:
        """Our account's phone-number JID, without device."""
        return self._context.own.phone.bare

    @property
    def own_lid(self) -> Jid:
        """Our account's LID, without device."""
        return self._context.own.lid.bare

    @property
    def push_name(self) -> str | None:
        """The name that our account shows to others, where it is known."""
        return self._context.credentials.push_name or self._context.credentials.business_name

    def subscribe[E: Event](
        self, event_type: type[E], listener: Callable[[E], None]
    ) -> Callable[[], None]:
        """Call `listener` for every event of exactly that type; return how to stop."""
        return self._context.dispatcher.subscribe(event_type, listener)

    def phone_of(self, jid: Jid) -> Jid | None:
        """The phone-number JID of a user, where it is known."""
        return self._context.phone_of(jid)

    async def name_of(self, jid: Jid) -> str | None:
        """The name of a user or chat: the phone's, or the one they gave themselves."""
        return await self._account.names.of(jid.bare)

    async def diagnostics(self) -> dict[str, str | int | bool | None]:
        """Figures for a bug report: no keys, names, numbers or texts."""
        context = self._context
        error = self._last_error
        return {
            "status": self._status.value,
            "last_error": None if error is None else type(error).__name__,
            "connections": self._connections,
            "platform": context.credentials.platform,
            "lid_migrated": context.credentials.lid_migrated,
            "pre_keys": await context.store.pre_keys.count(None),
        }

    # --- what it does

    @property
    def media(self) -> MediaFiles:
        """Files."""
        return self._media

    async def resolve_number(self, number: str) -> Jid:
        """Find the JID of an international number, digits with or without `+`.

        Raises `NotOnWhatsApp`, `Disconnected`, `RequestTimeout` or `IqError`, and
        `LocalProtocolError` for what is no number.
        """
        digits = number.removeprefix("+")
        if not (digits.isascii() and digits.isdecimal()):
            raise LocalProtocolError("Not a phone number")
        return await self._do(self._people.numbers.resolve(digits))

    async def send_text(
        self, chat: Jid, text: str, *, message_id: str | None = None
    ) -> SentMessage:
        """Send a text to a user or a group; see `send_message` for the errors."""
        return await self.send_message(chat, compose_text(text), message_id=message_id)

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
        """Hand over what a draft says; see `Drafting.send` and `Outbox.enqueue`."""
        return await self._do(
            self._drafting.send(
                chat,
                draft,
                reply_to=reply_to,
                mentions=mentions,
                message_id=message_id,
                options=options,
            )
        )

    async def send_message(
        self, chat: Jid, message: wire.Message, *, message_id: str | None = None
    ) -> SentMessage:
        """Send a message to a user or a group at once, past all that waits; wait for the ack.

        Raises `Disconnected` or `RequestTimeout` (it may have arrived all the same),
        `NotOnWhatsApp`, `NotInGroup`, `NoDevices`, `Rejected`, `IqError`, or `StoreError`.
        """
        return await self._do(self._outgoing.send(chat, message, message_id=message_id))

    # --- inside

    async def _do[R](self, work: Coroutine[None, None, R]) -> R:
        """Do something for a caller; when the store fails it, the line can't go on either."""
        try:
            return await work
        except StoreError as err:
            if self._stopped:
                raise Disconnected("Stopped") from err
            self._runner.end_line(err)
            raise

    def _on_store_error(self, error: StoreError) -> None:
        """The store failed at work that nobody waits for: the line can't go on either."""
        if not self._stopped:
            self._runner.end_line(error)

    def _make_router(self, backlog: OfflineBacklog) -> Router:
        context = self._context
        notifications = NotificationHandler(
            context,
            devices=self._devices,
            identities=self._identities,
            pre_keys=self._pre_keys,
            sessions=self._sessions,
            tokens=self._tokens,
        )
        notifications.add("mediaretry", self._media.on_notification)

        async def count(node: Node) -> None:
            if node.attr("offline") is not None:
                await backlog.arrived()

        router = Router()
        router.add_group("message", self._inbox.receive)
        router.add("receipt", ReceiptHandler(context, self._responder, self.outbox.states).handle)
        router.add("notification", notifications.handle)
        ib = IbHandler(context, backlog)
        router.add("ib", ib.handle)
        self._rooms.register(notifications, ib)
        router.add("iq", self._answer_ping)
        for silent in ("ack", "error", "stream:features"):
            router.add(silent, _ignore)
        self._people.attach(router, notifications)
        self._account.attach(notifications, ib)
        router.set_fallback(self._refuse)
        router.set_after(fault=self._give_up_on, done=count)
        return router

    async def _refuse(self, node: Node) -> None:
        """Answer a stanza of an unknown kind, so that the server stops sending it."""
        await self._nack(node, Nack.UNRECOGNIZED_STANZA)

    async def _give_up_on(self, node: Node) -> None:
        """Answer a stanza that our handlers fail at: again it would fail them again."""
        if node.tag in ("message", "receipt", "notification", "call"):
            await self._nack(node, Nack.UNHANDLED_ERROR)

    async def _nack(self, node: Node, error: Nack) -> None:
        try:
            ack = build_ack(node, own_device=self._context.own.phone, error=error)
        except AttributeMissing:
            return
        if ack is not None:
            await self._context.send(ack)

    async def _answer_ping(self, node: Node) -> None:
        """The server asks whether we are there."""
        is_ping = node.attr("xmlns") == "urn:xmpp:ping" or node.child("ping") is not None
        if is_ping and node.attr("type") in (None, "get") and node.attr("id"):
            to, ping_id = node.required_jid("from"), node.required_attr("id")
            await self._context.send(Node("iq", {"type": "result", "to": to, "id": ping_id}))

    async def _on_ready(self) -> None:
        self._connections += 1
        self._rooms.on_ready()
        self._people.on_ready()
        self._account.on_ready()
        self._context.spawn(self._placeholders.watch(), "following missing messages")

    def _on_identity(self, event: IdentityChanged) -> None:
        self._context.spawn(self._tokens.reissue(event.user), "issuing a token again")

    def _on_own_name(self, event: OwnNameChanged) -> None:
        self._context.set_push_name(event.name)

    def _set_status(self, status: Status, error: WhatsAppError | None) -> None:
        known = type(self._last_error)
        if error is not None:
            self._last_error = error
        # Another reason for the same status is news; the same one again is not.
        if status is self._status and (error is None or type(error) is known):
            return
        self._status = status
        self._status_changed.set()
        self._context.emit(StatusChanged(status=status, error=error))


async def _ignore(_node: Node) -> None:
    """Nothing to do and nothing to answer."""
