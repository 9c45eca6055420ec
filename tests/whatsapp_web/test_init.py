"""Setting up, running, unloading and removing an entry."""

from datetime import timedelta
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from syrupy.assertion import SnapshotAssertion

from custom_components.whatsapp_web.aiowhatsapp import (
    AccountLocked,
    ClientOutdated,
    ConnectionFailed,
    LoggedOut,
    LoginRefused,
    NotLinked,
    PasskeyRequested,
    SessionReplaced,
    Status,
    StoreCorrupt,
    StoreError,
    TemporarilyBanned,
    WhatsAppError,
    WrongClock,
)
from custom_components.whatsapp_web.const import CONF_CONNECTION_ID, DOMAIN
from custom_components.whatsapp_web.coordinator import WhatsAppCoordinator
from custom_components.whatsapp_web.recovery import FAULT_RETRY, VERSION_RETRY
from custom_components.whatsapp_web.storage import CredentialsDamaged, async_get_storage

from .conftest import ServerFile
from .fakes import CONNECTION_ID, Script, add_entry, make_credentials, make_message
from .waiting import EventLog

STATUS = "sensor.casa_status"


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


def reauth_flows(hass: HomeAssistant) -> int:
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return sum(flow["context"]["source"] == SOURCE_REAUTH for flow in flows)


def issue_ids(hass: HomeAssistant) -> set[str]:
    return {issue for domain, issue in ir.async_get(hass).issues if domain == DOMAIN}


