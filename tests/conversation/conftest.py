"""A simulator, our client linked to it, and peers linked to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.peers.peer import KINDS, Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .ours import OurDevice

type LinkPeer = Callable[..., Awaitable[Peer]]

OURS = "15550001111"
THEIRS = "15550002222"


@pytest.fixture(autouse=True)
def _loopback(socket_enabled: None) -> None:
    """Let these tests open sockets; the plugin keeps them to this machine."""


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as server:
        yield server
        assert server.ledger.violations == []


@pytest.fixture
async def ours(simulator: Simulator, tmp_path: Path) -> AsyncIterator[OurDevice]:
    """Our client, linked and connected."""
    folder = tmp_path / "ours"
    folder.mkdir()
    device = OurDevice(simulator, simulator.add_account(OURS, "Home"), folder)
    try:
        await device.link()
        await device.start()
        yield device
    finally:
        await device.aclose()


@pytest.fixture
def theirs(simulator: Simulator) -> Account:
    """The account of the person we talk with."""
    return simulator.add_account(THEIRS, "Ann")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """The peer's library."""
    found: Kind = request.param
    return found


@pytest.fixture
async def link_peer(simulator: Simulator, tmp_path: Path) -> AsyncIterator[LinkPeer]:
    """Link a peer to an account: its phone scans the peer's QR code."""
    async with AsyncExitStack() as stack:
        count = 0

        async def link(kind: Kind, account: Account) -> Peer:
            nonlocal count
            count += 1
            folder = tmp_path / f"{kind}-{count}"
            peer = await stack.enter_async_context(Peer(kind, simulator, folder))
            await account.phone.scan(await peer.wait_qr())
            await peer.wait_open()
            return peer

        yield link
