"""Files between our client and clients that nobody here wrote, equal byte for byte."""

from collections.abc import AsyncIterator, Callable
import hashlib
from pathlib import Path
import random
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    IncomingMessage,
    Jid,
    Media,
    MediaExpired,
    MediaIntegrityError,
    MediaNotFound,
    MediaTooLarge,
    MessageKind,
)
from tests.peers.peer import Kind, Peer, PeerError, PeerMessage
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .conftest import LinkPeer
from .ours import OurDevice

pytestmark = pytest.mark.peers

# Sizes around the cipher's block, a sidecar's step and a slice of work; one has no byte.
FILES: list[tuple[MessageKind, int]] = [
    (MessageKind.IMAGE, 200_003),
    (MessageKind.VIDEO, 700_000),
    (MessageKind.GIF, 65_520),
    (MessageKind.VIDEO_NOTE, 65_536),
    (MessageKind.AUDIO, 17),
    (MessageKind.VOICE, 16_000),
    (MessageKind.DOCUMENT, 0),
    (MessageKind.STICKER, 15),
]
MIME_TYPES = {
    MessageKind.IMAGE: "image/jpeg",
    MessageKind.VIDEO: "video/mp4",
    MessageKind.GIF: "video/mp4",
    MessageKind.VIDEO_NOTE: "video/mp4",
    MessageKind.AUDIO: "audio/mpeg",
    MessageKind.VOICE: "audio/ogg; codecs=opus",
    MessageKind.DOCUMENT: "application/pdf",
    MessageKind.STICKER: "image/webp",
}
NAME = "تقرير/السنة\\2026.pdf"


@pytest.fixture(autouse=True)
def _integrations() -> None:
    """Leave Home Assistant out of it: here the client is alone."""


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
    """A client of the other account."""
    return await link_peer(kind, theirs)


def make_file(folder: Path, kind: MessageKind, size: int) -> tuple[Path, str]:
    """Make a file of no meaning; give its SHA-256, too."""
    content = random.Random(f"{kind} {size}").randbytes(size)
    path = folder / f"{kind}.bin"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def send(device: OurDevice, chat: Jid, draft: Media) -> str:
    """Send a file in the steps that a queue takes."""
    assert device.client is not None
    media = device.client.media
    message, attachment = await media.prepare(draft)
    try:
        resolved = await media.resolve(message, attachment)
        return (await device.client.send_message(chat, resolved)).message_id
    finally:
        await media.discard(attachment)


async def test_files_reach_a_peer(
    device: OurDevice, peer: Peer, theirs: Account, tmp_path: Path, kind: Kind
) -> None:
    assert device.client is not None
    chat = await device.client.resolve_number(theirs.number)
    for message_kind, size in FILES:
        path, digest = make_file(tmp_path, message_kind, size)
        captioned = message_kind is MessageKind.IMAGE
        draft = Media(
            kind=message_kind,
            path=path,
            caption="Look: مرحبا" if captioned else "",
            filename=NAME,
            seconds=7,
            width=320,
            height=200,
            waveform=bytes(range(64)) if message_kind is MessageKind.VOICE else b"",
        )
        message_id = await send(device, chat, draft)
        arrived = await peer.next_message(has_id(message_id))
        assert await peer.fetch_media(arrived.id) == (digest, size)
        check_fields(arrived, message_kind)
        print(f"media {message_kind} ours -> {kind}: sha256 equal, {size} bytes")
    assert list(device.spool.iterdir()) == []


def has_id(message_id: str) -> Callable[[PeerMessage], bool]:
    return lambda message: message.id == message_id


def check_fields(arrived: PeerMessage, kind: MessageKind) -> None:
    """What a peer is told of a file is what the draft said."""
    field = {
        MessageKind.GIF: "videoMessage",
        MessageKind.VIDEO_NOTE: "ptvMessage",
        MessageKind.VOICE: "audioMessage",
    }.get(kind, f"{kind}Message")
    part = arrived.raw[field]
    if kind is MessageKind.IMAGE:
        assert (part["caption"], part["width"], part["height"]) == ("Look: مرحبا", 320, 200)
    if kind is MessageKind.DOCUMENT:
        assert part["fileName"] == "تقرير_السنة_2026.pdf"
    if kind is MessageKind.VOICE:
        assert (part["ptt"], part["seconds"]) == (True, 7)
        assert part["mimetype"] == "audio/ogg; codecs=opus"
    assert bool(part.get("gifPlayback")) is (kind is MessageKind.GIF)


