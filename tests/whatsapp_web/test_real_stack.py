"""Home Assistant, our client and a server on loopback: nothing is faked but the phone."""

import asyncio
from pathlib import Path
import stat
from typing import Any

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntry,
)
from homeassistant.core import EVENT_HOMEASSISTANT_STOP, CoreState, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest

from custom_components.whatsapp_web import config_flow
from custom_components.whatsapp_web.adoption import async_adopt_all
from custom_components.whatsapp_web.const import CONF_CONNECTION_ID, DOMAIN, EVENT_MESSAGE_RECEIVED
from custom_components.whatsapp_web.storage import (
    async_get_storage,
)
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.simulator.pairing import CouldNotLink

from .conftest import OURS, THEIRS
from .dialog import Dialog
from .linking import link_device
from .waiting import EventLog, wait_connected, wait_entry, wait_loaded, wait_state

STATUS = "sensor.home_status"
CONNECTIVITY = "binary_sensor.home_connectivity"
MESSAGE = "event.home_message"


def files_of(hass: HomeAssistant) -> list[Path]:
    return sorted(Path(hass.config.path(".storage")).glob("whatsapp_web.*"))


def contents_of(hass: HomeAssistant) -> list[bytes]:
    return [path.read_bytes() for path in files_of(hass)]


async def send(hass: HomeAssistant, recipient: object, message: str, **more: object) -> object:
    return await hass.services.async_call(
        DOMAIN,
        "send_message",
        {"recipient": recipient, "message": message, **more},
        blocking=True,
        return_response=True,
    )


# --- linking


async def test_scanning_the_code_adds_the_account(
    hass: HomeAssistant, ours: Account, dialog: Dialog
) -> None:
    assert (await dialog.open())["step_id"] == "user"
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    result = await dialog.wait_end()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Home"
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await wait_loaded(hass, entry)
    assert entry.unique_id == ours.lid
    assert set(entry.data) == {CONF_CONNECTION_ID}
    assert len(ours.companions) == 1


async def test_typing_the_code_adds_the_account(
    hass: HomeAssistant, ours: Account, dialog: Dialog
) -> None:
    await dialog.open()
    await dialog.ask_for_code("+1 (555) 000-1111")
    await ours.phone.enter_code(await dialog.wait_typed_code())
    result = await dialog.wait_end()
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, "Home")
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await wait_loaded(hass, entry)
    assert len(ours.companions) == 1


async def test_a_mistyped_code_links_nothing(
    hass: HomeAssistant, ours: Account, dialog: Dialog
) -> None:
    await dialog.open()
    await dialog.ask_for_code(f"+{OURS}")
    code = await dialog.wait_typed_code()
    with pytest.raises(CouldNotLink):
        await ours.phone.enter_code("1111-1111")
    assert code != "1111-1111"
    dialog.close()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert ours.companions == []


async def test_a_number_without_an_account_gets_no_code(ours: Account, dialog: Dialog) -> None:
    await dialog.open()
    await dialog.ask_for_code("+1 555 999 9999")
    result = await dialog.wait(lambda result: result["type"] is FlowResultType.FORM)
    assert result["errors"] == {"base": "code_refused"}
    assert result["description_placeholders"] == {"number": "+15559999999", "code": "404"}
    dialog.close()


async def test_the_shown_code_is_an_image_and_counts(ours: Account, dialog: Dialog) -> None:
    await dialog.open()
    await dialog.submit()
    await dialog.wait_code()
    shown = dialog.result["description_placeholders"]
    assert shown is not None
    assert shown["qr"].startswith("![QR](data:image/png;base64,")
    assert (shown["number"], shown["count"]) == ("1", "6")
    dialog.close()


async def test_closing_the_dialog_closes_the_socket(
    simulator: Simulator, ours: Account, dialog: Dialog
) -> None:
    await dialog.open()
    await dialog.submit()
    await dialog.wait_code()
    (registration,) = simulator.pairing.registrations
    dialog.close()
    async with asyncio.timeout(10):
        await registration.session.closed.wait()
    assert ours.companions == []


