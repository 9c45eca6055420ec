"""The life of the line: connect, log in, read until it ends, decide, again."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
import logging
from typing import Final

from ..connection import Connection
from ..crypto.curve25519 import KeyPair
from ..errors import (
    Disconnected,
    IqError,
    RequestTimeout,
    SessionReplaced,
    StoreCorrupt,
    StoreError,
    TemporarilyBanned,
    WhatsAppError,
)
from ..events import CaughtUp, Status
from ..iq.session import LeavePassive
from ..pairing.registration import login_payload
from ..stanza.ending import parse_failure, parse_stream_error
from ..transport.base import Connector
from ..wabinary import Node
from .context import Context
from .copies import note_replaced
from .handlers.ib import ROUTING_INFO, OfflineBacklog
from .keepalive import keep_alive
from .link import Link
from .prekeys import PreKeys
from .reconnect import STABLE_AFTER, Backoff, Next, Verdict, decide
from .router import Router
from .settings import ServerSettings

_LOGGER = logging.getLogger(__name__)

# How long the server may take from the handshake to its word on the login.
LOGIN_TIMEOUT: Final = 30.0
# The web client's OFFLINE_STANZA_TIMEOUT: then it goes on as if all had come.
BACKLOG_TIMEOUT: Final = 60.0
ID_PREFIX_BYTES: Final = 4
# How long a handler may take to finish when its line is gone.
HANDLER_GRACE: Final = 10.0
# How long to read on when a write fails: the server may have said why before it closed.
LAST_WORD: Final = 1.0
# A server that keeps asking for a restart is not hammered.
MAX_AT_ONCE: Final = 3


class _Word(Enum):
    """The server's word on a login."""

    ACCEPTED = "accepted"


