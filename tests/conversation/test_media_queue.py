"""Files in the outbox: sealed at once, uploaded when there is a line, gone when they are sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    Jid,
    Media,
    MediaFileError,
    MessageKind,
    MessageState,
)
from custom_components.whatsapp_web.aiowhatsapp.client import media_transfer
from tests.peers.peer import Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .conftest import LinkPeer
from .ours import OurDevice
from .test_media import has_id, make_file

pytestmark = pytest.mark.peers

SIZE = 300_000
PATIENCE = 30


@pytest.fixture(autouse=True)
def _integrations() -> None:
    """Leave Home Assistant out of it: here the client is alone."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_transfer, "PAUSE", 0)


@pytest.fixture(params=["baileys"])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
async def device(simulator: Simulator, ours: Account, tmp_path: Path) -> AsyncIterator[OurDevice]:
    """Our client, linked and connected."""
    folder = tmp_path / "ours"
    folder.mkdir()
    device = OurDevice(simulator, ours, folder)
    await device.link()
    await device.start()
    yield device
    await device.aclose()


@pytest.fixture
async def peer(theirs: Account, link_peer: LinkPeer, kind: Kind) -> Peer:
    return await link_peer(kind, theirs)


def spooled(device: OurDevice) -> list[Path]:
    return sorted(device.spool.glob("*")) if device.spool.exists() else []


async def test_file_waits_through_a_restart_and_is_sent_once(
    device: OurDevice, peer: Peer, theirs: Account, simulator: Simulator, tmp_path: Path
) -> None:
    assert device.client is not None
    chat = await device.client.resolve_number(theirs.number)
    path, digest = make_file(tmp_path, MessageKind.DOCUMENT, SIZE)
    simulator.faults.refuse_upgrade = 503
    assert device.device is not None
    simulator.faults.cut(device.device)
    draft = Media(kind=MessageKind.DOCUMENT, path=path, caption="Later")
    queued = await device.client.send(chat, draft)
    assert queued.state is MessageState.PENDING
    # From here on nobody needs the file that was named.
    path.unlink()
    (waiting,) = spooled(device)
    assert waiting.stat().st_mode & 0o077 == 0
    (device.spool / "0123456789abcdef.enc").write_bytes(b"left over by a crash")
    await device.stop()
    simulator.faults.refuse_upgrade = None
    client = await device.start()
    arrived = await peer.next_message(has_id(queued.message_id))
    assert await peer.fetch_media(arrived.id) == (digest, SIZE)
    await client.outbox.states.wait(queued.message_id, MessageState.SENT, PATIENCE)
    assert spooled(device) == []
    assert [each.id for each in peer.messages()].count(queued.message_id) == 1


async def test_host_that_is_down_delays_it_only(
    device: OurDevice,
    peer: Peer,
    theirs: Account,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert device.client is not None
    chat = await device.client.resolve_number(theirs.number)
    path, digest = make_file(tmp_path, MessageKind.IMAGE, SIZE)
    simulator.media.upload_statuses = [500] * 3
    queued = await device.client.send(chat, Media(kind=MessageKind.IMAGE, path=path))
    arrived = await peer.next_message(has_id(queued.message_id))
    assert await peer.fetch_media(arrived.id) == (digest, SIZE)
    assert simulator.media.requests.count("POST image") == 4
    assert spooled(device) == []


async def test_file_that_is_refused_fails_and_leaves_nothing(
    device: OurDevice, theirs: Account, simulator: Simulator, tmp_path: Path
) -> None:
    assert device.client is not None
    chat = await device.client.resolve_number(theirs.number)
    path, _ = make_file(tmp_path, MessageKind.DOCUMENT, SIZE)
    simulator.media.upload_statuses = [413]
    queued = await device.client.send(chat, Media(kind=MessageKind.DOCUMENT, path=path))
    ended = await device.client.outbox.states.wait(queued.message_id, MessageState.SENT, PATIENCE)
    assert ended.state is MessageState.FAILED
    assert "larger" in str(ended.error)
    assert spooled(device) == []


async def test_file_that_is_not_there_is_refused_at_once(
    device: OurDevice, theirs: Account, tmp_path: Path
) -> None:
    assert device.client is not None
    with pytest.raises(MediaFileError):
        await device.client.send(
            Jid.of_number(theirs.number),
            Media(kind=MessageKind.DOCUMENT, path=tmp_path / "absent"),
        )
    assert device.client.outbox.waiting == 0


async def test_attachment_goes_to_the_connection_that_sends_it(
    device: OurDevice, simulator: Simulator, ours: Account, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = OurDevice(simulator, ours, folder)
    await other.link()
    client = await other.start()
    assert device.client is not None
    path, _ = make_file(tmp_path, MessageKind.DOCUMENT, SIZE)
    message, attachment = await device.client.media.prepare(
        Media(kind=MessageKind.DOCUMENT, path=path)
    )
    moved = await client.media.take_over(attachment, device.client.media)
    await device.client.media.discard(attachment)
    assert (len(spooled(device)), len(spooled(other))) == (0, 1)
    assert await client.media.take_over(b"", device.client.media) == b""
    resolved = await client.media.resolve(message, moved)
    assert resolved.documentMessage.directPath
    with pytest.raises(MediaFileError):
        await client.media.take_over(attachment, device.client.media)
    await client.media.discard(moved)
    assert spooled(other) == []
    await other.aclose()