async def test_a_lost_tab_still_gets_the_account_added(
    hass: HomeAssistant, ours: Account, dialog: Dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_flow, "FINISH_ALONE_DELAY", 0)
    await dialog.open()
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    # From here nobody asks how the flow stands.
    await wait_entry(hass, lambda: bool(hass.config_entries.async_entries(DOMAIN)))
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await wait_loaded(hass, entry)
    await hass.async_block_till_done()
    assert hass.config_entries.flow.async_progress() == []


async def test_closing_the_dialog_after_the_scan_still_adds_the_account(
    hass: HomeAssistant, ours: Account, dialog: Dialog
) -> None:
    await dialog.open()
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    dialog.close()
    await wait_entry(hass, lambda: bool(hass.config_entries.async_entries(DOMAIN)))
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await wait_loaded(hass, entry)
    assert len(ours.companions) == 1


async def test_a_server_that_hangs_up_after_linking_does_no_harm(
    hass: HomeAssistant, simulator: Simulator, ours: Account, dialog: Dialog
) -> None:
    simulator.faults.once("pairing_close_without_515")
    await dialog.open()
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


async def test_an_account_linked_before_is_refused_and_its_new_device_logged_out(
    hass: HomeAssistant, ours: Account, linked: ConfigEntry, dialog: Dialog
) -> None:
    first = ours.companions
    await dialog.open()
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    result = await dialog.wait_end()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert ours.companions == first
    assert await async_get_storage(hass).async_list() == [linked.data[CONF_CONNECTION_ID]]


async def test_a_wrong_proof_fails_and_new_codes_are_one_click_away(
    hass: HomeAssistant, simulator: Simulator, ours: Account, dialog: Dialog
) -> None:
    simulator.faults.once("bad_pairing_hmac")
    await dialog.open()
    await dialog.submit()
    scan = asyncio.create_task(ours.phone.scan(await dialog.wait_code()))
    result = await dialog.wait(lambda result: result["type"] is FlowResultType.FORM)
    assert (result["step_id"], result["errors"]) == ("failed", {"base": "pairing_failed"})
    assert scan.exception() is not None
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


async def test_no_server_fails_with_the_reason(simulator: Simulator, dialog: Dialog) -> None:
    simulator.faults.refuse_upgrade = 503
    await dialog.open()
    await dialog.submit()
    result = await dialog.wait(lambda result: result["type"] is FlowResultType.FORM)
    assert (result["step_id"], result["errors"]) == ("failed", {"base": "not_connected"})


async def test_a_line_that_breaks_while_a_code_is_shown_says_so(
    simulator: Simulator, dialog: Dialog
) -> None:
    await dialog.open()
    await dialog.submit()
    await dialog.wait_code()
    (registration,) = simulator.pairing.registrations
    registration.session.abort()
    result = await dialog.wait(lambda result: result["type"] is FlowResultType.FORM)
    assert result["errors"] == {"base": "connection_ended"}


# --- entities, messages


async def test_entities_tell_how_the_connection_stands(
    hass: HomeAssistant, linked: ConfigEntry
) -> None:
    status = hass.states.get(STATUS)
    assert status is not None
    assert status.state == "connected"
    assert status.attributes["user"] == "Home"
    assert status.attributes["phone"] == f"+{OURS}"
    connectivity = hass.states.get(CONNECTIVITY)
    assert connectivity is not None
    assert connectivity.state == "on"


