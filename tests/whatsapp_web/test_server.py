"""Pointing at a server on this machine, and the web version."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.test_util.aiohttp import (
    AiohttpClientMocker,
    AiohttpClientMockResponse,
)
from yarl import URL

from custom_components.whatsapp_web.aiowhatsapp import ServerSettings
from custom_components.whatsapp_web.server import (
    DATA_SERVER,
    ENV_SERVER,
    ServerSettingRefused,
    async_get_server,
    async_refresh_version,
    is_overridden,
)

GOOD = {"url": "ws://127.0.0.1:8087/ws/chat", "noise_root": "ab" * 32}
SERVICE_WORKER = "https://web.whatsapp.com/sw.js"
PAGE = "https://web.whatsapp.com/"


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the environment variable names."""
    file = tmp_path / "server.json"
    monkeypatch.setenv(ENV_SERVER, str(file))
    return file


@pytest.fixture
def version_file(hass: HomeAssistant) -> Path:
    return Path(hass.config.path(".storage", "whatsapp_web.version"))


async def test_the_file_points_at_a_server(
    hass: HomeAssistant, named: Path, caplog: pytest.LogCaptureFixture
) -> None:
    named.write_text(
        json.dumps(GOOD | {"media_host": "[::1]:8088", "ca": "/ca.pem", "version": "2.3000.77"})
    )
    assert is_overridden()
    server = await async_get_server(hass)
    assert await async_get_server(hass) is server
    assert server == ServerSettings(
        url=GOOD["url"],
        root_key=bytes([0xAB]) * 32,
        version=(2, 3000, 77),
        media_host="[::1]:8088",
        ca_file="/ca.pem",
    )
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    (warning,) = [record.message for record in warnings if ENV_SERVER in record.message]
    assert warning == (
        "WHATSAPP_WEB_SERVER is set: talking to the test server at "
        "ws://127.0.0.1:8087/ws/chat, not to WhatsApp"
    )


@pytest.mark.parametrize(
    "url",
    ["ws://localhost:1/x", "wss://127.8.9.1/x", "ws://[::1]:1/x"],
)
async def test_loopback_is_allowed(hass: HomeAssistant, named: Path, url: str) -> None:
    named.write_text(json.dumps(GOOD | {"url": url}))
    assert (await async_get_server(hass)).url == url


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "wss://web.whatsapp.com/ws/chat"},
        {"url": "ws://192.168.1.4/ws/chat"},
        {"url": "ws://0.0.0.0/ws/chat"},
        {"url": "ws://127.0.0.1@example.com/ws/chat"},
        {"url": "ws://localhost.example.com/"},
        {"url": "ws://127.1/"},
        {"url": "http://127.0.0.1/ws/chat"},
        {"url": "nonsense"},
        {"url": 5},
        {"url": "ws://[::1"},
        {"noise_root": "ab"},
        {"noise_root": "xy" * 32},
        {"noise_root": None},
        {"media_host": "example.com:443"},
        {"media_host": 5},
        {"ca": 5},
        {"version": "latest"},
        {"version": 3},
    ],
)
async def test_anything_else_is_refused(
    hass: HomeAssistant, named: Path, changes: dict[str, Any]
) -> None:
    named.write_text(json.dumps(GOOD | changes))
    with pytest.raises(ServerSettingRefused) as raised:
        await async_get_server(hass)
    assert raised.value.translation_key == "server_setting_refused"
    assert raised.value.translation_placeholders == {
        "variable": ENV_SERVER,
        "reason": str(raised.value),
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
async def test_a_file_without_sense_is_refused(hass: HomeAssistant, named: Path, text: str) -> None:
    named.write_text(text)
    with pytest.raises(ServerSettingRefused):
        await async_get_server(hass)


async def test_a_missing_file_is_refused(hass: HomeAssistant, named: Path) -> None:
    with pytest.raises(ServerSettingRefused, match="can't be read"):
        await async_get_server(hass)


async def test_nothing_outside_is_asked_behind_a_test_server(
    hass: HomeAssistant, named: Path, aioclient_mock: AiohttpClientMocker
) -> None:
    named.write_text(json.dumps(GOOD))
    server = await async_get_server(hass, current=True)
    assert await async_refresh_version(hass, server.version) is False
    assert aioclient_mock.call_count == 0


async def test_a_test_server_may_name_another_version(hass: HomeAssistant, named: Path) -> None:
    named.write_text(json.dumps(GOOD | {"version": "2.3000.77"}))
    await async_get_server(hass)
    named.write_text(json.dumps(GOOD | {"version": "2.3000.78"}))
    assert await async_refresh_version(hass, (2, 3000, 77)) is True
    assert (await async_get_server(hass)).version == (2, 3000, 78)


# --- the web version


async def test_the_version_is_looked_up_once_and_kept(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, version_file: Path
) -> None:
    aioclient_mock.get(SERVICE_WORKER, text=r"x \"client_revision\":1026131876, y")
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1026131876)
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1026131876)
    assert aioclient_mock.call_count == 1
    # The next start, soon after.
    del hass.data[DATA_SERVER]
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1026131876)
    assert aioclient_mock.call_count == 1
    assert json.loads(version_file.read_text())["data"]["version"] == "2.3000.1026131876"


