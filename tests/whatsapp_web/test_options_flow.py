"""The options of a connection: how they are asked for, kept and read."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web.aiowhatsapp import Jid
from custom_components.whatsapp_web.options import ConnectionOptions

from .fakes import Script, add_entry, make_credentials

# What the form sends when a person changes nothing.
UNCHANGED = {
    "default_recipient": ["me"],
    "messages_per_minute": 40.0,
    "stale_after": 5.0,
    "fetch_media": False,
    "mark_as_read": False,
    "appear_online": False,
    "follow_presence": [],
    "people": [],
    "block_changed_identity": False,
}
OTHER = make_credentials(
    jid=Jid("5511900000000", "s.whatsapp.net", 1), lid=Jid("299", "lid", 1), push_name="Other"
)


async def add_other(hass: HomeAssistant) -> MockConfigEntry:
    return await add_entry(hass, "f" * 32, OTHER, "Other")


async def open_form(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    return dict(await hass.config_entries.options.async_init(entry.entry_id))


async def submit(hass: HomeAssistant, flow: dict[str, Any], **chosen: Any) -> dict[str, Any]:
    data = UNCHANGED | chosen
    return dict(await hass.config_entries.options.async_configure(flow["flow_id"], data))


def suggested(flow: dict[str, Any]) -> dict[str, Any]:
    return {
        str(marker): (marker.description or {}).get("suggested_value")
        for marker in flow["data_schema"].schema
    }


def test_what_nobody_chose_has_a_default() -> None:
    assert ConnectionOptions.of(MockConfigEntry()) == ConnectionOptions()
    assert ConnectionOptions().default_recipients == ("me",)
    assert ConnectionOptions().messages_per_minute == 40


async def test_options_are_kept_and_the_entry_set_up_anew(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    other = await add_other(hass)
    flow = await open_form(hass, entry)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "init")
    result = await submit(
        hass,
        flow,
        default_recipient=["+55 11 91234-5678", "me"],
        messages_per_minute=12.0,
        stale_after=30.0,
        mark_as_read=True,
        appear_online=True,
        block_changed_identity=True,
        backup_connection=other.entry_id,
        backup_after=60.0,
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.runtime_data.options == ConnectionOptions(
        messages_per_minute=12,
        default_recipients=("+55 11 91234-5678", "me"),
        stale_after=timedelta(minutes=30),
        backup_entry_id=other.entry_id,
        backup_after=timedelta(minutes=1),
        block_changed_identity=True,
        mark_as_read=True,
        appear_online=True,
    )
    assert [client.stopped for client in script.clients] == [True, False]
    assert script.client.outbox.pacing.state(0).per_minute == 12
    assert entry.options["messages_per_minute"] == 12
    shown = suggested(await open_form(hass, entry))
    assert (shown["backup_connection"], shown["messages_per_minute"]) == (other.entry_id, 12)


async def test_only_other_connections_can_be_the_backup(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    assert "backup_connection" not in suggested(await open_form(hass, entry))
    await add_other(hass)
    flow = await open_form(hass, entry)
    assert "backup_connection" in suggested(flow)
    with pytest.raises(InvalidData):
        await submit(hass, flow, backup_connection=entry.entry_id, backup_after=60.0)


async def test_a_backup_that_was_removed_is_no_choice_any_more(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await add_other(hass)
    options = {"backup_connection": "gone", "stale_after": 7}
    hass.config_entries.async_update_entry(entry, options=options)
    shown = suggested(await open_form(hass, entry))
    assert (shown["backup_connection"], shown["stale_after"]) == (None, 7)


async def test_people_have_numbers(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    flow = await open_form(hass, entry)
    result = await submit(hass, flow, people=[{"person": "person.ann", "phone": "at home"}])
    assert result["errors"] == {"people": "invalid_recipient"}
    result = await submit(hass, flow, follow_presence=["Ann"])
    assert result["errors"] == {"follow_presence": "invalid_recipient"}
    with pytest.raises(InvalidData):
        await submit(hass, flow, people=[{"person": "light.lamp", "phone": "+5511987654321"}])
    ann = {"person": "person.ann", "phone": "+55 11 98765-4321"}
    result = await submit(hass, flow, people=[ann], follow_presence=["+55 11 98765-4321"])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.runtime_data.options.people == {"+5511987654321": "person.ann"}
    assert entry.runtime_data.options.followed == ("+55 11 98765-4321",)


async def test_a_default_recipient_has_to_be_one(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    flow = await open_form(hass, entry)
    result = await submit(hass, flow, default_recipient=["me", "12"])
    assert result["errors"] == {"default_recipient": "invalid_recipient"}
    assert suggested(result)["default_recipient"] == ["me", "12"]
    result = await submit(hass, flow, default_recipient=[])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.runtime_data.options.default_recipients == ("me",)


def test_a_connection_is_never_its_own_backup() -> None:
    itself = MockConfigEntry(entry_id="one", options={"backup_connection": "one"})
    assert ConnectionOptions.of(itself).backup_entry_id is None


async def test_notify_without_a_target_writes_to_the_default_recipients(
    hass: HomeAssistant, script: Script
) -> None:
    added = await add_entry(hass)
    hass.config_entries.async_update_entry(
        added, options={"default_recipient": ["+55 11 98765-4321"]}
    )
    await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done()
    await hass.services.async_call("notify", "casa", {"message": "Hi"}, blocking=True)
    ((chat, text),) = script.client.sent
    assert (str(chat), text) == ("203000000000008@lid", "Hi")
