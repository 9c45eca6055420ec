"""One attempt at linking this device: from connecting to the account's word.

Everything happens in one loop that takes what comes, from the line or from the caller,
one after another; between two things it waits for the next deadline.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
import logging
from typing import Final

from ..connection import Connection
from ..errors import (
    AttributeMissing,
    ConnectionFailed,
    LocalProtocolError,
    PairingExpired,
    PairingFailed,
    PasskeyRequired,
    RemoteProtocolError,
    WhatsAppError,
)
from ..pairing import link_code, passkey, stanzas
from ..pairing.adv import AdvRejected, PairedIdentity, accept_identity
from ..pairing.credentials import Credentials, new_adv_secret, new_device_keys
from ..pairing.qr import qr_text
from ..pairing.registration import registration_payload
from ..signal.keys import RandomBytes, make_key_pair
from ..stanza.ack import build_ack
from ..stanza.ending import parse_failure, parse_stream_error
from ..store import RunBlocking
from ..transport.base import Connector
from ..wabinary import Node
from .keepalive import keep_alive
from .link import Link
from .link_code import CodeRequest, LinkCodes
from .pairing_events import (
    Confirming,
    LinkCode,
    LinkCodeEnded,
    PairingEvent,
    PasskeyRequested,
    QrCode,
)
from .settings import Clock, ServerSettings

__all__ = [
    "Confirming",
    "LinkCode",
    "LinkCodeEnded",
    "Pairing",
    "PairingEvent",
    "PasskeyRequested",
    "QrCode",
]

_LOGGER = logging.getLogger(__name__)

# How long the server honours the first code, and each one after it.
FIRST_CODE_LIFETIME: Final = 60.0
CODE_LIFETIME: Final = 20.0
# For the refs of the codes to come, once connected.
REFS_TIMEOUT: Final = 60.0
# For the server to restart the stream after our signature; it counts either way.
RESTART_TIMEOUT: Final = 20.0
_SIGNATURE_RANDOMNESS: Final = 64
_PING_NAMESPACE: Final = "urn:xmpp:ping"


@dataclass(frozen=True, slots=True)
class _Answer:
    """The server's answer to a request of ours."""

    request_id: str
    node: Node


type _Item = Node | _Answer | CodeRequest | Exception


@dataclass(slots=True)
class _Refs:
    """The refs of the codes to scan, and which of them is shown until when."""

    refs: list[str]
    until: float
    index: int = 0

    @property
    def used_up(self) -> bool:
        """Whether all codes have run out."""
        return self.index >= len(self.refs)