def keep_version(version_file: Path, version: object, fetched_at: object) -> None:
    version_file.parent.mkdir(exist_ok=True)
    data = {"version": version, "fetched_at": fetched_at}
    version_file.write_text(
        json.dumps({"version": 1, "minor_version": 1, "key": "whatsapp_web.version", "data": data})
    )


async def test_a_day_old_version_is_looked_up_again(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, version_file: Path
) -> None:
    keep_version(version_file, "2.3000.1000000001", 1_000_000_000)
    aioclient_mock.get(SERVICE_WORKER, text=r"\"client_revision\":1026131876")
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1026131876)


async def test_an_old_version_is_better_than_the_shipped_one(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, version_file: Path
) -> None:
    keep_version(version_file, "2.3000.1000000001", 1_000_000_000)
    aioclient_mock.get(SERVICE_WORKER, status=503)
    aioclient_mock.get(PAGE, status=503)
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1000000001)


@pytest.mark.parametrize(
    ("version", "fetched_at"), [("junk", 1), (None, 1), ("2.3000.5", "never"), ("2.3000.5", None)]
)
async def test_a_damaged_note_is_ignored(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    version_file: Path,
    version: object,
    fetched_at: object,
) -> None:
    keep_version(version_file, version, fetched_at)
    aioclient_mock.get(SERVICE_WORKER, text=r"\"client_revision\":1026131876")
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1026131876)


@pytest.mark.parametrize(
    "trouble",
    [{"exc": aiohttp.ClientError()}, {"exc": TimeoutError()}, {"status": 404}, {"text": "nothing"}],
)
async def test_without_an_answer_the_shipped_version_is_named(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, trouble: dict[str, Any]
) -> None:
    aioclient_mock.get(SERVICE_WORKER, **trouble)
    aioclient_mock.get(PAGE, **trouble)
    assert await async_get_server(hass, current=True) == ServerSettings()


async def test_a_refused_version_is_looked_up_again(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker
) -> None:
    aioclient_mock.get(SERVICE_WORKER, text=r"\"client_revision\":1026131876")
    await async_get_server(hass, current=True)
    aioclient_mock.clear_requests()
    aioclient_mock.get(SERVICE_WORKER, text=r"\"client_revision\":1026131999")
    refused = (2, 3000, 1026131876)
    # Three connections, and one look.
    assert await asyncio.gather(*(async_refresh_version(hass, refused) for _ in range(3))) == [
        True,
        True,
        True,
    ]
    assert aioclient_mock.call_count == 1
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1026131999)


async def test_a_failed_lookup_keeps_the_version(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker
) -> None:
    aioclient_mock.get(SERVICE_WORKER, text=r"\"client_revision\":1026131876")
    await async_get_server(hass, current=True)
    aioclient_mock.clear_requests()
    aioclient_mock.get(SERVICE_WORKER, status=503)
    aioclient_mock.get(PAGE, status=503)
    assert await async_refresh_version(hass, (2, 3000, 1026131876)) is False
    assert (await async_get_server(hass, current=True)).version == (2, 3000, 1026131876)


async def test_no_start_waits_for_the_lookup(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker
) -> None:
    may_answer = asyncio.Event()

    async def answer(*_: object) -> AiohttpClientMockResponse:
        await may_answer.wait()
        text = r"\"client_revision\":1026131876"
        return AiohttpClientMockResponse("get", URL(SERVICE_WORKER), text=text)

    aioclient_mock.get(SERVICE_WORKER, side_effect=answer)
    assert (await async_get_server(hass)).version == ServerSettings().version
    may_answer.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (await async_get_server(hass)).version == (2, 3000, 1026131876)
    assert aioclient_mock.call_count == 1
