"""What a person chose for a connection, typed, with the defaults of what they left alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.exceptions import ServiceValidationError

from .aiowhatsapp import PacingLimits
from .const import (
    CONF_APPEAR_ONLINE,
    CONF_BACKUP_AFTER,
    CONF_BACKUP_CONNECTION,
    CONF_BLOCK_CHANGED_IDENTITY,
    CONF_DEFAULT_RECIPIENT,
    CONF_FETCH_MEDIA,
    CONF_FOLLOW_PRESENCE,
    CONF_MARK_AS_READ,
    CONF_MESSAGES_PER_MINUTE,
    CONF_PEOPLE,
    CONF_PERSON,
    CONF_PHONE,
    CONF_STALE_AFTER,
    CONF_STATUS_UPDATES,
    RECIPIENT_ME,
)
from .recipients import parse_recipient

# What nobody has been banned for yet, as far as is known.
DEFAULT_MESSAGES_PER_MINUTE: Final = 40
DEFAULT_STALE_MINUTES: Final = 5
DEFAULT_BACKUP_SECONDS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """The options of one connection, as they hold until its entry is set up again.

    `default_recipients` are whom `notify` writes to without a target. Messages that
    waited at the server for longer than `stale_after` are marked as stale. With
    `backup_entry_id` that entry's connection sends when this one has been down for
    `backup_after`. `block_changed_identity` sends nothing to a contact whose security
    code changed, until a person has agreed. `fetch_media` fetches the files of
    messages as they come. With `status_updates` those of contacts are told like
    messages. `followed` are those whose presence is told;
    `people` gives the person entity of a number (with `+`) or chat id.
    """

    messages_per_minute: int = DEFAULT_MESSAGES_PER_MINUTE
    default_recipients: tuple[str, ...] = (RECIPIENT_ME,)
    stale_after: timedelta = timedelta(minutes=DEFAULT_STALE_MINUTES)
    backup_entry_id: str | None = None
    backup_after: timedelta = timedelta(seconds=DEFAULT_BACKUP_SECONDS)
    block_changed_identity: bool = False
    fetch_media: bool = False
    mark_as_read: bool = False
    appear_online: bool = False
    status_updates: bool = False
    followed: tuple[str, ...] = ()
    people: Mapping[str, str] = field(default_factory=dict)

    @property
    def pacing(self) -> PacingLimits:
        """How fast messages may leave: as many at once as in half a minute, but one always."""
        per_minute = self.messages_per_minute
        return PacingLimits(per_minute=float(per_minute), burst=max(per_minute // 2, 1))

    @classmethod
    def of(cls, entry: ConfigEntry) -> Self:
        """Read the options of an entry."""
        chosen = entry.options
        backup = chosen.get(CONF_BACKUP_CONNECTION)
        return cls(
            messages_per_minute=int(
                chosen.get(CONF_MESSAGES_PER_MINUTE, DEFAULT_MESSAGES_PER_MINUTE)
            ),
            default_recipients=tuple(chosen.get(CONF_DEFAULT_RECIPIENT) or (RECIPIENT_ME,)),
            stale_after=timedelta(minutes=chosen.get(CONF_STALE_AFTER, DEFAULT_STALE_MINUTES)),
            # Its own backup it can't be, whatever a copied file says.
            backup_entry_id=None if backup == entry.entry_id else backup,
            backup_after=timedelta(seconds=chosen.get(CONF_BACKUP_AFTER, DEFAULT_BACKUP_SECONDS)),
            block_changed_identity=bool(chosen.get(CONF_BLOCK_CHANGED_IDENTITY, False)),
            fetch_media=bool(chosen.get(CONF_FETCH_MEDIA, False)),
            mark_as_read=bool(chosen.get(CONF_MARK_AS_READ, False)),
            appear_online=bool(chosen.get(CONF_APPEAR_ONLINE, False)),
            status_updates=bool(chosen.get(CONF_STATUS_UPDATES, False)),
            followed=tuple(chosen.get(CONF_FOLLOW_PRESENCE) or ()),
            people=_people(chosen.get(CONF_PEOPLE) or ()),
        )


def _people(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Find a person by number or chat id, however the number is written."""
    found = {}
    for each in listed:
        try:
            recipient = parse_recipient(each[CONF_PHONE])
        except ServiceValidationError, KeyError:
            # Kept by hand, perhaps; the form takes no such thing.
            continue
        key = recipient.number or str(recipient.chat)
        found[key] = each.get(CONF_PERSON, "")
    return found
