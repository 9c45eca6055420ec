"""Names of files that may stand in a message, or on a disk."""

from typing import Final
import unicodedata

# What file systems take, with room for what a copy adds.
MAX_BYTES: Final = 200
_MAX_SUFFIX: Final = 20
FALLBACK: Final = "file"


def safe_filename(name: str) -> str:
    """Make one plain file name out of any text; it is never empty and leads nowhere.

    Separators become underscores. Characters that are not seen, among them those that
    turn the direction of writing, are left out.
    """
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    text = "".join("_" if each in '/\\:*?"<>|' else each for each in text)
    text = "".join(each for each in text if unicodedata.category(each)[0] != "C")
    text = text.strip(" .")
    stem, dot, suffix = text.rpartition(".")
    if not dot or not stem or len(suffix.encode()) > _MAX_SUFFIX:
        stem, suffix = text, ""
    suffix = f".{suffix}" if suffix else ""
    stem = _cut(stem, MAX_BYTES - len(suffix.encode())).rstrip(" .")
    return f"{stem or FALLBACK}{suffix}"


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")
