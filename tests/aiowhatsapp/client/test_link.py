"""One connection: opening, asking, and the many ways in which it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
import inspect
import logging
from typing import Any, Concatenate, cast, override

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.link import (
    HANDSHAKE_TIMEOUT,
    LONGEST_FRAME,
    REQUEST_TIMEOUT,
    WRITE_TIMEOUT,
    Link,
)
from custom_components.whatsapp_web.aiowhatsapp.connection import (
    Connection,
    ConnectionEvent,
    HandshakeCompleted,
    NodeReceived,
)
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    HandshakeTimeout,
    IqError,
    KeepAliveLost,
    LocalProtocolError,
    NoiseError,
    RequestTimeout,
    TransportError,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.prekeys import GetPreKeyCount
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.pairing_support import NOW, URL, FakeServer, settle
from tests.aiowhatsapp.signal.support import SeededBytes
from tests.simulator.noise import TrustRoot
from tests.virtual_time import VirtualClock, run

PEER = Jid.parse("15550002222:3@s.whatsapp.net")


class Server(FakeServer):
    """A server whose line can be made to take no data, or to give some only."""

    def __init__(self, trust: TrustRoot) -> None:
        super().__init__(trust)
        self.flowing = asyncio.Event()
        self.flowing.set()

    @override
    async def send(self, data: bytes) -> None:
        await self.flowing.wait()
        await super().send(data)

    def trickle(self, data: bytes) -> None:
        """Send some bytes, whatever they are."""
        self._to_client.put_nowait(data)

    def sealed(self, *nodes: Node) -> bytes:
        """Give the bytes of some nodes without sending them."""
        before = self._to_client.qsize()
        for node in nodes:
            self.push(node)
        return b"".join(
            self._to_client.get_nowait() or b"" for _ in range(self._to_client.qsize() - before)
        )


class LinkBench:
    """A server, and a link to it with its reader."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.trust = TrustRoot()
        self.server = Server(self.trust)
        self.nodes: list[Node] = []
        self.reading: asyncio.Task[WhatsAppError] | None = None

    def engine(self, root: bytes | None = None) -> Connection:
        random_bytes = SeededBytes("link")
        return Connection(
            noise_key=KeyPair.from_private(random_bytes(32)),
            ephemeral=KeyPair.from_private(random_bytes(32)),
            client_payload=b"",
            root_key=root or self.trust.root.public,
            now=NOW,
        )

    async def open(self, root: bytes | None = None) -> Link:
        return await Link.open(self.server, URL, self.engine(root), clock=self.clock, id_prefix="a")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Link]:
        """Open a link and read from it."""
        link = await self.open()
        self.reading = asyncio.create_task(link.read(self.nodes.append))
        try:
            yield link
        finally:
            await link.close()
            await asyncio.gather(self.reading, return_exceptions=True)

    async def reason(self) -> WhatsAppError:
        """Give why the reader stopped; it must have stopped by now."""
        await settle()
        assert self.reading is not None
        assert self.reading.done()
        return self.reading.result()

    async def receive(self, *nodes: Node) -> None:
        for node in nodes:
            self.server.push(node)
        await settle()


