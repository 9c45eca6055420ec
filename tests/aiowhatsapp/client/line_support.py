"""A client with its runner at a scripted server in memory, handshake included, on virtual time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
import inspect
from typing import Any, Concatenate, override

from custom_components.whatsapp_web.aiowhatsapp.client.client import Client
from custom_components.whatsapp_web.aiowhatsapp.client.settings import ServerSettings
from custom_components.whatsapp_web.aiowhatsapp.errors import WhatsAppError
from custom_components.whatsapp_web.aiowhatsapp.events import Status, StatusChanged
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID
from custom_components.whatsapp_web.aiowhatsapp.store import Store
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import Bench, Disk, result
from tests.aiowhatsapp.client.pairing_support import NOW, URL, FakeServer, settle
from tests.aiowhatsapp.signal.support import SeededBytes
from tests.simulator.noise import TrustRoot
from tests.virtual_time import VirtualClock, run

type Greeting = Callable[[Session], None]

SUCCESS = Node("success", {"t": str(NOW), "lid": "1001:7@lid"})


class Session(FakeServer):
    """One connection as the server sees it; `script` overrules answers by the request's child."""

    def __init__(self, trust: TrustRoot, greeting: Greeting) -> None:
        super().__init__(trust)
        self._greeting = greeting
        self.script: dict[str, Callable[[Node], Node | None]] = {}

    @property
    def routing_info(self) -> bytes | None:
        return self._frames.routing_info

    @override
    def _on_frame(self, frame: bytes) -> None:
        greeted, before = self._handshake is not None, len(self.sent)
        super()._on_frame(frame)
        if self._handshake is not None and not greeted:
            self._greeting(self)
        for node in self.sent[before:]:
            if node.tag == "iq" and node.attr("type") in ("get", "set"):
                answer = self._answer(node)
                if answer is not None:
                    self.push(answer)

    def _answer(self, node: Node) -> Node | None:
        (child,) = node.children()[:1] or [Node("none")]
        scripted = self.script.get(child.tag)
        if scripted is not None:
            return scripted(node)
        content = [Node("count", {"value": "100"})] if child.tag == "count" else []
        return result(node, *content)

    def asked(self, child: str) -> list[Node]:
        """Give the requests of one kind."""
        return [node for node in self.sent if node.tag == "iq" and node.child(child) is not None]

    def break_frame(self) -> None:
        """Send a frame that does not verify."""
        self._to_client.put_nowait(b"\x00\x00\x20" + bytes(32))


def accept(session: Session) -> None:
    """Take the login, with nothing waiting."""
    session.push(SUCCESS)
    session.push(Node("ib", {"from": SERVER_JID}, [Node("offline", {"count": "0"})]))


def keep_silent(_session: Session) -> None:
    """Say nothing to a login."""


def say(*nodes: Node) -> Greeting:
    """Answer a login with stanzas."""

    def greet(session: Session) -> None:
        for node in nodes:
            session.push(node)

    return greet


class Network:
    """Opens connections; `greetings` are for the next ones, then everyone is accepted."""

    def __init__(self, clock: VirtualClock) -> None:
        self.trust = TrustRoot()
        self.clock = clock
        self.greetings: deque[Greeting] = deque()
        self.always: Greeting = accept
        self.faults: deque[Exception] = deque()
        self.sessions: list[Session] = []
        self.attempts: list[float] = []

    async def connect(self, url: str) -> Session:
        assert url == URL
        self.attempts.append(self.clock.monotonic())
        if self.faults:
            raise self.faults.popleft()
        greeting = self.greetings.popleft() if self.greetings else self.always
        session = Session(self.trust, greeting)
        self.sessions.append(session)
        return session

    @property
    def gaps(self) -> list[float]:
        """The seconds between one attempt and the next."""
        return [b - a for a, b in zip(self.attempts, self.attempts[1:], strict=False)]


async def _at_once[T](job: Callable[[], T], /) -> T:
    return job()


class LineBench:
    """The client, the network it connects over, and what it said of its status."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.disk = Disk()
        self.statuses: list[tuple[float, Status, WhatsAppError | None]] = []
        self.client = Client(
            credentials=Bench().credentials,
            store=Store(self.disk),
            connector=self.network,
            server=ServerSettings(url=URL, root_key=self.network.trust.root.public),
            clock=self.clock,
            random_bytes=SeededBytes("line"),
            run_blocking=_at_once,
        )
        self.client.subscribe(StatusChanged, self._on_status)

    def _on_status(self, event: StatusChanged) -> None:
        self.statuses.append((self.clock.monotonic(), event.status, event.error))

    @property
    def session(self) -> Session:
        """The newest connection."""
        return self.network.sessions[-1]

    async def start(self, *greetings: Greeting) -> Session:
        """Start the client, and let it do all that takes no time."""
        self.network.greetings.extend(greetings)
        await self.client.start()
        await settle()
        return self.session

    async def receive(self, node: Node) -> list[Node]:
        """Send the client a stanza; give what it answers."""
        return await self.session.send_node(node)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)
        await settle()

    def told(self, status: Status) -> list[WhatsAppError | None]:
        """Give the reasons of every change to that status."""
        return [error for _, each, error in self.statuses if each is status]


def on_line[**P](
    test: Callable[Concatenate[LineBench, P], Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """Give a test a client that is not started; stop it afterwards, leaving no task."""

    async def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        line = LineBench()
        try:
            await test(line, *args, **kwargs)
        finally:
            await line.client.stop()
            await settle()

    def runner(*args: P.args, **kwargs: P.kwargs) -> None:
        run(whole(*args, **kwargs))

    runner.__name__ = test.__name__
    runner.__module__ = test.__module__
    signature = inspect.signature(test)
    remaining = list(signature.parameters.values())[1:]
    vars(runner)["__signature__"] = signature.replace(parameters=remaining)
    return runner
