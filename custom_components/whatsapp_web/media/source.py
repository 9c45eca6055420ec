"""Where a medium comes from: media source, entity, file or URL. It ends as a file of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from homeassistant.components import camera, image, media_source, tts
from homeassistant.components.media_player.browse_media import async_process_play_media_url
from homeassistant.components.media_source import Unresolvable
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import voluptuous as vol
from yarl import URL

from ..aiowhatsapp import safe_filename
from .errors import MediaUnusable

ATTR_MEDIA: Final = "media"
ATTR_ENTITY: Final = "entity"
ATTR_FILE: Final = "file"
ATTR_URL: Final = "url"
ATTR_HEADERS: Final = "headers"
ATTR_VERIFY_SSL: Final = "verify_ssl"
SOURCES: Final = (ATTR_MEDIA, ATTR_ENTITY, ATTR_FILE, ATTR_URL)

# What is fetched over the network at most, and for how long.
MAX_FETCH: Final = 200_000_000
FETCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=300, sock_connect=20, sock_read=60)
SNAPSHOT_TIMEOUT: Final = 20
MAX_REDIRECTS: Final = 5
_CHUNK: Final = 256 << 10
_CONTENT_ID: Final = "media_content_id"
_CONTENT_TYPE: Final = "media_content_type"


def _media(value: Any) -> dict[str, Any]:
    """Take what the media selector gives, or the id alone."""
    if isinstance(value, str):
        return {_CONTENT_ID: cv.string(value)}
    return dict(_MEDIA_SCHEMA(value))


_MEDIA_SCHEMA: Final = vol.Schema(
    {vol.Required(_CONTENT_ID): cv.string, vol.Optional(_CONTENT_TYPE): cv.string},
    extra=vol.REMOVE_EXTRA,
)
SOURCE_FIELDS: Final[dict[vol.Marker, Any]] = {
    vol.Optional(ATTR_MEDIA): _media,
    vol.Optional(ATTR_ENTITY): cv.entity_domain([camera.DOMAIN, image.DOMAIN]),
    vol.Optional(ATTR_FILE): cv.string,
    vol.Optional(ATTR_URL): cv.url,
    vol.Optional(ATTR_HEADERS): vol.Schema({cv.string: cv.string}),
    vol.Optional(ATTR_VERIFY_SSL, default=True): cv.boolean,
}
one_source: Final = cv.has_at_least_one_key(*SOURCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file with a medium, what its source says it is, and a name for it."""

    path: Path
    mime_type: str | None
    name: str


def has_source(data: Mapping[str, Any]) -> bool:
    """Tell whether a medium is named."""
    return any(key in data for key in SOURCES)


async def async_fetch(hass: HomeAssistant, data: Mapping[str, Any], folder: Path) -> SourceFile:
    """Get the medium that an action names; files are used where they are.

    Raises `MediaUnusable`.
    """
    named = [key for key in SOURCES if key in data]
    if len(named) != 1:
        raise MediaUnusable("media_one_source")
    match named[0]:
        case "media":
            return await _async_from_media(hass, data[ATTR_MEDIA], folder)
        case "entity":
            return await _async_from_entity(hass, data[ATTR_ENTITY], folder)
        case "file":
            return await _async_from_file(hass, data[ATTR_FILE])
        case _:
            if not hass.config.is_allowed_external_url(data[ATTR_URL]):
                raise MediaUnusable("media_url_not_allowed", url=data[ATTR_URL])
            return await _async_download(hass, URL(data[ATTR_URL]), folder, data)


async def _async_from_media(
    hass: HomeAssistant, media: Mapping[str, Any], folder: Path
) -> SourceFile:
    """Take a camera's or an image's picture, a spoken text, or any medium behind a URL."""
    content_id: str = media[_CONTENT_ID]
    if not media_source.is_media_source_id(content_id):
        if not hass.config.is_allowed_external_url(content_id):
            raise MediaUnusable("media_url_not_allowed", url=content_id)
        return await _async_download(hass, URL(content_id), folder, {})
    item = URL(content_id)
    if item.host in (camera.DOMAIN, image.DOMAIN):
        return await _async_from_entity(hass, item.path.strip("/"), folder)
    if item.host == tts.DOMAIN:
        return await _async_spoken(hass, content_id, folder)
    try:
        found = await media_source.async_resolve_media(hass, content_id, None)
    except Unresolvable as err:
        raise MediaUnusable("media_not_found_in_source", media=content_id) from err
    if found.path is not None:
        return SourceFile(path=found.path, mime_type=found.mime_type, name=found.path.name)
    url = URL(async_process_play_media_url(hass, found.url))
    fetched = await _async_download(hass, url, folder, {}, ours=True)
    return SourceFile(path=fetched.path, mime_type=found.mime_type, name=fetched.name)


