"""Linking without a dialog, for tests that are about what comes after."""

import asyncio

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web.aiowhatsapp import Credentials, PairingEvent, QrCode
from custom_components.whatsapp_web.connection import async_make_pairing
from custom_components.whatsapp_web.const import CONF_CONNECTION_ID, DOMAIN
from custom_components.whatsapp_web.storage import (
    StoredConnection,
    async_get_storage,
    new_connection_id,
)
from tests.simulator.accounts import Account, Device


async def link_device(hass: HomeAssistant, account: Account, entry_id: str | None = None) -> str:
    """Link as a round does, and end before its credentials are in an entry."""
    connection_id = new_connection_id()
    scans: list[asyncio.Task[Device]] = []

    async def save(credentials: Credentials) -> None:
        connection = StoredConnection(
            connection_id=connection_id, credentials=credentials, entry_id=entry_id
        )
        await async_get_storage(hass).async_save(connection)

    def on_event(event: PairingEvent) -> None:
        if isinstance(event, QrCode):
            scans.append(asyncio.create_task(account.phone.scan(event.text)))

    pairing = await async_make_pairing(hass, save)
    await pairing.run(on_event)
    await asyncio.gather(*scans)
    return connection_id


async def add_linked(hass: HomeAssistant, account: Account, **options: object) -> MockConfigEntry:
    """Link an account and add its entry, not set up yet; its title is the account's name."""
    connection_id = await link_device(hass, account)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=account.name,
        unique_id=account.lid,
        data={CONF_CONNECTION_ID: connection_id},
        options=options,
    )
    entry.add_to_hass(hass)
    return entry
