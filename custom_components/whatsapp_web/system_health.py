"""System health: whether WhatsApp can be reached, and how many connections are open."""

from typing import Any, Final

from homeassistant.components import system_health
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .aiowhatsapp import Status
from .const import DOMAIN
from .server import ServerSettingRefused, async_get_server, is_overridden

WEB_PAGE: Final = "https://web.whatsapp.com"


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register what is told."""
    register.async_register_info(async_system_health_info, "/config/integrations/dashboard")


async def async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Tell how it stands with all connections together."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    connected = [entry for entry in loaded if entry.runtime_data.data.status is Status.CONNECTED]
    info: dict[str, Any] = {"connections": f"{len(connected)}/{len(entries)}"}
    try:
        version = (await async_get_server(hass)).version
        info["web_version"] = ".".join(str(part) for part in version)
    except ServerSettingRefused:
        info["web_version"] = None
    if not is_overridden():
        info["can_reach_server"] = system_health.async_check_can_reach_url(hass, WEB_PAGE)
    return info
