"""A scripted server in memory and a clock that stands still, for the tests of pairing."""

import asyncio
import base64
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
import heapq
import itertools

from custom_components.whatsapp_web.aiowhatsapp.client.pairing import Pairing, PairingEvent
from custom_components.whatsapp_web.aiowhatsapp.client.settings import ServerSettings
from custom_components.whatsapp_web.aiowhatsapp.errors import TransportError
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID
from custom_components.whatsapp_web.aiowhatsapp.pairing.credentials import Credentials
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode
from tests.aiowhatsapp.pairing.support import Phone, SeededBytes
from tests.simulator.noise import FrameReader, HandshakeResult, Responder, TrustRoot

NOW = 1_785_000_000
URL = "ws://127.0.0.1:1/ws/chat"
REFS = [f"2@ref-{number}" for number in range(6)]


async def settle() -> None:
    """Let everything run that can run without time passing or data coming."""
    ready: deque[object] = vars(asyncio.get_running_loop())["_ready"]
    await asyncio.sleep(0)
    while ready:  # noqa: ASYNC110 - only the loop knows
        await asyncio.sleep(0)


class FakeClock:
    """A clock that goes on only when a test says so."""

    def __init__(self) -> None:
        self._time = 0.0
        self._counter = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return NOW + self._time

    def monotonic(self) -> float:
        return self._time

    async def sleep(self, seconds: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._time + seconds, next(self._counter), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking every sleeper at its own time."""
        await settle()
        target = self._time + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, waiter = heapq.heappop(self._sleepers)
            self._time = max(self._time, due)
            if not waiter.done():
                waiter.set_result(None)
                await settle()
        self._time = target
        await settle()


class FakeServer:
    """Connector, socket and server in one: what the client sends is decoded into nodes."""

    def __init__(self, trust: TrustRoot) -> None:
        self._frames = FrameReader()
        self._responder = Responder(trust, NOW)
        self._to_client: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._handshake: HandshakeResult | None = None
        self.url = ""
        self.sent: list[Node] = []
        self.pings = 0
        self.closed = False
        self.refuses_to_connect = False
        self.answers_pings = True
        self.answers_handshake = True
        self.broken = False

    async def connect(self, url: str) -> FakeServer:
        self.url = url
        if self.refuses_to_connect:
            raise TransportError("refused")
        return self

    async def send(self, data: bytes) -> None:
        if self.closed or self.broken:
            raise TransportError("broken")
        if not self.answers_handshake:
            self._to_client.put_nowait(None)
            return
        for frame in self._frames.feed(data):
            self._on_frame(frame)

    async def receive(self) -> bytes | None:
        return await self._to_client.get()

    async def close(self) -> None:
        self.closed = True
        self._to_client.put_nowait(None)

    def _on_frame(self, frame: bytes) -> None:
        if self._handshake is None:
            answer = self._responder.receive(frame)
            if isinstance(answer, bytes):
                self._to_client.put_nowait(answer)
            else:
                self._handshake = answer
            return
        node = decode(self._handshake.transport.decrypt(frame))
        if node.attr("xmlns") != "w:p":
            self.sent.append(node)
            return
        self.pings += 1
        if self.answers_pings:
            self.push(
                Node("iq", {"id": node.required_attr("id"), "type": "result", "from": SERVER_JID})
            )

    @property
    def payload(self) -> wire.ClientPayload:
        """What the client said of itself."""
        assert self._handshake is not None
        return wire.ClientPayload.FromString(self._handshake.payload)

    @property
    def noise_key(self) -> bytes:
        """The client's Noise key."""
        assert self._handshake is not None
        return self._handshake.client_static

    def push(self, node: Node) -> None:
        """Send a node without waiting for what it does."""
        assert self._handshake is not None
        self._to_client.put_nowait(self._handshake.transport.encrypt(encode(node)))

    def push_raw(self, plaintext: bytes) -> None:
        """Send a genuine frame with any content."""
        assert self._handshake is not None
        self._to_client.put_nowait(self._handshake.transport.encrypt(plaintext))

    async def send_node(self, node: Node) -> list[Node]:
        """Send a node, and return what the client answers."""
        before = len(self.sent)
        self.push(node)
        await settle()
        return self.sent[before:]

    async def hang_up(self) -> None:
        """Close the connection from the server's side."""
        self._to_client.put_nowait(None)
        await settle()


@dataclass
class Round:
    """A pairing that runs against the scripted server."""

    server: FakeServer
    clock: FakeClock
    pairing: Pairing
    events: list[PairingEvent] = field(default_factory=list)
    saved: list[Credentials] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    task: asyncio.Task[Credentials] | None = None
    phone: Phone = field(default_factory=Phone)
    save_error: Exception | None = None
    save_gate: asyncio.Event | None = None

    async def save(self, credentials: Credentials) -> None:
        if self.save_gate is not None:
            await self.save_gate.wait()
        if self.save_error is not None:
            raise self.save_error
        self.journal.append(f"saved with {len(self.server.sent)} sent")
        self.saved.append(credentials)

    async def start(self) -> None:
        """Run until the client waits for the server."""
        self.task = asyncio.create_task(self.pairing.run(self.events.append))
        await settle()

    async def result(self) -> Credentials:
        """Return or raise how the attempt ended; it must have ended by now."""
        assert self.task is not None
        await settle()
        assert self.task.done()
        return self.task.result()

    async def stop(self) -> None:
        """Cancel the attempt, if it still runs."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await settle()

    @property
    def running(self) -> bool:
        """Whether the attempt goes on."""
        assert self.task is not None
        return not self.task.done()

    @property
    def texts(self) -> list[str]:
        """The texts of the codes shown so far."""
        return [event.text for event in self.events if hasattr(event, "text")]

    def code_parts(self, text: str) -> tuple[str, bytes, bytes, bytes, str]:
        """Take a code's text apart as a phone does."""
        ref, *keys, client_type = text.rpartition("#")[2].split(",")
        noise, identity, secret = (base64.b64decode(key, validate=True) for key in keys)
        return ref, noise, identity, secret, client_type

    def proof(self, text: str | None = None) -> bytes:
        """Scan a code, by default the one shown last, and prove it."""
        _, _, identity, secret, _ = self.code_parts(text or self.texts[-1])
        return self.phone.container(identity, secret)


_rounds: list[Round] = []


async def stop_rounds() -> None:
    """Cancel what the test left running."""
    while _rounds:
        await _rounds.pop().stop()


def make_round(*, hosted: bool = False) -> Round:
    """Prepare a pairing."""
    trust = TrustRoot()
    server, clock = FakeServer(trust), FakeClock()

    async def save(credentials: Credentials) -> None:
        await prepared.save(credentials)

    async def run_blocking[T](job: Callable[[], T]) -> T:
        return job()

    pairing = Pairing(
        connector=server,
        server=ServerSettings(url=URL, root_key=trust.root.public, version=(2, 3000, 1234567890)),
        clock=clock,
        random_bytes=SeededBytes("client"),
        run_blocking=run_blocking,
        save=save,
    )
    prepared = Round(
        server=server,
        clock=clock,
        pairing=pairing,
        phone=Phone(hosted_account=hosted, hosted_device=hosted),
    )
    _rounds.append(prepared)
    return prepared


def pair_device(refs: list[str] | None = None, request_id: str = "pd-1") -> Node:
    """Offer codes."""
    children = [Node("ref", {}, ref.encode()) for ref in (REFS if refs is None else refs)]
    return from_server(request_id, Node("pair-device", {}, children), xmlns="md")


def from_server(request_id: str, child: Node, **attrs: str) -> Node:
    """Make a request of the server."""
    return Node("iq", {"from": SERVER_JID, "type": "set", "id": request_id, **attrs}, [child])


def pair_success(proof: bytes, *extra: Node, request_id: str = "ps-1") -> Node:
    """Tell the client that the phone agreed."""
    children = [
        Node("device-identity", {}, proof),
        Node("biz", {"name": "Shop"}),
        Node("platform", {"name": "smba"}),
        Node("device", {"jid": "15551234567:12@s.whatsapp.net", "lid": "998877:12@lid"}),
        *extra,
    ]
    return from_server(request_id, Node("pair-success", {}, children), t=str(NOW))


def notification(kind: str, *children: Node, notification_id: str = "n-1") -> Node:
    """Make a notification of the server."""
    return Node(
        "notification",
        {"from": SERVER_JID, "type": kind, "id": notification_id, "t": str(NOW)},
        list(children),
    )


def stream_error(code: str) -> Node:
    """End the stream."""
    return Node("stream:error", {"code": code})
