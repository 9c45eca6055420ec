"""The integration's own actions."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .const import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_MESSAGE,
    ATTR_RECIPIENT,
    ATTR_TITLE,
    DOMAIN,
    SERVICE_SEND_MESSAGE,
)
from .coordinator import WhatsAppConfigEntry, WhatsAppCoordinator
from .recipients import recipient_text
from .sending import async_send_text, compose, raise_failures

RECIPIENTS_SCHEMA = vol.All(cv.ensure_list, vol.Length(min=1), [recipient_text])

SEND_MESSAGE_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Required(ATTR_RECIPIENT): RECIPIENTS_SCHEMA,
        vol.Required(ATTR_MESSAGE): cv.string,
        vol.Optional(ATTR_TITLE): cv.string,
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_SEND_MESSAGE,
        _async_send_message,
        schema=SEND_MESSAGE_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_send_message(call: ServiceCall) -> ServiceResponse:
    """Send a text; with response data, recipients that failed are named in there."""
    coordinator = _coordinator(call.hass, call.data.get(ATTR_CONFIG_ENTRY_ID))
    text = compose(call.data[ATTR_MESSAGE], call.data.get(ATTR_TITLE))
    deliveries = await async_send_text(coordinator, call.data[ATTR_RECIPIENT], text)
    if not call.return_response or all(item.error is not None for item in deliveries):
        raise_failures(call.hass, deliveries)
    if not call.return_response:
        return None
    return {"chats": [item.as_dict(call.hass) for item in deliveries]}


@callback
def _coordinator(hass: HomeAssistant, entry_id: str | None) -> WhatsAppCoordinator:
    """Find the connection that is meant; raise `ServiceValidationError`."""
    entry = _only_entry(hass) if entry_id is None else _entry(hass, entry_id)
    if entry.state is not ConfigEntryState.LOADED:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="entry_not_loaded",
            translation_placeholders={"name": entry.title},
        )
    return entry.runtime_data


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
