"""Mentioning people: by their numbers, in the text of a message."""

from collections.abc import Sequence
from dataclasses import replace
import re
from typing import Final, Literal

from .aiowhatsapp import Draft, Jid, Media, Text
from .coordinator import WhatsAppCoordinator
from .recipients import parse_recipient

MENTION_ALL: Final = "all"
# A number behind an @, as people write it.
_WRITTEN: Final = re.compile(r"@(\+?[0-9][0-9\s().\-]{5,24}[0-9])")
_PUNCTUATION: Final = re.compile(r"[^0-9]")


async def async_mention(
    coordinator: WhatsAppCoordinator, draft: Draft, mentions: Sequence[str]
) -> tuple[Draft, list[Jid] | Literal["all"]]:
    """Find the people to mention, and have the text name them as WhatsApp does.

    Whoever the text does not name is named at its end. Raises `WhatsAppError` and
    `ServiceValidationError` for a number that is none.
    """
    if MENTION_ALL in mentions:
        return draft, "all"
    people = [await _async_find(coordinator, each) for each in mentions]
    if people and isinstance(draft, Text):
        draft = replace(draft, text=_name(draft.text, people))
    if people and isinstance(draft, Media) and draft.caption:
        draft = replace(draft, caption=_name(draft.caption, people))
    return draft, [jid for jid, _ in people]


async def _async_find(coordinator: WhatsAppCoordinator, text: str) -> tuple[Jid, str]:
    """Find somebody, and the digits that they may be named by."""
    recipient = parse_recipient(text)
    client = coordinator.client
    if recipient.chat is not None:
        phone = client.phone_of(recipient.chat)
        return recipient.chat, "" if phone is None else phone.user
    if recipient.number is not None:
        return await client.resolve_number(recipient.number), recipient.number.removeprefix("+")
    return client.own_lid, client.own_jid.user


def _name(text: str, people: Sequence[tuple[Jid, str]]) -> str:
    by_digits = {digits: jid.user for jid, digits in people if digits}

    def put(match: re.Match[str]) -> str:
        user = by_digits.get(_PUNCTUATION.sub("", match[1]))
        return match[0] if user is None else f"@{user}"

    text = _WRITTEN.sub(put, text)
    missing = [f"@{jid.user}" for jid, _ in people if f"@{jid.user}" not in text]
    return " ".join([text, *missing])
