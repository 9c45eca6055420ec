"""What Home Assistant shows of the integration as a whole: system health and logbook."""

from collections.abc import Callable
from typing import Any

from homeassistant.components.logbook import LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.whatsapp_web.aiowhatsapp import ConnectionFailed, Status
from custom_components.whatsapp_web.const import DOMAIN
from custom_components.whatsapp_web.logbook import async_describe_events
from custom_components.whatsapp_web.system_health import async_system_health_info

from .conftest import ServerFile
from .fakes import Script


async def test_system_health(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, server_file: ServerFile
) -> None:
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, DOMAIN)
    assert info == {"connections": "1/1", "web_version": "2.3000.1045816814"}
    script.client.set_status(Status.DISCONNECTED, ConnectionFailed("Gone"))
    assert (await async_system_health_info(hass))["connections"] == "0/1"


async def test_system_health_checks_whatsapp_itself(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, server_file: ServerFile
) -> None:
    server_file.path.unlink()
    assert (await async_system_health_info(hass))["web_version"] is None
    monkeypatch.delenv("WHATSAPP_WEB_SERVER")
    monkeypatch.setattr(
        "custom_components.whatsapp_web.server._async_fetch_version", lambda _hass: nothing()
    )
    info = await async_system_health_info(hass)
    info["can_reach_server"].close()
    await hass.async_block_till_done(wait_background_tasks=True)


async def nothing() -> None:
    """Find no version."""


@pytest.mark.parametrize(
    ("event", "data", "message"),
    [
        ("whatsapp_web_connection", {"state": "connected"}, "is connected"),
        (
            "whatsapp_web_connection",
            {"state": "disconnected", "reason": "not_connected"},
            "is disconnected (not_connected)",
        ),
        (
            "whatsapp_web_message_received",
            {"type": "text", "sender_name": "Ann", "text": "Secret", "from_me": False},
            "received a message (text) from Ann",
        ),
        (
            "whatsapp_web_message_received",
            {"type": "image", "from_me": True},
            "sent a message (image)",
        ),
        ("whatsapp_web_message_received", {}, "received a message (message) from somebody"),
        (
            "whatsapp_web_call",
            {"state": "missed", "caller_name": "Ann", "video": True},
            "has a video call from Ann (missed)",
        ),
        ("whatsapp_web_call", {"state": "ringing"}, "has a call from somebody (ringing)"),
    ],
)
def test_logbook(hass: HomeAssistant, event: str, data: dict[str, Any], message: str) -> None:
    described: dict[str, Callable[[Event], dict[str, str]]] = {}

    def describe(
        domain: str, event_type: str, describer: Callable[[Event], dict[str, str]]
    ) -> None:
        described[event_type] = describer

    async_describe_events(hass, describe)
    entry = described[event](Event(event, {"connection": "Casa", **data}))
    assert entry == {LOGBOOK_ENTRY_NAME: "Casa", LOGBOOK_ENTRY_MESSAGE: message}
