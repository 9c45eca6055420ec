"""The kinds of files that the media hosts keep, and what each is called where.

The keys depend on the kind's HKDF word alone; the upload path and the `mms-type` of a
download only route the request.
"""

from enum import Enum
from typing import Final

# What the official clients take: documents may be the largest.
MAX_FILE: Final = 2_000_000_000


class MediaKind(Enum):
    """A kind of file: its HKDF word, its path at the hosts and its `mms-type`."""

    IMAGE = ("Image", "/mms/image", "image")
    VIDEO = ("Video", "/mms/video", "video")
    AUDIO = ("Audio", "/mms/audio", "audio")
    DOCUMENT = ("Document", "/mms/document", "document")
    STICKER = ("Image", "/mms/sticker", "sticker")
    GIF = ("Video", "/mms/gif", "gif")
    VOICE = ("Audio", "/mms/ptt", "ptt")
    LINK_THUMBNAIL = ("Link Thumbnail", "/mms/thumbnail-link", "thumbnail-link")
    HISTORY = ("History", "/mms/md-msg-hist", "md-msg-hist")
    APP_STATE = ("App State", "/mms/md-app-state", "md-app-state")

    def __init__(self, word: str, path: str, mms_type: str) -> None:
        """Name the parts."""
        self.path = path
        self.mms_type = mms_type
        self.info = f"WhatsApp {word} Keys".encode()
