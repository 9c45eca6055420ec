"""An automation that a crash test can ask afterwards: it writes down what it was told.

Every message event is appended to `received.log` in the very call that the event bus
makes; every text of a contact is answered through the action, and what the action
confirmed is appended to `answered.log`. Appending is one system call: it survives the
process that made it.
"""

import asyncio
import os
from typing import Any

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

DOMAIN = "observer"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Listen before anything can be told."""
    received, answered = await hass.async_add_executor_job(
        lambda: [
            os.open(hass.config.path(name), FLAGS, 0o600)
            for name in ("received.log", "answered.log")
        ]
    )
    questions: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @callback
    def on_message(event: Event) -> None:
        os.write(received, f"{event.data['text']}\n".encode())
        questions.put_nowait((event.data["chat_id"], event.data["text"]))

    async def answer() -> None:
        while True:
            chat, text = await questions.get()
            try:
                response: Any = await hass.services.async_call(
                    "whatsapp_web",
                    "send_message",
                    {"recipient": chat, "message": f"re: {text}"},
                    blocking=True,
                    return_response=True,
                )
            except HomeAssistantError:
                continue
            if response and response["chats"][0]["state"] in ("sent", "delivered", "read"):
                os.write(answered, f"{text}\n".encode())

    hass.bus.async_listen("whatsapp_web_message_received", on_message)
    hass.async_create_background_task(answer(), "observer answers")
    return True
