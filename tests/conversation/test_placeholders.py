"""What this device can't read, our own phone brings: from both peers, once, in any order."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client import placeholders
from tests.peers.peer import Kind
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.simulator.faults import by

from .conftest import LinkPeer
from .home import Home

pytestmark = pytest.mark.peers


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the phone at once: how long we wait is a test of its own, on a virtual clock."""
    monkeypatch.setattr(placeholders, "ASK_AFTER", 0)
    monkeypatch.setattr(placeholders, "_CHECK_EVERY", 0.05)


async def test_what_the_server_withholds_comes_from_the_phone(
    home: Home, theirs: Account, kind: Kind, link_peer: LinkPeer, simulator: Simulator
) -> None:
    peer = await link_peer(kind, theirs)
    simulator.faults.add("withhold", by("message"), device=home.device)
    message_id = await peer.send_text(home.address, "withheld")
    event = await home.text("withheld")
    assert event["message_id"] == message_id
    assert event["sender_phone"] == f"+{theirs.number}"
    await peer.send_text(home.address, "next")
    await home.text("next")
    await simulator.settled()
    assert home.texts() == ["withheld", "next"]
    assert simulator.ledger.violations == []


async def test_what_can_not_be_read_comes_from_the_phone_or_the_sender_but_once(
    home: Home, theirs: Account, kind: Kind, link_peer: LinkPeer, simulator: Simulator
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(home.address, "first")
    await home.text("first")
    await peer.corrupt_next(home.address)
    await peer.send_text(home.address, "spoiled")
    await home.text("spoiled")
    await peer.send_text(home.address, "next")
    await home.text("next")
    await simulator.settled()
    assert home.texts() == ["first", "spoiled", "next"]
