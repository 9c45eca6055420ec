"""The connector against a server of aiohttp's on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
import ssl

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import TransportError, WrongClock
from custom_components.whatsapp_web.aiowhatsapp.transport import AiohttpConnector
from custom_components.whatsapp_web.aiowhatsapp.transport.websocket import MAX_MESSAGE

pytestmark = pytest.mark.usefixtures("socket_enabled")

type Script = Callable[[web.WebSocketResponse], Awaitable[None]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def connector(session: aiohttp.ClientSession) -> AiohttpConnector:
    return AiohttpConnector(session)


class Host:
    """A server that follows a script with each connection, and keeps the requests."""

    def __init__(self, script: Script) -> None:
        self.requests: list[web.Request] = []
        self._script = script
        application = web.Application()
        application.router.add_get("/ws/chat", self._handle)
        self._server = TestServer(application, host="127.0.0.1")

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        self.requests.append(request)
        websocket = web.WebSocketResponse(max_msg_size=0, timeout=0.1)
        await websocket.prepare(request)
        await self._script(websocket)
        return websocket

    async def __aenter__(self) -> str:
        await self._server.start_server()
        return str(self._server.make_url("/ws/chat").with_scheme("ws"))

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()


async def echo(websocket: web.WebSocketResponse) -> None:
    async for message in websocket:
        await websocket.send_bytes(message.data)


async def test_bytes_both_ways(connector: AiohttpConnector) -> None:
    host = Host(echo)
    async with host as url:
        socket = await connector.connect(url)
        for data in (b"", b"hello", bytes(range(256)) * 4096 * 17):
            await socket.send(data)
            assert await socket.receive() == data
        await socket.close()
        await socket.close()
        assert await socket.receive() is None
        with pytest.raises(TransportError, match="Sending failed"):
            await socket.send(b"late")
    headers = host.requests[0].headers
    assert headers["Origin"] == "https://web.whatsapp.com"
    assert headers["Cache-Control"] == headers["Pragma"] == "no-cache"
    assert "Sec-WebSocket-Protocol" not in headers
    assert "Sec-WebSocket-Extensions" not in headers
    assert "Cookie" not in headers


async def test_only_binary_messages_count(connector: AiohttpConnector) -> None:
    async def script(websocket: web.WebSocketResponse) -> None:
        await websocket.send_str("text")
        await websocket.ping()
        await websocket.send_bytes(b"binary")
        await websocket.receive()

    async with Host(script) as url:
        socket = await connector.connect(url)
        assert await socket.receive() == b"binary"
        await socket.close()


async def test_closed_by_the_peer(connector: AiohttpConnector) -> None:
    async def script(websocket: web.WebSocketResponse) -> None:
        await websocket.close()

    async with Host(script) as url:
        socket = await connector.connect(url)
        assert await socket.receive() is None
        assert await socket.receive() is None
        await socket.close()


async def test_closed_by_us_while_reading(connector: AiohttpConnector) -> None:
    async with Host(echo) as url:
        socket = await connector.connect(url)
        reading = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        await socket.close()
        assert await reading is None


async def test_dropped_by_the_peer(connector: AiohttpConnector) -> None:
    async def script(websocket: web.WebSocketResponse) -> None:
        assert websocket._req is not None
        assert websocket._req.transport is not None
        websocket._req.transport.abort()

    async with Host(script) as url:
        socket = await connector.connect(url)
        assert await socket.receive() is None
        await socket.close()


async def test_a_message_too_large(connector: AiohttpConnector) -> None:
    async def script(websocket: web.WebSocketResponse) -> None:
        await websocket.send_bytes(bytes(MAX_MESSAGE - 1))
        await websocket.send_bytes(bytes(MAX_MESSAGE))
        await websocket.receive()

    async with Host(script) as url:
        socket = await connector.connect(url)
        received = await socket.receive()
        assert received is not None
        assert len(received) == MAX_MESSAGE - 1
        with pytest.raises(TransportError, match="Receiving failed"):
            await socket.receive()
        await socket.close()


async def test_a_peer_that_talks_on_does_not_hold_us(
    connector: AiohttpConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = "custom_components.whatsapp_web.aiowhatsapp.transport.websocket"
    monkeypatch.setattr(f"{package}.CLOSE_TIMEOUT", 0.2)
    loop = asyncio.get_running_loop()

    async def script(websocket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while True:
                await websocket.send_bytes(b"on and on")
                await asyncio.sleep(0)

    async with Host(script) as url:
        socket = await connector.connect(url)
        begin = loop.time()
        await socket.close()
        assert 0.1 < loop.time() - begin < 5
        assert await socket.receive() is None


async def test_refused(connector: AiohttpConnector, unused_tcp_port: int) -> None:
    with pytest.raises(TransportError, match="Connecting failed"):
        await connector.connect(f"ws://127.0.0.1:{unused_tcp_port}/ws/chat")


async def test_no_websocket_there(connector: AiohttpConnector) -> None:
    async with Host(echo) as url:
        with pytest.raises(TransportError, match="404"):
            await connector.connect(f"{url}/elsewhere")


@pytest.mark.parametrize("url", ["", "nonsense", "ws://", "ftp://127.0.0.1/"])
async def test_no_url(connector: AiohttpConnector, url: str) -> None:
    with pytest.raises(TransportError, match="Connecting failed"):
        await connector.connect(url)


async def test_session_closed(session: aiohttp.ClientSession, connector: AiohttpConnector) -> None:
    await session.close()
    with pytest.raises(TransportError, match="Connecting failed"):
        await connector.connect("ws://127.0.0.1:1/ws/chat")


async def test_a_server_that_does_not_answer(session: aiohttp.ClientSession) -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connector = AiohttpConnector(session, connect_timeout=0.2)
    async with server:
        with pytest.raises(TransportError, match="did not answer in time"):
            await connector.connect(f"ws://127.0.0.1:{port}/ws/chat")
        assert asked.is_set()


def certificate(folder: Path, begins: datetime, ends: datetime) -> Path:
    """Write a certificate for this machine and its key, valid between two times."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return file


@pytest.mark.parametrize(
    ("begins", "ends", "trusted", "kind"),
    [
        (-20, -10, True, WrongClock),
        (10, 20, True, WrongClock),
        (-10, 10, False, TransportError),
    ],
)
async def test_a_certificate_of_another_time_is_told_apart(
    session: aiohttp.ClientSession,
    tmp_path: Path,
    begins: int,
    ends: int,
    trusted: bool,
    kind: type[TransportError],
) -> None:
    now = datetime.now(UTC)
    file = certificate(tmp_path, now + timedelta(days=begins), now + timedelta(days=ends))
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(file)
    known = ssl.create_default_context(cafile=str(file) if trusted else None)
    application = web.Application()
    server = TestServer(application, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=served)
    url = str(server.make_url("/ws/chat").with_scheme("wss"))
    with pytest.raises(TransportError, match="does not verify") as raised:
        await AiohttpConnector(session, ssl_context=known).connect(url)
    await server.close()
    assert type(raised.value) is kind