async def test_an_incoming_text_fires_the_event_and_the_entity_once(
    hass: HomeAssistant, simulator: Simulator, ours: Account, theirs: Account, linked: ConfigEntry
) -> None:
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    sent = await theirs.phone.send_text(ours, "Is it warm?")
    (data,) = await log.wait()
    assert data["text"] == "Is it warm?"
    assert data["message_id"] == sent
    assert data["sender_name"] == "Ann"
    assert data["sender_phone"] == f"+{THEIRS}"
    assert data["chat_id"] == data["sender_id"] == str(theirs.jid(lid=True))
    assert (data["chat_type"], data["type"]) == ("user", "text")
    assert (data["from_me"], data["is_group"], data["stale"]) == (False, False, False)
    assert data["config_entry_id"] == linked.entry_id
    entity = hass.states.get(MESSAGE)
    assert entity is not None
    assert entity.attributes["event_type"] == "text"
    assert entity.attributes["text"] == "Is it warm?"
    await simulator.settled()
    assert len(log.data) == 1


async def test_what_we_write_on_the_phone_is_told_as_ours(
    hass: HomeAssistant, ours: Account, theirs: Account, linked: ConfigEntry
) -> None:
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    await ours.phone.send_text(theirs, "From the phone")
    (data,) = await log.wait()
    assert data["from_me"] is True
    assert data["chat_id"] == str(theirs.jid(lid=True))


