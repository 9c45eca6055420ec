"""Gives the client what it needs of Home Assistant, one client a connection at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
import secrets
import ssl
from typing import Any

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util

from .aiowhatsapp import (
    AiohttpConnector,
    AiohttpMediaTransport,
    Client,
    Credentials,
    MediaSettings,
    NotLinked,
    Pairing,
    ServerSettings,
    SystemClock,
    WhatsAppError,
)
from .aiowhatsapp.store import Store
from .const import DOMAIN, HEIR_TIMEOUT, LOGGER, LOGOUT_TIMEOUT
from .server import ServerSettingRefused, async_get_server
from .storage import (
    ConnectionStorage,
    CredentialsMissing,
    StoredConnection,
    async_get_storage,
)


@asynccontextmanager
async def async_open_client(
    hass: HomeAssistant, connection_id: str
) -> AsyncIterator[tuple[Client, StoredConnection]]:
    """Build a connection's client, which is stopped and let go of at the end.

    Waits until nobody else runs that connection. Received messages are held until
    they are asked for. Raises `StoreError` or `ServerSettingRefused`.
    """
    storage = async_get_storage(hass)
    async with storage.lock(connection_id):
        stored = await storage.async_load(connection_id)
        server = await async_get_server(hass)
        client = await _async_make_client(hass, storage, stored, server)
        try:
            yield client, stored
        finally:
            await client.stop()


async def async_make_pairing(
    hass: HomeAssistant, save: Callable[[Credentials], Awaitable[None]]
) -> Pairing:
    """Build one attempt at linking; raise `ServerSettingRefused`."""
    server = await async_get_server(hass)
    return Pairing(
        connector=AiohttpConnector(
            async_get_clientsession(hass), ssl_context=await _async_tls(hass, server)
        ),
        server=server,
        clock=SystemClock(),
        random_bytes=secrets.token_bytes,
        run_blocking=hass.async_add_executor_job,
        save=save,
    )


async def async_discard(
    hass: HomeAssistant, connection_id: str, *, heir: ConfigEntry[Any] | None = None
) -> None:
    """Log a connection's device out, as far as that works, and remove its files.

    What it had still to send goes to `heir`, the entry of the same account, linked anew.
    Waits until nobody else runs that connection.
    """
    try:
        async with async_open_client(hass, connection_id) as (client, _):
            await client.start()
            if heir is not None:
                await _async_inherit(hass, client, heir)
            async with asyncio.timeout(LOGOUT_TIMEOUT):
                await client.wait_connected(LOGOUT_TIMEOUT)
                await client.logout()
    except NotLinked, CredentialsMissing:
        LOGGER.debug("There is no device to log out")
    except (WhatsAppError, ServerSettingRefused, TimeoutError) as err:
        LOGGER.info("The device could not be logged out, unlink it in the phone: %s", err)
    await async_get_storage(hass).async_remove(connection_id)


@callback
def async_discard_soon(
    hass: HomeAssistant, connection_id: str, *, heir: ConfigEntry[Any] | None = None
) -> None:
    """Do `async_discard` beside everything else."""
    hass.async_create_background_task(
        async_discard(hass, connection_id, heir=heir), f"{DOMAIN} log out {connection_id}"
    )


async def _async_inherit(hass: HomeAssistant, client: Client, heir: ConfigEntry[Any]) -> None:
    """Let an entry's new connection send what waits in the outbox of its old one."""
    waiting = await client.outbox.give_away()
    if not waiting:
        return
    try:
        async with asyncio.timeout(HEIR_TIMEOUT):
            await _async_wait_loaded(hass, heir)
        new: Client = heir.runtime_data.client
        for message in waiting:
            await new.outbox.enqueue(
                message.chat,
                message.message,
                message_id=message.message_id,
                priority=message.priority,
                expire_after=max(message.expires_at - dt_util.utcnow().timestamp(), 1.0),
                attachment=await new.media.take_over(message.attachment, client.media),
            )
    except (WhatsAppError, TimeoutError) as err:
        LOGGER.warning(
            "%s messages of %s that had still to be sent are lost: %s",
            len(waiting),
            heir.title,
            str(err) or "It was not set up in time",
        )


async def _async_wait_loaded(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    changed = asyncio.Event()
    unsubscribe = async_dispatcher_connect(
        hass, SIGNAL_CONFIG_ENTRY_CHANGED, callback(lambda *_: changed.set())
    )
    try:
        while entry.state is not ConfigEntryState.LOADED:
            changed.clear()
            await changed.wait()
    finally:
        unsubscribe()


async def _async_make_client(
    hass: HomeAssistant,
    storage: ConnectionStorage,
    stored: StoredConnection,
    server: ServerSettings,
) -> Client:
    backend = await storage.async_backend(stored.connection_id)
    session = async_get_clientsession(hass)
    tls = await _async_tls(hass, server)
    return Client(
        credentials=stored.credentials,
        store=Store(backend),
        connector=AiohttpConnector(session, ssl_context=tls),
        server=server,
        clock=SystemClock(),
        random_bytes=secrets.token_bytes,
        run_blocking=hass.async_add_executor_job,
        media=MediaSettings(
            http=AiohttpMediaTransport(session, ssl_context=tls),
            folder=storage.media_path(stored.connection_id),
        ),
        hold_messages=True,
        fresh=stored.pending,
    )


async def _async_tls(hass: HomeAssistant, server: ServerSettings) -> ssl.SSLContext | None:
    """Trust what the settings say, in place of what Home Assistant trusts."""
    if (ca_file := server.ca_file) is None:
        return None
    try:
        return await hass.async_add_executor_job(lambda: ssl.create_default_context(cafile=ca_file))
    except (OSError, ssl.SSLError) as err:
        raise ServerSettingRefused(f"{ca_file} is no certificate file") from err
