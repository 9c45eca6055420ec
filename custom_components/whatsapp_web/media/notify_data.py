"""What the `data` of a notify action says of a medium."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import voluptuous as vol

from .errors import MediaUnusable
from .prepare import (
    ATTR_CAPTION,
    ATTR_FILENAME,
    ATTR_KIND,
    ATTR_VIEW_ONCE,
    KIND_AUTO,
    KIND_VOICE,
    KINDS,
)
from .source import ATTR_ENTITY, ATTR_FILE, ATTR_MEDIA, ATTR_URL, SOURCE_FIELDS, has_source

# As people know them from the Companion app; the value says by itself where to look.
SHORTCUTS: Final = ("image", "video", "audio")
_LOCAL: Final = "/local/"
_LOCAL_MEDIA: Final = "/media/local/"
_SCHEMA: Final = vol.Schema(
    {
        **SOURCE_FIELDS,
        vol.Optional(ATTR_CAPTION): str,
        vol.Optional(ATTR_KIND, default=KIND_AUTO): vol.In((*KINDS, KIND_VOICE)),
        vol.Optional(ATTR_FILENAME): str,
        vol.Optional(ATTR_VIEW_ONCE, default=False): bool,
    },
    extra=vol.REMOVE_EXTRA,
)


def media_in(hass: HomeAssistant, data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give the medium that a notification comes with; None when it has none.

    Raises `MediaUnusable` when what is said makes no sense.
    """
    if not data:
        return None
    wanted = dict(data)
    for kind in SHORTCUTS:
        if isinstance(value := wanted.pop(kind, None), str) and value:
            wanted.update(_place_of(hass, value))
            wanted.setdefault(ATTR_KIND, KIND_AUTO)
    if not has_source(wanted):
        return None
    try:
        found: dict[str, Any] = _SCHEMA(wanted)
    except (vol.Invalid, ServiceValidationError) as err:
        raise MediaUnusable("media_data_invalid", error=str(err)) from err
    return found


def _place_of(hass: HomeAssistant, value: str) -> dict[str, str]:
    """Say what a text is: a media source, an entity, a URL or a file."""
    if value.startswith("media-source://"):
        return {ATTR_MEDIA: value}
    if value.startswith(("http://", "https://")):
        return {ATTR_URL: value}
    if value.startswith(("camera.", "image.")):
        return {ATTR_ENTITY: value}
    if value.startswith(_LOCAL_MEDIA):
        return {ATTR_MEDIA: f"media-source://media_source/local/{value.removeprefix(_LOCAL_MEDIA)}"}
    if value.startswith(_LOCAL):
        return {ATTR_FILE: hass.config.path("www", value.removeprefix(_LOCAL))}
    return {ATTR_FILE: value}
