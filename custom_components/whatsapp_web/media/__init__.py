"""From what an action names as its medium to a file that WhatsApp shows and plays."""

from .errors import MediaUnusable
from .prepare import KINDS, async_prepared, async_profile_picture
from .source import SOURCE_FIELDS, SOURCES, has_source, one_source

__all__ = [
    "KINDS",
    "SOURCES",
    "SOURCE_FIELDS",
    "MediaUnusable",
    "async_prepared",
    "async_profile_picture",
    "has_source",
    "one_source",
]
