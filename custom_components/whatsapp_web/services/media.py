"""Actions that send files, and the one that fetches those that came."""

from pathlib import Path
from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..aiowhatsapp import WhatsAppError, safe_filename
from ..const import (
    ATTR_MENTIONS,
    ATTR_MESSAGE_ID,
    SERVICE_DOWNLOAD_MEDIA,
    SERVICE_SEND_MEDIA,
    SERVICE_SEND_VOICE,
)
from ..exceptions import action_error
from ..media import KINDS, SOURCE_FIELDS, MediaUnusable, async_prepared, one_source
from ..media.prepare import (
    ATTR_CAPTION,
    ATTR_FILENAME,
    ATTR_KIND,
    ATTR_TEXT,
    ATTR_TTS_ENTITY,
    ATTR_VIEW_ONCE,
    KIND_AUTO,
    KIND_VOICE,
)
from ..media.received import extension_of
from ..targets import connection_of
from .action import Action
from .outcome import async_send
from .schema import CONNECTION_FIELDS, SENDING_FIELDS

ATTR_FOLDER: Final = "folder"

SEND_MEDIA_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **SENDING_FIELDS,
            **SOURCE_FIELDS,
            vol.Optional(ATTR_CAPTION): cv.string,
            vol.Optional(ATTR_KIND, default=KIND_AUTO): vol.In(KINDS),
            vol.Optional(ATTR_FILENAME): cv.string,
            vol.Optional(ATTR_VIEW_ONCE, default=False): cv.boolean,
            vol.Optional(ATTR_MENTIONS): vol.All(cv.ensure_list, [cv.string]),
        }
    ),
    one_source,
)
SEND_VOICE_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **SENDING_FIELDS,
            **SOURCE_FIELDS,
            vol.Inclusive(ATTR_TEXT, "speech"): cv.string,
            vol.Inclusive(ATTR_TTS_ENTITY, "speech"): cv.entity_domain("tts"),
            vol.Optional("language"): cv.string,
            vol.Optional("voice"): cv.string,
            vol.Optional(ATTR_VIEW_ONCE, default=False): cv.boolean,
        }
    ),
    cv.has_at_least_one_key(ATTR_TEXT, "media", "entity", "file", "url"),
)
DOWNLOAD_MEDIA_SCHEMA: Final = vol.Schema(
    {
        **CONNECTION_FIELDS,
        vol.Required(ATTR_MESSAGE_ID): cv.string,
        vol.Required(ATTR_FOLDER): cv.string,
        vol.Optional(ATTR_FILENAME): cv.string,
    }
)


async def _async_send_media(call: ServiceCall) -> ServiceResponse:
    """Prepare a medium once, and send it to each recipient."""
    connection_of(call)
    async with async_prepared(call.hass, call.data) as draft:
        return await async_send(call, draft)


async def _async_send_voice(call: ServiceCall) -> ServiceResponse:
    """Send a voice note: a text that is spoken, or any sound."""
    connection_of(call)
    data = {**call.data, ATTR_KIND: KIND_VOICE}
    async with async_prepared(call.hass, data) as draft:
        return await async_send(call, draft)


async def _async_download_media(call: ServiceCall) -> ServiceResponse:
    """Fetch the file of a message into a folder that Home Assistant may write to."""
    coordinator = connection_of(call)
    folder: str = call.data[ATTR_FOLDER]
    message_id: str = call.data[ATTR_MESSAGE_ID]

    def check() -> bool:
        path = Path(folder)
        return path.is_absolute() and call.hass.config.is_allowed_path(folder) and path.is_dir()

    if not await call.hass.async_add_executor_job(check):
        raise MediaUnusable("media_path_not_allowed", path=folder)
    media = coordinator.client.media
    try:
        found = await media.describe(message_id)
        name = call.data.get(ATTR_FILENAME) or found.filename
        name = name or f"{message_id}{extension_of(found.mime_type)}"
        target = Path(folder) / safe_filename(name)
        await media.download(message_id, target)
    except WhatsAppError as err:
        raise action_error(err, message_id) from err
    return {
        "path": str(target),
        "mime_type": found.mime_type,
        "size": found.size,
        "filename": target.name,
    }


ACTIONS: Final = (
    Action(
        name=SERVICE_DOWNLOAD_MEDIA,
        handler=_async_download_media,
        schema=DOWNLOAD_MEDIA_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(
        name=SERVICE_SEND_MEDIA,
        handler=_async_send_media,
        schema=SEND_MEDIA_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(
        name=SERVICE_SEND_VOICE,
        handler=_async_send_voice,
        schema=SEND_VOICE_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
)
