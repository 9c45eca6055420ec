"""What happens in groups, as events on the bus."""

from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, callback

from .aiowhatsapp import GroupChanged
from .const import ATTR_CONFIG_ENTRY_ID, EVENT_GROUP_UPDATE
from .messages import phone_text, time_text

if TYPE_CHECKING:
    from .coordinator import WhatsAppCoordinator


@callback
def async_follow_groups(coordinator: WhatsAppCoordinator) -> CALLBACK_TYPE:
    """Tell the bus what happens in groups; return how to stop."""

    @callback
    def tell(event: GroupChanged) -> None:
        coordinator.hass.bus.async_fire(EVENT_GROUP_UPDATE, _describe(coordinator, event))

    return coordinator.client.subscribe(GroupChanged, tell)


def _describe(coordinator: WhatsAppCoordinator, event: GroupChanged) -> dict[str, Any]:
    """Describe a change; what does not apply to it, or is not known, is left out."""
    origin, client = coordinator.origin(), coordinator.client
    by_phone = phone_text(event.by_phone)
    data = {
        ATTR_CONFIG_ENTRY_ID: origin.config_entry_id,
        "connection": origin.connection,
        "device_id": origin.device_id,
        "chat_id": str(event.group),
        "chat_name": event.name,
        "action": event.action.value,
        "by": None if event.by is None else str(event.by),
        "by_phone": by_phone,
        "person_entity_id": None if event.by is None else origin.person_of(by_phone, str(event.by)),
        "members": [str(member) for member in event.members] or None,
        "member_phones": [phone_text(client.phone_of(member)) for member in event.members] or None,
        "includes_me": any(member in origin.addresses for member in event.members) or None,
        "value": event.value,
        "timestamp": time_text(event.timestamp),
    }
    return {key: value for key, value in data.items() if value is not None}
