"""Home Assistant is killed in the middle of things, again and again."""

import asyncio
import base64
from collections import Counter
import os
from pathlib import Path
import random
import re

import pytest

from tests.browser.chromium import decode_qr
from tests.browser.home_assistant import HomeAssistant
from tests.peers.peer import Peer, PeerTimeout
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .conftest import LinkPeer
from .crashes import Traffic, crash

# Most kills need no Home Assistant around the client, which takes seconds to start.
KILLS = int(os.environ.get("WHATSAPP_WEB_KILLS", "40"))
HOME_KILLS = int(os.environ.get("WHATSAPP_WEB_HOME_KILLS", "10"))
SEED = 20261123
# Some kills fall into the start-up, the rest into the traffic after it.
LONGEST_START = 2.0
LONGEST_RUN = 1.0
CONFIGURATION = """\
homeassistant:
  time_zone: UTC
api:
config:
observer:
logger:
  default: info
"""
OBSERVER = Path(__file__).parent / "observer"

pytestmark = [pytest.mark.peers, pytest.mark.stress, pytest.mark.timeout(2700)]


async def link_in_dialog(home_assistant: HomeAssistant, account: Account, folder: Path) -> None:
    """Add the integration over the REST API; the phone scans what the dialog shows."""
    api = "/api/config/config_entries/flow"
    flow = await home_assistant.call("POST", api, {"handler": "whatsapp_web"})
    path = f"{api}/{flow['flow_id']}"
    flow = await home_assistant.call("POST", path, {"next_step_id": "link"})
    async with asyncio.timeout(60):
        scan: asyncio.Task[object] | None = None
        while flow["type"] != "create_entry":
            shown = flow.get("description_placeholders") or {}
            image = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", str(shown))
            if image and scan is None:
                picture = folder / "qr.png"
                picture.write_bytes(base64.b64decode(image[1]))
                (text,) = await decode_qr(picture)
                scan = asyncio.create_task(account.phone.scan(text))
            # The dialog's changes are told to browsers only: ask as one would.
            await asyncio.sleep(0.1)
            flow = await home_assistant.call("GET", path)
    assert scan is not None
    await scan


async def hurry(home_assistant: HomeAssistant) -> None:
    """Let the connection answer as fast as the peer writes."""
    entries = "/api/config/config_entries/entry?domain=whatsapp_web"
    (entry,) = await home_assistant.call("GET", entries)
    api = "/api/config/config_entries/options/flow"
    flow = await home_assistant.call("POST", api, {"handler": entry["entry_id"]})
    options = {"messages_per_minute": 600}
    flow = await home_assistant.call("POST", f"{api}/{flow['flow_id']}", options)
    assert flow["type"] == "create_entry", flow


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def wait_for_lines(path: Path, wanted: set[str]) -> None:
    """Wait until another process has written all of these lines."""
    # Answers leave no faster than the pace allows, and there are hundreds.
    async with asyncio.timeout(400):
        # Nothing tells when another process has written a file: look again and again.
        while not wanted <= set(lines(path)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_killed_at_random_points_nothing_is_lost_or_doubled(
    simulator: Simulator, ours: Account, theirs: Account, link_peer: LinkPeer, tmp_path: Path
) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    peer = await link_peer("baileys", theirs)
    outcome = await crash(simulator, ours, peer, folder, kills=KILLS, seed=SEED)
    print("\n" + "\n".join(f"{name}: {value}" for name, value in outcome.rows()))
    assert outcome.good, outcome
    assert outcome.kills_online > KILLS // 4


async def test_home_assistant_killed_at_random_points_loses_and_doubles_nothing(
    simulator: Simulator, ours: Account, theirs: Account, link_peer: LinkPeer, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    config = tmp_path / "home"
    (config / "custom_components").mkdir(parents=True)
    (config / "custom_components" / "observer").symlink_to(OBSERVER)
    (config / "configuration.yaml").write_text(CONFIGURATION)
    settings = tmp_path / "server.json"
    home_assistant = HomeAssistant(config, environment={"WHATSAPP_WEB_SERVER": str(settings)})
    async with home_assistant:
        await home_assistant.onboard()
        await link_in_dialog(home_assistant, ours, tmp_path)
        await home_assistant.wait_until_stored("core.config_entries", "whatsapp_web")
        await hurry(home_assistant)
        await home_assistant.wait_until_stored("core.config_entries", "messages_per_minute")
        peer = await link_peer("baileys", theirs)
        traffic = Traffic(peer, str(ours.lid_jid))
        for kill in range(HOME_KILLS):
            await asyncio.sleep(chance.uniform(0, LONGEST_RUN))
            await home_assistant.kill()
            if kill % 5 == 4:
                starting = asyncio.create_task(home_assistant.start())
                await asyncio.sleep(chance.uniform(0.5, LONGEST_START))
                await home_assistant.kill()
                await asyncio.gather(starting, return_exceptions=True)
            await home_assistant.start()
        sent = await traffic.stop()
        await wait_for_lines(config / "received.log", set(sent))
        await wait_for_lines(config / "answered.log", {sent[-1]})
        await home_assistant.stop()

    received = lines(config / "received.log")
    answered = lines(config / "answered.log")
    doubled = [text for text, count in Counter(received).items() if count > 1]
    assert doubled == []
    assert sorted(received) == sorted(sent)
    await arrived(peer, traffic, set(answered))
    assert [text for text, ids in traffic.answers().items() if len(ids) > 1] == []
    print(
        f"\n{HOME_KILLS} kills: {len(sent)} messages in, {len(received)} events, "
        f"0 lost, 0 doubled; {len(answered)} answers confirmed and arrived; "
        f"{simulator.ledger.ciphertexts} ciphertexts, {len(simulator.ledger.violations)} violations"
    )


async def arrived(peer: Peer, traffic: Traffic, wanted: set[str]) -> None:
    """Wait until the peer has all of these answers."""
    while missing := wanted - set(traffic.answers()):
        try:
            await peer.next_message(lambda message: (message.text or "")[4:] in wanted, timeout=20)
        except PeerTimeout:
            pytest.fail(f"{len(missing)} confirmed answers never arrived: {sorted(missing)[:5]}")