async def test_messages_wait_until_home_assistant_has_started(
    hass: HomeAssistant,
    ours: Account,
    theirs: Account,
    linked: ConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.whatsapp_web.coordinator.DELIVERY_DELAY", 0)
    await hass.config_entries.async_unload(linked.entry_id)
    await theirs.phone.send_text(ours, "While you were away")
    hass.set_state(CoreState.not_running)
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    await hass.config_entries.async_setup(linked.entry_id)
    await hass.async_block_till_done()
    assert log.data == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    (data,) = await log.wait()
    assert data["text"] == "While you were away"


async def test_send_message_delivers_and_returns_the_id(
    hass: HomeAssistant, theirs: Account, linked: ConfigEntry
) -> None:
    response = await send(hass, "+1 (555) 000-2222", "The door is open", title="Alarm")
    message = await theirs.phone.wait_message("*Alarm*\nThe door is open")
    # Whether the phone's receipt is here already is a matter of milliseconds.
    chats: Any = response
    assert chats["chats"][0].pop("state") in ("sent", "delivered")
    assert response == {
        "chats": [
            {
                "chat_id": str(theirs.jid(lid=True)),
                "name": f"+{THEIRS}",
                "message_id": message.id,
            }
        ]
    }


async def test_the_chat_id_of_an_event_is_a_recipient(
    hass: HomeAssistant, ours: Account, theirs: Account, linked: ConfigEntry
) -> None:
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    await theirs.phone.send_text(ours, "Hello")
    (data,) = await log.wait()
    await send(hass, data["chat_id"], "Hello yourself")
    await theirs.phone.wait_message("Hello yourself")


async def test_the_notify_action_writes_to_ourselves(
    hass: HomeAssistant, ours: Account, linked: ConfigEntry
) -> None:
    await hass.services.async_call(
        "notify", "home", {"message": "Done", "title": "Laundry"}, blocking=True
    )
    await ours.phone.wait_message("*Laundry*\nDone")


async def test_the_notify_action_takes_numbers_that_lost_their_plus(
    hass: HomeAssistant, theirs: Account, linked: ConfigEntry
) -> None:
    await hass.services.async_call(
        "notify", "home", {"message": "Done", "target": int(THEIRS)}, blocking=True
    )
    await theirs.phone.wait_message("Done")


async def test_a_failing_target_is_named_and_stops_no_other(
    hass: HomeAssistant, theirs: Account, linked: ConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(
            "notify",
            "home",
            {"message": "To all", "target": ["+15559999999", f"+{THEIRS}", "12"]},
            blocking=True,
        )
    assert str(raised.value) == (
        "2 of 3 recipients did not get the message: +15559999999 is not on WhatsApp; "
        "12 is not a phone number with its country code; write it as +55 11 91234-5678, "
        "beginning with + and the country code"
    )
    await theirs.phone.wait_message("To all")


async def test_a_number_that_is_not_on_whatsapp_is_named(
    hass: HomeAssistant, linked: ConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServiceValidationError, match=r"\+15559999999 is not on WhatsApp"):
        await send(hass, "+15559999999", "Anyone?")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


# --- the life of an entry


async def test_what_is_stored_is_readable_by_its_owner_alone(
    hass: HomeAssistant, linked: ConfigEntry
) -> None:
    connection = linked.data[CONF_CONNECTION_ID]
    names = {path.name for path in files_of(hass)}
    assert {"whatsapp_web.key", f"whatsapp_web.{connection}", f"whatsapp_web.{connection}.db"} <= (
        names
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_of(hass)} == {0o600}
    assert OURS.encode() not in b"".join(contents_of(hass))


async def test_unloading_closes_the_line_and_reloading_opens_it(
    hass: HomeAssistant, simulator: Simulator, ours: Account, linked: ConfigEntry
) -> None:
    (device,) = ours.companions
    assert await hass.config_entries.async_unload(linked.entry_id)
    await simulator.ledger.until(lambda: not simulator.connected(device), timeout=10)
    assert not hass.services.has_service("notify", "home")
    assert await hass.config_entries.async_setup(linked.entry_id)
    await wait_connected(hass, linked)
    assert simulator.connected(device)
    assert hass.services.has_service("notify", "home")
    assert device.logins == 3
    assert await hass.config_entries.async_reload(linked.entry_id)
    assert hass.services.has_service("notify", "home")
    await wait_connected(hass, linked)


async def test_stopping_home_assistant_closes_the_line(
    hass: HomeAssistant, simulator: Simulator, ours: Account, linked: ConfigEntry
) -> None:
    (device,) = ours.companions
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    await simulator.ledger.until(lambda: not simulator.connected(device), timeout=10)


async def test_removing_the_entry_logs_out_and_leaves_nothing(
    hass: HomeAssistant, ours: Account, linked: ConfigEntry
) -> None:
    await hass.config_entries.async_remove(linked.entry_id)
    assert ours.companions == []
    assert files_of(hass) == []
    assert hass.states.get(STATUS) is None


async def test_a_broken_line_comes_back_by_itself(
    hass: HomeAssistant, simulator: Simulator, ours: Account, linked: ConfigEntry
) -> None:
    (device,) = ours.companions
    simulator.faults.cut(device)
    await wait_state(hass, CONNECTIVITY, "off")
    message = hass.states.get(MESSAGE)
    assert message is not None
    assert message.state != "unavailable"
    await wait_state(hass, STATUS, "connected")


async def test_unlinking_on_the_phone_asks_to_link_again(
    hass: HomeAssistant, ours: Account, linked: ConfigEntry, dialog: Dialog
) -> None:
    (device,) = ours.companions
    old = linked.data[CONF_CONNECTION_ID]
    ours.phone.unlink(device)
    await wait_state(hass, STATUS, "logged_out")
    await hass.async_block_till_done()
    flow = dialog.open_started()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["step_id"] == "reauth_confirm"
    message = hass.states.get(MESSAGE)
    assert message is not None
    assert message.state == "unavailable"
    with pytest.raises(ServiceValidationError, match="no longer linked"):
        await send(hass, "me", "Anyone?")

    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    result = await dialog.wait_end()
    assert result["reason"] == "reauth_successful"
    await wait_state(hass, STATUS, "connected")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.data[CONF_CONNECTION_ID] != old
    assert await async_get_storage(hass).async_list() == [linked.data[CONF_CONNECTION_ID]]
    assert len(ours.companions) == 1


async def test_linking_another_account_again_is_refused(
    hass: HomeAssistant, ours: Account, theirs: Account, linked: ConfigEntry, dialog: Dialog
) -> None:
    old = linked.data[CONF_CONNECTION_ID]
    await dialog.open_reconfigure(linked)
    await dialog.submit()
    await theirs.phone.scan(await dialog.wait_code())
    result = await dialog.wait_end()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "wrong_account")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert theirs.companions == []
    assert linked.data[CONF_CONNECTION_ID] == old
    assert len(ours.companions) == 1


async def test_reconfiguring_links_again_and_logs_the_old_device_out(
    hass: HomeAssistant, ours: Account, linked: ConfigEntry, dialog: Dialog
) -> None:
    (old_device,) = ours.companions
    old = linked.data[CONF_CONNECTION_ID]
    assert (await dialog.open_reconfigure(linked))["step_id"] == "reconfigure"
    await dialog.submit()
    await ours.phone.scan(await dialog.wait_code())
    assert (await dialog.wait_end())["reason"] == "reconfigure_successful"
    await wait_loaded(hass, linked)
    await hass.async_block_till_done(wait_background_tasks=True)
    (device,) = ours.companions
    assert device is not old_device
    assert linked.data[CONF_CONNECTION_ID] != old
    assert await async_get_storage(hass).async_list() == [linked.data[CONF_CONNECTION_ID]]


async def test_an_entry_is_there_before_its_line_is(
    hass: HomeAssistant, simulator: Simulator, ours: Account, linked: ConfigEntry
) -> None:
    await hass.config_entries.async_unload(linked.entry_id)
    simulator.faults.refuse_upgrade = 503
    assert await hass.config_entries.async_setup(linked.entry_id)
    await wait_state(hass, STATUS, "disconnected")
    assert hass.services.has_service("notify", "home")
    simulator.faults.refuse_upgrade = None
    linked.runtime_data.async_reconnect()
    await wait_connected(hass, linked)


# --- cut short


async def test_a_linking_cut_short_is_finished_at_the_next_start(
    hass: HomeAssistant, ours: Account
) -> None:
    connection_id = await link_device(hass, ours)
    assert await async_setup_component(hass, DOMAIN, {})
    await wait_entry(hass, lambda: bool(hass.config_entries.async_entries(DOMAIN)))
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await wait_loaded(hass, entry)
    assert entry.data == {CONF_CONNECTION_ID: connection_id}
    assert (entry.unique_id, entry.title) == (ours.lid, "Home")
    assert (await async_get_storage(hass).async_load(connection_id)).pending is False


async def test_a_new_dialog_first_finishes_what_was_cut_short(
    hass: HomeAssistant, ours: Account, dialog: Dialog
) -> None:
    await link_device(hass, ours)
    result = await dialog.open()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "linking_finished")
    assert result["description_placeholders"] == {"name": "Home"}
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await wait_loaded(hass, entry)


