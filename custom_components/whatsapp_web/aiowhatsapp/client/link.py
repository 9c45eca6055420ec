"""One open connection to the server: lives once, is never reset."""

import asyncio
from collections.abc import Callable
import itertools
import logging
from typing import Final

from ..connection import (
    Connection,
    ConnectionState,
    HandshakeCompleted,
    NodeReceived,
    StreamClosed,
    UndecodableFrame,
)
from ..errors import (
    Disconnected,
    HandshakeTimeout,
    RequestTimeout,
    TransportError,
    WhatsAppError,
)
from ..iq import IqSpec
from ..transport.base import Connector, Socket
from ..wabinary import Node
from .settings import Clock

_LOGGER = logging.getLogger(__name__)

# What the official client waits for a handshake, and for the answer to a request.
HANDSHAKE_TIMEOUT: Final = 20.0
REQUEST_TIMEOUT: Final = 75.0
# A dead line takes data until the buffers on the way are full, and then none.
WRITE_TIMEOUT: Final = 20.0
# Bytes taken in before others have their turn: with the smallest frames some milliseconds.
BYTES_AT_ONCE: Final = 4096
# How long data may trickle in without completing a frame and still count as life.
LONGEST_FRAME: Final = 60.0


class Link:
    """Socket and engine of one connection, and the answers that are awaited on it."""

    def __init__(self, socket: Socket, engine: Connection, clock: Clock, id_prefix: str) -> None:
        """Wrap an open socket; `open` does that and the handshake."""
        self._socket = socket
        self._engine = engine
        self._clock = clock
        self._write_lock = asyncio.Lock()
        self._id_prefix = id_prefix
        self._counter = itertools.count(1)
        self._waiters: dict[str, asyncio.Future[Node]] = {}
        self._closed_with: WhatsAppError | None = None
        self._broken = asyncio.Event()
        self._early_nodes: list[Node] = []
        self._read_at_once = 0
        self._undecodable = 0
        self._write_limit: asyncio.Timeout | None = None
        self._last_frame = clock.monotonic()
        # When the first question after the last read was written; None = none is open.
        self.unanswered_since: float | None = None

    @classmethod
    async def open(
        cls, connector: Connector, url: str, engine: Connection, *, clock: Clock, id_prefix: str
    ) -> Link:
        """Connect and finish the Noise handshake.

        Raises `TransportError`, `HandshakeTimeout`, `NoiseError` or `Disconnected`.
        """
        socket = await connector.connect(url)
        link = cls(socket, engine, clock, id_prefix)
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                await socket.send(engine.start())
                await link._finish_handshake()
        except TimeoutError as err:
            await socket.close()
            raise HandshakeTimeout("The server did not answer the handshake") from err
        except BaseException:
            await socket.close()
            raise
        return link

    async def _finish_handshake(self) -> None:
        while True:
            received = await self._socket.receive()
            if received is None:
                raise Disconnected("The server closed the connection during the handshake")
            done = False
            for event in self._engine.receive_data(received):
                if isinstance(event, HandshakeCompleted):
                    await self._socket.send(event.to_send)
                    done = True
                elif isinstance(event, NodeReceived):
                    self._early_nodes.append(event.node)
            if done:
                return

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed_with is not None

    @property
    def has_waiters(self) -> bool:
        """Whether some answer is awaited."""
        return bool(self._waiters)

    def next_id(self) -> str:
        """Make an id for a request, unique on this connection."""
        return f"{self._id_prefix}-{next(self._counter)}"

    async def read(self, on_node: Callable[[Node], None]) -> WhatsAppError:
        """Read until the connection ends; say why it ended.

        `on_node` gets every node that isn't the answer to a request of ours.
        """
        for node in self._early_nodes:
            self._route(node, on_node)
        self._early_nodes.clear()
        while True:
            received = await self._socket.receive()
            if received is None:
                return self._closed_with or Disconnected("The server closed the connection")
            for start in range(0, len(received), BYTES_AT_ONCE):
                piece = received[start : start + BYTES_AT_ONCE]
                if (end := self._take(piece, on_node)) is not None:
                    return end
                await self._give_way(len(piece))

    def _take(self, data: bytes, on_node: Callable[[Node], None]) -> WhatsAppError | None:
        """Take in some bytes; say why it ended, if it did."""
        events = self._engine.receive_data(data)
        self._note_life(frames=len(events))
        for event in events:
            match event:
                case NodeReceived(node=node):
                    self._route(node, on_node)
                case UndecodableFrame(reason=reason):
                    self._undecodable += 1
                    level = logging.WARNING if self._undecodable == 1 else logging.DEBUG
                    _LOGGER.log(level, "Skipped a frame that does not decode: %s", reason)
                case StreamClosed():
                    return Disconnected("The server ended the stream")
                case _:
                    pass
        return None

    async def _give_way(self, count: int) -> None:
        """Let others have their turn, now and then: a socket with data waits for nothing."""
        self._read_at_once += count
        if self._read_at_once >= BYTES_AT_ONCE:
            self._read_at_once = 0
            await asyncio.sleep(0)

    def _note_life(self, *, frames: int) -> None:
        """Note that something was heard."""
        now = self._clock.monotonic()
        if frames:
            self._last_frame = now
        if now - self._last_frame < LONGEST_FRAME:
            self.unanswered_since = None

    def _route(self, node: Node, on_node: Callable[[Node], None]) -> None:
        if _LOGGER.isEnabledFor(logging.DEBUG):
            _LOGGER.debug("< %s", node)
        if self._resolve(node):
            return
        on_node(node)

    def _resolve(self, node: Node) -> bool:
        """Hand an answer to whoever waits for it."""
        if node.tag == "iq":
            if node.attr("type") not in ("result", "error"):
                return False
        elif node.tag != "ack" or node.attr("class") == "receipt":
            # Acks of receipts carry the id of a message that isn't ours.
            return node.tag == "ack"
        waiter = self._waiters.pop(node.attr("id") or "", None)
        if waiter is None:
            return node.tag == "iq"
        if not waiter.done():
            waiter.set_result(node)
        return True

    async def send(self, node: Node) -> None:
        """Write one node; raise `Disconnected` when the connection has ended.

        A write that fails ends the connection, as its cipher counter is spent; what the
        server said before can still be read. Raises `LocalProtocolError` for a node
        that the format can't say; that ends nothing.
        """
        async with self._write_lock:
            if self._closed_with is not None:
                raise Disconnected("Not connected") from self._closed_with
            if _LOGGER.isEnabledFor(logging.DEBUG):
                _LOGGER.debug("> %s", node)
            if self._engine.state is not ConnectionState.OPEN:
                raise Disconnected("The connection ended")
            # A node that can't be written spends no counter: the line stays good.
            data = self._engine.send_node(node)
            if self.unanswered_since is None and _wants_answer(node):
                self.unanswered_since = self._clock.monotonic()
            try:
                await self._write(data)
            except WhatsAppError as err:
                self._fail(err)
                self._broken.set()
                raise Disconnected("The connection broke while writing") from err

    async def _write(self, data: bytes) -> None:
        """Write bytes; raise `TransportError` when the line takes too long, or is closed."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT) as self._write_limit:
                await self._socket.send(data)
        except TimeoutError as err:
            raise TransportError("The line takes no more data") from err
        finally:
            self._write_limit = None

    def expect(self, answer_id: str) -> asyncio.Future[Node]:
        """Register for the answer with that id, before the question is written."""
        if self._closed_with is not None:
            raise Disconnected("Not connected") from self._closed_with
        waiter: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._waiters[answer_id] = waiter
        return waiter

    def forget(self, answer_id: str) -> None:
        """Stop waiting for an answer."""
        self._waiters.pop(answer_id, None)

    async def ask(self, node: Node, timeout: float = REQUEST_TIMEOUT) -> Node:
        """Write a node that has an id and wait for its answer.

        Raises `Disconnected` or `RequestTimeout`.
        """
        answer_id = node.required_attr("id")
        waiter = self.expect(answer_id)
        try:
            await self.send(node)
            async with asyncio.timeout(timeout):
                return await waiter
        except TimeoutError as err:
            raise RequestTimeout("The server did not answer in time") from err
        finally:
            self.forget(answer_id)

    async def execute[R](self, spec: IqSpec[R], timeout: float = REQUEST_TIMEOUT) -> R:
        """Make a request; raise `IqError` when the server refuses it."""
        return spec.parse_iq(await self.ask(spec.build_iq(self.next_id()), timeout))

    async def close(self, reason: WhatsAppError | None = None) -> None:
        """End the connection and fail everyone who waits; safe to call again."""
        self._fail(reason or Disconnected("Closed"))
        await self._socket.close()

    async def until_broken(self) -> WhatsAppError:
        """Wait until a write fails; say how."""
        await self._broken.wait()
        return self._closed_with or Disconnected("The connection broke")

    def _fail(self, reason: WhatsAppError) -> None:
        """Let nobody write any more, or wait for an answer."""
        if self._closed_with is None:
            self._closed_with = reason
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            if not waiter.done():
                waiter.set_exception(Disconnected("The connection ended"))
                # Whoever registered may be gone by now; that is no news for the log.
                waiter.exception()
        if self._write_limit is not None:
            # Whoever is stuck in writing is let go.
            self._write_limit.reschedule(asyncio.get_running_loop().time())


def _wants_answer(node: Node) -> bool:
    """Whether the server answers a stanza of that kind."""
    if node.tag == "iq":
        return node.attr("type") in ("get", "set")
    return node.tag == "message"
