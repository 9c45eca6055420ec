"""The action that posts a status update: a text, a picture or a video."""

from collections.abc import Sequence
from typing import Any, Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..aiowhatsapp import STATUS_BROADCAST, Draft, MessageKind, StatusText
from ..const import ATTR_MESSAGE
from ..media import SOURCE_FIELDS, MediaUnusable, async_prepared, has_source, one_source
from ..media.prepare import ATTR_CAPTION, ATTR_KIND, KIND_AUTO
from ..sending import async_send_to_chat
from ..targets import connection_of
from .action import Action
from .schema import CONNECTION_FIELDS

ATTR_BACKGROUND: Final = "background"
ATTR_FONT: Final = "font"
ATTR_TEXT_COLOR: Final = "text_color"

# What phones show among status updates.
KINDS: Final = (MessageKind.IMAGE, MessageKind.VIDEO, MessageKind.GIF)
# The fonts of the phone's editor, by the schema's numbers.
FONTS: Final = {
    "system": 0,
    "system_text": 1,
    "handwriting": 2,
    "system_bold": 6,
    "morning_breeze": 7,
    "calistoga": 8,
    "exo_2": 9,
    "courier_prime": 10,
}
MAX_TEXT: Final = 700
_OPAQUE: Final = 0xFF
_COLOR: Final = vol.All(vol.Length(min=3, max=3), [vol.All(vol.Coerce(int), vol.Range(0, 255))])
_TEXT: Final = vol.All(cv.string, vol.Length(min=1, max=MAX_TEXT))

_TEXT_SCHEMA: Final = vol.Schema(
    {
        **CONNECTION_FIELDS,
        vol.Required(ATTR_MESSAGE): _TEXT,
        vol.Optional(ATTR_BACKGROUND): _COLOR,
        vol.Optional(ATTR_TEXT_COLOR): _COLOR,
        vol.Optional(ATTR_FONT, default="system"): vol.In(FONTS),
    }
)
_MEDIA_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **CONNECTION_FIELDS,
            **SOURCE_FIELDS,
            vol.Optional(ATTR_CAPTION): vol.All(cv.string, vol.Length(max=MAX_TEXT)),
            vol.Optional(ATTR_KIND, default=KIND_AUTO): vol.In(
                (KIND_AUTO, *(kind.value for kind in KINDS))
            ),
        }
    ),
    one_source,
)


def _text_or_medium(data: Any) -> dict[str, Any]:
    """Check a text with its colors and font, or a medium with its caption: one of the two."""
    has_medium = isinstance(data, dict) and has_source(data)
    checked: dict[str, Any] = (_MEDIA_SCHEMA if has_medium else _TEXT_SCHEMA)(data)
    return checked


async def _async_send_status(call: ServiceCall) -> ServiceResponse:
    """Post a status update, to those whom the phone's privacy setting names."""
    connection_of(call)
    if ATTR_MESSAGE in call.data:
        return await _async_post(call, _text_of(call.data))
    async with async_prepared(call.hass, call.data) as draft:
        if draft.kind not in KINDS:
            raise MediaUnusable("media_not_for_status")
        return await _async_post(call, draft)


async def _async_post(call: ServiceCall, draft: Draft) -> ServiceResponse:
    delivery = await async_send_to_chat(connection_of(call), STATUS_BROADCAST, draft)
    if delivery.error is not None:
        raise delivery.error
    if not call.return_response:
        return None
    return {"message_id": delivery.message_id, "state": delivery.state.value}


def _text_of(data: dict[str, Any]) -> StatusText:
    colors = {}
    if ATTR_BACKGROUND in data:
        colors["background"] = _argb(data[ATTR_BACKGROUND])
    if ATTR_TEXT_COLOR in data:
        colors["color"] = _argb(data[ATTR_TEXT_COLOR])
    return StatusText(text=data[ATTR_MESSAGE], font=FONTS[data[ATTR_FONT]], **colors)


def _argb(color: Sequence[int]) -> int:
    red, green, blue = color
    return _OPAQUE << 24 | red << 16 | green << 8 | blue


ACTIONS: Final = (
    Action(
        name="send_status",
        handler=_async_send_status,
        schema=vol.All(_text_or_medium),
        response=SupportsResponse.OPTIONAL,
    ),
)
