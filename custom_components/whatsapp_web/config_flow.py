"""Config flow: links Home Assistant to an account by a code, to be scanned or typed."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.data_entry_flow import UnknownFlow
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType
import voluptuous as vol

from .adoption import async_adopt_all, refusal, title_of, unique_id_of
from .aiowhatsapp import StoreError
from .connection import async_discard_soon
from .const import CONF_CONNECTION_ID, DOMAIN, FINISH_ALONE_DELAY
from .options_flow import WhatsAppOptionsFlow
from .pairing import (
    Expired,
    Failed,
    Linked,
    Outcome,
    PairingRound,
    Refused,
    phone_number_of,
)
from .storage import async_get_storage

CONF_PHONE_NUMBER: Final = "phone_number"

_NO_FIELDS = vol.Schema({})
_PHONE_NUMBER = vol.Schema(
    {
        vol.Required(CONF_PHONE_NUMBER): TextSelector(
            TextSelectorConfig(type=TextSelectorType.TEL, autocomplete="tel")
        )
    }
)
# The steps that begin a round: scan a code, or type one.
_WAYS: Final = ["link", "phone_number"]


class WhatsAppConfigFlow(ConfigFlow, domain=DOMAIN):
    """Explain, show codes until one is scanned, and make or renew the entry."""

    VERSION = 1

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> WhatsAppOptionsFlow:
        """Give the flow behind the entry's settings."""
        return WhatsAppOptionsFlow()

    def __init__(self) -> None:
        """Begin without a round of codes."""
        self._round: PairingRound | None = None
        # Whose phone gets a code typed in; without, codes are shown to be scanned.
        self._number: str | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._failure: Failed | None = None
        self._cancel_finish_alone: CALLBACK_TYPE | None = None
        self._finished: asyncio.Event | None = None

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Explain what linking means, and offer the ways to do it."""
        # Without any entry nothing of ours ran when Home Assistant started.
        if adopted := await async_adopt_all(self.hass):
            names = ", ".join(adopted)
            return self.async_abort(
                reason="linking_finished", description_placeholders={"name": names}
            )
        return self.async_show_menu(step_id="user", menu_options=_WAYS)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin to link again, because the phone or the server ended the link."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for somebody to look: codes live for seconds, this menu for days."""
        return self.async_show_menu(
            step_id="reauth_confirm",
            menu_options=_WAYS,
            description_placeholders={"name": self._get_reauth_entry().title},
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Explain what linking again does to an entry that works."""
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=_WAYS,
            description_placeholders={"name": self._get_reconfigure_entry().title},
        )

    async def async_step_phone_number(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which phone a code is to be typed into."""
        errors = {}
        if user_input is not None:
            number = phone_number_of(user_input[CONF_PHONE_NUMBER])
            if number is not None:
                self._number = number
                return await self.async_step_link()
            errors = {CONF_PHONE_NUMBER: "invalid_phone_number"}
        return self.async_show_form(
            step_id="phone_number",
            data_schema=self.add_suggested_values_to_schema(
                _PHONE_NUMBER, user_input or {CONF_PHONE_NUMBER: self._number}
            ),
            errors=errors,
        )

    async def async_step_link(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Describe how the round stands; begin one when there is none."""
        if self._round is None or self._task is None:
            self._round, self._task = self._start_round()
        if self._task.done():
            return self.async_show_progress_done(next_step_id=self._step_after(self._task))
        return self.async_show_progress(
            step_id="link",
            progress_action=self._round.stage,
            description_placeholders=self._round.placeholders,
            progress_task=self._task,
        )

    async def async_step_expired(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer new codes after all of a round ran out."""
        if user_input is not None:
            return await self._async_next_round()
        return self.async_show_form(step_id="expired", data_schema=_NO_FIELDS)

    async def async_step_failed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say why the round failed, and offer another."""
        if user_input is not None or self._failure is None:
            if self._number is None:
                return await self._async_next_round()
            # The number may be what was wrong.
            self._round = self._task = self._failure = None
            return await self.async_step_phone_number()
        return self.async_show_form(
            step_id="failed",
            data_schema=_NO_FIELDS,
            errors={"base": self._failure.cause},
            description_placeholders=self._failure.placeholders,
        )

    async def async_step_finish(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make use of the linked account; happens once, whoever asks first."""
        if self._finished is not None:
            await self._finished.wait()
            return self.async_abort(reason="already_finished")
        self._finished = asyncio.Event()
        try:
            return await self._async_finish()
        except BaseException:
            self._finished.set()
            raise

    async def async_step_import(self, import_data: dict[str, Any]) -> ConfigFlowResult:
        """Make the entry of an account whose linking was cut short."""
        return await self._async_use(import_data[CONF_CONNECTION_ID])

    @callback
    @override
    def async_remove(self) -> None:
        """Close the socket when the dialog is closed; let no linked account be lost."""
        if self._cancel_finish_alone is not None:
            self._cancel_finish_alone()
            self._cancel_finish_alone = None
        if self._round is not None:
            self._round.async_release()
            self._round = None
        if self._finished is not None:
            self._finished.set()

    @property
    def _entry(self) -> ConfigEntry | None:
        """The entry that this flow links again."""
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        if self.source == SOURCE_RECONFIGURE:
            return self._get_reconfigure_entry()
        return None

    def _start_round(self) -> tuple[PairingRound, asyncio.Task[Outcome]]:
        pairing_round = PairingRound(
            self.hass, self._entry, self.async_notify_flow_changed, number=self._number
        )
        # Not eagerly: the flow manager has to know the task before it can end.
        task = self.hass.async_create_background_task(
            pairing_round.async_run(), f"{DOMAIN} pairing round", eager_start=False
        )
        task.add_done_callback(self._schedule_finish_alone)
        return pairing_round, task

    async def _async_next_round(self) -> ConfigFlowResult:
        self._round = self._task = self._failure = None
        return await self.async_step_link()

    @callback
    def _step_after(self, task: asyncio.Task[Outcome]) -> str:
        outcome = Expired() if task.cancelled() else task.result()
        if isinstance(outcome, Expired):
            return "expired"
        if isinstance(outcome, Failed):
            self._failure = outcome
            return "failed"
        return "finish"

    @callback
    def _schedule_finish_alone(self, task: asyncio.Task[Outcome]) -> None:
        """Have the last step done even if the browser tab is gone that would ask for it."""
        if self._round is None or task.cancelled():
            return
        if not isinstance(task.result(), Linked | Refused):
            return

        async def finish_alone(_now: datetime) -> None:
            self._cancel_finish_alone = None
            with suppress(UnknownFlow):
                await self.hass.config_entries.flow.async_configure(self.flow_id)

        job = HassJob(finish_alone, f"{DOMAIN} finish alone", cancel_on_shutdown=True)
        self._cancel_finish_alone = async_call_later(self.hass, FINISH_ALONE_DELAY, job)

    async def _async_finish(self) -> ConfigFlowResult:
        outcome = self._task.result() if self._task is not None else None
        if self._round is not None:
            self._round.async_taken()
        match outcome:
            case Linked(connection_id):
                return await self._async_use(connection_id)
            case Refused(reason):
                return self.async_abort(reason=reason)
            case _:
                return self.async_abort(reason="already_finished")

    async def _async_use(self, connection_id: str) -> ConfigFlowResult:
        """Give the account to the entry that waits for it, or to a new one."""
        try:
            stored = await async_get_storage(self.hass).async_load(connection_id)
        except StoreError:
            return self.async_abort(reason="credentials_unreadable")
        if reason := refusal(self.hass, self._entry, stored.credentials):
            async_discard_soon(self.hass, connection_id)
            return self.async_abort(reason=reason)
        data = {CONF_CONNECTION_ID: connection_id}
        if (entry := self._entry) is not None:
            old = entry.data[CONF_CONNECTION_ID]
            result = self.async_update_reload_and_abort(entry, data_updates=data)
            async_discard_soon(self.hass, old, heir=entry)
            return result
        await self.async_set_unique_id(unique_id_of(stored.credentials), raise_on_progress=False)
        return self.async_create_entry(title=title_of(stored.credentials), data=data)