class Runner:
    """Keeps one account's line up for as long as that makes sense."""

    def __init__(
        self,
        context: Context,
        *,
        connector: Connector,
        server: ServerSettings,
        pre_keys: PreKeys,
        make_router: Callable[[OfflineBacklog], Router],
        reopen_store: Callable[[], Awaitable[None]],
        on_status: Callable[[Status, WhatsAppError | None], None],
        on_ready: Callable[[], Awaitable[None]],
    ) -> None:
        """`make_router` gives the handlers of a new connection.

        `reopen_store` raises `StoreError` unless the store can be read and written.
        """
        self._context = context
        self._connector = connector
        self._server = server
        self._pre_keys = pre_keys
        self._make_router = make_router
        self._reopen_store = reopen_store
        self._on_status = on_status
        self._on_ready = on_ready
        self._backoff = Backoff()
        self._hurry = asyncio.Event()
        self._ready_at: float | None = None
        self._ended: asyncio.Future[WhatsAppError] | None = None

    def hurry(self) -> None:
        """Try to connect now instead of waiting out the backoff."""
        self._hurry.set()

    async def run(self) -> WhatsAppError:
        """Stay connected; return the error that makes trying again pointless."""
        context = self._context
        at_once = 0
        while True:
            self._context.hindrance = None
            self._on_status(Status.CONNECTING, None)
            self._ready_at = None
            error = await self._live_once()
            if self._was_stable():
                self._backoff.was_stable()
                at_once = 0
            following = decide(
                error,
                self._backoff,
                context.random_unit(),
                was_open=self._ready_at is not None,
            )
            _LOGGER.debug("Connection ended (%s): %s", error, following.verdict.value)
            if following.verdict is Verdict.MEND_STORE:
                error = await self._mend_store(error, following.wait)
                if isinstance(error, StoreCorrupt):
                    following = Next(Verdict.STOP)
            if isinstance(error, SessionReplaced):
                await self._note_replaced()
            if following.verdict is Verdict.LOGGED_OUT:
                self._say(Status.LOGGED_OUT, error)
                return error
            if following.verdict is Verdict.STOP:
                self._say(Status.ERROR, error)
                return error
            at_once = at_once + 1 if following.verdict is Verdict.AT_ONCE else 0
            if following.verdict is Verdict.RETRY or at_once > MAX_AT_ONCE:
                self._say(Status.DISCONNECTED, error)
                await self._wait(following.wait or self._backoff.next_wait(context.random_unit()))

    async def _note_replaced(self) -> None:
        """Have the next start begin anew with everybody: two on one ratchet repeat keys."""
        try:
            await note_replaced(self._context)
        except StoreError as err:
            _LOGGER.warning("That the keys are used elsewhere can't be written down: %s", err)

    def end_line(self, error: WhatsAppError) -> None:
        """End the connection, if there is one, as if that error had ended it."""
        if self._ended is not None:
            _resolve(self._ended, error)

    def _say(self, status: Status, error: WhatsAppError) -> None:
        """Tell how it stands; whoever wants the line meanwhile is told why there is none."""
        short = status is Status.DISCONNECTED and not isinstance(error, TemporarilyBanned)
        self._context.hindrance = None if short else error
        self._on_status(status, error)

    async def _mend_store(self, error: WhatsAppError, wait: float) -> WhatsAppError:
        """Wait until the store works again, or is found damaged; give the last error."""
        while not isinstance(error, StoreCorrupt):
            self._say(Status.ERROR, error)
            await self._wait(wait)
            try:
                await self._reopen_store()
            except StoreError as err:
                error = err
                wait = self._backoff.next_store(self._context.random_unit())
            else:
                break
        return error

    def _was_stable(self) -> bool:
        """Whether the last line held; time spent on connecting in vain does not count."""
        ready_at = self._ready_at
        return ready_at is not None and (self._context.clock.monotonic() - ready_at >= STABLE_AFTER)

    async def _wait(self, seconds: float) -> None:
        self._hurry.clear()
        sleeping = asyncio.ensure_future(self._context.clock.sleep(seconds))
        hurried = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait({sleeping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            hurried.cancel()

    async def _live_once(self) -> WhatsAppError:
        """Live one connection from beginning to end; return why it ended."""
        try:
            link = await self._open()
        except WhatsAppError as err:
            return err
        except Exception as err:
            # A fault in a proxy or library must not end the account's connection.
            _LOGGER.exception("Connecting failed")
            return Disconnected(f"Connecting failed: {type(err).__name__}")
        context = self._context
        context.link = link
        try:
            return await self._serve(link)
        finally:
            context.online.clear()
            try:
                await link.close()
            finally:
                await context.cancel_tasks()
                context.link = None

    async def _open(self) -> Link:
        context = self._context
        routing = await context.store.meta.get(None, ROUTING_INFO)
        engine = Connection(
            noise_key=context.credentials.noise_key,
            ephemeral=KeyPair.from_private(context.random_bytes(32)),
            client_payload=login_payload(context.credentials, self._server.version),
            root_key=self._server.root_key,
            now=context.now(),
            routing_info=routing,
        )
        prefix = context.random_bytes(ID_PREFIX_BYTES).hex()
        return await Link.open(
            self._connector, self._server.url, engine, clock=context.clock, id_prefix=prefix
        )

    async def _serve(self, link: Link) -> WhatsAppError:
        """Run reader, handlers, login and keepalive until the first of them ends it."""
        backlog = OfflineBacklog(self._context)
        router = self._make_router(backlog)
        word: asyncio.Future[_Word | WhatsAppError] = asyncio.get_running_loop().create_future()
        ended: asyncio.Future[WhatsAppError] = asyncio.get_running_loop().create_future()
        self._ended = ended

        def on_node(node: Node) -> None:
            match node.tag:
                case "success":
                    # It may come more than once; the first one counts.
                    if not word.done():
                        word.set_result(_Word.ACCEPTED)
                case "failure":
                    _resolve(ended, parse_failure(node))
                case "stream:error":
                    _resolve(ended, parse_stream_error(node))
                case _:
                    router.put(node)

        handling = asyncio.create_task(router.run(), name="whatsapp handlers")
        reading = asyncio.create_task(link.read(on_node), name="whatsapp reader")
        breaking = asyncio.create_task(link.until_broken(), name="whatsapp writes")
        tasks = {
            handling,
            reading,
            breaking,
            asyncio.create_task(keep_alive(self._context, link), name="whatsapp keepalive"),
            asyncio.create_task(self._log_in(link, word, backlog), name="whatsapp login"),
        }
        try:
            done, _ = await asyncio.wait({*tasks, ended}, return_when=asyncio.FIRST_COMPLETED)
            if link.closed and not {reading, ended} & done:
                await asyncio.wait(
                    {reading, ended}, timeout=LAST_WORD, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            self._ended = None
            self._context.online.clear()
            router.stop()
            for task in tasks - {handling}:
                task.cancel()
            # What a handler still wants to send fails; what it began to store is finished.
            await link.close()
            await asyncio.wait({handling}, timeout=HANDLER_GRACE)
            handling.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if ended.done():
            return ended.result()
        return _reason_of(done if breaking not in done else {breaking})

    async def _log_in(
        self,
        link: Link,
        word: asyncio.Future[_Word | WhatsAppError],
        backlog: OfflineBacklog,
    ) -> WhatsAppError:
        """Wait for the server's word, begin the session, then idle; an error ends it."""
        context = self._context
        try:
            async with asyncio.timeout(LOGIN_TIMEOUT):
                await word
        except TimeoutError:
            return RequestTimeout("The server did not answer the login")
        try:
            await self._pre_keys.check()
            await link.execute(LeavePassive())
        except (Disconnected, RequestTimeout, IqError) as err:
            return err
        context.online.set()
        self._ready_at = context.clock.monotonic()
        await self._on_ready()
        self._on_status(Status.CONNECTED, None)
        try:
            async with asyncio.timeout(BACKLOG_TIMEOUT):
                await backlog.done.wait()
        except TimeoutError:
            _LOGGER.debug("The server did not say that the backlog is complete")
        else:
            context.emit(CaughtUp())
        context.spawn(self._pre_keys.check_digest(), "checking the key digest")
        idle: asyncio.Future[WhatsAppError] = asyncio.get_running_loop().create_future()
        return await idle


def _resolve(future: asyncio.Future[WhatsAppError], error: WhatsAppError) -> None:
    if not future.done():
        future.set_result(error)


def _reason_of(done: set[asyncio.Future[WhatsAppError]]) -> WhatsAppError:
    """Find why the first task ended; a bug in one counts as a lost line."""
    for task in done:
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, WhatsAppError):
            return error
        _LOGGER.error("The connection failed", exc_info=error)
    return Disconnected("The connection failed")
