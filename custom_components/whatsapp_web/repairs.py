"""The repairs that can be done from here."""

from typing import Any

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .aiowhatsapp import Jid, StoreError
from .const import CONF_CONNECTION_ID, DOMAIN, LOGGER
from .issues import ATTR_CHAT_ID, ATTR_ENTRY_ID
from .storage import async_get_storage


class BeginAnewFlow(RepairsFlow):
    """Puts a connection's damaged database aside; its account stays linked."""

    def __init__(self, entry_id: str) -> None:
        """Remember whose database it is."""
        self._entry_id = entry_id

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin by asking."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then set the connection up over an empty database."""
        entries = self.hass.config_entries
        entry = entries.async_get_entry(self._entry_id)
        if entry is None:
            return self.async_create_entry(data={})
        if user_input is None:
            return self.async_show_form(
                step_id="confirm", description_placeholders={"name": entry.title}
            )
        # Who still runs on the damaged file must let go of it.
        if not entry.state.recoverable or not await entries.async_unload(entry.entry_id):
            return self.async_abort(reason="storage_failed")
        try:
            storage = async_get_storage(self.hass)
            await storage.async_set_state_aside(entry.data[CONF_CONNECTION_ID])
        except StoreError as err:
            LOGGER.warning("The damaged file of %s can't be put aside: %s", entry.title, err)
            return self.async_abort(reason="storage_failed")
        entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data={})


class ConfirmIdentityFlow(RepairsFlow):
    """Takes a contact's new security code for theirs."""

    def __init__(self, entry_id: str, chat_id: str) -> None:
        """Remember whose it is."""
        self._entry_id = entry_id
        self._chat_id = chat_id

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin by asking."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then let messages go to that contact again."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None:
            return self.async_create_entry(data={})
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                description_placeholders=issue.translation_placeholders if issue else None,
            )
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        try:
            await entry.runtime_data.client.security.confirm(Jid.parse(self._chat_id))
        except StoreError as err:
            LOGGER.warning("A security code can't be confirmed: %s", err)
            return self.async_abort(reason="storage_failed")
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Give the dialog that mends an issue."""
    if data is None:
        return ConfirmRepairFlow()
    if ATTR_CHAT_ID in data:
        return ConfirmIdentityFlow(data[ATTR_ENTRY_ID], data[ATTR_CHAT_ID])
    return BeginAnewFlow(data[ATTR_ENTRY_ID])
