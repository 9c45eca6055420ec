"""The classic notify action of each connection: `notify.<name of the connection>`."""

from typing import Any, Final, override

from homeassistant.components.notify import (
    ATTR_DATA,
    ATTR_TARGET,
    ATTR_TITLE,
    DOMAIN as NOTIFY_DOMAIN,
    NOTIFY_SERVICE_SCHEMA,
    BaseNotificationService,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import slugify
import voluptuous as vol

from .aiowhatsapp import Text
from .const import DOMAIN
from .coordinator import WhatsAppConfigEntry, WhatsAppCoordinator
from .media import async_prepared
from .media.notify_data import media_in
from .media.prepare import ATTR_CAPTION
from .notification_data import CLEAR, NotificationData
from .sending import Delivery, async_send_draft, async_send_each, compose, raise_failures
from .services.schema import RECIPIENTS_SCHEMA
from .targets import Target

# As the base class's, but a number that lost its `+` in YAML is still known as one.
NOTIFY_SCHEMA: Final = NOTIFY_SERVICE_SCHEMA.extend({vol.Optional(ATTR_TARGET): RECIPIENTS_SCHEMA})


class WhatsAppNotificationService(BaseNotificationService):
    """Sends notifications as messages of one account."""

    def __init__(self, coordinator: WhatsAppCoordinator) -> None:
        """Send through that connection."""
        self._coordinator = coordinator

    @override
    async def async_register_services(self) -> None:
        """Register the action, with our schema in place of the base class's."""
        await super().async_register_services()
        self.hass.services.async_register(
            NOTIFY_DOMAIN,
            self._service_name,
            self._async_notify_message_service,
            schema=NOTIFY_SCHEMA,
        )

    @override
    async def async_send_message(self, message: str, **kwargs: Any) -> None:
        """Send to all targets, or to the default ones; the error names those that failed."""
        targets: list[str] = kwargs.get(ATTR_TARGET) or [
            *self._coordinator.options.default_recipients
        ]
        data = _read(kwargs.get(ATTR_DATA))
        media = media_in(self.hass, kwargs.get(ATTR_DATA))
        if media is not None:
            if not media.get(ATTR_CAPTION) and message.strip():
                media[ATTR_CAPTION] = compose(message, kwargs.get(ATTR_TITLE))
            deliveries = await self._async_send_media(targets, media, data)
        else:
            text = message if message == CLEAR else compose(message, kwargs.get(ATTR_TITLE))
            deliveries = await self._async_send_text(targets, text, data)
        raise_failures(self.hass, deliveries)

    async def _async_send_media(
        self, targets: list[str], media: dict[str, Any], data: NotificationData
    ) -> list[Delivery]:
        async with async_prepared(self.hass, media, caption_apart=True) as draft:
            deliveries = await async_send_draft(
                self._coordinator,
                targets,
                draft,
                reply_to=data.reply_to,
                mentions=data.mentions,
                how=data.how,
            )
            if not draft.caption and media.get(ATTR_CAPTION):
                # There is no caption under a sound or a sticker.
                words = Text(text=media[ATTR_CAPTION])
                deliveries += await async_send_draft(
                    self._coordinator, targets, words, how=data.how
                )
        return deliveries

    async def _async_send_text(
        self, targets: list[str], text: str, data: NotificationData
    ) -> list[Delivery]:
        coordinator = self._coordinator
        if not data.actions and data.tag is None:
            return await async_send_draft(
                coordinator,
                targets,
                Text(text=text),
                reply_to=data.reply_to,
                mentions=data.mentions,
                how=data.how,
            )

        async def send(target: Target) -> str | None:
            return await coordinator.notifications.async_send(target.chat, text, data)

        return await async_send_each(coordinator, targets, send, how=data.how)


def _read(data: object) -> NotificationData:
    try:
        return NotificationData.of(data)
    except vol.Invalid as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="notification_data_invalid",
            translation_placeholders={"error": str(err)},
        ) from err


async def async_setup_notify(hass: HomeAssistant, entry: WhatsAppConfigEntry) -> None:
    """Register the connection's notify action until the entry is unloaded."""
    service = WhatsAppNotificationService(entry.runtime_data)
    name = _service_name(hass, entry)
    await service.async_setup(hass, name, name)
    await service.async_register_services()
    entry.async_on_unload(service.async_unregister_services)


@callback
def _service_name(hass: HomeAssistant, entry: WhatsAppConfigEntry) -> str:
    """Name the action after the connection, the same after every restart.

    Of connections with the same name the later ones get a number; a name that
    somebody else's action has, gets the integration's in front.
    """
    name = slugify(entry.title)
    same = [
        other.entry_id
        for other in hass.config_entries.async_entries(DOMAIN)
        if slugify(other.title) == name
    ]
    position = same.index(entry.entry_id) + 1
    if position > 1:
        name = f"{name}_{position}"
    if hass.services.has_service(NOTIFY_DOMAIN, name):
        name = f"{DOMAIN}_{name}"
    return name
