"""What a person can mend in a dialog: a damaged state, a contact's new security code."""

from pathlib import Path

from homeassistant.components.repairs import RepairsFlowManager
from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.whatsapp_web.const import (
    CONF_BLOCK_CHANGED_IDENTITY,
    CONF_CONNECTION_ID,
    DOMAIN,
    EVENT_IDENTITY_CHANGED,
    EVENT_MESSAGE_RECEIVED,
)
from custom_components.whatsapp_web.storage import async_get_storage
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .waiting import EventLog, wait_bus, wait_state

STATUS = "sensor.home_status"


@pytest.fixture(autouse=True)
async def _repairs(hass: HomeAssistant, simulator: Simulator) -> None:
    """Have repairs, as every installation does."""
    assert await async_setup_component(hass, REPAIRS, {})


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    found = ir.async_get(hass).issues
    return {issue_id: issue for (domain, issue_id), issue in found.items() if domain == DOMAIN}


async def fix(hass: HomeAssistant, issue_id: str) -> str:
    """Open the dialog of an issue, as the front end does, and submit it."""
    manager: RepairsFlowManager = hass.data[REPAIRS]["flow_manager"]
    flow = await manager.async_init(DOMAIN, data={"issue_id": issue_id})
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "confirm")
    result = await manager.async_configure(flow["flow_id"], {})
    return str(result.get("reason") or result["type"])


async def talk(hass: HomeAssistant, theirs: Account, ours: Account, number: int) -> None:
    """Exchange a message each way."""
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    await theirs.phone.send_text(ours, f"in {number}")
    await log.wait()
    await send(hass, theirs, f"out {number}")
    await theirs.phone.wait_message(f"out {number}")


async def send(hass: HomeAssistant, theirs: Account, text: str) -> None:
    await hass.services.async_call(
        DOMAIN,
        "send_message",
        {"recipient": f"+{theirs.number}", "message": text},
        blocking=True,
    )


def state_path(hass: HomeAssistant, entry: ConfigEntry) -> Path:
    return Path(async_get_storage(hass).state_path(entry.data[CONF_CONNECTION_ID]))


def damage(path: Path) -> None:
    """Overwrite what lies behind the first page."""
    data = bytearray(path.read_bytes())
    for position in range(4096, len(data), 64):
        data[position : position + 16] = b"\xa5" * 16
    path.write_bytes(data)


async def test_a_damaged_state_is_begun_anew_only_when_a_person_says_so(
    hass: HomeAssistant, linked: ConfigEntry, ours: Account, theirs: Account
) -> None:
    await talk(hass, theirs, ours, 0)
    (device,) = ours.companions
    identity = device.identity_public
    path = state_path(hass, linked)
    assert await hass.config_entries.async_unload(linked.entry_id)
    damage(path)
    damaged, logins = path.read_bytes(), device.logins
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    await theirs.phone.send_text(ours, "while it was damaged")

    for _ in range(2):
        assert not await hass.config_entries.async_setup(linked.entry_id)
        assert linked.state is ConfigEntryState.SETUP_ERROR
        assert set(issues(hass)) == {f"state_damaged_{linked.entry_id}"}
        # Nobody was asked for anything else, and nothing was touched.
        flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert [flow for flow in flows if flow["context"]["source"] == SOURCE_REAUTH] == []
        assert path.read_bytes() == damaged
        await hass.config_entries.async_unload(linked.entry_id)
    assert device.logins == logins

    assert await fix(hass, f"state_damaged_{linked.entry_id}") == "create_entry"
    await hass.async_block_till_done(wait_background_tasks=True)
    await wait_state(hass, STATUS, "connected")
    assert issues(hass) == {}
    assert path.with_name(f"{path.name}.damaged").read_bytes() == damaged
    await log.wait()
    assert [event["text"] for event in log.data] == ["while it was damaged"]
    await talk(hass, theirs, ours, 1)
    # The account is still the same device of the same identity.
    assert ours.companions == [device]
    assert device.identity_public == identity


async def test_damaged_credentials_ask_to_link_again_and_nothing_else(
    hass: HomeAssistant, linked: ConfigEntry, ours: Account
) -> None:
    (device,) = ours.companions
    assert await hass.config_entries.async_unload(linked.entry_id)
    path = Path(hass.config.path(".storage", f"whatsapp_web.{linked.data[CONF_CONNECTION_ID]}"))
    before = path.read_text()
    path.write_text(before.replace('"sealed": "', '"sealed": "AAAA'))
    logins = device.logins
    assert not await hass.config_entries.async_setup(linked.entry_id)
    assert linked.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert device.logins == logins
    # Restored from a backup, they work again.
    path.write_text(before)
    hass.config_entries.flow.async_abort(flow["flow_id"])
    assert await hass.config_entries.async_reload(linked.entry_id)
    await wait_state(hass, STATUS, "connected")


async def test_a_new_security_code_is_told_and_sending_goes_on(
    hass: HomeAssistant, linked: ConfigEntry, ours: Account, theirs: Account
) -> None:
    await talk(hass, theirs, ours, 0)
    log = EventLog(hass, EVENT_IDENTITY_CHANGED)
    theirs.phone.reinstall()
    (event,) = await log.wait()
    assert event["phone"] == f"+{theirs.number}"
    assert event["chat_id"] == str(theirs.lid_jid)
    assert event["blocked"] is False
    await talk(hass, theirs, ours, 1)
    assert issues(hass) == {}


async def test_by_option_nothing_is_sent_until_a_person_agrees(
    hass: HomeAssistant, linked: ConfigEntry, ours: Account, theirs: Account
) -> None:
    await talk(hass, theirs, ours, 0)
    hass.config_entries.async_update_entry(linked, options={CONF_BLOCK_CHANGED_IDENTITY: True})
    await hass.config_entries.async_reload(linked.entry_id)
    await wait_state(hass, STATUS, "connected")
    await talk(hass, theirs, ours, 1)
    issue_id = f"identity_changed_{linked.entry_id}_{theirs.lid_jid}"
    theirs.phone.reinstall()
    await wait_bus(hass, ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, lambda: issue_id in issues(hass))
    shown = issues(hass)[issue_id].translation_placeholders or {}
    assert shown["contact"] == f"+{theirs.number}"
    with pytest.raises(ServiceValidationError, match="security code"):
        await send(hass, theirs, "not to a stranger")
    # What they write is still told; and it is not forgotten by a restart.
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    await theirs.phone.send_text(ours, "it's me")
    await log.wait()
    await hass.config_entries.async_reload(linked.entry_id)
    await wait_state(hass, STATUS, "connected")
    assert issue_id in issues(hass)
    with pytest.raises(ServiceValidationError, match="security code"):
        await send(hass, theirs, "not to a stranger")

    assert await fix(hass, issue_id) == "create_entry"
    assert issues(hass) == {}
    await talk(hass, theirs, ours, 2)
    heard = [message.text for message in theirs.phone.messages if not message.from_me]
    assert heard[-1] == "out 2"
    assert "not to a stranger" not in heard
