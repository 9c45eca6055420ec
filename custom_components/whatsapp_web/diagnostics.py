"""Diagnostics: figures and states, no person, number, text or key."""

from typing import Any

from homeassistant.core import HomeAssistant

from .coordinator import WhatsAppConfigEntry
from .server import async_get_server, is_overridden


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: WhatsAppConfigEntry
) -> dict[str, Any]:
    """Describe a connection."""
    coordinator = entry.runtime_data
    state = coordinator.data
    server = await async_get_server(hass)
    return {
        "entry": {
            "version": entry.version,
            "minor_version": entry.minor_version,
            "source": entry.source,
            "options": sorted(entry.options),
        },
        "connection": {
            "status": state.status.value,
            "error": None if state.error is None else type(state.error).__name__,
            "last_change": state.last_change.isoformat(),
        },
        "server": {
            "test_server": is_overridden(),
            "web_version": ".".join(str(part) for part in server.version),
        },
        "client": await coordinator.client.diagnostics(),
    }
