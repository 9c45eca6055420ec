"""The simulator without sockets: lines in memory, on which any frame can be tampered with.

A `MemoryNetwork` is a connector for clients. Every frame that crosses one of its lines
has a name, the same in every run; a `Trap` waits for one of them and does something.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
import copy
from dataclasses import dataclass, field
import enum
import os
from typing import Any, override

from aiohttp import WSMsgType

from custom_components.whatsapp_web.aiowhatsapp.errors import TransportError
from custom_components.whatsapp_web.aiowhatsapp.transport import Connector, Socket
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode

from .server import Simulator
from .session import Session


class Direction(enum.StrEnum):
    """Which way a frame goes."""

    TO_SERVER = "->"
    TO_CLIENT = "<-"


class Action(enum.StrEnum):
    """What happens to a frame, and to the line from then on."""

    # The line breaks before the frame arrives; both ends notice at once.
    DROP = "drop"
    # The frame arrives, and then the line breaks.
    DROP_AFTER = "drop after"
    # From this frame on nothing arrives this way, and nobody is told.
    HALF = "half"
    # From this frame on nothing arrives either way, and writing never ends.
    STALL = "stall"
    # Noise arrives in place of the frame.
    GARBAGE = "garbage"
    # The beginning of a frame arrives that is announced longer than it ever gets.
    ENDLESS = "endless"


@dataclass(frozen=True, order=True)
class Point:
    """The `nth` frame of that name in that direction, counted from 1."""

    direction: Direction
    name: str
    nth: int

    def __str__(self) -> str:
        count = f" #{self.nth}" if self.nth > 1 else ""
        return f"{self.direction} {self.name}{count}"


@dataclass(eq=False)
class Trap:
    """What is to happen at a point; `turns` of the loop later for `DROP_AFTER`."""

    point: Point
    action: Action
    turns: int = 0
    sprung: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryNetwork(Connector):
    """Connects clients to a simulator in this process."""

    def __init__(self, simulator: Simulator) -> None:
        self.up = True
        self.points: list[Point] = []
        self.lines: list[Line] = []
        self.attempts = 0
        self._simulator = simulator
        self._counts: Counter[tuple[Direction, str]] = Counter()
        self._trap: Trap | None = None

    @override
    async def connect(self, url: str) -> Socket:
        self.attempts += 1
        if not self.up:
            raise TransportError("The network is down")
        line = Line(self, self._simulator)
        self.lines = [line, *(each for each in self.lines if not each.over)]
        return line.client

    def watch(self, trap: Trap | None = None) -> None:
        """Count frames from now on, and set a trap for one of them."""
        self._counts.clear()
        self.points.clear()
        self._trap = trap

    def cut(self) -> None:
        """Break all lines."""
        for line in self.lines:
            line.cut()

    async def close(self) -> None:
        """End all lines."""
        self.cut()
        await asyncio.gather(*(line.serving for line in self.lines))

    def passing(self, direction: Direction, name: str) -> Trap | None:
        """Note a frame; give the trap that it springs."""
        self._counts[direction, name] += 1
        point = Point(direction, name, self._counts[direction, name])
        self.points.append(point)
        trap = self._trap
        if trap is None or trap.point != point:
            return None
        self._trap = None
        trap.sprung.set()
        return trap


class Line:
    """One connection: a client's end, a server's end, and what lies between."""

    def __init__(self, network: MemoryNetwork, simulator: Simulator) -> None:
        self.to_client: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.to_server: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.names: deque[str] = deque()
        self.broken = False
        self.client_closed = self.server_closed = False
        self.mute: set[Direction] = set()
        self.stalled = False
        self.released = asyncio.Event()
        self.client = _ClientEnd(self)
        self.session = _NamingSession(simulator, _ServerEnd(self), self.names)
        self._network = network
        self._simulator = simulator
        self._requests: dict[str, str] = {}
        self._frames_to_server = 0
        simulator._sessions.add(self.session)
        self.serving = asyncio.create_task(self.session.run())

    @property
    def over(self) -> bool:
        """Whether the server has let go of it."""
        return self.serving.done()

    # --- what crosses

    def from_client(self, data: bytes) -> None:
        """Take one frame of the client's."""
        name = self._name_of_client_frame(data)
        self._frames_to_server += 1
        self._cross(Direction.TO_SERVER, name, data, self.to_server)

    def from_server(self, data: bytes) -> None:
        """Take some frames of the server's."""
        while data:
            end = 3 + int.from_bytes(data[:3])
            frame, data = data[:end], data[end:]
            name = self.names.popleft()
            if name.startswith("id:"):
                name = f"result of {self._requests.get(name[3:], 'nothing')}"
            self._cross(Direction.TO_CLIENT, name, frame, self.to_client)

    def _cross(
        self, direction: Direction, name: str, data: bytes, queue: asyncio.Queue[bytes | None]
    ) -> None:
        if self.broken or direction in self.mute:
            return
        trap = self._network.passing(direction, name)
        match trap and trap.action:
            case Action.DROP:
                self.cut()
                return
            case Action.HALF:
                self.mute.add(direction)
                return
            case Action.STALL:
                self.mute |= set(Direction)
                self.stalled = True
                return
            case Action.GARBAGE:
                length = len(data) - 3
                data = length.to_bytes(3) + os.urandom(length)
            case Action.ENDLESS:
                data = b"\xff\xff\xff" + data[3:]
            case Action.DROP_AFTER:
                assert trap is not None
                self._cut_in(trap.turns)
        queue.put_nowait(data)

    # --- how it ends

    def cut(self) -> None:
        """Break the line; both ends notice."""
        self.broken = True
        self.released.set()
        self.to_client.put_nowait(None)
        self.to_server.put_nowait(None)

    def _cut_in(self, turns: int) -> None:
        if turns <= 0:
            self.cut()
        else:
            asyncio.get_running_loop().call_soon(self._cut_in, turns - 1)

    def close_client(self) -> None:
        """Hang up at the client's end."""
        self.client_closed = True
        self.released.set()
        self.to_client.put_nowait(None)
        if Direction.TO_SERVER not in self.mute:
            self.to_server.put_nowait(None)

    def close_server(self) -> None:
        """Hang up at the server's end."""
        self.server_closed = True
        self.to_server.put_nowait(None)
        if Direction.TO_CLIENT not in self.mute:
            self.to_client.put_nowait(None)

    # --- names

    def _name_of_client_frame(self, data: bytes) -> str:
        index = self._frames_to_server
        if index < 2:
            return ("client hello", "client finish")[index]
        transport = copy.copy(self.session._transport)
        if transport is None:
            return "after a handshake that failed"
        transport._received = index - 2
        node = decode(transport.decrypt(data[3:]))
        name = name_of(node)
        if node.tag == "iq" and node.attr("type") in ("get", "set"):
            self._requests[node.required_attr("id")] = name
        return name


