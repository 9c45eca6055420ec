"""Tells of what needs trust: messages that nobody could read, contacts that changed."""

from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback

from .aiowhatsapp import IdentityChanged, Jid, MessageUnreadable
from .const import EVENT_IDENTITY_CHANGED, EVENT_MESSAGE_UNREADABLE
from .issues import async_ask_about_identity, async_forget_identities
from .messages import phone_text

if TYPE_CHECKING:
    from .coordinator import WhatsAppCoordinator


class SecurityWatch:
    """Follows one client; by option, nothing goes to who changed until a person agrees."""

    def __init__(self, coordinator: WhatsAppCoordinator) -> None:
        """Share the client's coordinator."""
        self._coordinator = coordinator
        self._client = coordinator.client
        self._client.security.block_changed = coordinator.options.block_changed_identity

    @callback
    def async_listen(self) -> CALLBACK_TYPE:
        """Listen; return how to stop."""
        stops = (
            self._client.subscribe(IdentityChanged, self._on_changed),
            self._client.subscribe(MessageUnreadable, self._on_unreadable),
        )

        @callback
        def stop() -> None:
            for each in stops:
                each()
            async_forget_identities(self._coordinator.hass, self._coordinator.config_entry)

        return stop

    async def async_ask(self) -> None:
        """Ask about those that changed before; the client has been started."""
        if not self._client.security.block_changed:
            return
        for user in await self._client.security.changed():
            self._ask(user)

    @callback
    def _on_changed(self, event: IdentityChanged) -> None:
        blocked = self._client.security.block_changed
        if blocked:
            self._ask(event.user)
        data = self._describe(event.user)
        self._coordinator.hass.bus.async_fire(EVENT_IDENTITY_CHANGED, data | {"blocked": blocked})

    @callback
    def _on_unreadable(self, event: MessageUnreadable) -> None:
        data = {
            "chat_id": str(event.chat),
            "sender_id": str(event.sender),
            "sender_phone": phone_text(event.sender_phone),
            "message_id": event.message_id,
            "from_me": event.from_me,
        }
        self._coordinator.hass.bus.async_fire(EVENT_MESSAGE_UNREADABLE, self._whose() | data)

    @callback
    def _ask(self, user: Jid) -> None:
        coordinator = self._coordinator
        contact = phone_text(self._client.phone_of(user)) or str(user)
        async_ask_about_identity(coordinator.hass, coordinator.config_entry, str(user), contact)

    def _describe(self, user: Jid) -> dict[str, object]:
        phone = phone_text(self._client.phone_of(user))
        return self._whose() | {"chat_id": str(user), "phone": phone}

    def _whose(self) -> dict[str, object]:
        origin = self._coordinator.origin()
        return {
            "config_entry_id": origin.config_entry_id,
            "connection": origin.connection,
            "device_id": origin.device_id,
        }