class Pairing:
    """One attempt at linking a device; single use.

    `save` is awaited before the server is told that we agree: what it got is the linked
    device. Once it has begun, cancelling `run` waits until the server was told, too.
    """

    _link: Link

    def __init__(
        self,
        *,
        connector: Connector,
        server: ServerSettings,
        clock: Clock,
        random_bytes: RandomBytes,
        run_blocking: RunBlocking,
        save: Callable[[Credentials], Awaitable[None]],
    ) -> None:
        """Take everything ambient; nothing happens before `run`."""
        self.clock = clock
        self._connector = connector
        self._server = server
        self._random_bytes = random_bytes
        self._save = save
        self._on_event: Callable[[PairingEvent], None] = _ignore
        self._started = self._ended = False
        self._keys = new_device_keys(random_bytes, int(clock.now()))
        self._link_codes = LinkCodes(
            self,
            keys=self._keys,
            clock=clock,
            random_bytes=random_bytes,
            run_blocking=run_blocking,
        )
        self._inbox: asyncio.Queue[_Item] = asyncio.Queue()
        self._refs: _Refs | None = None
        self._refs_until = 0.0
        self._passkey_requested = False
        self._credentials: Credentials | None = None
        self._restart_until = 0.0

    async def run(self, on_event: Callable[[PairingEvent], None]) -> Credentials:
        """Show codes through `on_event` until a phone has linked this device.

        Raises `PairingExpired` when all codes ran out, `PasskeyRequired` when the round
        ended after a passkey was asked for, `PairingFailed` when the phone's proof is
        wrong, `ClientOutdated` and other `ServiceRefused`, `ConnectionFailed`,
        `RemoteProtocolError`, and what `save` raises. Cancelling it closes the socket.
        """
        if self._started:
            raise LocalProtocolError("A pairing runs once")
        self._started = True
        self._on_event = on_event
        try:
            return await self._attempt()
        except (PairingExpired, ConnectionFailed) as err:
            if self._passkey_requested:
                raise PasskeyRequired from err
            raise
        finally:
            self._end()

    async def request_link_code(self, phone_number: str) -> LinkCode:
        """Get a code that can be typed into the phone of that number.

        It needs `run` to be running; the codes to scan stay good beside it. Raises
        `PairingFailed` for what is no phone number and when the attempt ends,
        `LocalProtocolError` while another code is good, `IqError` when the server
        refuses, `RequestTimeout` when it doesn't answer.
        """
        phone = link_code.parse_phone_number(phone_number)
        request = CodeRequest(phone, asyncio.get_running_loop().create_future())
        if self._ended:
            request.fail(_over())
        self._inbox.put_nowait(request)
        return await request.answer

    def _end(self) -> None:
        """Fail whoever still waits for a code."""
        self._ended = True
        self._link_codes.end(_over())
        while not self._inbox.empty():
            item = self._inbox.get_nowait()
            if isinstance(item, CodeRequest):
                item.fail(_over())

    async def _attempt(self) -> Credentials:
        """Connect, and go on until the end."""
        engine = Connection(
            noise_key=self._keys.noise_key,
            ephemeral=make_key_pair(self._random_bytes),
            client_payload=registration_payload(self._keys, self._server.version),
            root_key=self._server.root_key,
            now=int(self.clock.now()),
        )
        link = self._link = await Link.open(
            self._connector,
            self._server.url,
            engine,
            clock=self.clock,
            id_prefix=self._random_bytes(4).hex(),
        )
        self._refs_until = self.clock.monotonic() + REFS_TIMEOUT
        tasks = [
            asyncio.create_task(self._report_end(link.read(self._inbox.put_nowait))),
            asyncio.create_task(self._report_end(keep_alive(self, link))),
        ]
        try:
            return await self._loop()
        finally:
            for task in tasks:
                task.cancel()
            await link.close()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _report_end(self, work: Awaitable[WhatsAppError]) -> None:
        """Tell the loop how a task that lives as long as the line has ended."""
        try:
            end: Exception = await work
        except Exception as err:  # noqa: BLE001 - the loop raises it
            end = err
        self._inbox.put_nowait(end)

    async def _loop(self) -> Credentials:
        """Take one thing after another until the attempt is over."""
        while True:
            item = await self._next_item()
            try:
                await self._take(item)
            except (ConnectionFailed, RemoteProtocolError) as err:
                if self._credentials is None:
                    raise
                # The server restarts the stream to let the linked device log in; if it
                # ended in another way, the login will tell whether it took our word.
                _LOGGER.debug("Linked; the connection ended: %s", err)
                return self._credentials
            if self._credentials is not None and self.clock.monotonic() >= self._restart_until:
                return self._credentials

    async def _take(self, item: _Item | None) -> None:
        """Handle one thing; raise how the attempt ends, if it does."""
        match item:
            case None:
                self._on_time()
            case Node():
                await self._on_node(item)
            case _Answer():
                await self._link_codes.on_answer(item.request_id, item.node)
            case CodeRequest():
                ready = self._refs is not None and self._credentials is None
                await self._link_codes.on_request(item, ready=ready)
            case _:
                raise item

    async def _next_item(self) -> _Item | None:
        """Wait for something to come in; None at the next deadline."""
        if not self._inbox.empty():
            return self._inbox.get_nowait()
        wait = self._next_deadline() - self.clock.monotonic()
        if wait <= 0:
            return None
        getter = asyncio.ensure_future(self._inbox.get())
        sleeper = asyncio.ensure_future(self.clock.sleep(wait))
        try:
            await asyncio.wait({getter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
            return getter.result() if getter.done() else None
        finally:
            getter.cancel()
            sleeper.cancel()

    def _next_deadline(self) -> float:
        """Give the time at which something has to happen by itself."""
        if self._credentials is not None:
            return self._restart_until
        deadlines = []
        if self._refs is None:
            deadlines.append(self._refs_until)
        elif not self._refs.used_up:
            deadlines.append(self._refs.until)
        if (link_code_deadline := self._link_codes.deadline) is not None:
            deadlines.append(link_code_deadline)
        return min(deadlines, default=0.0)

    def _on_time(self) -> None:
        """Do what the time has come for."""
        if self._credentials is not None:
            return
        now = self.clock.monotonic()
        self._link_codes.on_time()
        if self._refs is None:
            if now >= self._refs_until:
                raise PairingFailed("no_codes", "The server gave no pairing codes")
            return
        if not self._refs.used_up and now >= self._refs.until:
            self._refs.index += 1
            self._refs.until += CODE_LIFETIME
            self._show_code()
        # A phone that is given a code to type answers on this very connection.
        if self._refs.used_up and self._link_codes.deadline is None:
            raise PairingExpired

    async def _on_node(self, node: Node) -> None:
        """Handle a stanza."""
        match node.tag:
            case "iq":
                await self._on_iq(node)
            case "notification":
                await self._on_notification(node)
            case "failure":
                raise parse_failure(node)
            case "stream:error":
                raise parse_stream_error(node)
            case _:
                # A login's <success> among them: it comes too early to mean anything.
                _LOGGER.debug("Ignored <%s> while pairing", node.tag[:32])

    async def _on_iq(self, node: Node) -> None:
        """Handle a request of the server."""
        sender, request_id = node.jid("from"), node.attr("id")
        if sender is None or not sender.is_server or request_id is None:
            return
        pair_device, success = node.child("pair-device"), node.child("pair-success")
        if pair_device is not None:
            await self._link.send(stanzas.build_result(request_id))
            refs = stanzas.parse_refs(pair_device)
            self._refs = _Refs(refs, self.clock.monotonic() + FIRST_CODE_LIFETIME)
            self._show_code()
            await self._link_codes.on_ready()
        elif success is not None:
            await self._on_pair_success(request_id, success)
        elif node.attr("type") in (None, "get") and (
            node.attr("xmlns") == _PING_NAMESPACE or node.child("ping") is not None
        ):
            await self._link.send(stanzas.build_result(request_id))

    async def _on_notification(self, node: Node) -> None:
        """Acknowledge a notification, and heed those that are about linking."""
        try:
            ack = build_ack(node)
            sender = node.jid("from")
        except AttributeMissing as err:
            _LOGGER.debug("Ignored a malformed notification: %s", err)
            return
        if ack is not None:
            await self._link.send(ack)
        if sender is None or not sender.is_server or self._credentials is not None:
            return
        match node.attr("type"):
            case stanzas.REFRESH_NOTIFICATION:
                # The proof that a typed code leads to needs the secret made with it.
                if stanzas.is_refresh(node) and not self._link_codes.answered:
                    self.renew_secret()
            case link_code.NOTIFICATION:
                await self._link_codes.on_notification(node)
            case passkey.NOTIFICATION:
                self._passkey_requested = True
                request = passkey.parse_request(node)
                self.emit(PasskeyRequested(relying_party=request.relying_party))

    def _show_code(self) -> None:
        """Show the current code to scan, for what is left of its time."""
        refs = self._refs
        if refs is None or refs.used_up:
            return
        text = qr_text(
            refs.refs[refs.index],
            noise_public=self._keys.noise_key.public,
            identity_public=self._keys.identity_key.public,
            adv_secret=self._keys.adv_secret,
        )
        valid_for = max(refs.until - self.clock.monotonic(), 0.0)
        self.emit(QrCode(text=text, valid_for=valid_for, index=refs.index, count=len(refs.refs)))

    async def _on_pair_success(self, request_id: str, node: Node) -> None:
        """Check the phone's proof, save the credentials, and sign in return."""
        if self._credentials is not None:
            return
        try:
            success = stanzas.parse_pair_success(node)
            identity = accept_identity(
                success.device_identity,
                adv_secret=self._keys.adv_secret,
                identity_key=self._keys.identity_key,
                randomness=self._random_bytes(_SIGNATURE_RANDOMNESS),
            )
        except AdvRejected as err:
            await self._refuse(request_id, err.code, err.text)
            raise
        except AttributeMissing as err:
            await self._refuse(request_id, 500, "internal-error")
            raise PairingFailed("internal-error", str(err)) from err
        self.emit(Confirming())
        credentials = self._make_credentials(success, identity)
        # Saved without being signed must not be left behind by a cancelled caller.
        confirming = asyncio.ensure_future(self._confirm(request_id, credentials, identity))
        try:
            await asyncio.shield(confirming)
        except asyncio.CancelledError:
            await asyncio.gather(confirming, return_exceptions=True)
            raise

    def _make_credentials(
        self, success: stanzas.PairSuccess, identity: PairedIdentity
    ) -> Credentials:
        """Put together what the linked device logs in with."""
        return Credentials(
            noise_key=self._keys.noise_key,
            identity_key=self._keys.identity_key,
            registration_id=self._keys.registration_id,
            signed_pre_key=self._keys.signed_pre_key,
            adv_secret=self._keys.adv_secret,
            account=identity.account,
            jid=success.jid,
            lid=success.lid,
            platform=success.platform,
            business_name=success.business_name,
            lid_migrated=success.lid_migrated,
        )

    async def _confirm(
        self, request_id: str, credentials: Credentials, identity: PairedIdentity
    ) -> None:
        """Save, then sign."""
        try:
            await self._save(credentials)
        except Exception:
            await self._refuse(request_id, 500, "internal-error")
            raise
        await self._link.send(stanzas.build_device_sign(request_id, identity))
        self._credentials = credentials
        self._restart_until = self.clock.monotonic() + RESTART_TIMEOUT

    async def _refuse(self, request_id: str, code: int, text: str) -> None:
        """Tell the server that we don't agree, if it still listens."""
        try:
            await self._link.send(stanzas.build_error(request_id, code, text))
        except ConnectionFailed as err:
            _LOGGER.debug("Could not refuse the pairing: %s", err)

    # What the keepalive and the link codes need of the attempt they are part of.

    def random_unit(self) -> float:
        """Give a random number from 0 up to 1."""
        return int.from_bytes(self._random_bytes(4)) / 2**32

    def next_id(self) -> str:
        """Make an id for a request."""
        return self._link.next_id()

    async def ask(self, request: Node) -> None:
        """Send a request whose answer comes into the loop."""
        request_id = request.required_attr("id")

        def answered(waiter: asyncio.Future[Node]) -> None:
            if not waiter.cancelled() and waiter.exception() is None:
                self._inbox.put_nowait(_Answer(request_id, waiter.result()))

        self._link.expect(request_id).add_done_callback(answered)
        await self._link.send(request)

    def emit(self, event: PairingEvent) -> None:
        """Tell the caller of the attempt."""
        self._on_event(event)

    def use_secret(self, adv_secret: bytes) -> None:
        """Expect a proof made with this secret."""
        self._keys = replace(self._keys, adv_secret=adv_secret)

    def renew_secret(self) -> None:
        """Make a new secret, and show the current code to scan anew with it."""
        self.use_secret(new_adv_secret(self._random_bytes))
        self._show_code()


def _ignore(_event: PairingEvent) -> None:
    """Tell nobody."""


def _over() -> PairingFailed:
    """Make the error for what comes after the end."""
    return PairingFailed("link_code", "The attempt has ended")
