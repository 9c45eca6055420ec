"""The repair that can be done from here: begin anew with a damaged state."""

from typing import Any

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant

from .aiowhatsapp import StoreError
from .const import CONF_CONNECTION_ID, LOGGER
from .issues import ATTR_ENTRY_ID
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


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Give the dialog that mends an issue."""
    if data is None:
        return ConfirmRepairFlow()
    return BeginAnewFlow(data[ATTR_ENTRY_ID])
