"""The server: sockets in, stanzas to their handlers, devices linked and unlinked."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
import time
from typing import Self

from aiohttp import web

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import iqs, login
from .accounts import SERVER_JID, Account, Device, Directory
from .app_state import AppStates
from .calls import Calls
from .control import add_control
from .faults import Faults
from .groups import Groups
from .ledger import Ledger
from .link_code import LinkCodes
from .mailbox import Entry
from .media_host import MediaHost
from .newsletters import Newsletters
from .noise import TrustRoot
from .notices import Notices
from .pairing import PairingDesk
from .people import People
from .phone import Phone
from .presence import PresenceDesk
from .router import Router
from .session import Session

CHAT_PATH = "/ws/chat"
GOODBYE = 2.0
MAX_MESSAGE = 32 * 1024 * 1024


class Simulator:
    """A WhatsApp server on loopback; `async with Simulator() as sim` runs it."""

    def __init__(self, *, port: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.trust = TrustRoot()
        self.directory = Directory()
        self.ledger = Ledger()
        self.faults = Faults(self)
        self.notices = Notices(self)
        self.pairing = PairingDesk(self)
        self.presence = PresenceDesk(self)
        self.calls = Calls(self)
        self.link_codes = LinkCodes(self, self.pairing)
        self.groups = Groups(self)
        self.router = Router(self)
        self.app_states = AppStates(self)
        self.media = MediaHost(self)
        self.minimum_version = (2, 3000, 1_000_000_000)
        self.edge_routing = True
        # With a number, only so many stanzas of a backlog are sent before the client asks.
        self.offline_primer: int | None = None
        self.props: dict[str, str] = {"10518": "1", "9666": "1", "14303": "1"}
        self.app = web.Application()
        self.app.router.add_get(CHAT_PATH, self._connect)
        add_control(self.app, self)
        self.people = People(self)
        self.newsletters = Newsletters(self)
        self.linked = asyncio.Event()
        self._clock = clock
        self._port = port
        self._ids = 0
        self._sessions: set[Session] = set()
        self._after_reply: list[Callable[[], None]] = []
        self._timers: set[asyncio.TimerHandle] = set()
        self._runner: web.AppRunner | None = None

    # --- life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on loopback."""
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        await self.media.start()

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        for timer in self._timers:
            timer.cancel()
        for session in list(self._sessions):
            session.close()
        if self._sessions:
            waits = [asyncio.ensure_future(each.closed.wait()) for each in self._sessions]
            await asyncio.wait(waits, timeout=1)
            for wait in waits:
                wait.cancel()
        await self.media.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """The WebSocket's address."""
        return f"ws://127.0.0.1:{self._port}{CHAT_PATH}"

    @property
    def root_key(self) -> bytes:
        """The public key that clients have to trust, 32 bytes."""
        return self.trust.root.public

    @property
    def ca_file(self) -> Path:
        """The certificate of the media host, for clients to trust."""
        return self.media.ca_file

    @property
    def noise_root(self) -> str:
        """The same as 64 hex digits."""
        return self.root_key.hex()

    def settings_json(self) -> str:
        """Return the text of the file that points the client under test here."""
        return json.dumps(
            {
                "url": self.url,
                "noise_root": self.noise_root,
                "media_host": self.media.host,
                "ca": str(self.media.ca_file),
            }
        )

    # --- what tests ask

    def add_account(self, number: str, name: str | None = None) -> Account:
        """Make an account with a phone."""
        account = self.directory.add(number, name or f"Person {number[-4:]}")
        account.phone = Phone(self, account)
        return account

    def unacked(self, device: Device) -> list[Node]:
        """What was sent to a device on this connection and not yet answered."""
        return [entry.node for entry in device.mailbox.pending() if entry.sent]

    async def settled(self, *, timeout: float = 20) -> None:
        """Wait until every connected device has answered everything it was sent."""

        def quiet() -> bool:
            return all(
                not self.unacked(device)
                for account in self.directory
                for device in account.devices.values()
            )

        await self.ledger.until(quiet, timeout=timeout)

    def session_of(self, device: Device) -> Session | None:
        """The device's connection, if there is one."""
        return device.endpoint if isinstance(device.endpoint, Session) else None

    def connected(self, device: Device) -> bool:
        """Whether the device is connected and has its backlog."""
        session = self.session_of(device)
        return session is not None and session.active

    def now(self) -> int:
        """Unix seconds."""
        return int(self._clock())

    def next_id(self) -> str:
        """Return an id for a stanza of the server's own."""
        self._ids += 1
        return f"{self._ids}-{self.now() % 100000}"

    # --- to devices

    def tell(self, device: Device, node: Node) -> None:
        """Send a stanza that need not arrive."""
        if device.endpoint is not None:
            device.endpoint.deliver(node)

    def push(self, device: Device, node: Node) -> Entry:
        """Queue a stanza until the device answers it; send it if the device is there."""
        entry = device.mailbox.push(node)
        if isinstance(device.endpoint, Session):
            if not device.endpoint.active:
                return entry
        elif device.endpoint is None:
            return entry
        entry.sent = True
        entry.deliveries += 1
        device.endpoint.deliver(node)
        return entry

    def activate(self, device: Device) -> None:
        """Send a device its backlog and go on live."""
        session = self.session_of(device)
        if session is not None and not session.activated:
            login.deliver_backlog(self, session, device)

    def later[*Ts](self, delay: float, callback: Callable[[*Ts], None], *args: *Ts) -> None:
        """Call something later, unless the server is stopped before."""
        loop = asyncio.get_running_loop()

        def fire() -> None:
            self._timers.discard(timer)
            callback(*args)

        timer = loop.call_later(delay, fire)
        self._timers.add(timer)

    def after_reply(self, callback: Callable[[], None]) -> None:
        """Do something right after the answer to the current request."""
        self._after_reply.append(callback)

    # --- from connections

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if self.faults.refuse_upgrade is not None:
            return web.Response(status=self.faults.refuse_upgrade)
        if request.headers.get("Origin") != "https://web.whatsapp.com":
            self.ledger.violation("upgrade without the Origin of web.whatsapp.com")
            return web.Response(status=403)
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE, compress=False)
        await socket.prepare(request)
        session = Session(self, socket)
        self._sessions.add(session)
        session.silent = self.faults.mute_handshake
        await session.run()
        return socket

    def handshake_done(self, session: Session) -> None:
        """Go on after a finished handshake."""
        login.admit(self, session)

    def session_ended(self, session: Session) -> None:
        """Forget a connection."""
        self._sessions.discard(session)
        self.pairing.forget(session)
        device = session.device
        if device is not None and device.endpoint is session:
            device.endpoint = None
            self.presence.gone(device)
            device.mailbox.disconnected()
        self.ledger.happened()

    def stanza(self, session: Session, node: Node) -> None:
        """Handle a stanza of a client."""
        if session.device is not None:
            self.from_device(session.device, node)
        elif node.tag == "iq":
            self._iq_while_pairing(session, node)

    def _iq_while_pairing(self, session: Session, node: Node) -> None:
        if node.attr("type") in ("result", "error"):
            self.pairing.answer(session, node)
            return
        attributes: dict[str, str | Jid] = {
            "from": SERVER_JID,
            "id": node.required_attr("id"),
        }
        try:
            children = self._answer_while_pairing(session, node)
        except iqs.IqRefused as err:
            error = Node("error", {"code": str(err.code), "text": err.text})
            session.deliver(Node("iq", {**attributes, "type": "error"}, [error]))
            return
        session.deliver(Node("iq", {**attributes, "type": "result"}, children or None))
        self._run_after_reply()

    def _answer_while_pairing(self, session: Session, node: Node) -> list[Node]:
        if node.attr("xmlns") == "w:p":
            return []
        wanted = node.child("link_code_companion_reg")
        if session.registration is None or wanted is None or node.attr("xmlns") != "md":
            raise iqs.IqRefused(401, "not-authorized")
        return self.link_codes.answer(session.registration, node)

    def from_device(self, device: Device, node: Node) -> None:
        """Handle a stanza of a logged-in device, or of a phone."""
        match node.tag:
            case "iq":
                reply = iqs.answer(self, device, node)
                if reply is not None:
                    self.tell(device, reply)
                self._run_after_reply()
            case "message":
                self.router.message(device, node)
            case "receipt":
                self.router.receipt(device, node)
            case "ack":
                self.router.ack(device, node)
            case "presence":
                self.presence.presence(device, node)
            case "call":
                self.calls.stanza(device, node)
            case "chatstate":
                self.presence.chat_state(device, node)
            case "ib":
                self._in_band(device, node)
            case _:
                self.ledger.violation(f"{device.label}: unexpected <{node.tag}>")

    def _in_band(self, device: Device, node: Node) -> None:
        batch = node.child("offline_batch")
        session = self.session_of(device)
        if batch is not None and session is not None and session.activated:
            login.deliver_batch(self, session, batch.required_int("count"))

    def answer(self, device: Device, node: Node) -> Node:
        """Answer a request of a phone, which is here in the process."""
        reply = iqs.answer(self, device, node)
        self._run_after_reply()
        if reply is None:
            raise ValueError("not a request")
        return reply

    def _run_after_reply(self) -> None:
        callbacks, self._after_reply = self._after_reply, []
        for callback in callbacks:
            callback()

    # --- devices come and go

    def device_linked(self, device: Device) -> None:
        """Add a device that proved its signature."""
        account = device.account
        account.devices[device.id] = device
        account.phone.companion_linked(device)
        self.notices.device_added(device)
        self.linked.set()

    def device_unlinked(self, device: Device, *, tell: bool = True) -> None:
        """Remove a device; its connection is told and closed."""
        account = device.account
        device.removed = True
        account.devices.pop(device.id, None)
        account.gone.add(device.id)
        session = self.session_of(device)
        if session is not None:
            if tell:
                session.end("401", Node("conflict", {"type": "device_removed"}))
            else:
                # A client that logs itself out hangs up; one that does not is helped.
                self.later(GOODBYE, session.close)
        device.endpoint = None
        device.mailbox.clear()
        account.phone.companion_unlinked(device)
        self.notices.device_removed(device)

    def keys_uploaded(self, device: Device) -> None:
        """A device left one-time keys."""
        device.account.phone.companion_ready(device)
