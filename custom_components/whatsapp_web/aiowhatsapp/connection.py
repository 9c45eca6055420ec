"""The sans-IO engine of one connection: bytes in, nodes out, and the other way round.

    NEW --start--> HANDSHAKE --server hello--> OPEN --end of stream--> CLOSED
                       └───────any violation─────┴───> FAILED

Single use: a new socket needs a new `Connection` with a new ephemeral key.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from .crypto.curve25519 import KeyPair
from .errors import DecodeError, LocalProtocolError, RemoteProtocolError
from .noise import FrameBuffer, TransportCipher, client_hello, frame, intro
from .noise.certificate import verify_chain
from .wabinary import Node, decode, encode


class ConnectionState(Enum):
    """Where in its life a connection is."""

    NEW = auto()
    HANDSHAKE = auto()
    OPEN = auto()
    FAILED = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class HandshakeCompleted:
    """The server is who it should be; `to_send` ends the handshake on its side."""

    to_send: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeReceived:
    """A stanza came in."""

    node: Node


@dataclass(frozen=True, slots=True)
class UndecodableFrame:
    """A frame was genuine but held no node; the connection goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The server ended the stream; nothing follows."""


type ConnectionEvent = HandshakeCompleted | NodeReceived | UndecodableFrame | StreamClosed

_STREAM_END = "xmlstreamend"


class Connection:
    """One connection to the server, from the first byte to the last.

    `now` (unix seconds) is what the server's certificate is checked against;
    `routing_info` is what the server told an earlier connection to come back with.
    """

    def __init__(
        self,
        *,
        noise_key: KeyPair,
        ephemeral: KeyPair,
        client_payload: bytes,
        root_key: bytes,
        now: int,
        routing_info: bytes | None = None,
    ) -> None:
        """Take all that the handshake needs; `ephemeral` must never be used again."""
        self._noise_key = noise_key
        self._client_payload = client_payload
        self._root_key = root_key
        self._now = now
        self._routing_info = routing_info
        self._hello = client_hello(ephemeral)
        self._frames = FrameBuffer()
        self._reader: TransportCipher | None = None
        self._writer: TransportCipher | None = None
        self._state = ConnectionState.NEW

    @property
    def state(self) -> ConnectionState:
        """Where in its life the connection is."""
        return self._state

    def start(self) -> bytes:
        """Give the first bytes to send: the intro and the client's hello."""
        if self._state is not ConnectionState.NEW:
            raise LocalProtocolError("The connection was already started")
        self._state = ConnectionState.HANDSHAKE
        return intro(self._routing_info) + frame(self._hello.message)

    def receive_data(self, data: bytes) -> list[ConnectionEvent]:
        """Take bytes from the socket, in any chunking; return what they mean, in order.

        Raises `NoiseError` or `CertificateError` once, which leaves state FAILED.
        After the end of the stream the rest is ignored.
        """
        if self._state is ConnectionState.CLOSED:
            return []
        if self._state not in (ConnectionState.HANDSHAKE, ConnectionState.OPEN):
            raise LocalProtocolError("The connection can't take data")
        events: list[ConnectionEvent] = []
        try:
            for payload in self._frames.feed(data):
                event = self._receive_frame(payload)
                events.append(event)
                if isinstance(event, StreamClosed):
                    break
        except RemoteProtocolError:
            self._state = ConnectionState.FAILED
            raise
        return events

    def send_node(self, node: Node) -> bytes:
        """Encrypt a stanza; the bytes must be sent in the order they were made here."""
        if self._state is not ConnectionState.OPEN or self._writer is None:
            raise LocalProtocolError("The connection is not open")
        return frame(self._writer.encrypt(encode(node)))

    def _receive_frame(self, payload: bytes) -> ConnectionEvent:
        if self._reader is None:
            return self._receive_hello(payload)
        plaintext = self._reader.decrypt(payload)
        try:
            node = decode(plaintext)
        except DecodeError as err:
            return UndecodableFrame(str(err))
        if node.tag == _STREAM_END:
            self._state = ConnectionState.CLOSED
            return StreamClosed()
        return NodeReceived(node)

    def _receive_hello(self, payload: bytes) -> HandshakeCompleted:
        received = self._hello.receive(payload)
        verify_chain(
            received.certificate,
            root_key=self._root_key,
            server_static=received.server_static,
            now=self._now,
        )
        keys = received.finish(self._noise_key, self._client_payload)
        self._reader = TransportCipher(keys.read_key)
        self._writer = TransportCipher(keys.write_key)
        self._state = ConnectionState.OPEN
        return HandshakeCompleted(frame(keys.message))
