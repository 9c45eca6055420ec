"""Received files in the media browser; each is fetched when it is opened, and not before."""

from typing import Final
from urllib.parse import quote

from homeassistant.components.media_player.const import MediaClass, MediaType
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.core import HomeAssistant

from .aiowhatsapp import StoredMedia, WhatsAppError
from .const import DOMAIN
from .media.mime import UNKNOWN
from .media.received import URL, client_of

NAME: Final = "WhatsApp Web"
SHOWN: Final = 200
_CLASSES: Final = {
    "image": (MediaClass.IMAGE, MediaType.IMAGE),
    "video": (MediaClass.VIDEO, MediaType.VIDEO),
    "audio": (MediaClass.MUSIC, MediaType.MUSIC),
}


async def async_get_media_source(hass: HomeAssistant) -> MediaSource:
    """Make the source."""
    return WhatsAppMediaSource(hass)


class WhatsAppMediaSource(MediaSource):
    """The files of all connections."""

    name = NAME

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin."""
        super().__init__(DOMAIN)
        self.hass = hass

    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Say where a file can be played from."""
        entry_id, _, message_id = item.identifier.partition("/")
        client = client_of(self.hass, entry_id)
        if client is None:
            raise Unresolvable("The connection is not running")
        try:
            found = await client.media.describe(message_id)
        except WhatsAppError as err:
            raise Unresolvable("There is no such file") from err
        url = URL.format(entry_id=quote(entry_id, safe=""), message_id=quote(message_id, safe=""))
        return PlayMedia(url, (found.mime_type or UNKNOWN).partition(";")[0])

    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """List the connections, or the latest files of one."""
        if not item.identifier:
            entries = self.hass.config_entries.async_loaded_entries(DOMAIN)
            folders = [_folder(entry.entry_id, entry.title) for entry in entries]
            return _folder("", NAME, folders)
        entry_id = item.identifier.partition("/")[0]
        client = client_of(self.hass, entry_id)
        entry = self.hass.config_entries.async_get_entry(entry_id)
        if client is None or entry is None:
            raise Unresolvable("The connection is not running")
        try:
            recent = await client.media.recent(SHOWN)
        except WhatsAppError as err:
            raise Unresolvable("The files can't be listed") from err
        return _folder(entry_id, entry.title, [_file(entry_id, each) for each in recent])


def _folder(
    identifier: str, title: str, children: list[BrowseMediaSource] | None = None
) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier or None,
        media_class=MediaClass.DIRECTORY,
        media_content_type="",
        title=title,
        can_play=False,
        can_expand=True,
        children=children,
    )


def _file(entry_id: str, media: StoredMedia) -> BrowseMediaSource:
    main = (media.mime_type or "").partition("/")[0]
    media_class, media_type = _CLASSES.get(main, (MediaClass.URL, MediaType.URL))
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=f"{entry_id}/{media.message_id}",
        media_class=media_class,
        media_content_type=media.mime_type or media_type,
        title=media.filename or f"{main or media.kind.name.lower()} {media.message_id}",
        can_play=True,
        can_expand=False,
    )
