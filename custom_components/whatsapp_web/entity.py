"""Base of the entities that belong to the account itself."""

from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import WhatsAppCoordinator


class WhatsAppEntity(CoordinatorEntity[WhatsAppCoordinator]):
    """An entity on the account's device."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: WhatsAppCoordinator, description: EntityDescription) -> None:
        """Take identity and device from the connection."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.config_entry.unique_id}_{description.key}"
        self._attr_device_info = coordinator.device_info
