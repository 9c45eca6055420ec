"""Diagnostics: figures and states, no person, number, text or key."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .coordinator import WhatsAppConfigEntry
from .server import ServerSettingRefused, async_get_server, is_overridden


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: WhatsAppConfigEntry
) -> dict[str, Any]:
    """Describe a connection, one that could not be set up included."""
    return {
        "entry": {
            "version": entry.version,
            "minor_version": entry.minor_version,
            "source": entry.source,
            "options": sorted(entry.options),
        },
        "connection": _describe_connection(entry),
        "server": await _async_describe_server(hass),
        "client": await entry.runtime_data.client.diagnostics() if _is_loaded(entry) else None,
    }


def _is_loaded(entry: WhatsAppConfigEntry) -> bool:
    return entry.state is ConfigEntryState.LOADED


def _describe_connection(entry: WhatsAppConfigEntry) -> dict[str, Any]:
    if not _is_loaded(entry):
        return {"status": None, "entry_state": entry.state.value}
    state = entry.runtime_data.data
    return {
        "status": state.status.value,
        "error": None if state.error is None else type(state.error).__name__,
        "last_change": state.last_change.isoformat(),
        "entry_state": entry.state.value,
    }


async def _async_describe_server(hass: HomeAssistant) -> dict[str, Any]:
    described: dict[str, Any] = {"test_server": is_overridden()}
    try:
        server = await async_get_server(hass)
    except ServerSettingRefused:
        return {**described, "web_version": None}
    return {**described, "web_version": ".".join(str(part) for part in server.version)}