async def _async_from_entity(hass: HomeAssistant, entity_id: str, folder: Path) -> SourceFile:
    """Take a snapshot."""
    try:
        if entity_id.startswith(f"{camera.DOMAIN}."):
            shot = await camera.async_get_image(hass, entity_id, timeout=SNAPSHOT_TIMEOUT)
            content, mime_type = shot.content, shot.content_type
        else:
            picture = await image.async_get_image(hass, entity_id, timeout=SNAPSHOT_TIMEOUT)
            content, mime_type = picture.content, picture.content_type
    except (HomeAssistantError, KeyError, TimeoutError) as err:
        raise MediaUnusable("media_no_snapshot", entity=entity_id) from err
    return await _async_keep(hass, content, folder, name=entity_id, mime_type=mime_type)


async def async_speak(
    hass: HomeAssistant, text: str, engine: str, options: Mapping[str, Any], folder: Path
) -> SourceFile:
    """Have a text spoken."""
    try:
        content_id = tts.generate_media_source_id(
            hass,
            text,
            engine=engine,
            language=options.get("language"),
            options={"voice": options["voice"]} if "voice" in options else None,
        )
    except HomeAssistantError as err:
        raise MediaUnusable("media_not_spoken", engine=engine, error=str(err)) from err
    return await _async_spoken(hass, content_id, folder)


async def _async_spoken(hass: HomeAssistant, content_id: str, folder: Path) -> SourceFile:
    try:
        extension, content = await tts.async_get_media_source_audio(hass, content_id)
    except (HomeAssistantError, KeyError, ValueError) as err:
        engine = URL(content_id).path.strip("/")
        raise MediaUnusable("media_not_spoken", engine=engine, error=str(err)) from err
    return await _async_keep(hass, content, folder, name=f"speech.{extension}", mime_type=None)


async def _async_from_file(hass: HomeAssistant, text: str) -> SourceFile:
    path = Path(text)

    def check() -> bool:
        return hass.config.is_allowed_path(text)

    if not path.is_absolute() or not await hass.async_add_executor_job(check):
        raise MediaUnusable("media_path_not_allowed", path=text)
    return SourceFile(path=path, mime_type=None, name=path.name)


async def _async_keep(
    hass: HomeAssistant, content: bytes, folder: Path, *, name: str, mime_type: str | None
) -> SourceFile:
    path = folder / "source"
    await hass.async_add_executor_job(path.write_bytes, content)
    return SourceFile(path=path, mime_type=mime_type, name=name)


async def _async_download(
    hass: HomeAssistant, url: URL, folder: Path, data: Mapping[str, Any], *, ours: bool = False
) -> SourceFile:
    """Fetch a URL; also what it leads on to has to be allowed. Raises `MediaUnusable`."""
    session = async_get_clientsession(hass, verify_ssl=data.get(ATTR_VERIFY_SSL, True))
    headers = data.get(ATTR_HEADERS)
    try:
        for _ in range(MAX_REDIRECTS):
            async with session.get(
                url, headers=headers, timeout=FETCH_TIMEOUT, allow_redirects=False
            ) as response:
                if response.status not in (301, 302, 303, 307, 308):
                    return await _async_take(hass, response, folder, url)
                target = url.join(URL(response.headers.get("Location", "")))
            if target.origin() != url.origin():
                # What was meant for one host is no other's business.
                headers = None
            url = target
            if not ours and not hass.config.is_allowed_external_url(str(url)):
                raise MediaUnusable("media_url_not_allowed", url=str(url.with_query(None)))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as err:
        raise _not_fetched(url, type(err).__name__) from err
    raise _not_fetched(url, "redirects")


async def _async_take(
    hass: HomeAssistant, response: aiohttp.ClientResponse, folder: Path, url: URL
) -> SourceFile:
    """Write what comes to a file, up to the limit."""
    if response.status != 200:
        raise _not_fetched(url, f"HTTP {response.status}")
    path = folder / "source"
    file = await hass.async_add_executor_job(path.open, "wb")
    taken = 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            taken += len(chunk)
            if taken > MAX_FETCH:
                raise MediaUnusable("media_too_large", limit=str(MAX_FETCH // 1_000_000))
            await hass.async_add_executor_job(file.write, chunk)
    finally:
        await hass.async_add_executor_job(file.close)
    said = response.content_disposition
    name = (said.filename if said else None) or url.name or "file"
    return SourceFile(
        path=path, mime_type=response.headers.get("Content-Type"), name=safe_filename(name)
    )


def _not_fetched(url: URL, reason: str) -> MediaUnusable:
    # A query may hold what lets others in.
    return MediaUnusable("media_not_fetched", url=str(url.with_query(None)), reason=reason)
