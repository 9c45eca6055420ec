"""A simulator, Home Assistant linked to it, and peers linked to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from tests.peers.peer import KINDS, Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.whatsapp_web.conftest import (  # noqa: F401 - fixtures, used by their names
    OURS,
    THEIRS,
    _integrations,
    codes,
    dialog,
    hass_config_dir,
    hass_storage,
    linked,
    ours,
    simulator,
    theirs,
)

from .home import Home

type LinkPeer = Callable[[Kind, Account], Awaitable[Peer]]


@pytest.fixture
async def home(
    hass: HomeAssistant,
    linked: ConfigEntry,  # noqa: F811 - the fixture of that name
    ours: Account,  # noqa: F811
) -> AsyncIterator[Home]:
    """Home Assistant, linked in its own dialog and connected."""
    found = Home(hass, linked, ours)
    yield found
    found.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """The peer's library."""
    found: Kind = request.param
    return found


@pytest.fixture
async def link_peer(
    simulator: Simulator,  # noqa: F811
    tmp_path: Path,
) -> AsyncIterator[LinkPeer]:
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
