"""Composing messages, and saying what a stanza that carries one must say of it."""

from .addon import (
    compose_delete,
    compose_edit,
    compose_event_response,
    compose_keep,
    compose_pin,
    compose_reaction,
    compose_vote,
)
from .contacts import compose_contacts
from .context import Extras, Quote, add_extras, quoted_form
from .draft import Sealer, compose, compose_addon, compose_timer
from .envelope import content_field, device_sent, view_once
from .forward import compose_forward
from .labels import Labels, labels_of, media_type, stanza_type
from .media import compose_media, media_kind, set_location, wrap_media
from .place import compose_live_location, compose_location
from .poll import compose_event, compose_poll
from .text import MAX_TEXT, compose_text

__all__ = [
    "MAX_TEXT",
    "Extras",
    "Labels",
    "Quote",
    "Sealer",
    "add_extras",
    "compose",
    "compose_addon",
    "compose_contacts",
    "compose_delete",
    "compose_edit",
    "compose_event",
    "compose_event_response",
    "compose_forward",
    "compose_keep",
    "compose_live_location",
    "compose_location",
    "compose_media",
    "compose_pin",
    "compose_poll",
    "compose_reaction",
    "compose_text",
    "compose_timer",
    "compose_vote",
    "content_field",
    "device_sent",
    "labels_of",
    "media_kind",
    "media_type",
    "quoted_form",
    "set_location",
    "stanza_type",
    "view_once",
    "wrap_media",
]
