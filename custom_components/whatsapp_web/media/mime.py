"""Telling what a file is: by its first bytes, else by its name."""

import mimetypes
from pathlib import Path
from typing import Final

HEAD: Final = 64
UNKNOWN: Final = "application/octet-stream"

# Where in the file, what stands there, and what that means.
_SIGNS: Final = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"%PDF", "application/pdf"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
)


def mime_of(path: Path, name: str, said: str | None) -> str:
    """Say what a file is; what its own bytes tell counts more than what others said."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    for at, sign, mime in _SIGNS:
        if head.startswith(sign, at):
            # Ogg and Matroska hold either; the name or the source knows which.
            return _refined(mime, name, said)
    return _plain(said) or mimetypes.guess_type(name)[0] or UNKNOWN


def _refined(mime: str, name: str, said: str | None) -> str:
    other = _plain(said) or mimetypes.guess_type(name)[0] or ""
    if mime in ("audio/ogg", "video/webm", "video/mp4") and other.startswith(("audio/", "video/")):
        return other
    return mime


def _plain(said: str | None) -> str | None:
    """Take the parameters off; nothing is better than what says nothing."""
    text = (said or "").split(";", maxsplit=1)[0].strip().lower()
    return None if text in ("", UNKNOWN, "binary/octet-stream") or "/" not in text else text
