"""The send action and the notify action, and every error they can end with."""

from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import translation
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.whatsapp_web.aiowhatsapp import (
    ConnectionFailed,
    Disconnected,
    Jid,
    LoggedOut,
    NoDevices,
    NotOnWhatsApp,
    Rejected,
    RequestTimeout,
    Status,
    StoreError,
    TemporarilyBanned,
    WhatsAppError,
)
from custom_components.whatsapp_web.const import DOMAIN, MAX_MESSAGE_LENGTH
from custom_components.whatsapp_web.how import SENT_TIMEOUT

from .fakes import ANN, LID, PHONE, Script, add_entry, make_credentials

NUMBER = "+5511987654321"
OTHER = "f" * 32


async def send(hass: HomeAssistant, response: bool = True, **data: Any) -> Any:
    return await hass.services.async_call(
        DOMAIN, "send_message", data, blocking=True, return_response=response
    )


async def notify(hass: HomeAssistant, action: str = "casa", **data: Any) -> None:
    await hass.services.async_call("notify", action, data, blocking=True)


async def test_a_text_is_sent_and_its_id_returned(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.names[ANN] = "Ann"
    response = await send(hass, recipient=NUMBER, message="Hello")
    assert script.client.sent == [(ANN, "Hello")]
    assert response == {
        "chats": [
            {
                "chat_id": str(ANN),
                "name": "Ann",
                "message_id": "3EB01",
                "state": "sent",
            }
        ]
    }


async def test_response_data_is_optional(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    assert await send(hass, response=False, recipient=NUMBER, message="Hello") is None
    assert script.client.sent == [(ANN, "Hello")]


async def test_me_is_the_account(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    response = await send(hass, recipient="me", message="Note")
    assert script.client.sent == [(Jid.of_number(PHONE), "Note")]
    assert response["chats"][0]["name"] == "Casa"


async def test_a_chat_without_a_name_is_called_what_it_was_asked_for_by(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    response = await send(hass, recipient="299@lid", message="Hello")
    assert response["chats"][0]["name"] == "299@lid"


async def test_a_title_is_a_bold_first_line(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await send(hass, recipient="me", message="The door\nis open", title=" Front \n door ")
    await send(hass, recipient="me", message="No title", title=" ")
    assert [text for _, text in script.client.sent] == [
        "*Front door*\nThe door\nis open",
        "No title",
    ]


async def test_each_recipient_gets_it_once_and_in_order(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    response = await send(hass, recipient=[NUMBER, "me", NUMBER], message="Hello")
    assert [chat for chat, _ in script.client.sent] == [ANN, Jid.of_number(PHONE)]
    assert [item["name"] for item in response["chats"]] == [NUMBER, "Casa"]


async def test_the_response_names_those_that_failed(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.unknown_numbers = {"+15550001111"}
    response = await send(hass, recipient=["+15550001111", NUMBER], message="Hello")
    assert response["chats"][0] == {
        "name": "+15550001111",
        "state": "failed",
        "error": "+15550001111 is not on WhatsApp",
    }
    assert response["chats"][1]["state"] == "sent"


@pytest.mark.parametrize("response", [True, False])
async def test_when_all_fail_there_is_an_error(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, response: bool
) -> None:
    script.send_errors = [NotOnWhatsApp("No"), Rejected("463")]
    with pytest.raises(ServiceValidationError) as raised:
        await send(hass, response, recipient=[NUMBER, "me"], message="Hello")
    assert str(raised.value) == (
        f"2 of 2 recipients did not get the message: {NUMBER} is not on WhatsApp; "
        "WhatsApp refused the message to me (code 463)"
    )


async def test_reasons_that_name_no_recipient_are_told_whose_they_are(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.send_errors = [RequestTimeout("Late")]
    with pytest.raises(HomeAssistantError) as raised:
        await send(hass, recipient=[NUMBER, " "], message="Hello")
    assert str(raised.value) == (
        f"2 of 2 recipients did not get the message: {NUMBER}: WhatsApp did not answer in time; "
        "the message may have arrived all the same; A recipient is empty"
    )


async def test_a_fault_of_ours_is_not_blamed_on_the_caller(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.send_errors = [NotOnWhatsApp("No"), StoreError("Disk")]
    with pytest.raises(HomeAssistantError) as raised:
        await notify(hass, message="Hello", target=[NUMBER, "me"])
    assert not isinstance(raised.value, ServiceValidationError)
    assert raised.value.translation_key == "some_recipients_failed"


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (NotOnWhatsApp("No"), ServiceValidationError, f"{NUMBER} is not on WhatsApp"),
        (Disconnected("Gone"), ServiceValidationError, "There is no connection to WhatsApp"),
        (
            RequestTimeout("Slow"),
            ServiceValidationError,
            "WhatsApp did not answer in time; the message may have arrived all the same",
        ),
        (
            NoDevices("None"),
            ServiceValidationError,
            f"{NUMBER} has no device that could be written to",
        ),
        (
            Rejected("463"),
            ServiceValidationError,
            f"WhatsApp refused the message to {NUMBER} (code 463)",
        ),
        (
            LoggedOut("401"),
            ServiceValidationError,
            "The account is no longer linked; link it again",
        ),
        (
            TemporarilyBanned("101", 60),
            ServiceValidationError,
            "WhatsApp has blocked this account for a while",
        ),
        (
            StoreError("Disk"),
            HomeAssistantError,
            "The storage of this account can't be read or written",
        ),
        (WhatsAppError("Odd"), HomeAssistantError, "Something unexpected happened: Odd"),
    ],
)
async def test_every_error_names_its_cause(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    error: WhatsAppError,
    kind: type[Exception],
    text: str,
) -> None:
    script.send_errors = [error]
    with pytest.raises(HomeAssistantError) as raised:
        await send(hass, recipient=NUMBER, message="Hello")
    assert (type(raised.value), str(raised.value)) == (kind, text)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_reasons_are_told_in_the_language_of_the_system(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    hass.config.language = "pt-BR"
    await translation.async_load_integrations(hass, {DOMAIN})
    script.unknown_numbers = {NUMBER}
    response = await send(hass, recipient=[NUMBER, "me"], message="Olá")
    assert response["chats"][0]["error"] == f"{NUMBER} não está no WhatsApp"


async def test_an_error_of_home_assistant_itself_is_told_as_it_is(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.send_errors = [HomeAssistantError("As it is")]
    response = await send(hass, recipient=[NUMBER, "me"], message="Hello")
    assert response["chats"][0]["error"] == "As it is"


async def test_waiting_for_a_dead_line_is_done_once(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.set_status(Status.DISCONNECTED, ConnectionFailed("Gone"))
    script.keeps_messages = True
    response = await send(hass, recipient=["me", NUMBER], message="Hello")
    assert [item["state"] for item in response["chats"]] == ["pending", "pending"]
    assert script.client.outbox.states.waits == [SENT_TIMEOUT, 0]
    # A number that can't be looked up now is written to as it is.
    assert response["chats"][1]["chat_id"] == str(Jid.of_number(NUMBER.removeprefix("+")))


async def test_a_line_that_came_back_is_used_for_the_others(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.send_errors = [Disconnected("Gone")]
    response = await send(hass, recipient=["me", NUMBER], message="Hello")
    assert [item["state"] for item in response["chats"]] == ["failed", "sent"]


async def test_a_logged_out_account_is_told_at_once(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.set_status(Status.LOGGED_OUT, LoggedOut("401"))
    with pytest.raises(ServiceValidationError, match="no longer linked"):
        await send(hass, recipient="me", message="Hello")
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"recipient": "11 91234-5678", "message": "Hello"}, "invalid_number"),
        ({"recipient": " ", "message": "Hello"}, "recipient_empty"),
        ({"recipient": "12@broadcast", "message": "Hello"}, "invalid_chat_id"),
        ({"recipient": "me", "message": " \n "}, "message_empty"),
        ({"recipient": "me", "message": "x" * (MAX_MESSAGE_LENGTH + 1)}, "message_too_long"),
        ({"recipient": "me", "message": "x", "config_entry_id": "no"}, "entry_not_found"),
    ],
)
async def test_bad_input_is_refused(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await send(hass, **data)
    assert (raised.value.translation_domain, raised.value.translation_key) == (DOMAIN, key)
    assert script.client.sent == []


async def test_what_is_no_message_at_all_is_refused_by_the_schema(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    with pytest.raises(vol.Invalid):
        await send(hass, recipient=[], message="Hello")


async def test_without_any_account_the_error_says_so(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    with pytest.raises(ServiceValidationError, match="No WhatsApp account is linked"):
        await send(hass, recipient="me", message="Hello")
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_an_entry_of_another_integration_is_none_of_ours(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    MockConfigEntry(domain="other", entry_id="theirs").add_to_hass(hass)
    with pytest.raises(ServiceValidationError, match="There is no WhatsApp Web connection with"):
        await send(hass, recipient="me", message="Hello", config_entry_id="theirs")


async def test_an_unloaded_account_is_named(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError, match="The WhatsApp Web connection Casa is not"):
        await send(hass, recipient="me", message="Hello")


async def add_second(hass: HomeAssistant, title: str) -> MockConfigEntry:
    second = await add_entry(hass, OTHER, make_credentials(lid=Jid("299", "lid", 1)), title)
    assert await hass.config_entries.async_setup(second.entry_id)
    await hass.async_block_till_done()
    return second


async def test_of_several_accounts_one_has_to_be_named(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    second = await add_second(hass, "Praia")
    with pytest.raises(ServiceValidationError, match="Several WhatsApp accounts are linked"):
        await send(hass, recipient="me", message="Hello")
    await send(hass, recipient="me", message="Hello", config_entry_id=second.entry_id)
    assert script.client.sent == [(Jid.of_number(PHONE), "Hello")]
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    await send(hass, recipient="me", message="Again")
    assert len(script.client.sent) == 2


# --- the notify action


async def test_without_target_notify_writes_to_ourselves(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await notify(hass, message="Done", title="Laundry", data={"tag": "x"})
    assert script.client.sent == [(Jid.of_number(PHONE), "*Laundry*\nDone")]


@pytest.mark.parametrize("target", [NUMBER, [NUMBER], 5511987654321])
async def test_notify_takes_one_or_several_targets(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, target: object
) -> None:
    await notify(hass, message="Done", target=target)
    assert script.client.sent == [(ANN, "Done")]


async def test_the_notify_action_comes_and_goes_with_the_entry(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    assert hass.services.has_service("notify", "casa")
    await hass.config_entries.async_unload(entry.entry_id)
    assert not hass.services.has_service("notify", "casa")
    await hass.config_entries.async_setup(entry.entry_id)
    assert hass.services.has_service("notify", "casa")


async def test_accounts_of_the_same_name_have_stable_actions(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await add_second(hass, "Casa")
    assert hass.services.has_service("notify", "casa_2")
    # Whichever comes first after a restart.
    await hass.config_entries.async_reload(entry.entry_id)
    await notify(hass, "casa", message="From the first")
    assert script.client.own_lid == Jid(LID, "lid")
    assert script.client.sent == [(Jid.of_number(PHONE), "From the first")]


async def test_the_action_of_somebody_else_is_left_alone(
    hass: HomeAssistant, script: Script
) -> None:
    assert await async_setup_component(hass, "notify", {})
    await hass.async_block_till_done()
    entry = await add_entry(hass, title="Send message")
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert hass.services.has_service("notify", "whatsapp_web_send_message")
    await hass.config_entries.async_unload(entry.entry_id)
    assert hass.services.has_service("notify", "send_message")
    assert not hass.services.has_service("notify", "whatsapp_web_send_message")
