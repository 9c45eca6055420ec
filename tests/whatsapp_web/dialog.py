"""What the front end does with a config flow: it asks again whenever something changed."""

import asyncio
from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlowResult,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import EVENT_DATA_ENTRY_FLOW_PROGRESSED, FlowResultType

from custom_components.whatsapp_web.const import DOMAIN

PATIENCE = 30


class Dialog:
    """One dialog; `result` is what it shows."""

    def __init__(self, hass: HomeAssistant, codes: dict[str, str]) -> None:
        self.hass = hass
        self.codes = codes
        self.result = ConfigFlowResult(flow_id="", handler=DOMAIN)
        self._changed = asyncio.Event()
        self._unsubscribe = hass.bus.async_listen(
            EVENT_DATA_ENTRY_FLOW_PROGRESSED, self._on_changed
        )

    @property
    def flow_id(self) -> str:
        return self.result["flow_id"]

    async def open(self) -> ConfigFlowResult:
        """Begin to add the integration."""
        self.result = await self.hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_USER}
        )
        return self.result

    async def open_reconfigure(self, entry: ConfigEntry) -> ConfigFlowResult:
        """Begin to link an entry again that works."""
        self.result = await self.hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
        )
        return self.result

    def open_started(self) -> ConfigFlowResult:
        """Open the dialog of the flow that the integration itself started."""
        (flow,) = self.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        self.result = flow
        self.result["type"] = FlowResultType.MENU
        return flow

    async def submit(self, **fields: str) -> ConfigFlowResult:
        """Press the button of a form; in a menu, choose to scan a code."""
        if self.result["type"] is FlowResultType.MENU:
            return await self.choose("link")
        self.result = await self.hass.config_entries.flow.async_configure(self.flow_id, fields)
        return self.result

    async def choose(self, step: str) -> ConfigFlowResult:
        """Choose from a menu."""
        self.result = await self.hass.config_entries.flow.async_configure(
            self.flow_id, {"next_step_id": step}
        )
        return self.result

    async def ask_for_code(self, number: str) -> ConfigFlowResult:
        """Choose to type a code into the phone with that number."""
        await self.choose("phone_number")
        return await self.submit(phone_number=number)

    async def refresh(self) -> ConfigFlowResult:
        """Ask how the flow stands."""
        self.result = await self.hass.config_entries.flow.async_configure(self.flow_id)
        return self.result

    async def wait(self, wanted: Callable[[ConfigFlowResult], bool]) -> ConfigFlowResult:
        """Follow the flow until it shows what is wanted."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(self.result):
                await self._changed.wait()
                self._changed.clear()
                await self.refresh()
        return self.result

    async def wait_code(self) -> str:
        """Wait until a code is shown; give its text."""
        await self.wait(lambda result: result.get("progress_action") == "scan")
        shown = self.result["description_placeholders"] or {}
        return self.codes[shown["qr"]]

    async def wait_typed_code(self) -> str:
        """Wait until a code to type is shown; give it."""
        await self.wait(lambda result: result.get("progress_action") == "type")
        return (self.result["description_placeholders"] or {})["code"]

    async def wait_end(self) -> ConfigFlowResult:
        """Follow the flow to its end."""
        ends = (FlowResultType.CREATE_ENTRY, FlowResultType.ABORT)
        return await self.wait(lambda result: result["type"] in ends)

    def close(self) -> None:
        """Close the dialog, as a person who gives up."""
        self.hass.config_entries.flow.async_abort(self.flow_id)

    @callback
    def _on_changed(self, event: Event[dict[str, Any]]) -> None:
        if event.data["flow_id"] == self.flow_id:
            self._changed.set()
