"""The disk fills up in the middle of a conversation with a peer, and is cleared again."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.whatsapp_web.const import DOMAIN
from tests.peers.peer import Kind
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.whatsapp_web.waiting import wait_bus, wait_state

from .conftest import LinkPeer
from .home import Home
from .small_disk import SmallDisk, small_disk

STATUS = "sensor.home_status"

pytestmark = pytest.mark.peers


@pytest.fixture
def disk(hass_tmp_config_dir: str) -> Iterator[SmallDisk]:
    """The disk under Home Assistant's storage."""
    with small_disk(Path(hass_tmp_config_dir, ".storage")) as found:
        yield found


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str, disk: SmallDisk) -> str:
    """A configuration folder whose storage is on that disk."""
    return hass_tmp_config_dir


def issue_id(home: Home) -> str:
    return f"storage_failed_{home.entry.entry_id}"


async def wait_issue(home: Home, *, there: bool) -> None:
    issues = ir.async_get(home.hass)
    await wait_bus(
        home.hass,
        ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED,
        lambda: (issues.async_get_issue(DOMAIN, issue_id(home)) is not None) is there,
    )


async def test_a_chat_goes_on_when_there_is_room_again(
    hass: HomeAssistant,
    disk: SmallDisk,
    home: Home,
    theirs: Account,
    kind: Kind,
    link_peer: LinkPeer,
    simulator: Simulator,
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(home.address, "in 0")
    await home.text("in 0")
    await home.send(f"+{theirs.number}", "out 0")
    await peer.next_text("out 0")

    disk.fill()
    for index in range(1, 6):
        await peer.send_text(home.address, f"in {index}")
    await wait_state(hass, STATUS, "error")
    await wait_issue(home, there=True)
    with pytest.raises(HomeAssistantError):
        await home.send(f"+{theirs.number}", "never left")
    # The entry stays set up: its entities tell how it stands, its client goes on trying.
    assert home.texts() == ["in 0"]

    disk.clear()
    home.client.reconnect()
    await wait_state(hass, STATUS, "connected")
    await wait_issue(home, there=False)
    for index in range(1, 6):
        await home.text(f"in {index}")
    await home.send(f"+{theirs.number}", "out 1")
    await peer.next_text("out 1")
    await peer.send_text(home.address, "in 6")
    await home.text("in 6")
    await simulator.settled()

    assert home.texts() == [f"in {index}" for index in range(7)]
    heard = [message.text for message in peer.messages() if not message.from_me]
    assert Counter(heard) == Counter(["out 0", "out 1"])
    assert home.undecryptable == []
