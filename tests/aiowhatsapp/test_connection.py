"""The engine over the known handshake: its bytes in any chunking, and its life."""

from random import Random
import zlib

import pytest

from custom_components.whatsapp_web.aiowhatsapp.connection import (
    Connection,
    ConnectionEvent,
    ConnectionState,
    HandshakeCompleted,
    NodeReceived,
    StreamClosed,
    UndecodableFrame,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    CertificateError,
    LocalProtocolError,
    NoiseError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID
from custom_components.whatsapp_web.aiowhatsapp.noise import FrameBuffer, TransportCipher, frame
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode

from .noise.support import KEYS, ROOT, known

NOW = 1_770_000_000
SERVER_HELLO = frame(known("server_hello"))
# A frame that is no node.
NONSENSE = b"\0\xf0\0\0"
PING = Node("iq", {"id": "1", "to": SERVER_JID, "type": "get"}, [Node("ping")])


def make(
    *, root_key: bytes = ROOT, now: int = NOW, routing_info: bytes | None = None
) -> Connection:
    return Connection(
        noise_key=KEYS["client_static"],
        ephemeral=KEYS["client_ephemeral"],
        client_payload=known("client_finish_payload_plain"),
        root_key=root_key,
        now=now,
        routing_info=routing_info,
    )


def opened() -> Connection:
    connection = make()
    connection.start()
    connection.receive_data(SERVER_HELLO)
    assert connection.state is ConnectionState.OPEN
    return connection


class Server:
    """The server's end of the transport, after the known handshake."""

    def __init__(self) -> None:
        self._writer = TransportCipher(known("transport_read_key_client"))
        self._reader = TransportCipher(known("transport_write_key_client"))

    def send(self, *plaintexts: bytes) -> bytes:
        return b"".join(frame(self._writer.encrypt(plaintext)) for plaintext in plaintexts)

    def read(self, data: bytes) -> list[Node]:
        return [decode(self._reader.decrypt(payload)) for payload in FrameBuffer().feed(data)]


def test_start() -> None:
    connection = make()
    before = connection.state
    assert connection.start() == b"WA\x06\x03" + frame(known("client_hello"))
    assert (before, connection.state) == (ConnectionState.NEW, ConnectionState.HANDSHAKE)


def test_start_with_routing() -> None:
    started = make(routing_info=b"\1\2").start()
    assert started == b"ED\0\1\0\0\2\1\2" + b"WA\x06\x03" + frame(known("client_hello"))


def test_handshake() -> None:
    connection = make()
    connection.start()
    [event] = connection.receive_data(SERVER_HELLO)
    assert isinstance(event, HandshakeCompleted)
    [message] = FrameBuffer().feed(event.to_send)
    finish = wire.HandshakeMessage.FromString(message).clientFinish
    assert finish.static == known("client_finish_static")
    assert finish.payload == known("client_finish_payload")


def stream() -> bytes:
    compressed = b"\2" + zlib.compress(encode(Node("success", {"t": "17"}))[1:])
    return SERVER_HELLO + Server().send(encode(PING), compressed, NONSENSE, encode(PING))


def check_stream(events: list[ConnectionEvent]) -> None:
    assert isinstance(events[0], HandshakeCompleted)
    assert events[1:] == [
        NodeReceived(PING),
        NodeReceived(Node("success", {"t": "17"})),
        UndecodableFrame("A list was expected"),
        NodeReceived(PING),
    ]


def test_all_at_once() -> None:
    connection = make()
    connection.start()
    check_stream(connection.receive_data(stream()))


@pytest.mark.parametrize("seed", range(10))
def test_any_chunking(seed: int) -> None:
    random = Random(seed)
    connection = make()
    connection.start()
    data = stream()
    events: list[ConnectionEvent] = []
    while data:
        size = random.randint(1, 30) if seed else 1
        events += connection.receive_data(data[:size])
        data = data[size:]
    check_stream(events)


def test_sending() -> None:
    connection, server = opened(), Server()
    data = connection.send_node(PING) + connection.send_node(Node("presence"))
    assert server.read(data) == [PING, Node("presence")]


def test_a_node_too_large_to_send_leaves_the_connection_as_it_was() -> None:
    connection = opened()
    with pytest.raises(LocalProtocolError):
        connection.send_node(Node("x", {}, bytes(1 << 24)))
    assert connection.state is ConnectionState.OPEN
    assert Server().read(connection.send_node(PING)) == [PING]


def test_end_of_stream() -> None:
    connection, server = opened(), Server()
    data = server.send(encode(PING), bytes.fromhex("00f80102"), encode(PING))
    assert connection.receive_data(data) == [NodeReceived(PING), StreamClosed()]
    assert connection.state is ConnectionState.CLOSED
    assert connection.receive_data(server.send(encode(PING))) == []
    with pytest.raises(LocalProtocolError):
        connection.send_node(PING)


def check_failed(connection: Connection) -> None:
    assert connection.state is ConnectionState.FAILED
    with pytest.raises(LocalProtocolError):
        connection.receive_data(b"")
    with pytest.raises(LocalProtocolError):
        connection.send_node(PING)


@pytest.mark.parametrize(
    ("root_key", "now"), [(KEYS["client_static"].public, NOW), (ROOT, 0), (ROOT, 1 << 40)]
)
def test_certificate_refused(root_key: bytes, now: int) -> None:
    connection = make(root_key=root_key, now=now)
    connection.start()
    with pytest.raises(CertificateError):
        connection.receive_data(SERVER_HELLO)
    check_failed(connection)


@pytest.mark.parametrize(
    "answer",
    [frame(b""), frame(b"\xff"), b"HTTP/1.1 400" + bytes(1 << 23)],
    ids=["empty", "nonsense", "http"],
)
def test_no_handshake(answer: bytes) -> None:
    connection = make()
    connection.start()
    with pytest.raises(NoiseError):
        connection.receive_data(answer)
    check_failed(connection)


@pytest.mark.parametrize("data", [frame(b""), frame(bytes(50))], ids=["empty", "zeros"])
def test_a_frame_that_does_not_verify(data: bytes) -> None:
    connection = opened()
    with pytest.raises(NoiseError):
        connection.receive_data(data)
    check_failed(connection)


def test_an_empty_frame_is_undecodable() -> None:
    assert opened().receive_data(Server().send(b"")) == [UndecodableFrame("Empty frame")]


def test_used_out_of_order() -> None:
    connection = make()
    with pytest.raises(LocalProtocolError):
        connection.receive_data(b"")
    with pytest.raises(LocalProtocolError):
        connection.send_node(PING)
    connection.start()
    with pytest.raises(LocalProtocolError):
        connection.start()
    with pytest.raises(LocalProtocolError):
        connection.send_node(PING)


def test_events_show_no_payload() -> None:
    connection = make()
    connection.start()
    assert repr(connection.receive_data(SERVER_HELLO)) == "[HandshakeCompleted()]"
