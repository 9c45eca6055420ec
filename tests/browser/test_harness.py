"""The harness itself: Home Assistant starts, Chromium logs in, a QR on a page is read."""

import base64
import io
from pathlib import Path

import pytest
from qrcode.main import QRCode

from .chromium import Chromium, decode_qr
from .home_assistant import HomeAssistant

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def qr_page(text: str, background: str) -> str:
    picture = io.BytesIO()
    code = QRCode(box_size=6, border=4)
    code.add_data(text)
    code.make_image().save(picture)
    data = base64.b64encode(picture.getvalue()).decode()
    return (
        f"data:text/html,<body style='background:{background}'>"
        f"<img src='data:image/png;base64,{data}'>"
    )


async def test_front_end_shows_integrations(
    home_assistant: HomeAssistant, chromium: Chromium, tmp_path: Path
) -> None:
    config = await home_assistant.call("GET", "/api/config")
    assert config["version"] == "2026.11.0"

    await chromium.open_home_assistant(home_assistant, "/config/integrations/dashboard")
    await chromium.wait(role="button", name="Add integration")
    assert "Integrations" in await chromium.text()
    assert "/config/integrations" in await chromium.url()
    picture = await chromium.screenshot(tmp_path / "integrations.png")
    assert await decode_qr(picture) == []


async def test_log_in_survives_kill(home_assistant: HomeAssistant) -> None:
    await home_assistant.kill()
    await home_assistant.start()
    await home_assistant.renew_tokens()
    async with home_assistant.websocket() as api:
        started = await api.subscribe_events("harness_event")
        await home_assistant.call("POST", "/api/events/harness_event", {"number": 7})
        assert (await started.next())["data"] == {"number": 7}
    assert await home_assistant.stop() == 0


@pytest.mark.parametrize(
    ("background", "width"), [("white", 1280), ("black", 1280), ("white", 390)]
)
async def test_qr_on_page_is_read(
    chromium: Chromium, tmp_path: Path, background: str, width: int
) -> None:
    text = "https://wa.me/settings/linked_devices#2@" + "A1b2" * 40
    await chromium.open(qr_page(text, background), width=width)
    await chromium.wait("img")
    assert await decode_qr(await chromium.screenshot(tmp_path / "page.png")) == [text]
