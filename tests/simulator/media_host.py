"""The media hosts: encrypted files over HTTPS on loopback, and all that goes wrong there.

Clients find it through `media_conn`. Its certificate is made anew for each server;
`ca_file` is what a client has to trust.
"""

import asyncio
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
import datetime as dt
import hashlib
import ipaddress
import os
from pathlib import Path
import socket
import ssl
import tempfile
from typing import TYPE_CHECKING, Literal

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Device

if TYPE_CHECKING:
    from .server import Simulator

ORIGIN = "https://web.whatsapp.com"
MAX_BODY = 256 << 20
CHUNK = 256 << 10
TTL = 3600
PATHS = frozenset(
    {
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "gif",
        "ptt",
        "thumbnail-link",
        "md-msg-hist",
        "md-app-state",
    }
)
MMS_TYPES = PATHS | {"ptv"}

type Spoiling = Literal["flip", "mac", "truncate", "break", "longer", "announce", "stall"]


@dataclass
class StoredFile:
    """A file as it was uploaded: encrypted, or as plain as it came."""

    kind: str
    content: bytes = field(repr=False)
    direct_path: str = ""
    expired: bool = False

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).digest()


class MediaHost:
    """Takes files by their hash, and gives them out by their path."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self.files: dict[str, StoredFile] = {}
        self.partial: dict[str, bytearray] = {}
        self.requests: list[str] = []
        # Hosts that are named before and after this one: of use to tests as dead ones.
        self.hosts_before: list[str] = []
        self.hosts_after: list[str] = []
        self.auth = "ticket-1"
        self.ttl = TTL
        self.counts: Counter[str] = Counter()
        self.upload_statuses: list[int] = []
        self.download_statuses: list[int] = []
        self.spoilings: list[Spoiling] = []
        # With a number, the next upload is cut off after so many bytes.
        self.cut_upload_after: int | None = None
        self.stalled = asyncio.Event()
        self.go_on = asyncio.Event()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._runner: web.AppRunner | None = None
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._handshakes: set[asyncio.Task[None]] = set()
        self._port = 0

    # --- life

    async def start(self) -> None:
        """Listen on loopback, with a certificate of its own."""
        self._folder = tempfile.TemporaryDirectory()
        context = _make_context(Path(self._folder.name))
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/mms/{kind}/{token}", self._upload)
        app.router.add_get("/v/{name}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(self._listener, context))

    async def stop(self) -> None:
        """Stop listening and remove the certificate."""
        self.go_on.set()
        tasks = [each for each in (self._accepting, *self._handshakes) if each is not None]
        self._accepting = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._folder is not None:
            self._folder.cleanup()

    async def _accept(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Take connections; one that fails at TLS is its client's fault and nobody's news."""
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(self._shake_hands(connection, context))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        assert self._runner is not None
        assert self._runner.server is not None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._runner.server, connection, ssl=context
            )
        except OSError, AssertionError:
            connection.close()

    @property
    def host(self) -> str:
        """Host and port, as `media_conn` names it."""
        return f"127.0.0.1:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The certificate that clients have to trust."""
        assert self._folder is not None
        return Path(self._folder.name) / "ca.pem"

    def client_context(self) -> ssl.SSLContext:
        """TLS for a client that trusts this host."""
        return ssl.create_default_context(cafile=self.ca_file)

    # --- what tests do

    def renew_ticket(self) -> None:
        """Let the ticket that clients have run out."""
        self.counts["tickets"] += 1
        self.auth = f"ticket-{self.counts['tickets'] + 1}"

    def expire(self, direct_path: str) -> None:
        """Forget where a file is; its phone can bring it back under another path."""
        self.files[_name(direct_path)].expired = True

    def put(self, kind: str, content: bytes) -> StoredFile:
        """Take a file that nobody uploaded over HTTP."""
        stored = StoredFile(kind, content)
        name = os.urandom(8).hex()
        stored.direct_path = f"/v/{name}?ccb=11-4&oh={os.urandom(4).hex()}&oe=66F0"
        self.files[name] = stored
        return stored

    def find(self, digest: bytes) -> StoredFile | None:
        """Find a file by its hash, whether it expired or not."""
        return next((each for each in self.files.values() if each.digest == digest), None)

    # --- requests

    def conn(self) -> Node:
        """Answer the request for hosts and ticket."""
        names = [*self.hosts_before, self.host, *self.hosts_after]
        hosts = [Node("host", {"hostname": name, "type": "primary"}) for name in names]
        self.counts["media_conn"] += 1
        return Node(
            "media_conn",
            {
                "auth": self.auth,
                "ttl": str(self.ttl),
                "auth_ttl": str(self.ttl),
                "max_buckets": "12",
            },
            list(hosts),
        )

    async def _upload(self, request: web.Request) -> web.Response:
        kind, token = request.match_info["kind"], request.match_info["token"]
        self.requests.append(f"POST {kind}{' resume' if 'resume' in request.query else ''}")
        self._check(request, kind in PATHS, f"upload to {kind}")
        status = self.upload_statuses.pop(0) if self.upload_statuses else 200
        if request.query.get("auth") != self.auth:
            status = 401
        if status != 200:
            async for _ in request.content.iter_chunked(CHUNK):
                pass
            return web.json_response({"error": {"code": status}}, status=status)
        self._check(
            request, request.query.get("token", "").rstrip("=") == token.rstrip("="), "token"
        )
        if "resume" in request.query:
            return self._rest_of(token)
        body = self.partial.setdefault(token, bytearray())
        offset = int(request.query.get("file_offset", 0))
        self._check(request, offset <= len(body), "offset behind what was uploaded")
        del body[offset:]
        async for chunk in request.content.iter_chunked(CHUNK):
            body += chunk
            if self.cut_upload_after is not None and len(body) >= self.cut_upload_after:
                self.cut_upload_after = None
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
        if hashlib.sha256(body).digest() != _digest_of(token):
            del self.partial[token]
            return web.json_response({"error": {"code": 415}}, status=415)
        return self._stored(kind, token)

    def _rest_of(self, token: str) -> web.Response:
        stored = self.find(_digest_of(token))
        if stored is not None:
            url = f"https://{self.host}{stored.direct_path}"
            answer = {"resume": "complete", "url": url, "direct_path": stored.direct_path}
            return web.json_response(answer)
        if token not in self.partial:
            return web.json_response({}, status=404)
        return web.json_response({"resume": str(len(self.partial[token]))})

    def _stored(self, kind: str, token: str) -> web.Response:
        stored = self.put(kind, bytes(self.partial.pop(token)))
        url = f"https://{self.host}{stored.direct_path}"
        return web.json_response({"url": url, "direct_path": stored.direct_path, "handle": ""})

    async def _download(self, request: web.Request) -> web.StreamResponse:
        self.requests.append("GET")
        if self.download_statuses and (status := self.download_statuses.pop(0)) != 200:
            return web.Response(status=status)
        stored = self.files.get(request.match_info["name"])
        if stored is None:
            return web.Response(status=404)
        for name, value in request.query.items():
            if name == "hash" and value:
                self._check(request, _digest_of(value) == stored.digest, "hash of the download")
            if name == "mms-type":
                self._check(request, value in MMS_TYPES, f"mms-type {value}")
        if "oh=" not in request.query_string:
            return web.Response(status=403)
        if stored.expired:
            return web.Response(status=410)
        spoiling = self.spoilings.pop(0) if self.spoilings else None
        return await self._give(request, _spoil(stored.content, spoiling), spoiling)

    async def _give(
        self, request: web.Request, content: bytes, spoiling: Spoiling | None
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(content)
        if spoiling == "announce":
            response.content_length = 3_000_000_000
        await response.prepare(request)
        sent = content[: len(content) // 2] if spoiling == "break" else content
        async for chunk in _chunks(sent):
            await response.write(chunk)
        if spoiling == "stall":
            self.stalled.set()
            await self.go_on.wait()
        if spoiling in ("break", "announce", "stall"):
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write_eof()
        return response

    def _check(self, request: web.Request, right: bool, what: str) -> None:
        if request.headers.get("Origin") not in (None, ORIGIN):
            self._server.ledger.violation("media: another Origin than web.whatsapp.com")
        if not right:
            self._server.ledger.violation(f"media: {what}")


def answer(server: Simulator, device: Device, node: Node) -> list[Node]:
    """Answer `w:m`."""
    node.required_child("media_conn")
    return [server.media.conn()]


def _spoil(content: bytes, spoiling: Spoiling | None) -> bytes:
    spoiled = bytearray(content)
    if spoiling == "flip":
        spoiled[len(spoiled) // 3] ^= 1
    elif spoiling == "mac":
        spoiled[-1] ^= 1
    elif spoiling == "truncate":
        del spoiled[len(spoiled) // 2 :]
    elif spoiling == "stall":
        # All but the end came in.
        del spoiled[-1:]
    elif spoiling == "longer":
        spoiled += bytes(CHUNK)
    return bytes(spoiled)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), CHUNK):
        yield content[at : at + CHUNK]


def _digest_of(token: str) -> bytes:
    token = token.rstrip("=")
    return urlsafe_b64decode(token + "=" * (-len(token) % 4))


def _name(direct_path: str) -> str:
    return direct_path.removeprefix("/v/").split("?", 1)[0]


def _make_context(folder: Path) -> ssl.SSLContext:
    """Make a key and a certificate for loopback, and TLS with them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "media host on loopback")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    ca_file, key_file = folder / "ca.pem", folder / "key.pem"
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file, key_file)
    return context
