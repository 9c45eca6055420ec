"""WhatsApp Web: Home Assistant as a linked device of a WhatsApp account."""

from typing import Final

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .adoption import async_adopt_all
from .connection import async_discard
from .const import CONF_CONNECTION_ID, DOMAIN
from .coordinator import WhatsAppConfigEntry, WhatsAppCoordinator
from .issues import async_clear_issues
from .media.received import async_forget_received, async_setup_received
from .notify import async_setup_notify
from .server import async_forget_version
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS: Final = (Platform.BINARY_SENSOR, Platform.BUTTON, Platform.EVENT, Platform.SENSOR)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, and finish linkings that were cut short."""
    async_setup_services(hass)
    async_setup_received(hass)
    hass.async_create_background_task(async_adopt_all(hass), f"{DOMAIN} finish linkings")
    return True


async def async_setup_entry(hass: HomeAssistant, entry: WhatsAppConfigEntry) -> bool:
    """Connect an account."""
    coordinator = WhatsAppCoordinator(hass, entry)
    await coordinator.async_start()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await async_setup_notify(hass, entry)
    coordinator.async_deliver()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: WhatsAppConfigEntry) -> bool:
    """Disconnect an account; what was set up with it stops with it."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: WhatsAppConfigEntry) -> None:
    """Log the device out and remove everything that was stored for it."""
    async_clear_issues(hass, entry)
    await async_discard(hass, entry.data[CONF_CONNECTION_ID])
    if not hass.config_entries.async_entries(DOMAIN):
        await async_forget_version(hass)
        await async_forget_received(hass)
