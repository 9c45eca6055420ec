"""Much comes at once, and everybody else has their turn all the same."""

import asyncio
from collections.abc import Callable
import logging

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.link import BYTES_AT_ONCE, Link
from custom_components.whatsapp_web.aiowhatsapp.client.router import (
    MAX_BYTES_WAITING,
    MAX_TOGETHER,
    MAX_WAITING,
    Router,
)
from custom_components.whatsapp_web.aiowhatsapp.client.runner import HANDLER_GRACE
from custom_components.whatsapp_web.aiowhatsapp.connection import Connection
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.errors import Disconnected
from custom_components.whatsapp_web.aiowhatsapp.events import Status
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, encode
from tests.aiowhatsapp.client.pairing_support import NOW, FakeServer
from tests.simulator.noise import TrustRoot
from tests.virtual_time import VirtualClock, run

from .line_support import LineBench, on_line

PRESENCE = Node("presence", {"from": Jid("2002", "lid")})


class Turns:
    """Counts the turns that another task has."""

    def __init__(self) -> None:
        self.count = 0
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.count += 1

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def open_link() -> tuple[Link, FakeServer]:
    trust = TrustRoot()
    server = FakeServer(trust)
    engine = Connection(
        noise_key=KeyPair.from_private(bytes([1]) * 32),
        ephemeral=KeyPair.from_private(bytes([2]) * 32),
        client_payload=b"",
        root_key=trust.root.public,
        now=NOW,
    )
    return await Link.open(server, "", engine, clock=VirtualClock(), id_prefix="a"), server


def sealed(server: FakeServer, count: int) -> bytes:
    """Seal some stanzas into one chunk of bytes."""
    assert server._handshake is not None
    transport = server._handshake.transport
    return b"".join(transport.encrypt(encode(PRESENCE)) for _ in range(count))


@pytest.mark.parametrize("together", [True, False], ids=["one chunk", "a chunk each"])
def test_a_burst_is_read_in_slices(together: bool) -> None:
    async def test() -> None:
        link, server = await open_link()
        chunk = sealed(server, 2000)
        size = len(chunk) if together else len(chunk) // 2000
        for start in range(0, len(chunk), size):
            server._to_client.put_nowait(chunk[start : start + size])
        server._to_client.put_nowait(None)
        nodes: list[tuple[int, Node]] = []
        turns = Turns()
        await asyncio.sleep(0)
        await link.read(lambda node: nodes.append((turns.count, node)))
        await turns.stop()
        assert [node for _, node in nodes] == [PRESENCE] * 2000
        at_once = max(sum(turn == each for each, _ in nodes) for turn in range(turns.count + 1))
        assert at_once <= BYTES_AT_ONCE // (len(chunk) // 2000) + 1
        await link.close()

    run(test())


def test_a_burst_is_handled_in_slices() -> None:
    async def test() -> None:
        router, at = Router(), list[int]()
        turns = Turns()
        await asyncio.sleep(0)

        async def handle(node: Node) -> None:
            if node.attr("id") == "last":
                raise Disconnected("The end")
            at.append(turns.count)

        router.set_fallback(handle)
        for _ in range(1000):
            router.put(PRESENCE)
        router.put(Node("presence", {"id": "last"}))
        await router.run()
        await turns.stop()
        assert len(at) == 1000
        assert max(at.count(turn) for turn in set(at)) <= MAX_TOGETHER

    run(test())


def test_a_frame_that_does_not_decode_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        link, server = await open_link()
        for _ in range(100):
            server.push_raw(b"\x00\xf8\x01")
        server._to_client.put_nowait(None)
        await link.read(lambda _: None)
        await link.close()

    run(test())
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1


# --- what may wait


def fill(router: Router, make: Callable[[], Node], most: int) -> int:
    """Put stanzas until the router has had enough; give how many it took."""
    for count in range(most):
        try:
            router.put(make())
        except Disconnected:
            return count
    return most


def test_what_waits_is_bounded_in_number() -> None:
    assert fill(Router(), lambda: PRESENCE, MAX_WAITING + 5) == MAX_WAITING


def test_what_waits_is_bounded_in_bytes() -> None:
    big = bytes(1 << 20)
    count = fill(Router(), lambda: Node("message", {}, [Node("enc", {}, big)]), 1000)
    assert count == MAX_BYTES_WAITING // len(big) - 1


def test_what_was_handled_makes_room() -> None:
    async def test() -> None:
        router = Router()
        big = Node("message", {}, [Node("enc", {}, bytes(MAX_BYTES_WAITING // 3))])

        async def handle(node: Node) -> None:
            if node.tag == "end":
                raise Disconnected("The end")

        router.set_fallback(handle)
        for _ in range(4):
            router.put(big)
            router.put(Node("end"))
            await router.run()

    run(test())


@on_line
async def test_a_flood_ends_the_line_and_not_the_account(line: LineBench) -> None:
    async def hang(_self: object, _node: Node) -> None:
        await asyncio.Event().wait()

    handlers = "custom_components.whatsapp_web.aiowhatsapp.client.handlers"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{handlers}.receipt.ReceiptHandler.handle", hang)
        session = await line.start()
        for number in range(MAX_WAITING + 2):
            session.push(Node("receipt", {"from": SERVER_JID, "id": f"r{number}"}))
        await line.wait(HANDLER_GRACE + 5)
    assert len(line.network.attempts) == 2
    assert line.client.status is Status.CONNECTED