async def test_files_of_a_peer_reach_us(
    device: OurDevice, peer: Peer, tmp_path: Path, kind: Kind
) -> None:
    assert device.client is not None
    for message_kind, size in FILES:
        path, digest = make_file(tmp_path, message_kind, size)
        fields: dict[str, Any] = {"mimetype": MIME_TYPES[message_kind], "seconds": 7}
        if message_kind is MessageKind.DOCUMENT:
            fields["fileName"] = NAME
        message_id = await peer.send_media(device.address, message_kind, path, **fields)
        message = await incoming(device, message_id)
        content = message.content.media
        assert (message.content.kind, content.size if content else None) == (message_kind, size)
        target = tmp_path / "fetched"
        stored = await device.client.media.download(message_id, target, chat=message.chat)
        assert (digest_of(target), stored.size) == (digest, size)
        print(f"media {message_kind} {kind} -> ours: sha256 equal, {size} bytes")


async def incoming(device: OurDevice, message_id: str) -> IncomingMessage:
    return await device.until(
        lambda: next((each for each in device.messages if each.id == message_id), None)
    )


async def test_expired_file_comes_back_from_the_phone(
    device: OurDevice, peer: Peer, simulator: Simulator, tmp_path: Path
) -> None:
    assert device.client is not None
    path, digest = make_file(tmp_path, MessageKind.IMAGE, 5000)
    message_id = await peer.send_media(device.address, "image", path, mimetype="image/jpeg")
    await incoming(device, message_id)
    for stored in list(simulator.media.files.values()):
        stored.expired = True
    target = tmp_path / "fetched"
    await device.client.media.download(message_id, target)
    assert digest_of(target) == digest
    # The new place is remembered: no phone is asked again.
    asked = len(simulator.media.files)
    await device.client.media.download(message_id, target)
    assert len(simulator.media.files) == asked


# zapo-js asks no phone for files.
@pytest.mark.parametrize("kind", ["baileys"])
async def test_peer_gets_our_expired_file_from_its_phone(
    device: OurDevice, peer: Peer, theirs: Account, simulator: Simulator, tmp_path: Path
) -> None:
    assert device.client is not None
    path, digest = make_file(tmp_path, MessageKind.IMAGE, 5000)
    chat = await device.client.resolve_number(theirs.number)
    message_id = await send(device, chat, Media(kind=MessageKind.IMAGE, path=path))
    await peer.next_message(has_id(message_id))
    for stored in list(simulator.media.files.values()):
        stored.expired = True
    with pytest.raises(PeerError, match="410"):
        await peer.fetch_media(message_id)
    assert await peer.fetch_media(message_id, again=True) == (digest, 5000)


@pytest.mark.parametrize("kind", ["baileys"])
async def test_nothing_wrong_becomes_a_file(
    device: OurDevice, peer: Peer, simulator: Simulator, theirs: Account, tmp_path: Path
) -> None:
    assert device.client is not None
    media = device.client.media
    folder = tmp_path / "target"
    folder.mkdir()
    path, _ = make_file(tmp_path, MessageKind.IMAGE, 500_000)
    message_id = await peer.send_media(device.address, "image", path, mimetype="image/jpeg")
    await incoming(device, message_id)
    for spoiling in ("flip", "mac", "truncate", "longer", "announce"):
        simulator.media.spoilings = [spoiling] * 3
        with pytest.raises(MediaIntegrityError):
            await media.download(message_id, folder / "file")
        assert list(folder.iterdir()) == []
    simulator.media.spoilings = []
    with pytest.raises(MediaTooLarge):
        await media.download(message_id, folder / "file", limit=499_999)
    with pytest.raises(MediaNotFound):
        await media.download(message_id + "0", folder / "file")
    with pytest.raises(MediaNotFound):
        await media.download(message_id, folder / "file", chat=device.client.own_jid)
    for stored in simulator.media.files.values():
        stored.expired = True
    simulator.media.files = {
        name: stored for name, stored in simulator.media.files.items() if not stored.expired
    }
    with pytest.raises(MediaExpired):
        await media.download(message_id, folder / "file")
    assert list(folder.iterdir()) == []
