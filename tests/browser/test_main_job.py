"""The main job, as a person does it: link by QR in the browser, send, see the answer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers.peer import Peer
from tests.simulator import Simulator

from .chromium import Chromium
from .front_end import FrontEnd, until_entry
from .home_assistant import DOMAIN, HomeAssistant

pytestmark = [pytest.mark.browser, pytest.mark.peers, pytest.mark.timeout(400)]

OURS = "15550001111"
THEIRS = "15550002222"
# The first code lives for 60 s; the next is drawn by itself.
FIRST_CODE = 60

ACTION = f"""\
action: whatsapp_web.send_message
data:
  recipient: "+{THEIRS}"
  message: The door is open
"""


@pytest.fixture
async def simulator(socket_enabled: None) -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
async def home(simulator: Simulator, tmp_path: Path) -> AsyncIterator[HomeAssistant]:
    """A fresh Home Assistant that takes the simulator for WhatsApp."""
    file = tmp_path / "server.json"
    file.write_text(simulator.settings_json())
    environment = {"WHATSAPP_WEB_SERVER": str(file)}
    async with HomeAssistant(tmp_path / "config", environment=environment) as ha:
        await ha.onboard()
        yield ha


async def test_link_send_and_see_the_answer(
    simulator: Simulator, home: HomeAssistant, chromium: Chromium, tmp_path: Path
) -> None:
    ours = simulator.add_account(OURS, "Home")
    theirs = simulator.add_account(THEIRS, "Ann")
    person = FrontEnd(chromium, home, tmp_path)

    # The code can be read in every view, and changes with nobody touching anything.
    await person.ask_for_codes()
    first = await person.code_in_view("light", 1280, 900)
    assert first.startswith("https://wa.me/settings/linked_devices#")
    assert await person.code_in_view("dark", 1280, 900) == first
    assert await person.code_in_view("light", 390, 844) == first
    await chromium.wait(text="Code 2 of 6", timeout=(FIRST_CODE + 30) * 1000)
    second = await person.code_in_view("dark", 390, 844)
    assert second != first

    # Scanned: the entry is there with no click.
    await ours.phone.scan(second)
    entry = await until_entry(home, DOMAIN)
    assert entry["title"] == "Home"
    await chromium.wait("dialog-data-entry-flow step-flow-create-entry", state="attached")

    async with Peer.baileys(simulator, tmp_path / "peer") as peer:
        await theirs.phone.scan(await peer.wait_qr())
        await peer.wait_open()

        await chromium.viewport(1280, 900)
        page = await person.perform_action(ACTION)
        message = await peer.next_text("The door is open")
        assert message.id in page

        await person.listen_to("whatsapp_web_message_received")
        await peer.send_text(message.chat, "Closed it, thanks")
        shown = await person.event_with("Closed it, thanks")
        assert f"+{THEIRS}" in shown

    assert await chromium.complaints() == []
    assert [line for line in home.log if " ERROR " in line] == []
    assert simulator.ledger.violations == []
