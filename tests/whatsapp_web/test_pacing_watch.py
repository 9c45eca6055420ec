"""What holds messages back: shown with its end while it lasts, and how fast may be sent."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web.aiowhatsapp import ConnectionFailed, PacingChanged, Status
from custom_components.whatsapp_web.const import DOMAIN

from .fakes import Script, add_entry

STATUS = "sensor.casa_status"
# 2030-01-01, 00:00 in UTC; local time is 8 hours behind.
NOW = 1_893_456_000
HELD, NEW_CHATS = "sending_held", "new_chats_held"


@pytest.fixture(autouse=True)
async def _clock(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to("2030-01-01T00:00:00+00:00")
    await hass.config.async_set_time_zone("America/Los_Angeles")


def shown(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, dict[str, str]]:
    """What the issues of an entry tell, by what they are about."""
    return {
        issue_id.removesuffix(f"_{entry.entry_id}"): issue.translation_placeholders or {}
        for (domain, issue_id), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    }


def held_until(hass: HomeAssistant) -> tuple[object, object]:
    """What the status says of both holds."""
    state = hass.states.get(STATUS)
    assert state is not None
    return state.attributes["sending_held_until"], state.attributes["new_chats_held_until"]


def tell(script: Script) -> None:
    """Have the client tell its pace as it is now."""
    state = script.client.outbox.pacing.state(NOW)
    script.client.emit(PacingChanged(state=state))


async def test_a_hold_is_shown_with_its_end_and_goes_with_it(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    assert (shown(hass, entry), held_until(hass)) == ({}, (None, None))
    script.client.outbox.pacing.too_fast("429", NOW)
    tell(script)
    assert shown(hass, entry) == {
        HELD: {"name": "Casa", "until": "2029-12-31 16:01", "code": "429"}
    }
    (issue,) = ir.async_get(hass).issues.values()
    assert (issue.severity, issue.is_fixable) == (ir.IssueSeverity.WARNING, False)
    assert held_until(hass) == ("2030-01-01T00:01:00+00:00", None)
    freezer.tick(61)
    tell(script)
    assert (shown(hass, entry), held_until(hass)) == ({}, (None, None))


async def test_the_end_of_one_hold_leaves_the_other(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    pacing = script.client.outbox.pacing
    pacing.hold_new_chats("463", NOW + 24 * 3600)
    pacing.too_fast("429", NOW)
    tell(script)
    assert set(shown(hass, entry)) == {HELD, NEW_CHATS}
    assert shown(hass, entry)[HELD]["code"] == "429"
    freezer.tick(61)
    tell(script)
    assert shown(hass, entry) == {
        NEW_CHATS: {"name": "Casa", "until": "2030-01-01 16:00", "code": "463"}
    }
    assert held_until(hass) == (None, "2030-01-02T00:00:00+00:00")
    # A later end takes the place of the earlier.
    pacing.hold_new_chats("475", NOW + 48 * 3600)
    tell(script)
    assert shown(hass, entry)[NEW_CHATS] == {
        "name": "Casa",
        "until": "2030-01-02 16:00",
        "code": "475",
    }


async def test_a_line_that_comes_back_takes_no_hold_away(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.outbox.pacing.hold_new_chats(None, NOW + 3600)
    tell(script)
    script.client.set_status(Status.DISCONNECTED, ConnectionFailed("Gone"))
    script.client.set_status(Status.CONNECTED)
    assert shown(hass, entry)[NEW_CHATS]["code"] == "-"
    assert held_until(hass) == (None, "2030-01-01T01:00:00+00:00")


async def test_both_issues_at_once_name_their_own_codes(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    pacing = script.client.outbox.pacing
    pacing.hold_new_chats("463", NOW + 3600)
    pacing.too_fast("429", NOW)
    tell(script)
    assert {issue: each["code"] for issue, each in shown(hass, entry).items()} == {
        HELD: "429",
        NEW_CHATS: "463",
    }


async def test_after_a_new_set_up_nothing_is_said_that_no_longer_holds(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.outbox.pacing.too_fast("429", NOW)
    tell(script)
    assert set(shown(hass, entry)) == {HELD}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert (shown(hass, entry), held_until(hass)) == ({}, (None, None))


@pytest.mark.parametrize(("per_minute", "at_once"), [(1, 1), (4, 2), (12, 6), (60, 30)])
async def test_the_pace_is_the_one_chosen(
    hass: HomeAssistant, script: Script, per_minute: int, at_once: int
) -> None:
    entry = await add_entry(hass)
    hass.config_entries.async_update_entry(entry, options={"messages_per_minute": per_minute})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    pacing = script.client.outbox.pacing
    assert pacing.state(NOW).per_minute == per_minute
    # However long it was quiet before.
    for _ in range(at_once):
        assert pacing.delay(NOW) == 0
        pacing.take(NOW)
    assert pacing.delay(NOW) == pytest.approx(60 / per_minute)
