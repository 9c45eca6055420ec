"""The sensor that says how the connection stands."""

from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .aiowhatsapp import Status
from .coordinator import WhatsAppConfigEntry
from .entity import WhatsAppEntity

# Nothing is polled or sent here.
PARALLEL_UPDATES = 0

STATUS: Final = SensorEntityDescription(
    key="status",
    translation_key="status",
    device_class=SensorDeviceClass.ENUM,
    entity_category=EntityCategory.DIAGNOSTIC,
    options=[status.value for status in Status],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: WhatsAppConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the account's sensor."""
    async_add_entities([StatusSensor(entry.runtime_data, STATUS)])


class StatusSensor(WhatsAppEntity, SensorEntity):
    """How the connection stands; never unavailable, as that is what it tells."""

    _unrecorded_attributes = frozenset({"user", "phone", "last_change"})

    @property
    @override
    def native_value(self) -> str:
        """The status."""
        return self.coordinator.data.status.value

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Whose account it is, and since when the status holds."""
        return {
            "user": self.coordinator.own_name,
            "phone": self.coordinator.phone,
            "last_change": self.coordinator.data.last_change.isoformat(),
        }
