"""What a person chose for a connection, typed, with the defaults of what they left alone."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from homeassistant.config_entries import ConfigEntry

from .const import (
    CONF_APPEAR_ONLINE,
    CONF_BACKUP_AFTER,
    CONF_BACKUP_CONNECTION,
    CONF_BLOCK_CHANGED_IDENTITY,
    CONF_DEFAULT_RECIPIENT,
    CONF_MARK_AS_READ,
    CONF_MESSAGES_PER_MINUTE,
    CONF_STALE_AFTER,
    RECIPIENT_ME,
)

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
    code changed, until a person has agreed.
    """

    messages_per_minute: int = DEFAULT_MESSAGES_PER_MINUTE
    default_recipients: tuple[str, ...] = (RECIPIENT_ME,)
    stale_after: timedelta = timedelta(minutes=DEFAULT_STALE_MINUTES)
    backup_entry_id: str | None = None
    backup_after: timedelta = timedelta(seconds=DEFAULT_BACKUP_SECONDS)
    block_changed_identity: bool = False
    mark_as_read: bool = False
    appear_online: bool = False

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
            mark_as_read=bool(chosen.get(CONF_MARK_AS_READ, False)),
            appear_online=bool(chosen.get(CONF_APPEAR_ONLINE, False)),
        )
