"""What connections of our integration add to the memory of a real Home Assistant."""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
import re
import tempfile
from typing import Any

from tests.browser.home_assistant import HomeAssistant, environment_folder
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.simulator.qr_image import read_qr

from .measure import MB, Effort, Figures
from .processes import Memory, memory_of

# Home Assistant goes on for longer than a client does after a start or a set-up.
SETTLES = 5
FLOW = "/api/config/config_entries/flow"
PATIENCE = 60
PAUSE = 0.1


def is_there() -> bool:
    """Whether script/setup has made the environment with Home Assistant's front end."""
    return (environment_folder() / "bin" / "hass").exists()


async def added_memory(effort: Effort) -> Figures:
    """Add one connection, then two more, and see what the process holds each time."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        settings = folder / "server.json"
        async with Simulator() as simulator:
            settings.write_text(simulator.settings_json())
            environment = {"WHATSAPP_WEB_SERVER": str(settings)}
            async with HomeAssistant(folder / "config", environment=environment) as home:
                await home.onboard()
                return await _add_connections(home, simulator, effort)


async def _add_connections(home: HomeAssistant, simulator: Simulator, effort: Effort) -> Figures:
    figures: Figures = {}
    await _settled(home, effort)
    before = await _settled(home, effort)
    for step, count in enumerate((0, 1, 2)):
        for index in range(count):
            account = simulator.add_account(f"1555000{step}{index:03d}")
            await _add_connection(home, account)
        after = await _settled(home, effort)
        figures[f"home_rss_{step}"] = (after.rss - before.rss) / MB
        figures[f"home_uss_{step}"] = (after.uss - before.uss) / MB
        before = after
    return figures


async def _settled(home: HomeAssistant, effort: Effort) -> Memory:
    await asyncio.sleep(SETTLES * effort.settle)
    return memory_of(home.pid)


async def _add_connection(home: HomeAssistant, account: Account) -> None:
    """Add the integration over the REST API; the phone scans what the dialog shows."""
    flow = await home.call("POST", FLOW, {"handler": "whatsapp_web"})
    path = f"{FLOW}/{flow['flow_id']}"
    flow = await home.call("POST", path, {"next_step_id": "link"})
    async with asyncio.timeout(PATIENCE):
        while (code := _code_in(flow)) is None:
            # The dialog's changes are told to browsers only: ask as one would.
            await asyncio.sleep(PAUSE)
            flow = await home.call("GET", path)
        device = await account.phone.scan(code)
        while flow["type"] != "create_entry":
            await asyncio.sleep(PAUSE)
            flow = await home.call("GET", path)
        await account.phone.server.ledger.until(lambda: account.phone.server.connected(device))


def _code_in(flow: Mapping[str, Any]) -> str | None:
    image = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", str(flow))
    return None if image is None else read_qr(base64.b64decode(image[1]))
