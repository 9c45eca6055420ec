"""Actions that send what a person would type."""

from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..aiowhatsapp import Text
from ..const import ATTR_MENTIONS, ATTR_MESSAGE, ATTR_TITLE, SERVICE_SEND_MESSAGE
from ..link_preview import async_preview_of
from ..recipients import recipient_text
from ..sending import compose
from .action import Action
from .outcome import async_send
from .schema import SENDING_FIELDS

ATTR_LINK_PREVIEW: Final = "link_preview"

SEND_MESSAGE_SCHEMA: Final = vol.Schema(
    {
        **SENDING_FIELDS,
        vol.Required(ATTR_MESSAGE): cv.string,
        vol.Optional(ATTR_TITLE): cv.string,
        vol.Optional(ATTR_MENTIONS): vol.All(cv.ensure_list, [recipient_text]),
        vol.Optional(ATTR_LINK_PREVIEW, default=False): cv.boolean,
    }
)


async def _async_send_message(call: ServiceCall) -> ServiceResponse:
    """Send a text; with response data, recipients that failed are named in there."""
    text = compose(call.data[ATTR_MESSAGE], call.data.get(ATTR_TITLE))
    preview = None
    if call.data[ATTR_LINK_PREVIEW]:
        preview = await async_preview_of(call.hass, text)
    return await async_send(call, Text(text=text, preview=preview))


ACTIONS: Final = (
    Action(
        name=SERVICE_SEND_MESSAGE,
        handler=_async_send_message,
        schema=SEND_MESSAGE_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
)
