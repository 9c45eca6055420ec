"""What can be sent with a file."""

from dataclasses import dataclass, field
from pathlib import Path

from .message_kind import MessageKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file to send as image, video, gif, video note, audio, voice note, document or sticker.

    The file has to be what WhatsApp plays already, as JPEG, MP4 (H.264, AAC), Opus in Ogg or
    WebP; nothing is converted here. `thumbnail` is a small JPEG, `waveform` has 64 bytes
    from 0 to 100. Images, videos and voice notes can be for viewing once.
    """

    kind: MessageKind
    path: Path = field(repr=False)
    mime_type: str = ""
    caption: str = field(default="", repr=False)
    filename: str = field(default="", repr=False)
    seconds: int | None = None
    width: int | None = None
    height: int | None = None
    thumbnail: bytes = field(default=b"", repr=False)
    waveform: bytes = field(default=b"", repr=False)
    animated: bool = False
    view_once: bool = False
