"""A real Home Assistant core with an account linked, as automations see it."""

import asyncio
from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback

from custom_components.whatsapp_web.aiowhatsapp import (
    Client,
    PacingLimits,
    ReceiptReceived,
    UndecryptableMessage,
)
from custom_components.whatsapp_web.const import DOMAIN, EVENT_MESSAGE_RECEIVED
from tests.simulator.accounts import Account, Device

PATIENCE = 30


class Home:
    """Sends by the action, receives by the event."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], account: Account) -> None:
        self.hass = hass
        self.entry = entry
        self.account = account
        self.messages: list[dict[str, Any]] = []
        self.receipts: list[ReceiptReceived] = []
        self.undecryptable: list[str] = []
        self._arrived = asyncio.Condition()
        self._wakes: set[asyncio.Task[None]] = set()
        self._unsubscribe = hass.bus.async_listen(EVENT_MESSAGE_RECEIVED, self._on_message)
        self._watch_client()

    @property
    def address(self) -> str:
        """What peers write to.

        By LID, as the official clients do: zapo-js keeps one session for a number and
        another for its LID, and reads an answer to the one only in the other's place.
        """
        return str(self.account.lid_jid)

    @property
    def device(self) -> Device:
        """Home Assistant as the server knows it."""
        return self.account.companions[0]

    @property
    def client(self) -> Client:
        client: Client = self.entry.runtime_data.client
        return client

    def _watch_client(self) -> None:
        """Follow what has no event on the bus yet; and let it send as fast as it can."""
        self.client.outbox.pacing.set_limits(PacingLimits(per_minute=None))
        self.client.subscribe(
            UndecryptableMessage, lambda event: self.undecryptable.append(event.message_id)
        )
        self.client.subscribe(ReceiptReceived, self._on_receipt)

    async def send(self, recipient: str, text: str) -> str:
        """Send a text by the action; give the message's id."""
        response: Any = await self.hass.services.async_call(
            DOMAIN,
            "send_message",
            {"recipient": recipient, "message": text},
            blocking=True,
            return_response=True,
        )
        (chat,) = response["chats"]
        # The receipt may be faster than the action.
        assert chat["state"] in ("sent", "delivered"), chat
        return str(chat["message_id"])

    async def stop(self) -> None:
        """Unload the entry: the line is down, the state stays."""
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)

    async def start(self) -> None:
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.client.wait_connected(PATIENCE)
        self._watch_client()

    def close(self) -> None:
        self._unsubscribe()

    async def text(self, text: str) -> dict[str, Any]:
        """Wait for the event of a message with that text."""
        return await self.until(
            lambda: next((data for data in self.messages if data.get("text") == text), None)
        )

    def texts(self) -> list[str]:
        return [data["text"] for data in self.messages]

    async def until[T](self, found: Callable[[], T | None]) -> T:
        """Wait until `found` gives something."""
        async with asyncio.timeout(PATIENCE), self._arrived:
            while not (result := found()):
                await self._arrived.wait()
            return result

    @callback
    def _on_message(self, event: Event[dict[str, Any]]) -> None:
        self.messages.append(event.data)
        self._wake()

    def _on_receipt(self, receipt: ReceiptReceived) -> None:
        self.receipts.append(receipt)
        self._wake()

    def _wake(self) -> None:
        task = self.hass.async_create_task(self._notify())
        self._wakes.add(task)
        task.add_done_callback(self._wakes.discard)

    async def _notify(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()
