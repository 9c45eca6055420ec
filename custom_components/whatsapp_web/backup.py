"""Backups: what they hold of a connection fits together, and is known as a copy later.

Home Assistant reads the files one after the other, for minutes, while messages come
and go. See `Backend.begin_copy` for how they still fit together.
"""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from .const import CONF_CONNECTION_ID, DOMAIN, LOGGER
from .storage import async_get_storage

# When nobody says that a backup has ended, SQLite's log must not grow for ever.
LONGEST_BACKUP: Final = timedelta(hours=6)

_DATA_DEADLINE: HassKey[CALLBACK_TYPE] = HassKey(f"{DOMAIN}_backup_deadline")


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Get all connections ready to be copied; those that fail don't stop the backup."""
    _cancel_deadline(hass)

    async def give_up(_now: datetime) -> None:
        LOGGER.warning("The end of a backup was not announced, going on without it")
        await async_post_backup(hass)

    hass.data[_DATA_DEADLINE] = async_call_later(
        hass, LONGEST_BACKUP, HassJob(give_up, cancel_on_shutdown=True)
    )
    failures = await async_get_storage(hass).async_begin_copy()
    for connection_id, error in failures.items():
        LOGGER.warning(
            "The backup may hold %s in a state that a restore can't take over safely (%s): "
            "link it anew after restoring this backup",
            _title_of(hass, connection_id),
            str(error) or type(error).__name__,
        )


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on as before."""
    _cancel_deadline(hass)
    failures = await async_get_storage(hass).async_end_copy()
    for connection_id, error in failures.items():
        LOGGER.warning(
            "%s could not go on after the backup as before, and begins new sessions "
            "at its next start: %s",
            _title_of(hass, connection_id),
            str(error) or type(error).__name__,
        )


def _cancel_deadline(hass: HomeAssistant) -> None:
    cancel = hass.data.pop(_DATA_DEADLINE, None)
    if cancel is not None:
        cancel()


def _title_of(hass: HomeAssistant, connection_id: str) -> str:
    """Name a connection as its entry does, or as its files do while it has none."""
    titles = [
        entry.title
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.data[CONF_CONNECTION_ID] == connection_id
    ]
    return titles[0] if titles else connection_id