async def pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    freezer.tick(timedelta(seconds=seconds + 1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_entities_and_device(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    (device,) = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    assert (device.name, device.entry_type) == ("Casa", dr.DeviceEntryType.SERVICE)
    entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    enabled = [entity for entity in entities if entity.disabled_by is None]
    assert {entity.entity_id: entity.unique_id for entity in enabled} == {
        "binary_sensor.casa_connectivity": f"{entry.unique_id}_connectivity",
        "button.casa_reconnect": f"{entry.unique_id}_reconnect",
        "event.casa_message": f"{entry.unique_id}_message",
        STATUS: f"{entry.unique_id}_status",
    }
    assert {entity.device_id for entity in entities} == {device.id}


async def test_states_look_like_this(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, script: Script, snapshot: SnapshotAssertion
) -> None:
    freezer.move_to("2027-01-15T08:00:00+00:00")
    added = await add_entry(hass)
    await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done()
    script.client.receive(make_message())
    states = sorted(hass.states.async_all(), key=lambda state: state.entity_id)
    assert {state.entity_id: (state.state, dict(state.attributes)) for state in states} == snapshot


@pytest.mark.parametrize(
    ("error", "state", "key", "reauths", "issues"),
    [
        (
            StoreError("Locked"),
            ConfigEntryState.SETUP_RETRY,
            "storage_failed",
            0,
            {"storage_failed_entry_0123"},
        ),
        (CredentialsDamaged("Bad"), ConfigEntryState.SETUP_ERROR, "storage_damaged", 1, set()),
        (
            StoreCorrupt("Bad"),
            ConfigEntryState.SETUP_ERROR,
            "state_damaged",
            0,
            {"state_damaged_entry_0123"},
        ),
    ],
)
async def test_storage_that_can_not_be_used_fails_the_set_up(
    hass: HomeAssistant,
    script: Script,
    error: WhatsAppError,
    state: ConfigEntryState,
    key: str,
    reauths: int,
    issues: set[str],
) -> None:
    script.start_error = error
    entry = await add_entry(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert (entry.state, entry.error_reason_translation_key) == (state, key)
    assert reauth_flows(hass) == reauths
    assert issue_ids(hass) == issues
    assert script.client.stopped


@pytest.mark.parametrize(
    ("error", "status", "reauths", "issues"),
    [
        (ConnectionFailed("Down"), "disconnected", 0, set()),
        (WhatsAppError("Odd"), "error", 0, set()),
        (WrongClock("Not yet valid"), "disconnected", 0, {"wrong_clock_entry_0123"}),
        (LoggedOut("401"), "logged_out", 1, set()),
        (AccountLocked("403"), "logged_out", 1, {"account_locked_entry_0123"}),
        (StoreError("Full"), "error", 0, {"storage_failed_entry_0123"}),
        (StoreCorrupt("Bad"), "error", 0, {"state_damaged_entry_0123"}),
        (LoginRefused("406"), "error", 0, {"login_refused_entry_0123"}),
        (SessionReplaced(), "error", 0, {"session_replaced_entry_0123"}),
        (TemporarilyBanned("101", 3600), "disconnected", 0, {"temporarily_banned_entry_0123"}),
    ],
)
async def test_an_entry_loads_however_its_line_stands(
    hass: HomeAssistant,
    script: Script,
    error: WhatsAppError,
    status: str,
    reauths: int,
    issues: set[str],
) -> None:
    script.connect_errors = [error]
    entry = await add_entry(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert state_of(hass, STATUS) == status
    assert state_of(hass, "binary_sensor.casa_connectivity") == "off"
    assert hass.services.has_service("notify", "casa")
    assert reauth_flows(hass) == reauths
    assert issue_ids(hass) == issues
    script.client.set_status(Status.CONNECTED)
    assert state_of(hass, STATUS) == "connected"
    assert issue_ids(hass) == set()


async def test_a_set_up_waits_for_no_server(hass: HomeAssistant, script: Script) -> None:
    script.line_answers = False
    entry = await add_entry(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, STATUS) == "connecting"
    assert hass.services.has_service("notify", "casa")
    script.client.answer()
    assert state_of(hass, STATUS) == "connected"


async def test_changes_of_the_connection_are_told(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    log = EventLog(hass, "whatsapp_web_connection")
    for _ in range(2):
        script.client.set_status(Status.DISCONNECTED, ConnectionFailed("Gone"))
        script.client.set_status(Status.CONNECTING)
    script.client.set_status(Status.CONNECTED)
    await hass.async_block_till_done()
    assert [(data["state"], data.get("reason")) for data in log.data] == [
        ("disconnected", "not_connected"),
        ("connected", None),
    ]
    assert log.data[0]["config_entry_id"] == entry.entry_id
    assert log.data[0]["connection"] == "Casa"
    assert log.data[0]["device_id"]


async def test_an_outdated_version_heals_itself(
    hass: HomeAssistant, script: Script, server_file: ServerFile
) -> None:
    script.connect_errors = [ClientOutdated()]
    script.line_answers = False
    entry = await add_entry(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    server_file.write(version="2.3000.2")
    script.line_answers = True
    script.client.answer()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [client.stopped for client in script.clients] == [True, False]
    assert script.client.given["server"].version == (2, 3000, 2)
    assert state_of(hass, STATUS) == "connected"
    assert issue_ids(hass) == set()


async def test_a_version_that_stays_outdated_is_an_issue_until_there_is_a_newer_one(
    hass: HomeAssistant, script: Script, server_file: ServerFile, freezer: FrozenDateTimeFactory
) -> None:
    script.connect_errors = [ClientOutdated()]
    entry = await add_entry(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (len(script.clients), state_of(hass, STATUS)) == (1, "error")
    assert issue_ids(hass) == {"client_outdated_entry_0123"}
    server_file.path.unlink()
    await pass_time(hass, freezer, VERSION_RETRY)
    assert len(script.clients) == 1
    server_file.write(version="2.3000.2")
    await pass_time(hass, freezer, VERSION_RETRY)
    assert (len(script.clients), state_of(hass, STATUS)) == (2, "connected")
    assert issue_ids(hass) == set()


async def test_a_client_that_ended_by_a_fault_is_started_again(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    script.client.set_status(Status.ERROR, ConnectionFailed("RuntimeError"))
    assert state_of(hass, STATUS) == "error"
    await pass_time(hass, freezer, FAULT_RETRY)
    assert len(script.clients) == 2
    assert state_of(hass, STATUS) == "connected"


async def test_what_was_planned_ends_with_the_entry(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    script.client.set_status(Status.ERROR, ConnectionFailed("RuntimeError"))
    await hass.config_entries.async_unload(entry.entry_id)
    await pass_time(hass, freezer, FAULT_RETRY)
    assert len(script.clients) == 1


async def test_a_refused_test_server_fails_the_set_up(
    hass: HomeAssistant, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHATSAPP_WEB_SERVER", "/nowhere")
    entry = await add_entry(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.error_reason_translation_key == "server_setting_refused"
    assert entry.state is ConfigEntryState.SETUP_ERROR


async def test_an_unforeseen_error_leaves_no_client_running(
    hass: HomeAssistant, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("A bug")

    entry = await add_entry(hass)
    monkeypatch.setattr(async_get_storage(hass), "async_settle", fail)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert script.client.stopped
    assert not async_get_storage(hass).lock(CONNECTION_ID).locked()


async def test_missing_credentials_ask_to_link_again(hass: HomeAssistant, script: Script) -> None:
    entry = await add_entry(hass)
    await async_get_storage(hass).async_remove(CONNECTION_ID)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.error_reason_translation_key == "credentials_missing"
    assert reauth_flows(hass) == 1


async def test_being_logged_out_asks_once_to_link_again(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.set_status(Status.LOGGED_OUT, LoggedOut("401"))
    script.client.set_status(Status.LOGGED_OUT, NotLinked("Again"))
    await hass.async_block_till_done()
    assert state_of(hass, STATUS) == "logged_out"
    assert state_of(hass, "event.casa_message") == STATE_UNAVAILABLE
    assert reauth_flows(hass) == 1


async def test_a_lost_line_is_logged_once_each_way(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()
    for _ in range(3):
        script.client.set_status(Status.DISCONNECTED, ConnectionFailed("Gone"))
        script.client.set_status(Status.CONNECTING)
    assert caplog.text.count("Casa lost its connection: Gone") == 1
    assert state_of(hass, "event.casa_message") != STATE_UNAVAILABLE
    assert state_of(hass, "binary_sensor.casa_connectivity") == "off"
    script.client.set_status(Status.CONNECTED)
    assert caplog.text.count("Casa is connected") == 1


async def test_a_request_for_a_passkey_is_explained_until_it_has_passed(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.emit(PasskeyRequested())
    assert issue_ids(hass) == {"passkey_requested_entry_0123"}
    script.client.set_status(Status.DISCONNECTED)
    script.client.set_status(Status.CONNECTED)
    assert issue_ids(hass) == set()


async def test_a_learned_name_is_shown_and_kept(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.learn_name("Casa nova")
    await hass.async_block_till_done()
    status = hass.states.get(STATUS)
    assert status is not None
    assert status.attributes["user"] == "Casa nova"
    stored = await async_get_storage(hass).async_load(CONNECTION_ID)
    assert stored.credentials == make_credentials(push_name="Casa nova")


async def test_a_name_that_can_not_be_kept_is_a_warning(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(*_: object) -> None:
        raise StoreError("The disk is full")

    monkeypatch.setattr(async_get_storage(hass), "async_save", fail)
    script.client.learn_name("Casa nova")
    await hass.async_block_till_done()
    assert "Changed credentials of Casa were not saved" in caplog.text


async def test_messages_are_let_in_some_time_after_the_start(
    hass: HomeAssistant, script: Script, freezer: FrozenDateTimeFactory
) -> None:
    hass.set_state(CoreState.not_running)
    added = await add_entry(hass)
    await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done()
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    await hass.async_block_till_done()
    assert not script.client.released
    freezer.tick(timedelta(seconds=2))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert script.client.released


async def test_waiting_messages_that_can_not_be_read_are_a_warning(
    hass: HomeAssistant, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.release_error = StoreError("Bad block")
    added = await add_entry(hass)
    await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "Waiting messages of Casa can't be read: Bad block" in caplog.text


async def test_nothing_is_polled(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    await hass.services.async_call(
        "homeassistant", "update_entity", {"entity_id": STATUS}, blocking=True
    )
    assert state_of(hass, STATUS) == "connected"


async def test_unloading_stops_the_client_and_loses_no_state(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    log = EventLog(hass, "whatsapp_web_message_received")
    client = script.client
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert client.stopped
    client.receive(make_message())
    assert log.data == []


async def test_a_second_set_up_waits_for_the_first(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    assert async_get_storage(hass).lock(CONNECTION_ID).locked()
    second = WhatsAppCoordinator(hass, entry)
    starting = hass.async_create_background_task(second.async_start(), "second")
    await hass.async_block_till_done()
    assert not starting.done()
    await hass.config_entries.async_unload(entry.entry_id)
    await starting
    await second.async_stop()


async def test_removing_logs_out_and_removes_files(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    database = Path(async_get_storage(hass).state_path(CONNECTION_ID))
    version = Path(hass.config.path(".storage", "whatsapp_web.version"))
    await hass.async_add_executor_job(database.touch)
    await hass.async_add_executor_job(version.touch)
    fetched = Path(hass.config.cache_path(DOMAIN)) / "fetched.jpg"
    await hass.async_add_executor_job(lambda: fetched.parent.mkdir(parents=True, exist_ok=True))
    await hass.async_add_executor_job(fetched.touch)
    await hass.config_entries.async_remove(entry.entry_id)
    assert script.client.logged_out
    assert await async_get_storage(hass).async_list() == []
    assert not await hass.async_add_executor_job(database.exists)
    assert not await hass.async_add_executor_job(version.exists)
    assert not await hass.async_add_executor_job(fetched.exists)


@pytest.mark.parametrize(
    ("error", "told"),
    [(LoggedOut("401"), False), (ConnectionFailed("Down"), True)],
)
async def test_removing_works_without_the_server(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    error: WhatsAppError,
    told: bool,
) -> None:
    script.connect_errors = [error]
    await hass.config_entries.async_remove(entry.entry_id)
    assert ("unlink it in the phone" in caplog.text) is told
    assert await async_get_storage(hass).async_list() == []
    assert entry.data == {CONF_CONNECTION_ID: CONNECTION_ID}
