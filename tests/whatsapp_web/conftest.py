"""A Home Assistant with real storage in a folder of its own, and phones to link it to."""

from collections.abc import AsyncIterator, Iterator
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web import pairing
from custom_components.whatsapp_web.const import DOMAIN
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .dialog import Dialog
from .fakes import Script, add_entry
from .waiting import wait_loaded

OURS = "15550001111"
THEIRS = "15550002222"


@pytest.fixture(autouse=True)
def _integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant load this repository's integration."""


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Leave storage real: files and their rights are what some tests are about."""
    return {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give every test a configuration folder of its own."""
    return hass_tmp_config_dir


@pytest.fixture
def codes() -> Iterator[dict[str, str]]:
    """The texts of all codes that were drawn, by what the dialog shows of them."""
    drawn: dict[str, str] = {}
    draw = pairing.qr_markdown

    def record(text: str) -> str:
        image = draw(text)
        drawn[image] = text
        return image

    with patch.object(pairing, "qr_markdown", record):
        yield drawn


class ServerFile:
    """What `WHATSAPP_WEB_SERVER` names: a server on this machine, which nobody will ask."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **more: str) -> None:
        setting = {"url": "ws://127.0.0.1:1/ws/chat", "noise_root": "00" * 32}
        self.path.write_text(json.dumps(setting | more))


@pytest.fixture
def server_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServerFile:
    """The file that points the integration at a server."""
    file = ServerFile(tmp_path / "server.json")
    file.write()
    monkeypatch.setenv("WHATSAPP_WEB_SERVER", str(file.path))
    return file


@pytest.fixture
def script(server_file: ServerFile) -> Iterator[Script]:
    """A client and a pairing that do what the test says."""
    with Script().played() as played:
        yield played


@pytest.fixture
async def entry(hass: HomeAssistant, script: Script) -> MockConfigEntry:
    """An entry that is set up, with a faked client."""
    added = await add_entry(hass)
    assert await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done()
    return added


@pytest.fixture
async def simulator(
    socket_enabled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Simulator]:
    """A WhatsApp server on loopback that the integration is pointed at."""
    async with Simulator() as server:
        file = tmp_path / "server.json"
        file.write_text(server.settings_json())
        monkeypatch.setenv("WHATSAPP_WEB_SERVER", str(file))
        yield server
        assert server.ledger.violations == []


@pytest.fixture
def ours(simulator: Simulator) -> Account:
    """The account that Home Assistant is linked to."""
    return simulator.add_account(OURS, "Home")


@pytest.fixture
def theirs(simulator: Simulator) -> Account:
    """The account of the person we talk with."""
    return simulator.add_account(THEIRS, "Ann")


@pytest.fixture
def dialog(hass: HomeAssistant, codes: dict[str, str]) -> Dialog:
    """A config flow as the front end drives it."""
    return Dialog(hass, codes)


@pytest.fixture
async def linked(hass: HomeAssistant, ours: Account, dialog: Dialog) -> ConfigEntry:
    """The entry of our account, linked and connected."""
    await dialog.open()
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    await dialog.wait_end()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await wait_loaded(hass, entry)
    return entry
