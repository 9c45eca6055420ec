"""The config flow, with a pairing that does what each test says."""

import asyncio
import json
from pathlib import Path
import threading

import certifi
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web import adoption, config_flow, pairing
from custom_components.whatsapp_web.aiowhatsapp import (
    CertificateOutOfDate,
    ClientOutdated,
    Confirming,
    ConnectionFailed,
    IqError,
    Jid,
    LinkCode,
    LinkCodeEnded,
    LocalProtocolError,
    LoggedOut,
    LoginRefused,
    PairingEvent,
    PairingExpired,
    PairingFailed,
    PairingPasskeyRequested,
    PasskeyRequired,
    QrCode,
    StoreError,
    TemporarilyBanned,
    WhatsAppError,
    WrongClock,
)
from custom_components.whatsapp_web.const import CONF_CONNECTION_ID, DOMAIN
from custom_components.whatsapp_web.storage import async_get_storage

from .conftest import ServerFile
from .dialog import Dialog
from .fakes import NAME, Script, add_entry, make_credentials, store_connection
from .waiting import wait_entry

OTHER_ACCOUNT = make_credentials(
    jid=Jid("5511900000000", "s.whatsapp.net", 1), lid=Jid("299", "lid", 1), push_name="Other"
)
CODE = QrCode(text="the code", valid_for=60, index=0, count=6)


def is_form(result: object) -> bool:
    assert isinstance(result, dict)
    return result["type"] is FlowResultType.FORM


async def start(dialog: Dialog) -> None:
    await dialog.open()
    await dialog.submit()


async def test_the_first_step_only_explains(script: Script, dialog: Dialog) -> None:
    result = await dialog.open()
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "user")
    assert result["menu_options"] == ["link", "phone_number"]
    assert script.pairings == []


async def test_a_linked_account_becomes_an_entry(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    await start(dialog)
    result = await dialog.wait_end()
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, NAME)
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.unique_id == script.credentials.lid.user
    # The first login, and the entry's own.
    assert [client.stopped for client in script.clients] == [True, False]


async def test_without_a_name_the_number_is_the_title(script: Script, dialog: Dialog) -> None:
    script.credentials = make_credentials(push_name=None)
    await start(dialog)
    assert (await dialog.wait_end())["title"] == "+5511912345678"


async def test_a_name_learned_at_the_first_login_is_the_title(
    script: Script, dialog: Dialog
) -> None:
    script.credentials = make_credentials(push_name=None)
    script.name_on_connect = "Casa da praia"
    await start(dialog)
    assert (await dialog.wait_end())["title"] == "Casa da praia"


async def test_the_dialog_shows_how_far_it_is(script: Script, dialog: Dialog) -> None:
    script.pairing_may_end.clear()
    script.pairing_events = [CODE]
    await start(dialog)
    assert dialog.result["progress_action"] == "connect"
    assert await dialog.wait_code() == "the code"
    script.pairing_may_finish.clear()
    script.pairing_may_end.set()
    async with asyncio.timeout(10):
        await script.saved.wait()
    script.pairing_may_finish.set()
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


async def test_a_new_code_takes_the_place_of_one_that_is_being_drawn(
    script: Script, dialog: Dialog
) -> None:
    script.pairing_may_end.clear()
    second = QrCode(text="the second code", valid_for=20, index=1, count=6)
    script.pairing_events = [CODE, LinkCode(code="ABCD-EFGH", valid_for=60), second]
    await start(dialog)
    # The first may have been drawn and shown before the second came.
    await dialog.wait(
        lambda result: (result["description_placeholders"] or {}).get("number") == "2"
    )
    assert await dialog.wait_code() == "the second code"
    dialog.close()


