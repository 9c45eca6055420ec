"""Contact cards: vCard 3.0, written safely and read with suspicion."""

from dataclasses import dataclass, field
import re
from typing import Final
import unicodedata

from ..errors import InvalidDraft

MAX_CARD: Final = 64 * 1024
MAX_LINES: Final = 512
MAX_FIELD: Final = 256
MAX_PHONES: Final = 16

_NUMBER: Final = re.compile(r"\+?([0-9]{4,15})")
_WRITTEN: Final = re.compile(r"[\s().\-/]")
_WAID: Final = re.compile(r";waid=([0-9]{4,20})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card says: a name, and numbers as they were written."""

    name: str | None = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)


def write_card(
    name: str, phones: tuple[str, ...], *, organization: str = "", email: str = ""
) -> str:
    """Write a card.

    Raises `InvalidDraft` when there is no name or what is given is no number.
    """
    shown = _escape(name)
    if not shown:
        raise InvalidDraft("A contact needs a name")
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"N:;{shown};;;", f"FN:{shown}"]
    if organization:
        lines.append(f"ORG:{_escape(organization)};")
    for phone in phones[:MAX_PHONES]:
        match = _NUMBER.fullmatch(_WRITTEN.sub("", phone))
        if match is None:
            raise InvalidDraft("Not a phone number")
        lines.append(f"TEL;type=CELL;type=VOICE;waid={match[1]}:+{match[1]}")
    if email:
        lines.append(f"EMAIL;type=INTERNET:{_escape(email)}")
    return "\n".join([*lines, "END:VCARD"])


def read_card(text: str) -> Card:
    """Read a card; whatever makes no sense in it is left out."""
    name: str | None = None
    phones: list[str] = []
    unfolded = re.sub(r"\r?\n[ \t]", "", text[:MAX_CARD])
    for line in unfolded.splitlines()[:MAX_LINES]:
        left, colon, value = line.partition(":")
        if not colon:
            continue
        # Apple writes groups in front: item1.TEL
        key = left.partition(";")[0].rpartition(".")[2].upper()
        if key == "FN" and name is None:
            name = _unescape(value)[:MAX_FIELD].strip() or None
        elif key == "TEL" and len(phones) < MAX_PHONES:
            waid = _WAID.search(left)
            phone = f"+{waid[1]}" if waid else _unescape(value)[:MAX_FIELD].strip()
            if phone and phone not in phones:
                phones.append(phone)
    return Card(name=name, phones=tuple(phones))


def _escape(text: str) -> str:
    """Make a value that can't end its line or field."""
    clean = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in text[:MAX_FIELD]
    )
    clean = clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    return clean.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _unescape(value: str) -> str:
    return re.sub(
        r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], value[: 4 * MAX_FIELD]
    )
