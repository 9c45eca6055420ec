"""Finding the file in a message: what people may know of it, and what it takes to fetch it."""

from dataclasses import dataclass, field
import re
from typing import Final

from ..media.keys import KEY_LENGTH
from ..media.kinds import MediaKind
from ..media.reference import FileReference
from ..proto import wire
from .content import MediaContent
from .wrappers import unwrap

MAX_MIME: Final = 128
MAX_FILENAME: Final = 255
MAX_THUMBNAIL: Final = 64 << 10
MAX_WAVEFORM: Final = 256
_MAX_PATH: Final = 4096
_DIGEST: Final = 32
# More than any of these is a lie: 30 days, and the largest picture of any camera.
_MAX_SECONDS: Final = 30 * 24 * 3600
_MAX_PIXELS: Final = 1 << 17
_MIME: Final = re.compile(r"[A-Za-z0-9][\w.+-]*/[A-Za-z0-9][\w.+-]*( *; *[ -~]*)?", re.ASCII)
_FIELDS: Final = (
    "imageMessage",
    "videoMessage",
    "ptvMessage",
    "audioMessage",
    "documentMessage",
    "stickerMessage",
)

type FileMessage = (
    wire.Message.ImageMessage
    | wire.Message.VideoMessage
    | wire.Message.AudioMessage
    | wire.Message.DocumentMessage
    | wire.Message.StickerMessage
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """The file of a message; `reference` is None when it can't be fetched."""

    content: MediaContent
    reference: FileReference | None = field(repr=False)


def file_field(message: wire.Message) -> tuple[str, FileMessage] | None:
    """Give the field with the file of a message that is out of its envelopes."""
    for name in _FIELDS:
        if message.HasField(name):
            part: FileMessage = getattr(message, name)
            return name, part
    return None


def file_of(message: wire.Message) -> FoundFile | None:
    """Read the file of a message in any envelope; None when it has none. Nothing raises."""
    found = file_field(unwrap(message).message)
    if found is None:
        return None
    part = found[1]
    return FoundFile(content=_content(part), reference=_reference(part))


def _content(part: FileMessage) -> MediaContent:
    seconds = width = height = None
    filename: str | bytes = ""
    thumbnail = waveform = b""
    animated = False
    if isinstance(part, wire.Message.AudioMessage | wire.Message.VideoMessage):
        seconds = _bounded(part.seconds, _MAX_SECONDS)
    if isinstance(part, wire.Message.AudioMessage):
        waveform = part.waveform[:MAX_WAVEFORM]
    elif isinstance(part, wire.Message.DocumentMessage):
        filename = part.fileName or part.title
        thumbnail = part.jpegThumbnail
    else:
        width, height = _bounded(part.width, _MAX_PIXELS), _bounded(part.height, _MAX_PIXELS)
        if isinstance(part, wire.Message.StickerMessage):
            animated = part.isAnimated
        else:
            thumbnail = part.jpegThumbnail
    return MediaContent(
        mime_type=_mime_type(part.mimetype),
        size=part.fileLength if part.HasField("fileLength") else None,
        filename=_text(filename, MAX_FILENAME),
        seconds=seconds,
        width=width,
        height=height,
        animated=animated,
        thumbnail=thumbnail if len(thumbnail) <= MAX_THUMBNAIL else b"",
        waveform=waveform,
    )


def _reference(part: FileMessage) -> FileReference | None:
    path, url = _text(part.directPath, _MAX_PATH), _text(part.url, _MAX_PATH)
    whole = len(part.mediaKey) == KEY_LENGTH and len(part.fileSha256) == _DIGEST
    if not whole or not (path or url):
        return None
    return FileReference(
        kind=kind_of(part),
        media_key=part.mediaKey,
        digest=part.fileSha256,
        encrypted_digest=part.fileEncSha256 if len(part.fileEncSha256) == _DIGEST else b"",
        length=part.fileLength if part.HasField("fileLength") else None,
        direct_path=path or "",
        url=url or "",
    )


def kind_of(part: FileMessage) -> MediaKind:
    """Say of what kind the file in a field is."""
    if isinstance(part, wire.Message.ImageMessage):
        return MediaKind.IMAGE
    if isinstance(part, wire.Message.VideoMessage):
        return MediaKind.GIF if part.gifPlayback else MediaKind.VIDEO
    if isinstance(part, wire.Message.AudioMessage):
        return MediaKind.VOICE if part.ptt else MediaKind.AUDIO
    if isinstance(part, wire.Message.DocumentMessage):
        return MediaKind.DOCUMENT
    return MediaKind.STICKER


def _text(value: str | bytes, limit: int) -> str | None:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text if 0 < len(text) <= limit else text[:limit] or None


def _mime_type(value: str | bytes) -> str | None:
    """Take a MIME type that is one: it ends in headers and names of files."""
    text = _text(value, MAX_MIME) or ""
    return text if _MIME.fullmatch(text) else None


def _bounded(value: int, limit: int) -> int | None:
    return value if 0 < value <= limit else None
