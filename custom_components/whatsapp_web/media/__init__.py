"""From what an action names as its medium to a file that WhatsApp shows and plays."""

from .errors import MediaUnusable
from .prepare import KINDS, async_prepared
from .source import SOURCE_FIELDS, has_source, one_source

__all__ = [
    "KINDS",
    "SOURCE_FIELDS",
    "MediaUnusable",
    "async_prepared",
    "has_source",
    "one_source",
]
