"""Status updates with pictures and videos by Home Assistant's action, as a contact sees them."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from PIL import Image
import pytest
import voluptuous as vol

from custom_components.whatsapp_web.aiowhatsapp import ContactsChanged
from custom_components.whatsapp_web.const import DOMAIN
from tests.peers.peer import Peer, PeerMessage
from tests.simulator.accounts import Account

from .conftest import LinkPeer
from .home import PATIENCE, Home

pytestmark = pytest.mark.peers


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """A folder that Home Assistant may read."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    hass.config.allowlist_external_dirs = {str(allowed)}
    return allowed


@pytest.fixture
async def contact(home: Home, theirs: Account, link_peer: LinkPeer) -> Peer:
    """Somebody of the phone's address book, whom status updates go to."""
    peer = await link_peer("baileys", theirs)
    changed = asyncio.Event()
    home.client.subscribe(ContactsChanged, lambda _: changed.set())
    home.account.phone.state.save_contact(theirs, "Ann")
    book = home.client._context.store.address_book
    async with asyncio.timeout(PATIENCE):
        while not await book.users(None):
            await changed.wait()
            changed.clear()
    return peer


async def post(home: Home, contact: Peer, **data: Any) -> PeerMessage:
    """Post by the action; give what the contact has."""
    response: Any = await home.hass.services.async_call(
        DOMAIN, "send_status", data, blocking=True, return_response=True
    )
    return await contact.next_message(lambda message: message.id == response["message_id"])


async def test_picture_with_caption(home: Home, contact: Peer, folder: Path) -> None:
    path = folder / "garden.jpg"
    Image.linear_gradient("L").resize((320, 200)).save(path)
    seen = await post(home, contact, file=str(path), caption="The garden")
    assert (seen.chat, seen.kind) == ("status@broadcast", "imageMessage")
    part = seen.raw["imageMessage"]
    assert (part["caption"], part["width"], part["height"]) == ("The garden", 320, 200)
    digest, size = await contact.fetch_media(seen.id)
    content = path.read_bytes()
    assert (digest, size) == (hashlib.sha256(content).hexdigest(), len(content))


async def test_video_is_converted_and_arrives_whole(
    home: Home, contact: Peer, folder: Path
) -> None:
    path = folder / "clip.avi"
    process = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=2"),
        *("-c:v", "mpeg4", str(path)),
    )
    assert await process.wait() == 0
    seen = await post(home, contact, file=str(path), caption="Look")
    assert (seen.chat, seen.kind) == ("status@broadcast", "videoMessage")
    part = seen.raw["videoMessage"]
    assert (part["caption"], part["seconds"], part["mimetype"]) == ("Look", 2, "video/mp4")
    digest, size = await contact.fetch_media(seen.id)
    assert (digest, size) == (part["fileSha256"].hex(), part["fileLength"])


async def test_no_document_and_not_both(home: Home, contact: Peer, folder: Path) -> None:
    path = folder / "notes.txt"
    path.write_text("Nothing to look at")
    with pytest.raises(ServiceValidationError) as refused:
        await post(home, contact, file=str(path))
    assert refused.value.translation_key == "media_not_for_status"
    with pytest.raises(vol.Invalid):
        await post(home, contact, file=str(path), message="Both")
    with pytest.raises(vol.Invalid):
        await post(home, contact, background=[1, 2, 3])
    seen = await post(home, contact, message="Only text", font="calistoga")
    assert seen.raw["extendedTextMessage"]["font"] == 8
