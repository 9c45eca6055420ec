"""Sensors: how the connection stands, and what it did today."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import (
    RestoreSensor,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .aiowhatsapp import Status
from .coordinator import WhatsAppConfigEntry, WhatsAppCoordinator
from .entity import WhatsAppEntity
from .messages import time_text

# Nothing is polled or sent here.
PARALLEL_UPDATES = 0

STATUS: Final = SensorEntityDescription(
    key="status",
    translation_key="status",
    device_class=SensorDeviceClass.ENUM,
    entity_category=EntityCategory.DIAGNOSTIC,
    options=[status.value for status in Status],
)


@dataclass(frozen=True, kw_only=True)
class FigureEntityDescription(SensorEntityDescription):
    """A figure for those who look into things, and where it comes from."""

    entity_category: EntityCategory | None = EntityCategory.DIAGNOSTIC
    entity_registry_enabled_default: bool = False
    value: Callable[[WhatsAppCoordinator], int | float | datetime | None]


# Counted from midnight on; the key is the name of the count.
COUNTS: Final = (
    FigureEntityDescription(
        key="sent",
        translation_key="sent",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value=lambda coordinator: coordinator.figures.today.sent,
    ),
    FigureEntityDescription(
        key="failed",
        translation_key="failed",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value=lambda coordinator: coordinator.figures.today.failed,
    ),
    FigureEntityDescription(
        key="received",
        translation_key="received",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value=lambda coordinator: coordinator.figures.today.received,
    ),
)
FIGURES: Final = (
    FigureEntityDescription(
        key="queued",
        translation_key="queued",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda coordinator: coordinator.client.outbox.waiting,
    ),
    FigureEntityDescription(
        key="quota",
        translation_key="quota",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda coordinator: coordinator.client.outbox.pacing.available(
            dt_util.utcnow().timestamp()
        ),
    ),
    FigureEntityDescription(
        key="last_sync",
        translation_key="last_sync",
        device_class=SensorDeviceClass.TIMESTAMP,
        value=lambda coordinator: coordinator.figures.last_sync,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: WhatsAppConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the account's sensors."""
    coordinator = entry.runtime_data
    async_add_entities(
        [
            StatusSensor(coordinator, STATUS),
            *(FigureSensor(coordinator, description) for description in FIGURES),
            *(CountSensor(coordinator, description) for description in COUNTS),
        ]
    )


class StatusSensor(WhatsAppEntity, SensorEntity):
    """How the connection stands; never unavailable, as that is what it tells."""

    _unrecorded_attributes = frozenset(
        {"user", "phone", "last_change", "sending_held_until", "new_chats_held_until"}
    )

    @property
    @override
    def native_value(self) -> str:
        """The status."""
        return self.coordinator.data.status.value

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Whose account it is, since when the status holds, and whether another one sends."""
        pacing = self.coordinator.client.outbox.pacing.state(dt_util.utcnow().timestamp())
        return {
            "user": self.coordinator.own_name,
            "phone": self.coordinator.phone,
            "last_change": self.coordinator.data.last_change.isoformat(),
            "backup_in_use": self.coordinator.fallback.active is not None,
            "sending_held_until": _until(pacing.held_until),
            "new_chats_held_until": _until(pacing.new_chats_held_until),
        }


class FigureSensor(WhatsAppEntity, SensorEntity):
    """A figure of the connection; without a line it is still the last one."""

    entity_description: FigureEntityDescription

    @property
    @override
    def native_value(self) -> int | float | datetime | None:
        """The figure as it is now."""
        return self.entity_description.value(self.coordinator)


class CountSensor(FigureSensor, RestoreSensor):
    """A count of today, which goes on after a restart."""

    @override
    async def async_added_to_hass(self) -> None:
        """Add what was counted earlier today."""
        await super().async_added_to_hass()
        state, data = await self.async_get_last_state(), await self.async_get_last_sensor_data()
        if state is None or data is None or not isinstance(data.native_value, int):
            return
        if dt_util.as_local(state.last_updated).date() == self.coordinator.figures.today.day:
            self.coordinator.figures.async_restore(self.entity_description.key, data.native_value)


def _until(timestamp: int | None) -> str | None:
    return None if timestamp is None else time_text(timestamp)
