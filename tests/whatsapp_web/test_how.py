"""How a message is to be sent: the fields that say so, for actions and notifications."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.whatsapp_web.aiowhatsapp import MessageState, Priority, SendOptions
from custom_components.whatsapp_web.const import DOMAIN
from custom_components.whatsapp_web.how import SENT_TIMEOUT, How, how_of
from custom_components.whatsapp_web.notification_data import NotificationData

from .fakes import ANN, Script

NUMBER = "+5511987654321"
# Each sending action, with what it needs.
ACTIONS: dict[str, dict[str, Any]] = {
    "send_message": {"message": "Hello"},
    "send_poll": {"question": "Which?", "options": ["A", "B"]},
    "send_location": {"latitude": 1.0, "longitude": 2.0},
}
URGENT = {"priority": "high", "expire_after": {"minutes": 5}}


async def send(hass: HomeAssistant, action: str = "send_message", **how: Any) -> Any:
    data = {"recipient": NUMBER, **ACTIONS[action], **how}
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)


async def notify(hass: HomeAssistant, **data: Any) -> None:
    await hass.services.async_call(
        "notify", "casa", {"message": "x", "target": NUMBER, "data": data}, blocking=True
    )


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, SendOptions()),
        ({"priority": "normal"}, SendOptions(priority=Priority.NORMAL)),
        (URGENT, SendOptions(priority=Priority.HIGH, expire_after=300.0)),
        ({"expire_after": 90}, SendOptions(expire_after=90.0)),
        ({"expire_after": "01:30:00"}, SendOptions(expire_after=5400.0)),
        ({"expire_after": 0}, SendOptions(expire_after=0.0)),
    ],
)
async def test_what_an_action_says_reaches_the_queue(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    action: str,
    given: dict[str, Any],
    options: SendOptions,
) -> None:
    await send(hass, action, **given)
    assert script.client.options == [options]


@pytest.mark.parametrize(
    ("given", "until", "timeout"),
    [
        ({}, MessageState.SENT, SENT_TIMEOUT),
        ({"wait_for": "queued"}, MessageState.PENDING, SENT_TIMEOUT),
        ({"wait_for": "sent", "timeout": 3}, MessageState.SENT, 3.0),
        ({"wait_for": "delivered", "timeout": "00:02:00"}, MessageState.DELIVERED, 120.0),
        ({"wait_for": "delivered", "timeout": {"seconds": 0}}, MessageState.DELIVERED, 0.0),
    ],
)
async def test_it_waits_as_far_and_as_long_as_asked(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    until: MessageState,
    timeout: float,
) -> None:
    script.keeps_messages = True
    states = script.client.outbox.states
    wait, asked = states.wait, []

    async def listen(message_id: str, state: MessageState, patience: float) -> Any:
        asked.append((message_id, state, patience))
        return await wait(message_id, state, patience)

    monkeypatch.setattr(states, "wait", listen)
    response = await send(hass, **given)
    assert asked == [("3EB01", until, timeout)]
    # What has not left by then is kept, and is no error.
    assert response == {
        "chats": [{"chat_id": str(ANN), "name": NUMBER, "message_id": "3EB01", "state": "pending"}]
    }


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "nonsense",
    [
        {"priority": "urgent"},
        {"priority": 1},
        {"priority": None},
        {"expire_after": -1},
        {"expire_after": "soon"},
        {"expire_after": {"fortnights": 1}},
        {"wait_for": "read"},
        {"wait_for": None},
        {"timeout": -1},
        {"timeout": "long"},
    ],
)
async def test_an_action_refuses_nonsense(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    action: str,
    nonsense: dict[str, Any],
) -> None:
    with pytest.raises(vol.Invalid):
        await send(hass, action, **nonsense)
    assert script.client.sent == []


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"tag": "door"},
        {"actions": [{"action": "A", "title": "a"}]},
        {"latitude": 1},
    ],
)
async def test_what_a_notification_says_reaches_the_queue(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, more: dict[str, Any]
) -> None:
    await notify(hass, **URGENT, **more)
    await notify(hass, **more)
    urgent = SendOptions(priority=Priority.HIGH, expire_after=300.0)
    assert script.client.options[0] == urgent
    assert script.client.options[1] == SendOptions()


async def test_an_edit_by_tag_is_as_urgent_as_asked(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await notify(hass, tag="door")
    await notify(hass, tag="door", **URGENT)
    assert script.client.options == [
        SendOptions(),
        SendOptions(priority=Priority.HIGH, expire_after=300.0),
    ]


async def test_a_notification_that_is_kept_is_no_error(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.keeps_messages = True
    await notify(hass, priority="high")
    assert script.client.outbox.states.waits == [SENT_TIMEOUT]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"priority": "urgent"},
        {"priority": ["high"]},
        {"priority": None},
        {"expire_after": -1},
        {"expire_after": "soon"},
    ],
)
async def test_a_notification_refuses_nonsense(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, nonsense: dict[str, Any]
) -> None:
    with pytest.raises(ServiceValidationError, match="makes no sense"):
        await notify(hass, **nonsense)
    assert script.client.sent == []


def test_keys_of_the_companion_app_are_not_ours() -> None:
    # There, they mean how long a phone shows something.
    data = NotificationData.of({"timeout": "whatever", "wait_for": 7, "ttl": 0})
    assert data.how == How()
    assert how_of({}) == How()
