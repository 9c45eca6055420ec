"""The button that tries to connect now."""

from typing import Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import WhatsAppConfigEntry
from .entity import WhatsAppEntity

# One press says it all.
PARALLEL_UPDATES = 1

RECONNECT: Final = ButtonEntityDescription(
    key="reconnect",
    translation_key="reconnect",
    entity_category=EntityCategory.CONFIG,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: WhatsAppConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the account's button."""
    async_add_entities([ReconnectButton(entry.runtime_data, RECONNECT)])


class ReconnectButton(WhatsAppEntity, ButtonEntity):
    """Connects at once; never unavailable, as that is when it is wanted."""

    @override
    async def async_press(self) -> None:
        """Don't wait any longer, or close the line and open it anew."""
        self.coordinator.async_reconnect()
