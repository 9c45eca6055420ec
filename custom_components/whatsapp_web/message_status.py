"""What becomes of messages of ours, told to automations."""

from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, callback

from .aiowhatsapp import MessageStateChanged
from .const import ATTR_CONFIG_ENTRY_ID, EVENT_MESSAGE_STATUS
from .exceptions import cause_of
from .messages import time_text

if TYPE_CHECKING:
    from .coordinator import WhatsAppCoordinator


@callback
def async_tell_states(coordinator: WhatsAppCoordinator) -> CALLBACK_TYPE:
    """Fire an event whenever a message gets further; return how to stop.

    What is sent here for another connection is told by that one.
    """

    @callback
    def tell(change: MessageStateChanged) -> None:
        if change.message_id not in coordinator.carried:
            data = describe_state(coordinator, change)
            coordinator.hass.bus.async_fire(EVENT_MESSAGE_STATUS, data)

    return coordinator.client.subscribe(MessageStateChanged, tell)


def describe_state(coordinator: WhatsAppCoordinator, change: MessageStateChanged) -> dict[str, Any]:
    """Describe a change as plain JSON; what does not apply is left out."""
    described = {
        ATTR_CONFIG_ENTRY_ID: coordinator.config_entry.entry_id,
        "connection": coordinator.config_entry.title,
        "sent_by": coordinator.fallback.sent_by(change.message_id),
        "chat_id": str(change.chat),
        "message_id": change.message_id,
        "state": change.state.value,
        "participant": None if change.participant is None else str(change.participant),
        "timestamp": time_text(change.timestamp),
        "error": None if change.error is None else cause_of(change.error),
    }
    return {key: value for key, value in described.items() if value is not None}
