"""Which connection and which chat an action means."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError

from .aiowhatsapp import Jid, WhatsAppError
from .const import ATTR_CONFIG_ENTRY_ID, ATTR_RECIPIENT, DOMAIN
from .coordinator import WhatsAppConfigEntry, WhatsAppCoordinator
from .exceptions import action_error
from .messages import phone_text
from .recipients import Recipient, parse_recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A chat that somebody named; `name` is what people know it by."""

    recipient: str
    chat: Jid
    name: str


@callback
def connection_of(call: ServiceCall) -> WhatsAppCoordinator:
    """Find the connection that a call means; raise `ServiceValidationError`."""
    entry_id = call.data.get(ATTR_CONFIG_ENTRY_ID)
    entry = _only_entry(call.hass) if entry_id is None else _entry(call.hass, entry_id)
    if entry.state is not ConfigEntryState.LOADED:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="entry_not_loaded",
            translation_placeholders={"name": entry.title},
        )
    return entry.runtime_data


async def async_chat_of(call: ServiceCall) -> tuple[WhatsAppCoordinator, Target]:
    """Find the connection and the one chat that a call means; raise `HomeAssistantError`."""
    coordinator = connection_of(call)
    text: str = call.data[ATTR_RECIPIENT]
    try:
        return coordinator, await async_find_target(coordinator, text)
    except WhatsAppError as err:
        raise action_error(err, text) from err


async def async_find_target(coordinator: WhatsAppCoordinator, text: str) -> Target:
    """Find the chat that a text names; raise `WhatsAppError` or `HomeAssistantError`."""
    recipient = parse_recipient(text)
    chat = await _async_resolve(coordinator, recipient)
    return Target(
        recipient=recipient.text, chat=chat, name=await _async_name(coordinator, recipient, chat)
    )


async def _async_resolve(coordinator: WhatsAppCoordinator, recipient: Recipient) -> Jid:
    if recipient.chat is not None:
        return recipient.chat
    if recipient.number is not None:
        return await coordinator.client.resolve_number(recipient.number)
    return coordinator.client.own_jid


async def _async_name(coordinator: WhatsAppCoordinator, recipient: Recipient, chat: Jid) -> str:
    if recipient.is_me:
        return coordinator.own_name or coordinator.phone
    client = coordinator.client
    return await client.name_of(chat) or phone_text(client.phone_of(chat)) or recipient.text


def _entry(hass: HomeAssistant, entry_id: str) -> WhatsAppConfigEntry:
    entry = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="entry_not_found",
            translation_placeholders={"entry_id": entry_id},
        )
    return entry


def _only_entry(hass: HomeAssistant) -> WhatsAppConfigEntry:
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    usable = [entry for entry in entries if not entry.disabled_by] or entries
    if not usable:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_entry")
    if len(usable) > 1:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="several_entries")
    return usable[0]
