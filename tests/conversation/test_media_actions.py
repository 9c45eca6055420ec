"""Media by Home Assistant's actions: what is sent is shown and played, what came is fetched."""

import asyncio
import hashlib
from pathlib import Path
import shutil
from typing import Any

from homeassistant.components import media_source
from homeassistant.components.camera import Image as CameraImage
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from PIL import Image, ImageSequence
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.whatsapp_web.const import DOMAIN
from custom_components.whatsapp_web.media.received import async_received
from tests.peers.peer import Kind, Peer, PeerMessage
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.whatsapp_web.conftest import THEIRS

from .conftest import LinkPeer
from .home import Home

pytestmark = pytest.mark.peers


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """A folder that Home Assistant may read and write."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    hass.config.allowlist_external_dirs = {str(allowed)}
    return allowed


@pytest.fixture(params=["baileys"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """The peer's library; both were shown to read what our client sends."""
    found: Kind = request.param
    return found


@pytest.fixture
async def peer(home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind) -> Peer:
    return await link_peer(kind, theirs)


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()[-500:]


async def send(
    home: Home, peer: Peer, action: str = "send_media", **data: Any
) -> tuple[PeerMessage, dict[str, Any]]:
    """Send by an action; give what the peer has, and its part with the file."""
    response: Any = await home.hass.services.async_call(
        DOMAIN,
        action,
        {"recipient": f"+{THEIRS}", **data},
        blocking=True,
        return_response=True,
    )
    (chat,) = response["chats"]
    arrived = await peer.next_message(lambda message: message.id == chat["message_id"])
    return arrived, part_of(arrived.raw)


