"""Recipients as people write them: phone numbers, "me", or a chat id from an event."""

from dataclasses import dataclass
import re
from typing import Final
import unicodedata

from homeassistant.exceptions import ServiceValidationError

from .aiowhatsapp import Jid, WhatsAppError
from .const import DOMAIN, RECIPIENT_ME

# E.164: at most 15 digits, country code first, which never begins with 0.
_INTERNATIONAL: Final = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})")
_PUNCTUATION: Final = re.compile(r"[\s().\-/\u2010-\u2015\u2212]")
# The trunk digit that some write behind the country code: +44 (0)20 ...
_TRUNK: Final = re.compile(r"(?<=\d)\s*\(0\)")
_MAX_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom to write to; `number` is `+` and digits; with neither it is ourselves."""

    text: str
    number: str | None = None
    chat: Jid | None = None

    @property
    def is_me(self) -> bool:
        """Whether this is the account itself."""
        return self.number is None and self.chat is None


def recipient_text(value: object) -> str:
    """Schema of one recipient: text, or a number that lost its `+` in YAML.

    YAML and templates turn `+5511912345678` into a whole number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"+{value}"
    if isinstance(value, str):
        return value
    raise ValueError("expected a phone number, me, or a chat id")


def parse_recipient(text: str) -> Recipient:
    """Read a recipient.

    Raises `ServiceValidationError` when it is none or empty, or a number without its country
    code: that one could be somebody else's.
    """
    cleaned = _clean(text)
    if not cleaned:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="recipient_empty")
    if cleaned.casefold() == RECIPIENT_ME:
        return Recipient(text=cleaned)
    if "@" in cleaned:
        return Recipient(text=cleaned, chat=_parse_chat(cleaned))
    match = _INTERNATIONAL.fullmatch(_PUNCTUATION.sub("", _TRUNK.sub("", cleaned)))
    if match is None:
        raise _invalid("invalid_number", cleaned)
    return Recipient(text=cleaned, number=f"+{match[1]}")


def _clean(text: str) -> str:
    """Undo what copying out of other apps does: marks of direction, wide digits."""
    if len(text) > _MAX_LENGTH:
        raise _invalid("invalid_number", f"{text[:20]}…")
    normal = unicodedata.normalize("NFKC", text)
    visible = "".join(char for char in normal if unicodedata.category(char) != "Cf")
    return visible.strip().removeprefix("tel:")


def _parse_chat(text: str) -> Jid:
    try:
        chat = Jid.parse(text)
    except WhatsAppError as err:
        raise _invalid("invalid_chat_id", text) from err
    if not chat.user or not (chat.is_user or chat.is_group):
        raise _invalid("invalid_chat_id", text)
    return chat.bare


def _invalid(key: str, text: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders={"recipient": text},
    )
