"""What people do besides writing, as events on the bus: who calls, who is online, who types."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError

from .aiowhatsapp import (
    CallChanged,
    ChatStateChanged,
    Client,
    Jid,
    PresenceChanged,
    Status,
    StatusChanged,
    WhatsAppError,
)
from .const import ATTR_CONFIG_ENTRY_ID, DOMAIN, EVENT_CALL, EVENT_PRESENCE, LOGGER
from .messages import phone_text, time_text
from .recipients import parse_recipient

if TYPE_CHECKING:
    from .coordinator import WhatsAppCoordinator

STATE_AVAILABLE: Final = "available"
STATE_UNAVAILABLE: Final = "unavailable"


@callback
def async_follow_people(coordinator: WhatsAppCoordinator) -> CALLBACK_TYPE:
    """Tell the bus what people do, and be towards them as the options say; return how to stop."""
    return _People(coordinator).async_start()


class _People:
    """The people around one account."""

    def __init__(self, coordinator: WhatsAppCoordinator) -> None:
        self._coordinator = coordinator
        self._followed: set[Jid] = set()

    @property
    def _client(self) -> Client:
        return self._coordinator.client

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Listen; return how to stop."""
        client, options = self._client, self._coordinator.options
        client.reading.automatic = options.mark_as_read
        client.presence.prefer(available=options.appear_online)
        stops: list[Callable[[], None]] = [client.subscribe(CallChanged, self._on_call)]
        if options.followed:
            stops += [
                client.subscribe(PresenceChanged, self._on_presence),
                client.subscribe(ChatStateChanged, self._on_chat_state),
                client.subscribe(StatusChanged, self._on_status),
            ]

        def stop() -> None:
            for each in stops:
                each()

        return stop

    @callback
    def _on_status(self, event: StatusChanged) -> None:
        if event.status is Status.CONNECTED and not self._followed:
            entry = self._coordinator.config_entry
            entry.async_create_background_task(
                self._coordinator.hass, self._async_follow(), f"{DOMAIN} follow people"
            )

    async def _async_follow(self) -> None:
        """Follow everybody on the list; later connections do it by themselves."""
        for text in self._coordinator.options.followed:
            try:
                recipient = parse_recipient(text)
                chat = recipient.chat
                if recipient.number is not None:
                    chat = await self._client.resolve_number(recipient.number)
                if chat is not None:
                    self._followed.add(chat)
                    await self._client.presence.follow(chat)
            except (WhatsAppError, HomeAssistantError) as err:
                LOGGER.warning("The presence of %s can't be followed: %s", text, err)

    @callback
    def _on_call(self, event: CallChanged) -> None:
        data: dict[str, Any] = {
            "call_id": event.call_id,
            "caller": str(event.caller),
            "video": event.video,
            "is_group": event.is_group,
            "state": event.state.value,
            "timestamp": time_text(event.timestamp),
        }
        if event.group is not None:
            data["chat_id"] = str(event.group)
        self._fire(EVENT_CALL, event.caller, "caller", event.caller_phone, data)

    @callback
    def _on_presence(self, event: PresenceChanged) -> None:
        data: dict[str, Any] = {
            "chat_id": str(event.chat),
            "state": STATE_AVAILABLE if event.available else STATE_UNAVAILABLE,
        }
        if event.last_seen is not None:
            data["last_seen"] = time_text(event.last_seen)
        if event.chat in self._followed:
            self._fire(EVENT_PRESENCE, event.chat, "sender", self._phone(event.chat), data)

    @callback
    def _on_chat_state(self, event: ChatStateChanged) -> None:
        if event.sender in self._followed or event.chat in self._followed:
            data = {
                "chat_id": str(event.chat),
                "sender_id": str(event.sender),
                "state": event.state.value,
            }
            self._fire(EVENT_PRESENCE, event.sender, "sender", self._phone(event.sender), data)

    def _phone(self, user: Jid) -> Jid | None:
        return self._client.phone_of(user)

    @callback
    def _fire(
        self, event_type: str, user: Jid, role: str, phone: Jid | None, data: dict[str, Any]
    ) -> None:
        """Fire an event about somebody; what is not known is left out."""
        origin = self._coordinator.origin()
        number = phone_text(phone)
        told = {
            ATTR_CONFIG_ENTRY_ID: origin.config_entry_id,
            "connection": origin.connection,
            "device_id": origin.device_id,
            **data,
            f"{role}_phone": number,
            f"{role}_name": origin.name_of(user) or number,
            "person_entity_id": origin.person_of(number, str(user)),
        }
        kept = {key: value for key, value in told.items() if value is not None}
        self._coordinator.hass.bus.async_fire(event_type, kept)
