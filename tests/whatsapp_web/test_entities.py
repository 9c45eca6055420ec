"""The button, and the sensors for those who look into things."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    mock_restore_cache_with_extra_data,
)

from custom_components.whatsapp_web.aiowhatsapp import (
    CaughtUp,
    ConnectionFailed,
    LoggedOut,
    MessageState,
    MessageStateChanged,
    SessionReplaced,
    Status,
    WhatsAppError,
)

from .fakes import ANN, LID, Script, add_entry, make_message

RECEIVED = "sensor.casa_messages_received_today"
LAST_SYNC = "sensor.casa_last_sync"


def enable(entity_registry: er.EntityRegistry, key: str, entity_id: str) -> None:
    entity_registry.async_get_or_create(
        "sensor",
        "whatsapp_web",
        f"{LID}_{key}",
        suggested_object_id=entity_id.removeprefix("sensor."),
        disabled_by=None,
    )


async def set_up(hass: HomeAssistant) -> MockConfigEntry:
    entry = await add_entry(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


async def press(hass: HomeAssistant) -> None:
    await hass.services.async_call(
        "button", "press", {"entity_id": "button.casa_reconnect"}, blocking=True
    )
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_the_button_ends_a_pause(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.set_status(Status.DISCONNECTED, ConnectionFailed("Gone"))
    await press(hass)
    assert (script.client.hurried, len(script.clients)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (Status.ERROR, SessionReplaced()),
        (Status.LOGGED_OUT, LoggedOut("401")),
        (Status.CONNECTED, None),
    ],
)
async def test_the_button_begins_anew_where_nobody_tries(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    status: Status,
    error: WhatsAppError | None,
) -> None:
    script.client.set_status(status, error)
    await press(hass)
    assert len(script.clients) == 2
    assert state_of(hass, "sensor.casa_status") == "connected"


async def test_figures_are_disabled_until_wanted(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    disabled = {entity.entity_id for entity in entities if entity.disabled_by is not None}
    assert {RECEIVED, LAST_SYNC} <= disabled


async def test_messages_of_others_are_counted_until_midnight(
    hass: HomeAssistant,
    script: Script,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await hass.config.async_set_time_zone("America/Sao_Paulo")
    freezer.move_to("2027-01-15T23:59:00-03:00")
    enable(entity_registry, "received", RECEIVED)
    await set_up(hass)
    script.client.receive(make_message())
    script.client.receive(make_message(id="3A02"))
    script.client.receive(make_message(id="3A03", from_me=True))
    assert state_of(hass, RECEIVED) == "2"
    freezer.tick(timedelta(minutes=1, seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert state_of(hass, RECEIVED) == "0"


@pytest.mark.parametrize(("written", "count"), [("15T08:00", "8"), ("14T08:00", "1")])
async def test_a_count_goes_on_after_a_restart_on_the_same_day(
    hass: HomeAssistant,
    script: Script,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
    written: str,
    count: str,
) -> None:
    freezer.move_to(f"2027-01-{written}:00-08:00")
    enable(entity_registry, "received", RECEIVED)
    data = {"native_value": 7, "native_unit_of_measurement": None}
    mock_restore_cache_with_extra_data(hass, ((State(RECEIVED, "7"), data),))
    freezer.move_to("2027-01-15T12:00:00-08:00")
    await set_up(hass)
    script.client.receive(make_message())
    assert state_of(hass, RECEIVED) == count


async def test_the_last_sync_is_when_all_had_come(
    hass: HomeAssistant,
    script: Script,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    freezer.move_to("2027-01-15T08:00:00+00:00")
    enable(entity_registry, "last_sync", LAST_SYNC)
    await set_up(hass)
    assert state_of(hass, LAST_SYNC) == "unknown"
    script.client.emit(CaughtUp())
    assert state_of(hass, LAST_SYNC) == "2027-01-15T08:00:00+00:00"


async def test_what_becomes_of_messages_is_counted(
    hass: HomeAssistant, script: Script, entity_registry: er.EntityRegistry
) -> None:
    figures = {key: f"sensor.casa_{key}" for key in ("sent", "failed", "queued", "quota")}
    for key, entity_id in figures.items():
        enable(entity_registry, key, entity_id)
    await set_up(hass)
    client = script.client
    client.outbox.waiting = 3
    for state, participant in (
        (MessageState.SENT, None),
        (MessageState.SENT, None),
        (MessageState.DELIVERED, None),
        (MessageState.SENT, ANN),
        (MessageState.FAILED, None),
    ):
        client.emit(
            MessageStateChanged(
                message_id="3A", chat=ANN, state=state, participant=participant, timestamp=1
            )
        )
    assert {key: state_of(hass, entity_id) for key, entity_id in figures.items()} == {
        "sent": "2",
        "failed": "1",
        "queued": "3",
        "quota": "20",
    }