@pytest.mark.parametrize("is_certificate", [True, False])
async def test_a_test_server_may_bring_its_certificate(
    hass: HomeAssistant,
    script: Script,
    dialog: Dialog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_certificate: bool,
) -> None:
    certificate = tmp_path / "ca.pem"
    text = Path(certifi.where()).read_text() if is_certificate else "nonsense"
    certificate.write_text(text)
    setting = {
        "url": "wss://127.0.0.1:1/ws/chat",
        "noise_root": "00" * 32,
        "ca": str(certificate),
    }
    file = tmp_path / "tls.json"
    file.write_text(json.dumps(setting))
    monkeypatch.setenv("WHATSAPP_WEB_SERVER", str(file))
    await start(dialog)
    result = await dialog.wait(lambda result: result["type"] is not FlowResultType.SHOW_PROGRESS)
    refused = result.get("errors") == {"base": "server_setting_refused"}
    assert refused is not is_certificate
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize(
    ("event", "action"), [(Confirming(), "confirm"), (PairingPasskeyRequested(), "passkey")]
)
async def test_a_code_drawn_late_hides_nothing(
    script: Script,
    dialog: Dialog,
    monkeypatch: pytest.MonkeyPatch,
    event: PairingEvent,
    action: str,
) -> None:
    may_draw = threading.Event()

    def draw(text: str) -> str:
        may_draw.wait(10)
        return text

    monkeypatch.setattr(pairing, "qr_markdown", draw)
    script.pairing_may_end.clear()
    script.pairing_events = [CODE, event]
    await start(dialog)
    await dialog.wait(lambda result: result.get("progress_action") == action)
    may_draw.set()
    flow = dialog.hass.config_entries.flow._progress[dialog.flow_id]
    assert isinstance(flow, config_flow.WhatsAppConfigFlow)
    assert flow._round is not None
    assert flow._round._drawing is not None
    await flow._round._drawing
    assert (await dialog.refresh())["progress_action"] == action
    dialog.close()


async def test_codes_that_ran_out_are_no_error(script: Script, dialog: Dialog) -> None:
    script.pairing_errors = [PairingExpired()]
    await start(dialog)
    result = await dialog.wait(is_form)
    assert (result["step_id"], result["errors"]) == ("expired", None)
    # Asking again, as a reloaded page does, changes nothing.
    assert (await dialog.refresh())["step_id"] == "expired"
    await dialog.submit()
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY
    assert len(script.pairings) == 2


async def test_a_round_that_nobody_follows_ends_by_itself(
    script: Script, dialog: Dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing, "PAIRING_TIMEOUT", 0)
    script.pairing_may_end.clear()
    await start(dialog)
    assert (await dialog.wait(is_form))["step_id"] == "expired"


@pytest.mark.parametrize(
    ("error", "cause", "placeholders"),
    [
        (PasskeyRequired(), "passkey_required", {}),
        (WrongClock("Not yet valid"), "wrong_clock", {"time": "2026-11-24 05:06-08:00"}),
        (CertificateOutOfDate("Dates"), "wrong_clock", {"time": "2026-11-24 05:06-08:00"}),
        (PairingFailed("signature"), "pairing_failed", {"stage": "signature"}),
        (ConnectionFailed("Refused"), "not_connected", {}),
        (TemporarilyBanned("101", 3600), "temporarily_banned", {}),
        (LoginRefused("406"), "login_refused", {"code": "406"}),
        (LoggedOut("401"), "not_linked", {}),
        (WhatsAppError("Odd"), "unexpected_error", {"error": "Odd"}),
        (RuntimeError("A bug"), "unexpected_error", {"error": "RuntimeError"}),
    ],
)
async def test_a_failed_round_says_why_and_offers_another(
    script: Script,
    dialog: Dialog,
    freezer: FrozenDateTimeFactory,
    error: Exception,
    cause: str,
    placeholders: dict[str, str],
) -> None:
    freezer.move_to("2026-11-24T13:06:07+00:00")
    script.pairing_errors = [error]
    await start(dialog)
    result = await dialog.wait(is_form)
    assert (result["step_id"], result["errors"]) == ("failed", {"base": cause})
    assert result["description_placeholders"] == placeholders
    assert (await dialog.refresh())["errors"] == {"base": cause}
    await dialog.submit()
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


