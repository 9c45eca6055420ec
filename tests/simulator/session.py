"""One WebSocket: handshake first, then stanzas both ways in order."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web
from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    BadMac,
    DecodeError,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode

from .noise import FrameReader, HandshakeRefused, HandshakeResult, Responder, Transport

if TYPE_CHECKING:
    from .accounts import Device
    from .mailbox import Entry
    from .pairing import Registration
    from .server import Simulator

LAST_WORD = 0.3


class Session:
    """One connection of one client, from its first byte to its last."""

    def __init__(self, server: Simulator, socket: web.WebSocketResponse) -> None:
        self.server = server
        self.device: Device | None = None
        self.registration: Registration | None = None
        self.client_static = b""
        self.payload = wire.ClientPayload()
        # Asked for its backlog; then, with the last of it, ready for live stanzas.
        self.activated = False
        self.active = False
        self.backlog: deque[Entry] = deque()
        self.backlog_sent = 0
        self.silent = False
        self.closed = asyncio.Event()
        self._socket = socket
        self._reader = FrameReader()
        self._responder = Responder(server.trust, server.now(), server.faults.chain)
        self._transport: Transport | None = None
        self._outgoing: deque[Node | bytes | None] = deque()
        self._wake = asyncio.Event()
        self._closing = False

    @property
    def label(self) -> str:
        """A name for logs and reports."""
        if self.device is not None:
            return self.device.label
        return "pairing" if self.registration else "unknown"

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY or self.silent:
                    continue
                for data in self._reader.feed(message.data):
                    self._receive(data)
        except HandshakeRefused as err:
            self.server.ledger.violation(f"handshake: {err}")
        finally:
            self.closed.set()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await self._socket.close()
            self.server.session_ended(self)

    def deliver(self, node: Node) -> None:
        """Send a stanza, unless a fault says otherwise."""
        for late, part in self.server.faults.outgoing(self, node):
            if late:
                self.server.later(late, self._queue, part)
            else:
                self._queue(part)

    def deliver_raw(self, frame: bytes, *, sealed: bool = True) -> None:
        """Send bytes as one frame: encrypted properly, or not at all."""
        if sealed and self._transport is not None:
            # The writer seals nodes itself; what is raw here goes through the same cipher.
            self._outgoing.append(b"\x01" + frame)
        else:
            self._outgoing.append(b"\x00" + len(frame).to_bytes(3, "big") + frame)
        self._wake.set()

    def late_entries(self) -> list[Entry]:
        """What was queued for the device while its backlog went out."""
        return self.device.mailbox.pending() if self.device is not None else []

    def close(self) -> None:
        """Close the socket after what is queued has gone out."""
        self._closing = True
        self._outgoing.append(None)
        self._wake.set()

    def abort(self) -> None:
        """Cut the line at once, without a closing handshake."""
        self._closing = True
        transport = self._socket._req.transport if self._socket._req else None
        if transport is not None:
            transport.abort()

    def end(self, code: str, *children: Node) -> None:
        """Send a stream error; hang up if the client does not."""
        self._last(Node("stream:error", {"code": code} if code else {}, list(children) or None))

    def fail(self, reason: str, **attributes: str) -> None:
        """Refuse the login; hang up if the client does not."""
        self._last(Node("failure", {"reason": reason, "location": "sim", **attributes}))

    def _last(self, node: Node) -> None:
        self.deliver(node)
        self._closing = True
        # A close that comes with the stanza would overtake it in clients that decode
        # in the background.
        self.server.later(LAST_WORD, self.close)

    def _queue(self, node: Node) -> None:
        if not self.closed.is_set():
            self.server.ledger.stanza("out", self.label, node)
            self._outgoing.append(node)
            self._wake.set()

    def _receive(self, data: bytes) -> None:
        if self._transport is None:
            reply = self._responder.receive(data)
            if isinstance(reply, HandshakeResult):
                self._open(reply)
            else:
                self._outgoing.append(b"\x00" + reply)
                self._wake.set()
            return
        if self._closing:
            return
        try:
            node = decode(self._transport.decrypt(data))
        except BadMac as err:
            raise HandshakeRefused("a frame does not verify") from err
        except DecodeError as err:
            self.server.ledger.violation(f"{self.label}: undecodable stanza: {err}")
            self.end("", Node("xml-not-well-formed"))
            return
        self._dispatch(node)

    def _dispatch(self, node: Node) -> None:
        self.server.ledger.stanza("in", self.label, node)
        for late, part in self.server.faults.incoming(self, node):
            if late:
                self.server.later(late, self._handle, part)
            else:
                self._handle(part)

    def _handle(self, node: Node) -> None:
        try:
            self.server.stanza(self, node)
        except (AttributeMissing, DecodeError) as err:
            self.server.ledger.violation(f"{self.label}: malformed <{node.tag}>: {err}")
            self.end("", Node("xml-not-well-formed"))

    def _open(self, result: HandshakeResult) -> None:
        if result.reply is not None:
            self._outgoing.append(b"\x00" + result.reply)
            self._wake.set()
        self._transport = result.transport
        self.client_static = result.client_static
        try:
            self.payload.ParseFromString(result.payload)
        except ProtobufError as err:
            raise HandshakeRefused("not a client payload") from err
        self.server.handshake_done(self)

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            chunk = bytearray()
            ending = False
            while self._outgoing and not ending:
                item = self._outgoing.popleft()
                if item is None:
                    ending = True
                elif not self.silent:
                    chunk += self._sealed(item)
            if chunk:
                await self._socket.send_bytes(bytes(chunk))
            if ending:
                await self._socket.close()
                return

    def _sealed(self, item: Node | bytes) -> bytes:
        if isinstance(item, Node):
            assert self._transport is not None
            return self._transport.encrypt(encode(item))
        if item[0] == 1:
            assert self._transport is not None
            return self._transport.encrypt(item[1:])
        return item[1:]