class _ClientEnd(Socket):
    def __init__(self, line: Line) -> None:
        self._line = line

    @override
    async def send(self, data: bytes) -> None:
        line = self._line
        if line.stalled:
            await line.released.wait()
        if line.broken or line.client_closed:
            raise TransportError("The line is broken")
        line.from_client(data)

    @override
    async def receive(self) -> bytes | None:
        data = await self._line.to_client.get()
        if data is None:
            # Whoever asks again gets the same answer.
            self._line.to_client.put_nowait(None)
        return data

    @override
    async def close(self) -> None:
        self._line.close_client()


@dataclass(frozen=True)
class _Message:
    data: bytes
    type: WSMsgType = WSMsgType.BINARY


@dataclass(frozen=True)
class _Aborter:
    abort: Callable[[], None]


@dataclass(frozen=True)
class _Request:
    transport: _Aborter


class _ServerEnd:
    """As much of aiohttp's server WebSocket as a session uses."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._req = _Request(_Aborter(line.cut))

    async def send_bytes(self, data: bytes) -> None:
        self._line.from_server(data)

    async def close(self) -> None:
        self._line.close_server()

    def __aiter__(self) -> _ServerEnd:
        return self

    async def __anext__(self) -> _Message:
        data = await self._line.to_server.get()
        if data is None or self._line.server_closed:
            raise StopAsyncIteration
        return _Message(data)


class _NamingSession(Session):
    """A session that says what each of its frames is."""

    def __init__(self, server: Simulator, socket: Any, names: deque[str]) -> None:
        super().__init__(server, socket)
        self._names = names

    @override
    def _sealed(self, item: Node | bytes) -> bytes:
        if isinstance(item, Node):
            is_answer = item.tag == "iq" and item.attr("type") in ("result", "error")
            self._names.append(f"id:{item.attr('id')}" if is_answer else name_of(item))
        else:
            self._names.append("raw" if self._transport else "server hello")
        return super()._sealed(item)


def name_of(node: Node) -> str:
    """Describe a stanza by what it is for."""
    child = next((each.tag for each in node.children()), "")
    kinds = sorted({enc.attr("type") or "" for enc in _encs(node)})
    parts = {
        "iq": (node.attr("xmlns"), child),
        "message": (node.attr("category"), *kinds),
        "receipt": (node.attr("type") or "delivery",),
        "ack": ("of", node.attr("class")),
        "notification": (node.attr("type"),),
        "stream:error": (node.attr("code") or child,),
        "ib": (child,),
    }.get(node.tag, ())
    return " ".join([node.tag, *filter(None, parts)])


def _encs(node: Node) -> list[Node]:
    participants = node.child("participants")
    listed = participants.children("to") if participants else []
    return [*node.children("enc"), *(enc for to in listed for enc in to.children("enc"))]