def part_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Give the part with the file, however deep in envelopes."""
    part: dict[str, Any] = next(
        value for key, value in raw.items() if value and key != "messageContextInfo"
    )
    return part_of(part["message"]) if "message" in part else part


async def test_rotated_picture_stands_upright(home: Home, peer: Peer, folder: Path) -> None:
    path = folder / "rotated.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (640, 360), "red").save(path, exif=exif)
    arrived, part = await send(home, peer, file=str(path), caption="At the door")
    assert (arrived.kind, part["caption"]) == ("imageMessage", "At the door")
    assert (part["width"], part["height"], part["mimetype"]) == (360, 640, "image/jpeg")
    assert part["jpegThumbnail"].startswith(b"\xff\xd8")
    assert (await peer.fetch_media(arrived.id))[1] == part["fileLength"]


async def test_jpeg_goes_as_it_is_and_png_as_jpeg(home: Home, peer: Peer, folder: Path) -> None:
    jpeg, png = folder / "a.jpg", folder / "a.png"
    Image.new("RGB", (320, 200), "blue").save(jpeg)
    Image.new("RGBA", (320, 200), (0, 0, 0, 0)).save(png)
    arrived, _ = await send(home, peer, file=str(jpeg))
    digest = hashlib.sha256(jpeg.read_bytes()).hexdigest()
    assert (await peer.fetch_media(arrived.id))[0] == digest
    _, part = await send(home, peer, file=str(png), view_once=True)
    assert (part["mimetype"], part["viewOnce"]) == ("image/jpeg", True)


async def test_moving_gif_becomes_a_silent_video(home: Home, peer: Peer, folder: Path) -> None:
    path = folder / "moving.gif"
    frames = [Image.new("RGB", (101, 51), (shade, 0, 0)) for shade in range(0, 250, 25)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    with Image.open(path) as image:
        assert sum(1 for _ in ImageSequence.Iterator(image)) > 1
    arrived, part = await send(home, peer, file=str(path))
    assert (arrived.kind, part["gifPlayback"], part["mimetype"]) == (
        "videoMessage",
        True,
        "video/mp4",
    )
    assert (part["width"], part["height"]) == (100, 50)


async def test_video_that_phones_do_not_play_is_converted(
    home: Home, peer: Peer, folder: Path
) -> None:
    path = folder / "clip.avi"
    source = ["-f", "lavfi", "-i", "testsrc=size=321x241:rate=10:duration=3"]
    await run("ffmpeg", "-y", *source, "-c:v", "mpeg4", str(path))
    arrived, part = await send(home, peer, file=str(path))
    assert (arrived.kind, part["seconds"], part["mimetype"]) == ("videoMessage", 3, "video/mp4")
    assert (part["width"], part["height"]) == (320, 240)
    assert part["jpegThumbnail"].startswith(b"\xff\xd8")


async def test_sound_becomes_a_voice_note_with_its_waveform(
    home: Home, peer: Peer, folder: Path
) -> None:
    path = folder / "sound.wav"
    source = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]
    fade = ["-af", "afade=t=out:st=0:d=2"]
    await run("ffmpeg", "-y", *source, *fade, str(path))
    _, part = await send(home, peer, "send_voice", file=str(path))
    assert (part["ptt"], part["seconds"]) == (True, 2)
    assert part["mimetype"] == "audio/ogg; codecs=opus"
    waveform = part["waveform"]
    assert len(waveform) == 64
    assert max(waveform) == 100
    assert max(waveform[:8]) > 60 > max(waveform[-8:])
    _, part = await send(home, peer, file=str(path))
    assert (part["mimetype"], part.get("ptt", False), part["seconds"]) == ("audio/mp4", False, 2)


async def test_what_is_no_picture_goes_as_a_document(home: Home, peer: Peer, folder: Path) -> None:
    path = folder / "photo.heic"
    content = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(2000)
    path.write_bytes(content)
    arrived, part = await send(home, peer, file=str(path), filename="صورة/2.heic", caption="Look")
    assert (part["fileName"], part["mimetype"]) == ("صورة_2.heic", "image/heic")
    assert part["caption"] == "Look"
    assert (await peer.fetch_media(arrived.id))[0] == hashlib.sha256(content).hexdigest()
    with pytest.raises(ServiceValidationError) as refused:
        await send(home, peer, file=str(path), kind="image")
    assert refused.value.translation_key == "media_no_picture"


async def test_sticker_is_a_webp_of_512(home: Home, peer: Peer, folder: Path) -> None:
    path = folder / "logo.png"
    Image.new("RGBA", (100, 50), "green").save(path)
    arrived, part = await send(home, peer, file=str(path), kind="sticker")
    assert (arrived.kind, part["mimetype"]) == ("stickerMessage", "image/webp")
    assert (part["width"], part["height"]) == (512, 512)


async def test_snapshot_of_a_camera_is_sent_by_notify(
    home: Home, peer: Peer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture = tmp_path / "shot.jpg"
    Image.new("RGB", (64, 48), "white").save(picture)

    async def shoot(*_: Any, **__: Any) -> CameraImage:
        return CameraImage("image/jpeg", picture.read_bytes())

    monkeypatch.setattr("homeassistant.components.camera.async_get_image", shoot)
    await home.hass.services.async_call(
        "notify",
        "home",
        {"message": "Motion", "target": [f"+{THEIRS}"], "data": {"image": "camera.door"}},
        blocking=True,
    )
    arrived = await peer.next_message(lambda message: message.kind == "imageMessage")
    assert arrived.raw["imageMessage"]["caption"] == "Motion"
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    assert (await peer.fetch_media(arrived.id))[0] == digest


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"file": "/etc/passwd"}, "media_path_not_allowed"),
        ({"file": "relative.jpg"}, "media_path_not_allowed"),
        ({"url": "http://127.0.0.1:9/x.jpg"}, "media_url_not_allowed"),
        ({"media": "http://127.0.0.1:9/x.jpg"}, "media_url_not_allowed"),
        ({"file": "{folder}/absent.jpg"}, "media_no_file"),
        ({"file": "{folder}/a", "url": "https://example.com/a"}, "media_one_source"),
        ({"file": "{folder}/text.txt", "kind": "voice"}, "media_not_converted"),
        ({"file": "{folder}/text.txt", "kind": "sticker"}, "media_no_picture"),
        ({"entity": "camera.absent"}, "media_no_snapshot"),
    ],
)
async def test_what_may_not_or_can_not_be_sent_is_refused(
    home: Home, folder: Path, data: dict[str, str], key: str
) -> None:
    (folder / "text.txt").write_text("text")
    named = {name: value.replace("{folder}", str(folder)) for name, value in data.items()}
    with pytest.raises(ServiceValidationError) as refused:
        await home.hass.services.async_call(
            DOMAIN, "send_media", {"recipient": f"+{THEIRS}", **named}, blocking=True
        )
    assert refused.value.translation_key == key


async def test_without_ffmpeg_it_says_so(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "clip.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(100))
    monkeypatch.setenv("PATH", str(folder))
    assert shutil.which("ffmpeg") is None
    with pytest.raises(ServiceValidationError) as refused:
        await home.hass.services.async_call(
            DOMAIN,
            "send_media",
            {"recipient": f"+{THEIRS}", "file": str(folder / "clip.mp4")},
            blocking=True,
        )
    assert refused.value.translation_key == "media_no_ffmpeg"


async def test_received_file_is_announced_and_fetched(
    home: Home, peer: Peer, folder: Path, tmp_path: Path, simulator: Simulator
) -> None:
    content = b"%PDF-1.7 " + bytes(5000)
    path = tmp_path / "report"
    path.write_bytes(content)
    message_id = await peer.send_media(
        home.address, "document", path, mimetype="application/pdf", fileName="تقرير/2.pdf"
    )
    event = await home.until(
        lambda: next((each for each in home.messages if each["message_id"] == message_id), None)
    )
    content_id = f"media-source://{DOMAIN}/{home.entry.entry_id}/{message_id}"
    assert event["media"] == {
        "mime_type": "application/pdf",
        "size": len(content),
        "filename": "تقرير/2.pdf",
        "media_content_id": content_id,
    }
    # Nothing was fetched by itself.
    assert "GET" not in simulator.media.requests
    response: Any = await home.hass.services.async_call(
        DOMAIN,
        "download_media",
        {"message_id": message_id, "folder": str(folder)},
        blocking=True,
        return_response=True,
    )
    assert response["path"] == str(folder / "تقرير_2.pdf")
    assert Path(response["path"]).read_bytes() == content
    with pytest.raises(ServiceValidationError) as refused:
        await home.hass.services.async_call(
            DOMAIN,
            "download_media",
            {"message_id": message_id, "folder": str(tmp_path / "elsewhere")},
            blocking=True,
        )
    assert refused.value.translation_key == "media_path_not_allowed"
    assert await async_setup_component(home.hass, "media_source", {})
    play = await media_source.async_resolve_media(home.hass, content_id, None)
    assert (play.mime_type, message_id in play.url) == ("application/pdf", True)
    listed = await media_source.async_browse_media(
        home.hass, f"media-source://{DOMAIN}/{home.entry.entry_id}"
    )
    assert listed.children is not None
    assert [child.title for child in listed.children] == ["تقرير/2.pdf"]


async def test_received_file_is_shown_to_who_is_logged_in(
    home: Home,
    peer: Peer,
    tmp_path: Path,
    simulator: Simulator,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    content = b"\xff\xd8\xff picture"
    path = tmp_path / "picture"
    path.write_bytes(content)
    message_id = await peer.send_media(home.address, "image", path, mimetype="image/jpeg")
    await home.until(lambda: [each for each in home.messages if each["message_id"] == message_id])
    url = f"/api/{DOMAIN}/media/{home.entry.entry_id}/{message_id}"
    stranger, user = await hass_client_no_auth(), await hass_client()
    assert (await stranger.get(url)).status == 401
    assert "GET" not in simulator.media.requests
    for _ in range(2):
        response = await user.get(url)
        assert (response.status, await response.read()) == (200, content)
        assert response.headers["Content-Type"] == "image/jpeg"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    # It was fetched once.
    assert simulator.media.requests.count("GET") == 1
    assert (await user.get(url + "0")).status == 404
    assert (await user.get(f"/api/{DOMAIN}/media/other/{message_id}")).status == 404
    # What a browser might run is only offered for download.
    message_id = await peer.send_media(home.address, "document", path, mimetype="text/html")
    await home.until(lambda: [each for each in home.messages if each["message_id"] == message_id])
    response = await user.get(f"/api/{DOMAIN}/media/{home.entry.entry_id}/{message_id}")
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"] == "attachment"


async def test_option_fetches_files_as_they_come(
    home: Home, peer: Peer, tmp_path: Path, simulator: Simulator
) -> None:
    home.hass.config_entries.async_update_entry(home.entry, options={"fetch_media": True})
    await home.stop()
    await home.start()
    path = tmp_path / "picture"
    path.write_bytes(b"\xff\xd8\xff picture")
    message_id = await peer.send_media(home.address, "image", path, mimetype="image/jpeg")
    await home.until(lambda: [each for each in home.messages if each["message_id"] == message_id])
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert simulator.media.requests.count("GET") == 1
    received = await async_received(home.hass, home.entry.entry_id, message_id)
    assert received is not None
    assert received[0].read_bytes() == path.read_bytes()
    assert simulator.media.requests.count("GET") == 1
