"""The repairs that can be done from here."""

from typing import Any, override

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
from .coordinator import WhatsAppConfigEntry
from .issues import (
    ATTR_CHAT_ID,
    ATTR_ENTRY_ID,
    ATTR_ISSUE,
    ISSUE_OUTDATED,
    ISSUE_STATE_DAMAGED,
)
from .server import ServerSettingRefused, async_refresh_version
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


class ReconnectFlow(RepairsFlow):
    """Connects again, once a person has seen to what was in the way."""

    def __init__(self, entry_id: str, shown: dict[str, str]) -> None:
        """Remember which connection it is, and what the issue says of it."""
        self._entry_id = entry_id
        self._shown = shown

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin by asking."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then set the connection up again; the issue returns if that is in vain."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None:
            return self.async_create_entry(data={})
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                description_placeholders=self._shown | {"name": entry.title},
            )
        if not await self._async_prepare(entry):
            return self.async_abort(reason="no_newer_version")
        self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data={})

    async def _async_prepare(self, entry: WhatsAppConfigEntry) -> bool:
        """Do what is needed before; say whether connecting makes sense then."""
        return True


class NewVersionFlow(ReconnectFlow):
    """Looks for a newer web version, and connects with it."""

    @override
    async def _async_prepare(self, entry: WhatsAppConfigEntry) -> bool:
        if entry.state is not ConfigEntryState.LOADED:
            return True
        try:
            return await async_refresh_version(self.hass, entry.runtime_data.web_version)
        except ServerSettingRefused:
            return False


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Give the dialog that mends an issue."""
    if data is None:
        return ConfirmRepairFlow()
    if ATTR_CHAT_ID in data:
        return ConfirmIdentityFlow(data[ATTR_ENTRY_ID], data[ATTR_CHAT_ID])
    shown = {key: str(value) for key, value in data.items()}
    entry_id, issue = shown.pop(ATTR_ENTRY_ID), shown.pop(ATTR_ISSUE, ISSUE_STATE_DAMAGED)
    if issue == ISSUE_STATE_DAMAGED:
        return BeginAnewFlow(entry_id)
    if issue == ISSUE_OUTDATED:
        return NewVersionFlow(entry_id, shown)
    return ReconnectFlow(entry_id, shown)
