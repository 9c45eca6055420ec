"""Three connections at the start of Home Assistant, each for itself."""

from pathlib import Path
import time

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web.const import CONF_CONNECTION_ID, DOMAIN
from custom_components.whatsapp_web.storage import async_get_storage
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .linking import add_linked
from .waiting import wait_connected, wait_state

NUMBERS = {"15550001111": "General", "15550001112": "Broadcast", "15550001113": "Backup"}


@pytest.fixture
async def three(hass: HomeAssistant, simulator: Simulator) -> list[MockConfigEntry]:
    """Three linked accounts, none of them set up yet."""
    return [
        await add_linked(hass, simulator.add_account(number, name))
        for number, name in NUMBERS.items()
    ]


def account_of(simulator: Simulator, number: str) -> Account:
    account = simulator.directory.find_number(number)
    assert account is not None
    return account


def damage_credentials(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    path = Path(hass.config.path(".storage", f"{DOMAIN}.{entry.data[CONF_CONNECTION_ID]}"))
    path.write_text(path.read_text().replace('"sealed": "', '"sealed": "AAAA'))


async def test_three_connections_are_opened_side_by_side(
    hass: HomeAssistant, three: list[MockConfigEntry], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.perf_counter()
    assert await async_setup_component(hass, DOMAIN, {})
    ready = time.perf_counter() - began
    for entry in three:
        await wait_connected(hass, entry)
    opened = time.perf_counter() - began
    with capsys.disabled():
        print(f"\nthree connections: set up in {ready:.2f} s, all open in {opened:.2f} s")
    for name in ("general", "broadcast", "backup"):
        assert hass.services.has_service("notify", name)


async def test_one_that_fails_touches_no_other(
    hass: HomeAssistant, simulator: Simulator, three: list[MockConfigEntry]
) -> None:
    general, broadcast, backup = three
    await hass.async_add_executor_job(damage_credentials, hass, general)
    account = account_of(simulator, "15550001112")
    account.phone.unlink(account.companions[0])
    assert await async_setup_component(hass, DOMAIN, {})
    await wait_state(hass, "sensor.backup_status", "connected")
    await wait_state(hass, "sensor.broadcast_status", "logged_out")
    await hass.async_block_till_done()
    assert (general.state, general.error_reason_translation_key) == (
        ConfigEntryState.SETUP_ERROR,
        "storage_damaged",
    )
    assert broadcast.state is backup.state is ConfigEntryState.LOADED
    waiting = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert {flow["context"]["entry_id"] for flow in waiting} == {
        general.entry_id,
        broadcast.entry_id,
    }


async def test_a_server_that_does_not_answer_one_holds_nobody_up(
    hass: HomeAssistant, simulator: Simulator, three: list[MockConfigEntry]
) -> None:
    general, *others = three
    (device,) = account_of(simulator, "15550001111").companions
    simulator.faults.add("drop", lambda node: node.tag == "success", device=device)
    assert await async_setup_component(hass, DOMAIN, {})
    for entry in others:
        await wait_connected(hass, entry)
    assert general.state is ConfigEntryState.LOADED
    assert general.runtime_data.data.status == "connecting"
    assert hass.services.has_service("notify", "general")


async def test_one_that_somebody_else_uses_holds_nobody_up(
    hass: HomeAssistant, three: list[MockConfigEntry]
) -> None:
    general, *others = three
    lock = async_get_storage(hass).lock(general.data[CONF_CONNECTION_ID])
    async with lock:
        starting = hass.async_create_task(async_setup_component(hass, DOMAIN, {}))
        for entry in others:
            await wait_state(hass, f"sensor.{entry.title.lower()}_status", "connected")
    assert await starting
    await wait_connected(hass, general)
