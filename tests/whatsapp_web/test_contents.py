"""The actions that send more than words, and those about messages that are there already."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.whatsapp_web.aiowhatsapp import (
    Contact,
    Contacts,
    Delete,
    Draft,
    Edit,
    EventDraft,
    Forward,
    InvalidDraft,
    LinkPreview,
    Location,
    MessageUnknown,
    Pin,
    Poll,
    PollVote,
    Reaction,
    Text,
)
from custom_components.whatsapp_web.const import DOMAIN

from .fakes import ANN, LID, Script, make_message

NUMBER = "+5511987654321"


async def act(hass: HomeAssistant, action: str, **data: Any) -> Any:
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)


@pytest.mark.parametrize(
    ("action", "data", "draft"),
    [
        (
            "send_location",
            {"latitude": 1.5, "longitude": "2.5", "name": "Home"},
            Location(latitude=1.5, longitude=2.5, name="Home"),
        ),
        (
            "send_location",
            {"entity_id": "person.ann"},
            Location(latitude=10.0, longitude=20.0, name="Ann", accuracy=7),
        ),
        (
            "send_contact",
            {"name": "Bob", "phone": 15550009999},
            Contacts(contacts=(Contact(name="Bob", phones=("+15550009999",)),)),
        ),
        (
            "send_poll",
            {"question": "Pizza?", "options": ["Yes", "No"]},
            Poll(question="Pizza?", options=("Yes", "No"), choices=1),
        ),
        (
            "send_poll",
            {"question": "Which?", "options": ["A", "B", "C"], "multiple": True},
            Poll(question="Which?", options=("A", "B", "C"), choices=0),
        ),
        (
            "send_event",
            {
                "name": "Party",
                "start": "2027-01-15 20:00:00+00:00",
                "end": "2027-01-15 23:00:00+00:00",
                "place": "Garden",
                "description": "Bring salad",
            },
            EventDraft(
                name="Party",
                start=1_800_043_200,
                end=1_800_054_000,
                place_name="Garden",
                description="Bring salad",
            ),
        ),
        ("react", {"message_id": "3A01", "emoji": "👍"}, Reaction(target="3A01", emoji="👍")),
        ("react", {}, Reaction(target="last", emoji="")),
        ("edit_message", {"message": "New"}, Edit(target="last_sent", text="New")),
        ("delete_message", {"message_id": "3A01"}, Delete(target="3A01")),
        ("pin_message", {"for": {"days": 1}}, Pin(target="last", seconds=86_400)),
        ("pin_message", {"for": 0, "message_id": "3A01"}, Pin(target="3A01", seconds=0)),
        (
            "vote_poll",
            {"message_id": "3A01", "options": "Yes"},
            PollVote(target="3A01", options=("Yes",)),
        ),
        ("vote_poll", {"message_id": "3A01"}, PollVote(target="3A01", options=())),
        ("forward_message", {"message_id": "3A01"}, Forward(chat=ANN, target="3A01")),
        (
            "forward_message",
            {"message_id": "last", "from": str(ANN)},
            Forward(chat=ANN, target="last"),
        ),
    ],
)
async def test_an_action_sends_its_draft(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    action: str,
    data: dict[str, Any],
    draft: Draft,
) -> None:
    hass.states.async_set(
        "person.ann",
        "home",
        {"latitude": 10.0, "longitude": 20.0, "gps_accuracy": 7.4, "friendly_name": "Ann"},
    )
    script.client.log.messages_of[ANN] = [make_message()]
    response = await act(hass, action, recipient=NUMBER, **data)
    assert [each for each, *_ in script.client.drafts] == [draft]
    assert response["chats"][0]["message_id"] == "3EB01"
    assert response["chats"][0]["state"] == "sent"


async def test_a_reply_and_mentions_go_with_the_text(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await act(
        hass,
        "send_message",
        recipient="me",
        message="Thanks, @+55 11 98765-4321",
        reply_to="last",
        mentions=[NUMBER],
    )
    await act(hass, "send_message", recipient="me", message="Dinner", mentions=["all"])
    await act(hass, "send_message", recipient="me", message="Hi", mentions=["me"])
    assert script.client.drafts == [
        (Text(text=f"Thanks, @{ANN.user}"), "last", [ANN]),
        (Text(text="Dinner"), None, "all"),
        (Text(text=f"Hi @{LID}"), None, [script.client.own_lid]),
    ]


async def test_the_chat_is_found_by_the_message(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.log.messages_of[ANN] = [make_message(id="3A07")]
    response = await act(hass, "react", message_id="3A07", emoji="👍")
    assert response["chats"][0]["chat_id"] == str(ANN)
    with pytest.raises(ServiceValidationError, match="not known"):
        await act(hass, "react", message_id="none", emoji="👍")


async def test_the_contact_of_a_person_has_the_number_of_the_options(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    hass.states.async_set("person.ann", "home", {"friendly_name": "Ann"})
    options = {"people": [{"phone": NUMBER, "person": "person.ann"}]}
    hass.config_entries.async_update_entry(entry, options=options)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await act(hass, "send_contact", recipient="me", person="person.ann")
    card = Contact(name="Ann", phones=(NUMBER,))
    assert script.client.drafts[-1][0] == Contacts(contacts=(card,))


@pytest.mark.parametrize(
    ("action", "data", "match"),
    [
        ("send_location", {"entity_id": "person.nobody"}, "no entity"),
        ("send_location", {"entity_id": "sun.sun"}, "no coordinates"),
        ("send_contact", {"person": "person.bob"}, "no phone number"),
    ],
)
async def test_what_an_entity_does_not_have_is_said(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    action: str,
    data: dict[str, Any],
    match: str,
) -> None:
    hass.states.async_set("sun.sun", "above_horizon")
    hass.states.async_set("person.bob", "home")
    with pytest.raises(ServiceValidationError, match=match):
        await act(hass, action, recipient=NUMBER, **data)
    assert script.client.drafts == []


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("send_location", {}),
        ("send_location", {"latitude": 1.0}),
        ("send_location", {"latitude": 91, "longitude": 0}),
        ("send_contact", {}),
        ("send_contact", {"name": "Bob"}),
        ("send_poll", {"question": "?", "options": ["one"]}),
        ("send_poll", {"question": "?", "options": ["same", "same"]}),
        ("send_poll", {"question": "?", "options": [str(n) for n in range(13)]}),
        ("send_event", {"name": "Party"}),
        ("pin_message", {"for": {"days": 2}}),
        ("vote_poll", {}),
        ("edit_message", {}),
        ("get_messages", {"limit": 0}),
        ("get_messages", {"limit": 101}),
    ],
)
async def test_nonsense_is_refused_before_anything_is_sent(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    action: str,
    data: dict[str, Any],
) -> None:
    with pytest.raises(vol.Invalid):
        await act(hass, action, recipient=NUMBER, **data)
    assert script.client.drafts == []


@pytest.mark.parametrize(
    ("error", "match"),
    [(MessageUnknown(), "not known here"), (InvalidDraft("Too long"), "can't be sent: Too long")],
)
async def test_what_the_client_refuses_is_told(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    error: Exception,
    match: str,
) -> None:
    script.send_errors = [error]
    with pytest.raises(ServiceValidationError, match=match):
        await act(hass, "react", recipient=NUMBER)


async def test_messages_are_listed(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.log.messages_of[ANN] = [make_message(id=str(number)) for number in range(5)]
    since = "2027-01-15T08:00:00+00:00"
    response = await act(hass, "get_messages", recipient=NUMBER, limit=2, since=since)
    assert [message["message_id"] for message in response["messages"]] == ["3", "4"]
    assert "config_entry_id" not in response["messages"][0]
    assert response["messages"][0]["text"] == "Hi"
    assert script.client.log.asked == [(2, 1_800_000_000)]


async def test_a_preview_goes_with_the_text(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    preview = LinkPreview(url="https://example.org", title="Title")

    async def look(_hass: HomeAssistant, text: str) -> LinkPreview:
        assert text == "See https://example.org"
        return preview

    monkeypatch.setattr("custom_components.whatsapp_web.services.messages.async_preview_of", look)
    await act(
        hass,
        "send_message",
        recipient="me",
        message="See https://example.org",
        link_preview=True,
    )
    assert script.client.drafts[-1][0] == Text(text="See https://example.org", preview=preview)
