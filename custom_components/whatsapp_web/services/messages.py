"""Actions that send what a person would type."""

from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import ATTR_MESSAGE, ATTR_RECIPIENT, ATTR_TITLE, SERVICE_SEND_MESSAGE
from ..sending import async_send_text, compose, raise_failures
from ..targets import connection_of
from .action import Action
from .schema import RECIPIENT_FIELDS

SEND_MESSAGE_SCHEMA: Final = vol.Schema(
    {
        **RECIPIENT_FIELDS,
        vol.Required(ATTR_MESSAGE): cv.string,
        vol.Optional(ATTR_TITLE): cv.string,
    }
)


async def _async_send_message(call: ServiceCall) -> ServiceResponse:
    """Send a text; with response data, recipients that failed are named in there."""
    coordinator = connection_of(call)
    text = compose(call.data[ATTR_MESSAGE], call.data.get(ATTR_TITLE))
    deliveries = await async_send_text(coordinator, call.data[ATTR_RECIPIENT], text)
    if not call.return_response or all(item.error is not None for item in deliveries):
        raise_failures(call.hass, deliveries)
    if not call.return_response:
        return None
    return {"chats": [item.as_dict(call.hass) for item in deliveries]}


ACTIONS: Final = (
    Action(
        name=SERVICE_SEND_MESSAGE,
        handler=_async_send_message,
        schema=SEND_MESSAGE_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
)
