"""Diagnostics tell how things stand and nothing about people."""

import json

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.whatsapp_web.aiowhatsapp import ConnectionFailed, Status, StoreCorrupt
from custom_components.whatsapp_web.diagnostics import async_get_config_entry_diagnostics
from tests.simulator.accounts import Account

from .conftest import OURS
from .fakes import LID, NAME, PHONE, Script, add_entry


async def test_diagnostics(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, script: Script, snapshot: SnapshotAssertion
) -> None:
    freezer.move_to("2027-01-15T08:00:00+00:00")
    entry = await add_entry(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    script.client.set_status(Status.DISCONNECTED, ConnectionFailed(f"No {PHONE}"))
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics == snapshot
    text = json.dumps(diagnostics)
    assert [secret for secret in (PHONE, LID, NAME) if secret in text] == []


async def test_diagnostics_of_a_real_connection_name_nobody(
    hass: HomeAssistant, ours: Account, linked: object
) -> None:
    (entry,) = hass.config_entries.async_entries("whatsapp_web")
    text = json.dumps(await async_get_config_entry_diagnostics(hass, entry))
    assert [secret for secret in (OURS, ours.lid, "Home") if secret in text] == []
    assert '"test_server": true' in text


async def test_diagnostics_of_a_connection_that_is_not_set_up(
    hass: HomeAssistant, script: Script
) -> None:
    script.start_error = StoreCorrupt("Bad block")
    entry = await add_entry(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["connection"] == {"status": None, "entry_state": "setup_error"}
    assert diagnostics["client"] is None


async def test_diagnostics_with_a_server_setting_that_is_refused(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await add_entry(hass)
    monkeypatch.setenv("WHATSAPP_WEB_SERVER", "/nowhere.json")
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["server"] == {"test_server": True, "web_version": None}
