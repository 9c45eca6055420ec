"""Files that came with messages: fetched when somebody wants them, and kept for a while."""

import asyncio
from dataclasses import dataclass, field
from functools import partial
import hashlib
import mimetypes
from pathlib import Path
import shutil
from typing import Any, Final

from aiohttp import web
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..aiowhatsapp import Client, IncomingMessage, StoredMedia, WhatsAppError
from ..const import DOMAIN, LOGGER
from .mime import UNKNOWN

# What is kept of fetched files at most; the least lately used go first.
MAX_CACHE: Final = 300_000_000
MAX_RECEIVED: Final = 300_000_000
# What is fetched without anybody asking for it.
MAX_BY_ITSELF: Final = 50_000_000
URL: Final = f"/api/{DOMAIN}/media/{{entry_id}}/{{message_id}}"
# What a browser may show; all else is only offered for download.
_SHOWN: Final = ("image/jpeg", "image/png", "image/webp", "image/gif", "video/", "audio/")


@dataclass(slots=True)
class _Cache:
    """The folder with what was fetched; one at a time is fetched or removed."""

    folder: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


DATA_CACHE: HassKey[_Cache] = HassKey(f"{DOMAIN}_media_cache")


@callback
def async_setup_received(hass: HomeAssistant) -> None:
    """Let received files be fetched over HTTP, by whoever is logged in."""
    hass.data[DATA_CACHE] = _Cache(Path(hass.config.cache_path(DOMAIN)))
    if hass.http is not None:
        hass.http.register_view(ReceivedMediaView())


def extension_of(mime_type: str | None) -> str:
    """Give the usual ending of a file of that type."""
    plain = (mime_type or "").partition(";")[0].strip()
    return mimetypes.guess_extension(plain) or ""


def describe_media(message: IncomingMessage, config_entry_id: str) -> dict[str, Any] | None:
    """Describe a message's file for the event bus; None when it has none."""
    media = message.content.media
    if media is None:
        return None
    described = {
        "mime_type": media.mime_type,
        "size": media.size,
        "filename": media.filename,
        "duration": media.seconds,
        "width": media.width,
        "height": media.height,
        "media_content_id": f"media-source://{DOMAIN}/{config_entry_id}/{message.id}",
    }
    return {key: value for key, value in described.items() if value is not None}


async def async_forget_received(hass: HomeAssistant) -> None:
    """Remove the files that were fetched, with the last connection."""
    folder = hass.data[DATA_CACHE].folder
    await hass.async_add_executor_job(partial(shutil.rmtree, folder, ignore_errors=True))


@callback
def client_of(hass: HomeAssistant, entry_id: str) -> Client | None:
    """Find the client of a connection that runs."""
    entry = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        return None
    client: Client = entry.runtime_data.client
    return client


async def async_received(
    hass: HomeAssistant, entry_id: str, message_id: str
) -> tuple[Path, StoredMedia] | None:
    """Give a received file, fetched unless it was lately; None when there is none.

    Raises `WhatsAppError` when it can't be fetched.
    """
    client = client_of(hass, entry_id)
    if client is None:
        return None
    cache = hass.data[DATA_CACHE]
    found = await client.media.describe(message_id)
    name = hashlib.sha256(f"{entry_id}/{message_id}".encode()).hexdigest()
    path = cache.folder / f"{name}{extension_of(found.mime_type)}"
    async with cache.lock:
        if not await hass.async_add_executor_job(_make_room, cache.folder, path):
            await client.media.download(message_id, path, limit=MAX_RECEIVED)
    return path, found


@callback
def async_fetch_soon(hass: HomeAssistant, entry: ConfigEntry, message: IncomingMessage) -> None:
    """Fetch a message's file beside everything else, unless it is large; ends with the entry."""
    media = message.content.media
    if media is None or media.size is None or media.size > MAX_BY_ITSELF:
        return

    async def fetch() -> None:
        try:
            await async_received(hass, entry.entry_id, message.id)
        except WhatsAppError as err:
            LOGGER.debug("A received file was not fetched: %s", err)

    entry.async_create_background_task(hass, fetch(), f"{DOMAIN} fetch media")


class ReceivedMediaView(HomeAssistantView):
    """Gives received files out; logged in, or by a signed path."""

    url = URL
    name = f"api:{DOMAIN}:media"

    async def get(self, request: web.Request, entry_id: str, message_id: str) -> web.StreamResponse:
        """Give one file."""
        hass = request.app[KEY_HASS]
        try:
            received = await async_received(hass, entry_id, message_id)
        except WhatsAppError as err:
            LOGGER.debug("A received file can't be given out: %s", err)
            return web.Response(status=404)
        if received is None:
            return web.Response(status=404)
        path, found = received
        mime_type = (found.mime_type or UNKNOWN).partition(";")[0]
        shown = mime_type.startswith(_SHOWN)
        headers = {
            "Content-Type": mime_type if shown else UNKNOWN,
            "Content-Disposition": "inline" if shown else "attachment",
            "X-Content-Type-Options": "nosniff",
        }
        return web.FileResponse(path, headers=headers)


def _make_room(folder: Path, wanted: Path) -> bool:
    """Tell whether a file is there; remove what was not used for long when there is too much."""
    folder.mkdir(parents=True, exist_ok=True)
    if wanted.is_file():
        wanted.touch()
        return True
    files = sorted((path for path in folder.iterdir() if path.is_file()), key=_used_at)
    total = sum(path.stat().st_size for path in files)
    while files and total > MAX_CACHE:
        oldest = files.pop(0)
        total -= oldest.stat().st_size
        oldest.unlink(missing_ok=True)
    return False


def _used_at(path: Path) -> float:
    return path.stat().st_mtime
