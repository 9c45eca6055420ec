"""Where a medium may come from, and where not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from homeassistant.components.camera import Image as CameraImage
from homeassistant.components.media_source import PlayMedia, Unresolvable
from homeassistant.core import HomeAssistant
import pytest

from custom_components.whatsapp_web.media import MediaUnusable, source
from custom_components.whatsapp_web.media.mime import mime_of
from custom_components.whatsapp_web.media.notify_data import media_in
from custom_components.whatsapp_web.media.source import SourceFile, async_fetch, async_speak

pytestmark = pytest.mark.usefixtures("socket_enabled")

CONTENT = b"\xff\xd8\xff" + bytes(1000)


class Site:
    """A web server that gives what a test tells it to."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.moved_to = ""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._give)
        self.server = TestServer(application, host="127.0.0.1")

    async def _give(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.path == "/allowed/moved":
            raise web.HTTPFound(self.moved_to)
        if request.path == "/allowed/round":
            raise web.HTTPFound("/allowed/round")
        if request.path == "/allowed/none":
            return web.Response(status=404)
        headers = {"Content-Disposition": 'attachment; filename="a/b:c.jpg"'}
        return web.Response(body=CONTENT, content_type="image/jpeg", headers=headers)


@pytest.fixture
async def site(hass: HomeAssistant) -> AsyncIterator[Site]:
    site = Site()
    await site.server.start_server()
    hass.config.allowlist_external_urls = {str(site.server.make_url("/allowed/"))}
    yield site
    await site.server.close()


async def fetch(hass: HomeAssistant, folder: Path, **data: Any) -> SourceFile:
    return await async_fetch(hass, data, folder)


async def test_url_is_fetched_with_its_headers(
    hass: HomeAssistant, site: Site, tmp_path: Path
) -> None:
    url = str(site.server.make_url("/allowed/picture"))
    found = await fetch(hass, tmp_path, url=url, headers={"Authorization": "Bearer abc"})
    assert found.path.read_bytes() == CONTENT
    assert (found.mime_type, found.name) == ("image/jpeg", "a_b_c.jpg")
    assert site.requests[0].headers["Authorization"] == "Bearer abc"


async def test_redirect_may_not_leave_what_is_allowed(
    hass: HomeAssistant, site: Site, tmp_path: Path
) -> None:
    url = str(site.server.make_url("/allowed/moved"))
    site.moved_to = str(site.server.make_url("/allowed/picture"))
    assert (await fetch(hass, tmp_path, url=url)).path.read_bytes() == CONTENT
    site.moved_to = str(site.server.make_url("/elsewhere"))
    with pytest.raises(MediaUnusable) as refused:
        await fetch(hass, tmp_path, url=url)
    assert refused.value.translation_key == "media_url_not_allowed"
    assert [request.path for request in site.requests].count("/elsewhere") == 0


@pytest.mark.parametrize("path", ["none", "round"])
async def test_what_can_not_be_fetched_says_so_without_its_query(
    hass: HomeAssistant, site: Site, tmp_path: Path, path: str
) -> None:
    url = str(site.server.make_url(f"/allowed/{path}?token=secret"))
    with pytest.raises(MediaUnusable) as refused:
        await fetch(hass, tmp_path, url=url)
    assert refused.value.translation_key == "media_not_fetched"
    assert "secret" not in str(refused.value.translation_placeholders)


async def test_what_is_too_large_is_given_up(
    hass: HomeAssistant, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_FETCH", len(CONTENT) - 1)
    with pytest.raises(MediaUnusable) as refused:
        await fetch(hass, tmp_path, url=str(site.server.make_url("/allowed/picture")))
    assert refused.value.translation_key == "media_too_large"


async def test_media_source_gives_its_file_or_its_url(
    hass: HomeAssistant, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local.jpg"
    answers: list[PlayMedia] = [
        PlayMedia("/media/local/local.jpg", "image/jpeg", path=local),
        PlayMedia(str(site.server.make_url("/elsewhere")), "image/png"),
    ]

    async def resolve(*_: object) -> PlayMedia:
        if not answers:
            raise Unresolvable("no such thing")
        return answers.pop(0)

    monkeypatch.setattr("homeassistant.components.media_source.async_resolve_media", resolve)
    media = {"media_content_id": "media-source://media_source/local/local.jpg"}
    assert (await fetch(hass, tmp_path, media=media)).path == local
    # A media source may lead wherever it likes: it is part of Home Assistant.
    found = await fetch(hass, tmp_path, media=media)
    assert (found.path.read_bytes(), found.mime_type) == (CONTENT, "image/png")
    with pytest.raises(MediaUnusable) as refused:
        await fetch(hass, tmp_path, media=media)
    assert refused.value.translation_key == "media_not_found_in_source"


@pytest.mark.parametrize("domain", ["camera", "image"])
async def test_camera_and_image_in_the_media_selector_give_a_picture(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domain: str
) -> None:
    asked: list[str] = []

    async def shoot(_: HomeAssistant, entity_id: str, **__: Any) -> CameraImage:
        asked.append(entity_id)
        return CameraImage("image/jpeg", CONTENT)

    monkeypatch.setattr(f"homeassistant.components.{domain}.async_get_image", shoot)
    media = {"media_content_id": f"media-source://{domain}/{domain}.door"}
    found = await fetch(hass, tmp_path, media=media)
    assert (found.path.read_bytes(), found.mime_type) == (CONTENT, "image/jpeg")
    assert asked == [f"{domain}.door"]


async def test_text_is_spoken(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, Any]] = []

    def generate(_: HomeAssistant, message: str, **options: Any) -> str:
        made.append({"message": message, **options})
        return "media-source://tts/tts.demo?message=x"

    async def speak(*_: object) -> tuple[str, bytes]:
        return "mp3", b"ID3 sound"

    monkeypatch.setattr("homeassistant.components.tts.generate_media_source_id", generate)
    monkeypatch.setattr("homeassistant.components.tts.async_get_media_source_audio", speak)
    options = {"language": "ar", "voice": "one"}
    found = await async_speak(hass, "مرحبا", "tts.demo", options, tmp_path)
    assert (found.path.read_bytes(), found.name) == (b"ID3 sound", "speech.mp3")
    assert made == [
        {
            "message": "مرحبا",
            "engine": "tts.demo",
            "language": "ar",
            "options": {"voice": "one"},
        }
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("media-source://camera/camera.x", {"media": "media-source://camera/camera.x"}),
        ("https://example.com/a.jpg", {"url": "https://example.com/a.jpg"}),
        ("camera.door", {"entity": "camera.door"}),
        ("/media/local/a.jpg", {"media": "media-source://media_source/local/a.jpg"}),
        ("/config/a.jpg", {"file": "/config/a.jpg"}),
    ],
)
async def test_shortcut_of_the_companion_app_is_understood(
    hass: HomeAssistant, value: str, expected: dict[str, str]
) -> None:
    found = media_in(hass, {"image": value, "unknown": 1})
    assert found is not None
    media = found.get("media")
    plain = {"media": media["media_content_id"]} if media else {}
    assert {
        key: found[key] for key in ("url", "entity", "file") if key in found
    } | plain == expected


async def test_notification_without_a_medium_has_none(hass: HomeAssistant) -> None:
    assert media_in(hass, None) is None
    assert media_in(hass, {"priority": "high"}) is None
    found = media_in(hass, {"video": "/local/a.mp4"})
    assert found is not None
    assert found["file"] == hass.config.path("www", "a.mp4")
    with pytest.raises(MediaUnusable) as refused:
        media_in(hass, {"file": "/a", "kind": "nonsense"})
    assert refused.value.translation_key == "media_data_invalid"


@pytest.mark.parametrize(
    ("head", "name", "said", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "x.png", "text/plain", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBP", "x", None, "image/webp"),
        (b"\x00\x00\x00\x18ftypheic", "x.jpg", "image/jpeg", "image/heic"),
        (b"OggS", "x.ogg", "video/ogg", "video/ogg"),
        (b"OggS", "x", None, "audio/ogg"),
        (b"hello", "x.txt", "application/octet-stream", "text/plain"),
        (b"hello", "x", "text/plain; charset=utf-8", "text/plain"),
        (b"", "x", None, "application/octet-stream"),
    ],
)
def test_file_is_known_by_its_first_bytes(
    tmp_path: Path, head: bytes, name: str, said: str | None, expected: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    assert mime_of(path, name, said) == expected
