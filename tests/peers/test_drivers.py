"""The drivers themselves, before any server that speaks the protocol."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
import json
from pathlib import Path

from aiohttp import WSMsgType, web
import pytest
import pytest_asyncio

from . import node
from .jsonlines import dump_line, load_line
from .peer import KINDS, Kind, Peer, PeerDied, PeerError, PeerTimeout

pytestmark = pytest.mark.peers


@dataclass(frozen=True, slots=True)
class Nowhere:
    url: str
    root_key: bytes = bytes(32)


class DumbServer:
    """Accepts WebSockets and keeps what comes in; answers nothing."""

    root_key = bytes(32)

    def __init__(self) -> None:
        self.url = ""
        self.origins: list[str | None] = []
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.sockets: list[web.WebSocketResponse] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        self.origins.append(request.headers.get("Origin"))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.received.put_nowait(message.data)
        return socket


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest_asyncio.fixture
async def dumb_server(socket_enabled: None) -> AsyncIterator[DumbServer]:
    server = DumbServer()
    app = web.Application()
    app.router.add_get("/ws/chat", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/ws/chat"
    yield server
    for socket in server.sockets:
        await socket.close()
    await runner.cleanup()


async def test_first_bytes_are_the_intro_of_dictionary_3_with_a_browsers_origin(
    dumb_server: DumbServer, kind: Kind, tmp_path: Path
) -> None:
    async with Peer(kind, dumb_server, tmp_path):
        first = await asyncio.wait_for(dumb_server.received.get(), 10)
    assert first[:4] == b"WA\x06\x03"
    assert dumb_server.origins[0] == "https://web.whatsapp.com"


async def test_nobody_listening_is_a_close_event(kind: Kind, tmp_path: Path) -> None:
    async with Peer(kind, Nowhere("ws://127.0.0.1:9/ws/chat"), tmp_path) as peer:
        close = await peer.wait_close()
        assert close.code in {408, 428}
        assert (await peer.info())["connected"] is False


async def test_a_command_that_fails_says_why(kind: Kind) -> None:
    async with Peer(kind, Nowhere("ws://127.0.0.1:9/ws/chat"), None, reconnect=False) as peer:
        await peer.wait_close()
        with pytest.raises(PeerError, match="send_text: not connected"):
            await peer.send_text("15550001@s.whatsapp.net", "hello")
        with pytest.raises(PeerError, match="unknown command dance"):
            await peer.command("dance")


async def test_a_killed_peer_fails_who_waits_for_it(dumb_server: DumbServer, kind: Kind) -> None:
    async with Peer(kind, dumb_server, None) as peer:
        waiting = asyncio.create_task(peer.wait_qr())
        await asyncio.wait_for(dumb_server.received.get(), 10)
        await peer.kill()
        with pytest.raises(PeerDied, match=f"waiting for qr; peer {kind}, ended"):
            await waiting
        with pytest.raises(PeerDied):
            await peer.info()


async def test_an_event_that_does_not_come_names_those_that_came(
    dumb_server: DumbServer, kind: Kind
) -> None:
    async with Peer(kind, dumb_server, None) as peer:
        with pytest.raises(PeerTimeout, match=r"no qr within 0.01 s.*last events"):
            await peer.wait_qr(timeout=0.01)


def test_an_old_node_is_refused_with_the_way_to_get_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.20.4\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(node.NodeMissing, match=r"newer Node.js than v18.20.4.*npm ci"):
        node.find_node.__wrapped__()


def test_a_missing_node_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(node.NodeMissing, match=r"need Node.js.*https://nodejs.org"):
        node.find_node.__wrapped__()


def test_missing_packages_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package-lock.json").write_bytes((node.FOLDER / "package-lock.json").read_bytes())
    monkeypatch.setattr(node, "FOLDER", tmp_path)
    with pytest.raises(node.NodeMissing, match=r"baileys 7.0.0-rc14 is pinned, found: missing"):
        node.find_node.__wrapped__()


def test_the_lock_names_no_download_host() -> None:
    lock = json.loads((node.FOLDER / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]


def test_bytes_survive_the_lines() -> None:
    message = {"id": 1, "deep": [{"key": b"\x00\xff"}], "text": "é"}
    assert load_line(dump_line(message)) == message
