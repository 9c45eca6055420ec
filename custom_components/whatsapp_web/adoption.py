"""Finishes linkings: whose account it is, its first login, and the entry that gets it.

What was linked and saved when a dialog or Home Assistant ended gets its entry later.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace

from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType

from .aiowhatsapp import Credentials, NotLinked, OwnNameChanged, StoreError, WhatsAppError
from .connection import async_discard_soon, async_open_client
from .const import (
    CONF_CONNECTION_ID,
    DOMAIN,
    FIRST_LOGIN_TIMEOUT,
    LOGGER,
    OWN_NAME_TIMEOUT,
)
from .server import ServerSettingRefused
from .storage import StoredConnection, async_get_storage


def unique_id_of(credentials: Credentials) -> str:
    """Give the unique id of an account's entry: its user, by LID where it has one."""
    return credentials.lid.user or credentials.jid.user


def title_of(credentials: Credentials) -> str:
    """Give the title of an account's entry: its name, else its number."""
    return credentials.push_name or f"+{credentials.jid.user}"


def refusal(hass: HomeAssistant, entry: ConfigEntry | None, credentials: Credentials) -> str | None:
    """Say why a flow may not have this account: the key of an abort, or None."""
    accounts = {credentials.lid.user, credentials.jid.user} - {""}
    if entry is not None:
        return None if entry.unique_id in accounts else "wrong_account"
    taken = {known.unique_id for known in hass.config_entries.async_entries(DOMAIN)}
    return "already_configured" if taken & accounts else None


async def async_first_login(hass: HomeAssistant, connection_id: str) -> None:
    """Log in for the first time, to see whether the server took the device.

    Raises `NotLinked`, after removing the credentials, when it did not. Any other
    trouble proves nothing and is left to the entry.
    """
    try:
        async with async_open_client(hass, connection_id) as (client, stored):
            named = asyncio.Event()
            client.subscribe(OwnNameChanged, lambda _event: named.set())
            await client.start()
            await client.wait_connected(FIRST_LOGIN_TIMEOUT)
            if client.push_name is None:
                # The phone sends it soon after the first login; entities are named by it.
                with suppress(TimeoutError):
                    await asyncio.wait_for(named.wait(), OWN_NAME_TIMEOUT)
            if client.credentials != stored.credentials:
                named_now = replace(stored, credentials=client.credentials)
                await async_get_storage(hass).async_save(named_now)
    except NotLinked:
        await async_get_storage(hass).async_remove(connection_id)
        raise
    except (WhatsAppError, ServerSettingRefused) as err:
        LOGGER.info("Linked, but the first login has to wait: %s", err)


async def async_adopt(hass: HomeAssistant, connection_id: str) -> str | None:
    """Finish a linking that was cut short after its credentials were saved.

    They go to the entry they were made for, or get an entry, whose title is returned,
    or, when neither is possible, are logged out and removed.
    """
    storage = async_get_storage(hass)
    storage.being_linked.add(connection_id)
    try:
        return await _async_adopt(hass, await storage.async_load(connection_id))
    except NotLinked:
        LOGGER.info("A linking that was cut short never reached the server")
    except StoreError as err:
        LOGGER.warning("Stored credentials that no entry uses can't be read: %s", err)
    finally:
        storage.being_linked.discard(connection_id)
    return None


async def _async_adopt(hass: HomeAssistant, stored: StoredConnection) -> str | None:
    connection_id = stored.connection_id
    if (entry := _entry_for(hass, stored)) is not None:
        async_use_connection(hass, entry, connection_id)
        return entry.title
    if refusal(hass, None, stored.credentials):
        async_discard_soon(hass, connection_id)
        return None
    await async_first_login(hass, connection_id)
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_IMPORT}, data={CONF_CONNECTION_ID: connection_id}
    )
    if result["type"] is not FlowResultType.CREATE_ENTRY:
        LOGGER.info("No entry was made for a linked account: %s", result.get("reason"))
        return None
    return result["title"]


@callback
def async_use_connection(hass: HomeAssistant, entry: ConfigEntry, connection_id: str) -> None:
    """Let an entry work with another connection from now on, and discard its old one."""
    old = entry.data[CONF_CONNECTION_ID]
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_CONNECTION_ID: connection_id}
    )
    async_discard_soon(hass, old, heir=entry)
    if entry.state is not ConfigEntryState.NOT_LOADED:
        hass.config_entries.async_schedule_reload(entry.entry_id)


async def async_adopt_all(hass: HomeAssistant) -> list[str]:
    """Finish every linking that an end of Home Assistant cut short; give their titles."""
    storage = async_get_storage(hass)
    adopted = []
    for connection_id in await storage.async_list():
        used = {
            entry.data.get(CONF_CONNECTION_ID)
            for entry in hass.config_entries.async_entries(DOMAIN)
        }
        if connection_id not in used | storage.being_linked and (
            title := await async_adopt(hass, connection_id)
        ):
            adopted.append(title)
    return adopted


def _entry_for(hass: HomeAssistant, stored: StoredConnection) -> ConfigEntry | None:
    """Find the entry that these credentials were made for and that lacks them yet."""
    if not stored.pending or stored.entry_id is None:
        return None
    entry = hass.config_entries.async_get_entry(stored.entry_id)
    if entry is None or refusal(hass, entry, stored.credentials):
        return None
    return entry