def linked[**P](
    test: Callable[Concatenate[LinkBench, P], Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """Give a test a server, on a loop with virtual time, leaving no task behind."""

    async def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        await test(LinkBench(), *args, **kwargs)

    def runner(*args: P.args, **kwargs: P.kwargs) -> None:
        run(whole(*args, **kwargs))

    runner.__name__ = test.__name__
    runner.__module__ = test.__module__
    signature = inspect.signature(test)
    remaining = list(signature.parameters.values())[1:]
    vars(runner)["__signature__"] = signature.replace(parameters=remaining)
    return runner


def iq(request_id: str, kind: str = "get", *children: Node) -> Node:
    attrs: dict[str, str | Jid] = {"id": request_id, "type": kind, "to": SERVER_JID}
    return Node("iq", attrs, [*children])


def result(request_id: str, kind: str = "result", *children: Node) -> Node:
    attrs: dict[str, str | Jid] = {"id": request_id, "type": kind, "from": SERVER_JID}
    return Node("iq", attrs, [*children])


def message(message_id: str) -> Node:
    return Node("message", {"id": message_id, "to": PEER}, b"sealed text")


def ack(of: str, stanza_id: str) -> Node:
    return Node("ack", {"class": of, "id": stanza_id, "from": PEER})


def waited_for(link: Link) -> bool:
    return link.has_waiters


def owed_since(link: Link) -> float | None:
    return link.unanswered_since


# --- opening


@linked
async def test_opening(bench: LinkBench) -> None:
    async with bench.opened() as link:
        assert bench.server.url == URL
        assert not link.closed
        assert not waited_for(link)
        assert (link.next_id(), link.next_id()) == ("a-1", "a-2")


@linked
async def test_nobody_there(bench: LinkBench) -> None:
    bench.server.refuses_to_connect = True
    with pytest.raises(TransportError):
        await bench.open()


@linked
async def test_closed_in_the_handshake(bench: LinkBench) -> None:
    bench.server.answers_handshake = False
    with pytest.raises(Disconnected):
        await bench.open()
    assert bench.server.closed


@linked
async def test_a_silent_handshake(bench: LinkBench) -> None:
    bench.server.flowing.clear()
    with pytest.raises(HandshakeTimeout):
        await bench.open()
    assert bench.clock.monotonic() == HANDSHAKE_TIMEOUT
    assert bench.server.closed


@linked
async def test_another_server(bench: LinkBench) -> None:
    with pytest.raises(NoiseError):
        await bench.open(root=TrustRoot().root.public)
    assert bench.server.closed


@linked
async def test_given_up_while_opening(bench: LinkBench) -> None:
    bench.server.flowing.clear()
    opening = asyncio.create_task(bench.open())
    await settle()
    opening.cancel()
    await settle()
    assert opening.cancelled()
    assert bench.server.closed


@linked
async def test_a_handshake_in_pieces(bench: LinkBench) -> None:
    answers = bench.server._responder.receive

    def in_pieces(data: bytes) -> Any:
        answer = answers(data)
        if not isinstance(answer, bytes):
            return answer
        for place in range(len(answer) - 1):
            bench.server.trickle(answer[place : place + 1])
        return answer[-1:]

    bench.server._responder.receive = in_pieces  # type: ignore[method-assign]
    async with bench.opened() as link:
        assert not link.closed


class Hasty:
    """An engine to which the handshake's last answer brings stanzas already."""

    def __init__(self, *later: ConnectionEvent) -> None:
        self._events: list[list[ConnectionEvent]] = [
            [HandshakeCompleted(b"done"), NodeReceived(Node("success"))],
            [*later],
        ]

    def start(self) -> bytes:
        return b"hello"

    def receive_data(self, _data: bytes) -> list[ConnectionEvent]:
        return self._events.pop(0)


class Pipe:
    """A socket that gives what it is told to, then the end; it is its own connector."""

    def __init__(self, *data: bytes) -> None:
        self._data = [*data]
        self.sent: list[bytes] = []

    async def connect(self, _url: str) -> Pipe:
        return self

    async def send(self, data: bytes) -> None:
        self.sent.append(data)

    async def receive(self) -> bytes | None:
        return self._data.pop(0) if self._data else None

    async def close(self) -> None:
        return


@linked
async def test_stanzas_right_behind_the_handshake_are_not_lost(bench: LinkBench) -> None:
    engine = cast("Connection", Hasty(NodeReceived(Node("ib"))))
    pipe = Pipe(b"one", b"two")
    link = await Link.open(pipe, URL, engine, clock=bench.clock, id_prefix="a")
    assert pipe.sent == [b"hello", b"done"]
    assert isinstance(await link.read(bench.nodes.append), Disconnected)
    assert bench.nodes == [Node("success"), Node("ib")]


# --- reading


@linked
async def test_what_comes_in_is_passed_on_in_order(bench: LinkBench) -> None:
    async with bench.opened():
        stanzas = [Node("message", {"id": str(number)}) for number in range(5)]
        bench.server.trickle(bench.server.sealed(*stanzas))
        await settle()
        assert bench.nodes == stanzas


@linked
async def test_the_server_closes(bench: LinkBench) -> None:
    async with bench.opened():
        await bench.server.hang_up()
        assert isinstance(await bench.reason(), Disconnected)


@linked
async def test_the_server_ends_the_stream(bench: LinkBench) -> None:
    async with bench.opened() as link:
        last = bench.server.sealed(Node("presence"), Node("xmlstreamend"), Node("chatstate"))
        bench.server.trickle(last)
        assert isinstance(await bench.reason(), Disconnected)
        assert bench.nodes == [Node("presence")]
        # The engine says no more, so neither can we.
        with pytest.raises(Disconnected):
            await link.send(Node("presence"))


@linked
async def test_we_close_for_a_reason(bench: LinkBench) -> None:
    async with bench.opened() as link:
        reason = KeepAliveLost("silent")
        await link.close(reason)
        await link.close(Disconnected("too late"))
        assert await bench.reason() is reason


@linked
async def test_a_frame_that_does_not_verify(bench: LinkBench) -> None:
    async with bench.opened():
        bench.server.trickle(b"\x00\x00\x20" + bytes(32))
        await settle()
        assert bench.reading is not None
        assert isinstance(bench.reading.exception(), NoiseError)


@linked
async def test_a_frame_that_holds_no_node(
    bench: LinkBench, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench.opened():
        bench.server.push_raw(b"\x00\xff")
        await bench.receive(Node("presence"))
        assert bench.nodes == [Node("presence")]
        warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
        assert len(warnings) == 1


@linked
async def test_contents_stay_out_of_logs(
    bench: LinkBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with bench.opened() as link:
        await link.send(message("m1"))
        await bench.receive(Node("message", {"id": "m2"}, "secret words"))
    assert any(text.startswith("> <message") for text in caplog.messages)
    assert any(text.startswith("< <message") for text in caplog.messages)
    assert "sealed text" not in caplog.text
    assert "secret words" not in caplog.text


# --- asking


@linked
async def test_an_answer(bench: LinkBench) -> None:
    async with bench.opened() as link:
        asking = asyncio.create_task(link.ask(iq("a-1")))
        await settle()
        assert waited_for(link)
        assert bench.server.sent == [iq("a-1")]
        await bench.receive(result("a-1", "result", Node("x")))
        assert await asking == result("a-1", "result", Node("x"))
        assert not waited_for(link)
        assert bench.nodes == []


@linked
async def test_answers_come_in_any_order(bench: LinkBench) -> None:
    async with bench.opened() as link:
        asking = [asyncio.create_task(link.ask(iq(f"a-{number}"))) for number in range(4)]
        await settle()
        await bench.receive(*[result(f"a-{number}") for number in (2, 0, 3, 1)])
        answers = await asyncio.gather(*asking)
        assert [answer.attr("id") for answer in answers] == ["a-0", "a-1", "a-2", "a-3"]


@linked
async def test_a_whole_request(bench: LinkBench) -> None:
    async with bench.opened() as link:
        asking = asyncio.create_task(link.execute(GetPreKeyCount()))
        await settle()
        assert bench.server.sent == [GetPreKeyCount().build_iq("a-1")]
        await bench.receive(result("a-1", "result", Node("count", {"value": "7"})))
        assert await asking == 7
        refused = asyncio.create_task(link.execute(GetPreKeyCount()))
        await settle()
        await bench.receive(result("a-2", "error", Node("error", {"code": "503"})))
        assert isinstance(refused.exception(), IqError)


@linked
async def test_no_answer(bench: LinkBench) -> None:
    async with bench.opened() as link:
        with pytest.raises(RequestTimeout):
            await link.ask(iq("a-1"))
        assert bench.clock.monotonic() == REQUEST_TIMEOUT
        assert not waited_for(link)
        # One that comes too late is no news for anyone.
        await bench.receive(result("a-1"))
        assert bench.nodes == []


@linked
async def test_who_asked_is_gone(bench: LinkBench) -> None:
    async with bench.opened() as link:
        asking = asyncio.create_task(link.ask(iq("a-1")))
        waiter = link.expect("m1")
        await settle()
        asking.cancel()
        waiter.cancel()
        await settle()
        await bench.receive(result("a-1"), ack("message", "m1"), Node("presence"))
        assert not waited_for(link)
        assert bench.nodes == [Node("presence")]


@linked
async def test_the_ack_of_a_message(bench: LinkBench) -> None:
    async with bench.opened() as link:
        waiter = link.expect("m1")
        await link.send(message("m1"))
        await bench.receive(ack("message", "m1"))
        assert await waiter == ack("message", "m1")


@linked
async def test_the_ack_of_a_receipt_answers_nobody(bench: LinkBench) -> None:
    async with bench.opened() as link:
        waiter = link.expect("m1")
        # A receipt has the id of the message it is for, and its ack has it, too.
        await bench.receive(ack("receipt", "m1"))
        assert not waiter.done()
        assert bench.nodes == []
        await bench.receive(ack("message", "m1"))
        assert waiter.done()


@pytest.mark.parametrize("kind", ["get", "set", "", "new"])
@linked
async def test_the_servers_own_requests_answer_nobody(bench: LinkBench, kind: str) -> None:
    async with bench.opened() as link:
        waiter = link.expect("a-1")
        await bench.receive(result("a-1", kind))
        assert not waiter.done()
        assert [node.tag for node in bench.nodes] == ["iq"]


@linked
async def test_answers_nobody_waits_for(bench: LinkBench) -> None:
    async with bench.opened():
        await bench.receive(
            result("a-9"),
            result("a-9", "error"),
            Node("iq", {"type": "result"}),
            ack("message", "m9"),
            Node("ack"),
        )
        assert bench.nodes == [ack("message", "m9"), Node("ack")]


# --- writing


@linked
async def test_writes_leave_in_order(bench: LinkBench) -> None:
    async with bench.opened() as link:
        bench.server.flowing.clear()
        writing = [asyncio.create_task(link.send(message(str(number)))) for number in range(8)]
        await settle()
        bench.server.flowing.set()
        await asyncio.gather(*writing)
        # The server could not have decrypted them in any other order.
        assert [node.attr("id") for node in bench.server.sent] == [str(n) for n in range(8)]


@linked
async def test_a_broken_write_ends_it_for_all(bench: LinkBench) -> None:
    async with bench.opened() as link:
        waiter = link.expect("m1")
        bench.server.broken = True
        with pytest.raises(Disconnected) as raised:
            await link.send(message("m2"))
        assert isinstance(raised.value.__cause__, TransportError)
        assert link.closed
        assert isinstance(waiter.exception(), Disconnected)
        assert isinstance(await link.until_broken(), TransportError)


@linked
async def test_a_line_that_takes_no_data(bench: LinkBench) -> None:
    async with bench.opened() as link:
        bench.server.flowing.clear()
        stuck = asyncio.create_task(link.send(message("m1")))
        behind = asyncio.create_task(link.send(message("m2")))
        await asyncio.gather(stuck, behind, return_exceptions=True)
        assert bench.clock.monotonic() == WRITE_TIMEOUT
        assert isinstance(stuck.exception(), Disconnected)
        assert isinstance(behind.exception(), Disconnected)
        assert isinstance(await link.until_broken(), TransportError)


@linked
async def test_closing_lets_a_stuck_writer_go(bench: LinkBench) -> None:
    async with bench.opened() as link:
        bench.server.flowing.clear()
        stuck = asyncio.create_task(link.send(message("m1")))
        await settle()
        await link.close()
        await settle()
        assert isinstance(stuck.exception(), Disconnected)
        assert bench.clock.monotonic() == pytest.approx(0)


@pytest.mark.parametrize(
    "unsayable",
    [
        Node("receipt", {"id": "m1", "to": Jid("1", "s.whatsapp.net", 300)}),
        Node("iq", {"id": "\ud800", "type": "get"}),
        Node(""),
    ],
    ids=["device number", "no text", "no tag"],
)
@linked
async def test_what_can_not_be_written_ends_nothing(bench: LinkBench, unsayable: Node) -> None:
    async with bench.opened() as link:
        with pytest.raises(LocalProtocolError):
            await link.send(unsayable)
        assert not link.closed
        assert owed_since(link) is None
        # The cipher's counters agree still.
        await link.send(message("m2"))
        assert bench.server.sent == [message("m2")]


@linked
async def test_closed_is_closed(bench: LinkBench) -> None:
    async with bench.opened() as link:
        waiter = link.expect("m1")
        done = link.expect("m2")
        done.set_result(Node("ack"))
        await link.close()
        assert link.closed
        assert bench.server.closed
        assert isinstance(waiter.exception(), Disconnected)
        assert done.result() == Node("ack")
        with pytest.raises(Disconnected):
            await link.send(message("m1"))
        with pytest.raises(Disconnected):
            link.expect("m3")
        with pytest.raises(Disconnected):
            await link.ask(iq("a-1"))


# --- signs of life


@pytest.mark.parametrize(
    ("node", "wants_answer"),
    [
        (iq("a-1", "get"), True),
        (iq("a-1", "set"), True),
        (message("m1"), True),
        (iq("a-1", "result"), False),
        (ack("message", "m1"), False),
        (Node("receipt", {"id": "m1", "to": PEER}), False),
        (Node("ib"), False),
    ],
    ids=str,
)
@linked
async def test_what_an_answer_is_owed_to(bench: LinkBench, node: Node, wants_answer: bool) -> None:
    async with bench.opened() as link:
        await asyncio.sleep(5)
        await link.send(node)
        assert owed_since(link) == (5 if wants_answer else None)
        await asyncio.sleep(5)
        await link.send(iq("a-2"))
        # The first question counts.
        assert owed_since(link) == (5 if wants_answer else 10)
        await bench.receive(Node("presence"))
        assert owed_since(link) is None


@linked
async def test_data_that_trickles_in_is_life_for_a_while(bench: LinkBench) -> None:
    async with bench.opened() as link:
        whole = bench.server.sealed(Node("message", {"id": "x" * 100}))
        for place in range(int(LONGEST_FRAME / 10) - 1):
            await asyncio.sleep(10)
            await link.send(iq(f"a-{place}"))
            bench.server.trickle(whole[place : place + 1])
            await settle()
            assert owed_since(link) is None
        await asyncio.sleep(10)
        await link.send(iq("a-9"))
        bench.server.trickle(whole[place + 1 : place + 2])
        await settle()
        assert owed_since(link) == LONGEST_FRAME
        # A frame that comes at last is life again.
        bench.server.trickle(whole[place + 2 :])
        await settle()
        assert owed_since(link) is None
        assert len(bench.nodes) == 1
