"""The binary sensor that says whether the connection is up."""

from typing import Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .aiowhatsapp import Status
from .coordinator import WhatsAppConfigEntry
from .entity import WhatsAppEntity

# Nothing is polled or sent here.
PARALLEL_UPDATES = 0

CONNECTIVITY: Final = BinarySensorEntityDescription(
    key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: WhatsAppConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the account's binary sensor."""
    async_add_entities([ConnectivitySensor(entry.runtime_data, CONNECTIVITY)])


class ConnectivitySensor(WhatsAppEntity, BinarySensorEntity):
    """Whether the connection is up; never unavailable, as that is what it tells."""

    @property
    @override
    def is_on(self) -> bool:
        """Whether messages can come and go now."""
        return self.coordinator.data.status is Status.CONNECTED
