"""Waiting for what Home Assistant does, without sleeping."""

import asyncio
from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.event_type import EventType

from custom_components.whatsapp_web.const import EVENT_CONNECTION

PATIENCE = 30


async def wait_state(hass: HomeAssistant, entity_id: str, state: str) -> None:
    """Wait until an entity has a state."""
    await wait_bus(hass, EVENT_STATE_CHANGED, lambda: _has_state(hass, entity_id, state))


def _has_state(hass: HomeAssistant, entity_id: str, state: str) -> bool:
    found = hass.states.get(entity_id)
    return found is not None and found.state == state


async def wait_bus(
    hass: HomeAssistant, event_type: EventType[Any] | str, reached: Callable[[], bool]
) -> None:
    """Wait until something holds that an event of the bus announces."""
    if reached():
        return
    done = asyncio.Event()

    @callback
    def check(_event: Event[Any]) -> None:
        if reached():
            done.set()

    unsubscribe = hass.bus.async_listen(event_type, check)
    try:
        async with asyncio.timeout(PATIENCE):
            await done.wait()
    finally:
        unsubscribe()


async def wait_entry(hass: HomeAssistant, reached: Callable[[], bool]) -> None:
    """Wait until something holds that a change of a config entry announces."""
    if reached():
        return
    done = asyncio.Event()

    @callback
    def check(*_: object) -> None:
        if reached():
            done.set()

    unsubscribe = async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, check)
    try:
        async with asyncio.timeout(PATIENCE):
            await done.wait()
    finally:
        unsubscribe()


async def wait_connected(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Wait until the line of an entry that is set up is open."""
    coordinator = entry.runtime_data
    await wait_bus(hass, EVENT_CONNECTION, lambda: coordinator.data.status == "connected")


async def wait_loaded(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Wait until an entry is set up and its line is open."""
    await wait_entry(hass, lambda: entry.state is ConfigEntryState.LOADED)
    await wait_connected(hass, entry)


class EventLog:
    """All events of one type, as they come."""

    def __init__(self, hass: HomeAssistant, event_type: str) -> None:
        self._hass = hass
        self._type = event_type
        self.data: list[dict[str, Any]] = []
        hass.bus.async_listen(event_type, self._on_event)

    @callback
    def _on_event(self, event: Event[Any]) -> None:
        self.data.append(dict(event.data))

    async def wait(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many have come."""
        await wait_bus(self._hass, self._type, lambda: len(self.data) >= count)
        return self.data