async def test_a_line_that_breaks_behind_a_code_is_told_apart(
    script: Script, dialog: Dialog
) -> None:
    script.pairing_may_end.clear()
    script.pairing_events = [CODE]
    script.pairing_errors = [ConnectionFailed("Gone")]
    await start(dialog)
    await dialog.wait_code()
    script.pairing_may_end.set()
    assert (await dialog.wait(is_form))["errors"] == {"base": "connection_ended"}


async def test_an_outdated_version_is_replaced_by_a_newer_one(
    script: Script, dialog: Dialog, server_file: ServerFile
) -> None:
    script.pairing_errors = [ClientOutdated()]
    script.pairing_may_end.clear()
    script.pairing_events = [CODE]
    await start(dialog)
    await dialog.wait_code()
    server_file.write(version="2.3000.2")
    script.pairing_may_end.set()
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY
    assert len(script.pairings) == 2


async def test_a_version_that_stays_outdated_is_explained(script: Script, dialog: Dialog) -> None:
    script.pairing_errors = [ClientOutdated()]
    await start(dialog)
    assert (await dialog.wait(is_form))["errors"] == {"base": "client_outdated"}


async def test_a_refused_test_server_is_explained(
    script: Script, dialog: Dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHATSAPP_WEB_SERVER", "/nowhere")
    await start(dialog)
    result = await dialog.wait(is_form)
    assert result["errors"] == {"base": "server_setting_refused"}
    assert result["description_placeholders"] == {
        "variable": "WHATSAPP_WEB_SERVER",
        "reason": "/nowhere can't be read",
    }


async def test_credentials_that_can_not_be_saved_end_the_round(
    hass: HomeAssistant, script: Script, dialog: Dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreError("The disk is full")

    storage = async_get_storage(hass)
    monkeypatch.setattr(storage, "async_save", fail)
    await start(dialog)
    assert (await dialog.wait(is_form))["errors"] == {"base": "storage_failed"}
    assert storage.being_linked == set()


async def test_a_stopping_home_assistant_links_nothing(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    script.pairing_may_end.clear()
    await start(dialog)
    state = hass.state
    hass.set_state(type(state).stopping)
    script.pairing_may_end.set()
    result = await dialog.wait(is_form)
    hass.set_state(state)
    assert result["errors"] == {"base": "storage_failed"}
    assert await async_get_storage(hass).async_list() == []


async def test_a_line_that_breaks_after_saving_is_settled_by_logging_in(
    script: Script, dialog: Dialog
) -> None:
    script.pairing_errors = [ConnectionFailed("Gone")]
    script.saves_before_error = True
    await start(dialog)
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


async def test_a_device_that_the_server_does_not_know_is_forgotten(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    script.connect_errors = [LoggedOut("401")]
    await start(dialog)
    assert (await dialog.wait(is_form))["errors"] == {"base": "not_linked"}
    assert await async_get_storage(hass).async_list() == []


async def test_a_first_login_without_an_answer_does_not_lose_the_account(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    script.connect_errors = [ConnectionFailed("No answer")]
    await start(dialog)
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


async def test_closing_the_dialog_cancels_the_pairing(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    script.pairing_may_end.clear()
    await start(dialog)
    dialog.close()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await async_get_storage(hass).async_list() == []


async def test_closing_the_dialog_once_saved_still_makes_the_entry(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    script.pairing_may_finish.clear()
    await start(dialog)
    async with asyncio.timeout(10):
        await script.saved.wait()
    dialog.close()
    script.pairing_may_finish.set()
    await wait_entry(hass, lambda: bool(hass.config_entries.async_entries(DOMAIN)))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert async_get_storage(hass).being_linked == set()


async def test_closing_the_dialog_once_saved_makes_no_entry_of_a_refused_device(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    script.pairing_may_finish.clear()
    script.connect_errors = [LoggedOut("401")]
    await start(dialog)
    async with asyncio.timeout(10):
        await script.saved.wait()
    dialog.close()
    script.pairing_may_finish.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert await async_get_storage(hass).async_list() == []


async def test_closing_the_dialog_at_the_last_step_still_makes_the_entry(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    await start(dialog)
    await hass.async_block_till_done(wait_background_tasks=True)
    flow = hass.config_entries.flow.async_get(dialog.flow_id)
    assert flow["step_id"] == "finish"
    dialog.close()
    await wait_entry(hass, lambda: bool(hass.config_entries.async_entries(DOMAIN)))
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_a_tab_that_is_gone_is_not_waited_for(
    hass: HomeAssistant, script: Script, dialog: Dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_flow, "FINISH_ALONE_DELAY", 0)
    await start(dialog)
    await wait_entry(hass, lambda: bool(hass.config_entries.async_entries(DOMAIN)))
    await hass.async_block_till_done()
    assert hass.config_entries.flow.async_progress() == []


async def test_a_tab_that_is_gone_leaves_no_refused_flow(
    hass: HomeAssistant,
    script: Script,
    entry: MockConfigEntry,
    dialog: Dialog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(config_flow, "FINISH_ALONE_DELAY", 0)
    await start(dialog)
    await hass.async_block_till_done(wait_background_tasks=True)
    # What was due in no time has been called by now; its tasks are waited for.
    await asyncio.sleep(0)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.config_entries.flow.async_progress() == []


async def test_a_tab_that_comes_late_is_told_that_all_is_done(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    await start(dialog)
    await hass.async_block_till_done(wait_background_tasks=True)
    first, second = await asyncio.gather(
        hass.config_entries.flow.async_configure(dialog.flow_id),
        hass.config_entries.flow.async_configure(dialog.flow_id),
    )
    assert first["type"] is FlowResultType.CREATE_ENTRY
    assert (second["type"], second["reason"]) == (FlowResultType.ABORT, "already_finished")
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


async def test_an_account_that_has_an_entry_is_logged_out_again(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, dialog: Dialog
) -> None:
    await start(dialog)
    result = await dialog.wait_end()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [client.logged_out for client in script.clients] == [False, True]
    assert await async_get_storage(hass).async_list() == [entry.data[CONF_CONNECTION_ID]]


async def test_two_dialogs_for_one_account_make_one_entry(
    hass: HomeAssistant, script: Script, codes: dict[str, str]
) -> None:
    first, second = Dialog(hass, codes), Dialog(hass, codes)
    await start(first)
    await start(second)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (await first.wait_end())["type"] is FlowResultType.CREATE_ENTRY
    result = await second.wait_end()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(await async_get_storage(hass).async_list()) == 1


async def test_credentials_that_vanish_before_the_entry_are_explained(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    await start(dialog)
    await hass.async_block_till_done(wait_background_tasks=True)
    storage = async_get_storage(hass)
    for connection_id in await storage.async_list():
        await storage.async_remove(connection_id)
    result = await dialog.wait_end()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "credentials_unreadable")


async def test_a_failure_at_the_last_step_keeps_nobody_waiting(
    hass: HomeAssistant, script: Script, dialog: Dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(dialog)
    await hass.async_block_till_done(wait_background_tasks=True)

    async def fail(*_: object) -> None:
        raise RuntimeError("A bug")

    monkeypatch.setattr(async_get_storage(hass), "async_load", fail)
    with pytest.raises(RuntimeError):
        await dialog.refresh()
    assert (await dialog.refresh())["reason"] == "already_finished"


async def test_the_last_step_without_a_round_ends_the_flow(
    hass: HomeAssistant, script: Script
) -> None:
    flow = config_flow.WhatsAppConfigFlow()
    flow.hass = hass
    flow.flow_id = "none"
    flow.handler = DOMAIN
    assert (await flow.async_step_finish())["reason"] == "already_finished"


async def test_reauth_waits_for_somebody_to_look(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, dialog: Dialog
) -> None:
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    assert dialog.open_started()["step_id"] == "reauth_confirm"
    assert script.pairings == []
    result = await dialog.refresh()
    assert result["description_placeholders"] == {"name": NAME}
    old = entry.data[CONF_CONNECTION_ID]
    await dialog.submit()
    assert (await dialog.wait_end())["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.data[CONF_CONNECTION_ID] != old
    assert await async_get_storage(hass).async_list() == [entry.data[CONF_CONNECTION_ID]]


async def test_reauth_of_another_account_is_refused(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, dialog: Dialog
) -> None:
    script.credentials = OTHER_ACCOUNT
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    dialog.open_started()
    await dialog.submit()
    assert (await dialog.wait_end())["reason"] == "wrong_account"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await async_get_storage(hass).async_list() == [entry.data[CONF_CONNECTION_ID]]


async def test_an_entry_that_is_not_set_up_can_be_linked_again(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    entry = await add_entry(hass)
    await async_get_storage(hass).async_remove(entry.data[CONF_CONNECTION_ID])
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    dialog.open_started()
    await dialog.submit()
    assert (await dialog.wait_end())["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_names_the_entry(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, dialog: Dialog
) -> None:
    result = await dialog.open_reconfigure(entry)
    assert (result["step_id"], result["description_placeholders"]) == (
        "reconfigure",
        {"name": NAME},
    )
    await dialog.submit()
    assert (await dialog.wait_end())["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)


# --- a code to type


NUMBER = "+55 11 91234-5678"


async def test_a_code_to_type_is_shown_and_no_code_to_scan(script: Script, dialog: Dialog) -> None:
    script.pairing_may_end.clear()
    script.pairing_events = [CODE]
    script.link_codes = ["ABCD-EFGH"]
    await dialog.open()
    assert (await dialog.choose("phone_number"))["step_id"] == "phone_number"
    await dialog.submit(phone_number=NUMBER)
    assert await dialog.wait_typed_code() == "ABCD-EFGH"
    shown = dialog.result["description_placeholders"]
    assert shown == {"code": "ABCD-EFGH", "number": "+5511912345678"}
    assert script.pairings[0].numbers == ["+5511912345678"]
    assert dialog.codes == {}
    script.pairing_may_end.set()
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


async def test_a_number_without_its_country_is_asked_for_again(
    script: Script, dialog: Dialog
) -> None:
    await dialog.open()
    result = await dialog.ask_for_code("11 91234-5678")
    assert result["errors"] == {"phone_number": "invalid_phone_number"}
    assert result["step_id"] == "phone_number"
    assert (await dialog.submit(phone_number="me"))["errors"] is not None
    assert script.pairings == []


async def test_a_code_that_is_no_longer_good_is_replaced(script: Script, dialog: Dialog) -> None:
    script.pairing_may_end.clear()
    # The server itself asked for the third one, before we did.
    script.link_codes = ["ABCD-EFGH", "JKLM-NPQR", LocalProtocolError("There is a code")]
    await dialog.open()
    await dialog.ask_for_code(NUMBER)
    await dialog.wait_typed_code()
    (attempt,) = script.pairings
    attempt.on_event(LinkCodeEnded())
    await dialog.wait(lambda _: shown_code(dialog) == "JKLM-NPQR")
    attempt.on_event(LinkCodeEnded())
    attempt.on_event(LinkCode(code="STUV-WXYZ", valid_for=180))
    await dialog.wait(lambda _: shown_code(dialog) == "STUV-WXYZ")
    # Whoever mistypes more often begins anew when the round has ended.
    attempt.on_event(LinkCodeEnded())
    script.pairing_errors = [PairingExpired()]
    script.pairing_may_end.set()
    assert (await dialog.wait(is_form))["step_id"] == "expired"
    script.link_codes = ["ABCD-EFGH"]
    await dialog.submit()
    assert (await dialog.wait_end())["type"] is FlowResultType.CREATE_ENTRY


def shown_code(dialog: Dialog) -> str | None:
    return (dialog.result["description_placeholders"] or {}).get("code")


async def test_a_number_that_whatsapp_refuses_can_be_corrected(
    script: Script, dialog: Dialog
) -> None:
    script.pairing_may_end.clear()
    script.link_codes = [IqError(404, "item-not-found"), "ABCD-EFGH"]
    await dialog.open()
    await dialog.ask_for_code(NUMBER)
    result = await dialog.wait(is_form)
    assert result["errors"] == {"base": "code_refused"}
    assert result["description_placeholders"] == {"number": "+5511912345678", "code": "404"}
    result = await dialog.submit()
    assert result["step_id"] == "phone_number"
    await dialog.submit(phone_number="+55 11 91234-0000")
    assert await dialog.wait_typed_code() == "ABCD-EFGH"
    dialog.close()


async def test_why_an_attempt_ended_is_told_and_not_that_it_did(
    script: Script, dialog: Dialog
) -> None:
    script.pairing_errors = [TemporarilyBanned("101", 3600)]
    script.link_codes = [PairingFailed("link_code", "The attempt has ended")]
    await dialog.open()
    await dialog.ask_for_code(NUMBER)
    assert (await dialog.wait(is_form))["errors"] == {"base": "temporarily_banned"}


async def test_closing_the_dialog_ends_the_wait_for_a_typed_code(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    script.pairing_may_end.clear()
    script.link_codes = ["ABCD-EFGH"]
    await dialog.open()
    await dialog.ask_for_code(NUMBER)
    await dialog.wait_typed_code()
    dialog.close()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await async_get_storage(hass).async_list() == []


# --- linkings that were cut short


async def test_import_makes_the_entry_of_stored_credentials(
    hass: HomeAssistant, script: Script
) -> None:
    stored = await store_connection(hass)
    result = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IMPORT},
        data={CONF_CONNECTION_ID: stored.connection_id},
    )
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, NAME)
    await hass.async_block_till_done()


async def test_import_of_nothing_is_refused(hass: HomeAssistant, script: Script) -> None:
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_IMPORT}, data={CONF_CONNECTION_ID: "0" * 32}
    )
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "credentials_unreadable")
    assert await adoption.async_adopt(hass, "0" * 32) is None


async def test_a_cut_short_linking_waits_for_no_line(
    hass: HomeAssistant, script: Script, dialog: Dialog
) -> None:
    await store_connection(hass)
    script.connect_errors = [ConnectionFailed("No answer")]
    result = await dialog.open()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "linking_finished")
    await hass.async_block_till_done()


async def test_credentials_that_nobody_can_read_are_left_alone(
    hass: HomeAssistant, script: Script, dialog: Dialog, caplog: pytest.LogCaptureFixture
) -> None:
    stored = await store_connection(hass)
    storage = async_get_storage(hass)
    await storage._key_store.async_remove()
    storage._master_key = None
    assert (await dialog.open())["step_id"] == "user"
    assert "can't be read" in caplog.text
    assert await storage.async_list() == [stored.connection_id]


async def test_credentials_for_an_entry_of_another_account_get_their_own(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await store_connection(hass, "f" * 32, OTHER_ACCOUNT, entry_id=entry.entry_id)
    assert await adoption.async_adopt_all(hass) == ["Other"]
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_an_entry_that_is_not_set_up_yet_gets_its_new_credentials(
    hass: HomeAssistant, script: Script
) -> None:
    entry = await add_entry(hass)
    await store_connection(hass, "f" * 32, entry_id=entry.entry_id)
    assert await adoption.async_adopt_all(hass) == [NAME]
    assert entry.data == {CONF_CONNECTION_ID: "f" * 32}
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await async_get_storage(hass).async_list() == ["f" * 32]
    assert await hass.config_entries.async_setup(entry.entry_id)


async def test_credentials_that_were_in_use_are_not_adopted_twice(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await store_connection(hass, "f" * 32, entry_id=entry.entry_id, pending=False)
    assert await adoption.async_adopt_all(hass) == []
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await async_get_storage(hass).async_list() == [entry.data[CONF_CONNECTION_ID]]


async def test_an_import_that_is_refused_is_logged(
    hass: HomeAssistant, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store_connection(hass)
    answers = iter([None, "already_configured"])
    monkeypatch.setattr(adoption, "refusal", lambda *_: next(answers))
    monkeypatch.setattr(config_flow, "refusal", lambda *_: next(answers))
    assert await adoption.async_adopt_all(hass) == []
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await async_get_storage(hass).async_list() == []
