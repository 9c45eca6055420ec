"""Issues that a click mends by connecting again."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web.aiowhatsapp import (
    ClientOutdated,
    LoginRefused,
    SessionReplaced,
    Status,
    WhatsAppError,
)
from custom_components.whatsapp_web.const import DOMAIN
from custom_components.whatsapp_web.repairs import async_create_fix_flow

from .conftest import ServerFile
from .fakes import Script


async def open_fix(hass: HomeAssistant, issue_id: str) -> RepairsFlow:
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.is_fixable
    flow = await async_create_fix_flow(hass, issue_id, dict(issue.data or {}))
    flow.hass = hass
    flow.handler = DOMAIN
    flow.flow_id = "repair"
    return flow


async def step(flow: RepairsFlow, step_id: str, answer: dict[str, str] | None) -> dict[str, Any]:
    result: Any = await getattr(flow, f"async_step_{step_id}")(answer)
    return dict(result)


@pytest.mark.parametrize(
    ("error", "issue", "shown"),
    [
        (SessionReplaced(), "session_replaced", {"name": "Casa"}),
        (LoginRefused("406"), "login_refused", {"name": "Casa", "code": "406"}),
    ],
)
async def test_one_click_connects_again(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    error: WhatsAppError,
    issue: str,
    shown: dict[str, str],
) -> None:
    script.client.set_status(Status.ERROR, error)
    flow = await open_fix(hass, f"{issue}_entry_0123")
    form = await step(flow, "init", None)
    assert (form["step_id"], form["description_placeholders"]) == ("confirm", shown)
    assert len(script.clients) == 1
    assert (await step(flow, "confirm", {}))["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(script.clients) == 2
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"{issue}_entry_0123") is None


async def test_a_newer_version_is_looked_for(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, server_file: ServerFile
) -> None:
    script.client.set_status(Status.ERROR, ClientOutdated())
    await hass.async_block_till_done(wait_background_tasks=True)
    flow = await open_fix(hass, "client_outdated_entry_0123")
    await step(flow, "init", None)
    assert (await step(flow, "confirm", {}))["reason"] == "no_newer_version"
    server_file.path.unlink()
    assert (await step(flow, "confirm", {}))["reason"] == "no_newer_version"
    assert len(script.clients) == 1
    server_file.write(version="2.3000.2")
    assert (await step(flow, "confirm", {}))["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert script.client.given["server"].version == (2, 3000, 2)


async def test_a_connection_that_is_not_set_up_is_just_tried_again(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.set_status(Status.ERROR, ClientOutdated())
    await hass.async_block_till_done(wait_background_tasks=True)
    flow = await open_fix(hass, "client_outdated_entry_0123")
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await step(flow, "confirm", {}))["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(script.clients) == 2


async def test_a_connection_that_was_removed_needs_no_repair(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.set_status(Status.ERROR, SessionReplaced())
    flow = await open_fix(hass, "session_replaced_entry_0123")
    await hass.config_entries.async_remove(entry.entry_id)
    assert (await step(flow, "confirm", None))["type"] is FlowResultType.CREATE_ENTRY
