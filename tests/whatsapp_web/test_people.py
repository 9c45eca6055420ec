"""What people do besides writing, on the bus; and how the options have us be towards them."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.whatsapp_web.aiowhatsapp import (
    CallChanged,
    CallState,
    ChatState,
    ChatStateChanged,
    Event,
    Jid,
    PresenceChanged,
)
from custom_components.whatsapp_web.const import (
    EVENT_CALL,
    EVENT_MESSAGE_RECEIVED,
    EVENT_PRESENCE,
)
from custom_components.whatsapp_web.options import ConnectionOptions

from .fakes import ANN, ANN_PHONE, NAME, Script, add_entry, make_message

GROUP = Jid("120363000000000001", "g.us")
STRANGER = Jid("203000000000099", "lid")
PEOPLE = [
    {"person": "person.ann", "phone": "+55 11 98765-4321"},
    {"person": "person.group", "phone": str(STRANGER)},
    {"person": "person.nobody", "phone": "no number"},
]


async def set_up(hass: HomeAssistant, **options: Any) -> MockConfigEntry:
    entry = await add_entry(hass)
    hass.config_entries.async_update_entry(entry, options=options)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


def call(**changes: Any) -> CallChanged:
    made: dict[str, Any] = {
        "call_id": "C1",
        "caller": ANN,
        "caller_phone": ANN_PHONE,
        "group": None,
        "is_group": False,
        "video": True,
        "state": CallState.RINGING,
        "timestamp": 1_800_000_000,
    }
    return CallChanged(**(made | changes))


async def test_by_itself_nobody_is_told_anything(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass)
    client = script.client
    assert client.presence.preferred is False
    assert client.reading.automatic is False
    presences = async_capture_events(hass, EVENT_PRESENCE)
    client.emit(PresenceChanged(chat=ANN, available=True))
    assert presences == []
    assert client.presence.followed == []


async def test_the_options_say_how_we_are_towards_people(
    hass: HomeAssistant, script: Script
) -> None:
    await set_up(hass, mark_as_read=True, appear_online=True)
    assert script.client.presence.preferred is True
    assert script.client.reading.automatic is True


async def test_a_call_is_told(hass: HomeAssistant, script: Script) -> None:
    entry = await set_up(hass, people=PEOPLE)
    events = async_capture_events(hass, EVENT_CALL)
    script.client.emit(call())
    script.client.emit(
        call(caller=STRANGER, caller_phone=None, group=GROUP, is_group=True, video=False)
    )
    script.client.emit(call(state=CallState.MISSED))
    first, second, third = [dict(event.data) for event in events]
    assert first.pop("device_id")
    assert first == {
        "config_entry_id": entry.entry_id,
        "connection": NAME,
        "call_id": "C1",
        "caller": str(ANN),
        "caller_phone": f"+{ANN_PHONE.user}",
        "caller_name": f"+{ANN_PHONE.user}",
        "person_entity_id": "person.ann",
        "video": True,
        "is_group": False,
        "state": "ringing",
        "timestamp": "2027-01-15T08:00:00+00:00",
    }
    assert "caller_phone" not in second
    assert (second["chat_id"], second["person_entity_id"]) == (str(GROUP), "person.group")
    assert third["state"] == "missed"


async def test_those_on_the_list_are_followed(hass: HomeAssistant, script: Script) -> None:
    script.unknown_numbers = {"+15550000000"}
    await set_up(
        hass, follow_presence=["+55 11 98765-4321", "+15550000000", str(STRANGER)], people=PEOPLE
    )
    client = script.client
    assert client.presence.followed == [ANN, STRANGER]
    events = async_capture_events(hass, EVENT_PRESENCE)
    told: list[Event] = [
        PresenceChanged(chat=ANN, available=True),
        PresenceChanged(chat=ANN, available=False, last_seen=1_800_000_000),
        PresenceChanged(chat=Jid("1", "lid"), available=True),
        ChatStateChanged(chat=ANN, sender=ANN, state=ChatState.TYPING),
        ChatStateChanged(chat=GROUP, sender=ANN, state=ChatState.RECORDING),
        ChatStateChanged(chat=GROUP, sender=Jid("1", "lid"), state=ChatState.RECORDING),
    ]
    for event in told:
        client.emit(event)
    data = [dict(event.data) for event in events]
    assert [each["state"] for each in data] == ["available", "unavailable", "typing", "recording"]
    assert data[1]["last_seen"] == "2027-01-15T08:00:00+00:00"
    assert {each["person_entity_id"] for each in data} == {"person.ann"}
    assert [each["chat_id"] for each in data[2:]] == [str(ANN), str(GROUP)]
    assert data[3]["sender_id"] == str(ANN)
    client.set_status(client.status)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert client.presence.followed == [ANN, STRANGER]


@pytest.mark.parametrize(
    ("sender", "phone", "person"),
    [
        (ANN, ANN_PHONE, "person.ann"),
        (STRANGER, None, "person.group"),
        (Jid("5", "lid"), None, None),
    ],
)
async def test_a_message_names_the_person(
    hass: HomeAssistant, script: Script, sender: Jid, phone: Jid | None, person: str | None
) -> None:
    await set_up(hass, people=PEOPLE)
    events = async_capture_events(hass, EVENT_MESSAGE_RECEIVED)
    script.client.receive(make_message(sender=sender, sender_phone=phone))
    (event,) = events
    assert event.data.get("person_entity_id") == person


def test_numbers_of_people_are_read_as_people_write_them() -> None:
    options = ConnectionOptions.of(MockConfigEntry(options={"people": PEOPLE}))
    assert options.people == {"+5511987654321": "person.ann", str(STRANGER): "person.group"}
