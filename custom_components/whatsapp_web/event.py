"""The event entity that fires for every message that arrives."""

from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .aiowhatsapp import Status
from .coordinator import WhatsAppConfigEntry
from .entity import WhatsAppEntity
from .messages import EVENT_TYPES, ReceivedMessage

# Nothing is polled or sent here.
PARALLEL_UPDATES = 0

MESSAGE: Final = EventEntityDescription(
    key="message", translation_key="message", event_types=EVENT_TYPES
)
# What the entity and its device say already.
_KNOWN_FROM_ENTITY: Final = ("config_entry_id", "connection", "device_id")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: WhatsAppConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the account's event entity."""
    async_add_entities([MessageEvent(entry.runtime_data, MESSAGE)])


class MessageEvent(WhatsAppEntity, EventEntity):
    """Fires for every message of the account."""

    # What people write is not for the database; it also outgrows what a state may hold there.
    _unrecorded_attributes = frozenset(
        {
            "text",
            "reply_to",
            "contacts",
            "event",
            "link_preview",
            "location",
            "options",
            "poll",
            "tally",
        }
    )

    @property
    @override
    def available(self) -> bool:
        """Whether messages come, now or, as the server keeps them, when the line is back.

        Going away at every short loss of the line would fire state triggers for nothing.
        """
        return self.coordinator.data.status not in (Status.LOGGED_OUT, Status.ERROR)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen for messages."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_subscribe_messages(self._on_message))

    @callback
    def _on_message(self, message: ReceivedMessage) -> None:
        attributes = {
            key: value for key, value in message.data.items() if key not in _KNOWN_FROM_ENTITY
        }
        self._trigger_event(message.event_type, attributes)
        self.async_write_ha_state()
