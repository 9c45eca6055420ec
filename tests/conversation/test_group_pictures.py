"""Pictures of groups: set by Home Assistant's actions, and followed when others change them."""

import asyncio
import io
from pathlib import Path
from typing import Any

from homeassistant.core import Event as HassEvent, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from PIL import Image
import pytest

from custom_components.whatsapp_web.aiowhatsapp import Jid
from custom_components.whatsapp_web.const import DOMAIN, EVENT_GROUP_UPDATE
from tests.peers.peer import Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.whatsapp_web.conftest import OURS, THEIRS

from .conftest import LinkPeer
from .home import PATIENCE, Home
from .people_rows import tiny_jpeg

pytestmark = pytest.mark.peers


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """A folder that Home Assistant may read."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    hass.config.allowlist_external_dirs = {str(allowed)}
    return allowed


@pytest.fixture
async def peer(home: Home, theirs: Account, link_peer: LinkPeer) -> Peer:
    return await link_peer("baileys", theirs)


async def act(home: Home, action: str, *, respond: bool = False, **data: Any) -> Any:
    return await home.hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=respond
    )


def size_of(jpeg: bytes | None) -> tuple[int, int]:
    assert jpeg is not None
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return image.size


async def see_new_picture(peer: Peer) -> None:
    """Wait until the library says that a group has another picture."""
    await peer.next_event("message", lambda data: data.get("stub") == "GROUP_CHANGE_ICON")


async def test_a_picture_by_our_actions_and_by_a_member(
    home: Home, peer: Peer, simulator: Simulator, folder: Path
) -> None:
    wide, small, text = folder / "wide.png", folder / "small.jpg", folder / "notes.txt"
    canvas = Image.new("RGBA", (1600, 900), (0, 0, 255, 255))
    canvas.paste((255, 0, 0, 255), (350, 0, 1250, 900))
    canvas.save(wide)
    Image.new("RGB", (300, 500), "green").save(small)
    text.write_text("Nothing to look at")
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @callback
    def note(event: HassEvent[dict[str, Any]]) -> None:
        if event.data["action"] == "picture_changed":
            told.put_nowait(event.data)

    home.hass.bus.async_listen(EVENT_GROUP_UPDATE, note)

    with pytest.raises(ServiceValidationError) as refused:
        await act(home, "create_group", name="None", members=[f"+{THEIRS}"], file=str(text))
    assert refused.value.translation_key == "media_not_a_picture"
    made = await act(
        home, "create_group", respond=True, name="Family", members=[f"+{THEIRS}"], file=str(wide)
    )
    group = Jid.parse(made["chat_id"])
    first = simulator.people.room_picture(group)
    assert size_of(first) == (640, 640)
    assert first is not None
    with Image.open(io.BytesIO(first)) as shown:
        # Of what was left and right of the middle nothing is seen.
        for at in ((8, 320), (320, 320), (632, 320)):
            pixel = shown.getpixel(at)
            assert isinstance(pixel, tuple)
            assert pixel[0] > 240
            assert pixel[2] < 15
    await see_new_picture(peer)
    await act(home, "update_group", recipient=made["chat_id"], file=str(small))
    assert size_of(simulator.people.room_picture(group)) == (300, 300)
    await see_new_picture(peer)
    await peer.command("set_picture", jid=str(group), jpeg=tiny_jpeg())

    async with asyncio.timeout(PATIENCE):
        ours, again, hers = [await told.get() for _ in range(3)]
    assert {each["chat_id"] for each in (ours, again, hers)} == {str(group)}
    assert {each["chat_name"] for each in (ours, again, hers)} == {"Family"}
    assert len({each["value"] for each in (ours, again, hers)}) == 3
    assert [each["by_phone"] for each in (ours, again, hers)] == [f"+{OURS}"] * 2 + [f"+{THEIRS}"]
