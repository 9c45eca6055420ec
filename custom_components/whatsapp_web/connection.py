"""Gives the client what it needs of Home Assistant, one client a connection at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
import secrets
import ssl

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

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
from .const import DOMAIN, LOGGER, LOGOUT_TIMEOUT
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


async def async_discard(hass: HomeAssistant, connection_id: str) -> None:
    """Log a connection's device out, as far as that works, and remove its files.

    Waits until nobody else runs that connection.
    """
    try:
        async with (
            async_open_client(hass, connection_id) as (client, _),
            asyncio.timeout(LOGOUT_TIMEOUT),
        ):
            await client.start()
            await client.wait_connected(LOGOUT_TIMEOUT)
            await client.logout()
    except NotLinked, CredentialsMissing:
        LOGGER.debug("There is no device to log out")
    except (WhatsAppError, ServerSettingRefused, TimeoutError) as err:
        LOGGER.info("The device could not be logged out, unlink it in the phone: %s", err)
    await async_get_storage(hass).async_remove(connection_id)


@callback
def async_discard_soon(hass: HomeAssistant, connection_id: str) -> None:
    """Do `async_discard` beside everything else."""
    hass.async_create_background_task(
        async_discard(hass, connection_id), f"{DOMAIN} log out {connection_id}"
    )


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