async def test_a_linking_that_never_reached_the_server_is_forgotten(
    hass: HomeAssistant, ours: Account, dialog: Dialog
) -> None:
    await link_device(hass, ours)
    (device,) = ours.companions
    ours.phone.unlink(device)
    assert (await dialog.open())["step_id"] == "user"
    assert files_of(hass) == []
    dialog.close()


async def test_linking_again_cut_short_goes_to_its_entry(
    hass: HomeAssistant, ours: Account, linked: ConfigEntry
) -> None:
    old = linked.data[CONF_CONNECTION_ID]
    connection_id = await link_device(hass, ours, entry_id=linked.entry_id)
    assert await async_adopt_all(hass) == ["Home"]
    await hass.async_block_till_done(wait_background_tasks=True)
    await wait_loaded(hass, linked)
    assert linked.data[CONF_CONNECTION_ID] == connection_id != old
    assert await async_get_storage(hass).async_list() == [connection_id]
    assert len(ours.companions) == 1


async def test_a_second_device_of_an_account_that_has_an_entry_is_logged_out(
    hass: HomeAssistant, ours: Account, linked: ConfigEntry
) -> None:
    await link_device(hass, ours)
    assert len(ours.companions) == 2
    assert await async_adopt_all(hass) == []
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(ours.companions) == 1
    assert await async_get_storage(hass).async_list() == [linked.data[CONF_CONNECTION_ID]]
