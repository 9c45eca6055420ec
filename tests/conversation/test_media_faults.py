"""Media hosts on their bad days, and how little memory a large file takes."""

import asyncio
from collections.abc import AsyncIterator
import hashlib
import json
import os
from pathlib import Path
import sys

import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    ConnectionFailed,
    Media,
    MediaExpired,
    MediaFileError,
    MediaFiles,
    MediaIntegrityError,
    MediaRefused,
    MediaTooLarge,
    MessageKind,
)
from custom_components.whatsapp_web.aiowhatsapp.client import media_retry, media_transfer
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .ours import OurDevice
from .test_media import digest_of, incoming, make_file

SIZE = 3_000_000
DEAD = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def _integrations() -> None:
    """Leave Home Assistant out of it: here the client is alone."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_transfer, "PAUSE", 0)


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
def media(device: OurDevice) -> MediaFiles:
    assert device.client is not None
    return device.client.media


def draft_of(path: Path) -> Media:
    return Media(kind=MessageKind.DOCUMENT, path=path)


async def upload(media: MediaFiles, path: Path) -> wire.Message:
    message, attachment = await media.prepare(draft_of(path))
    try:
        return await media.resolve(message, attachment)
    finally:
        await media.discard(attachment)


async def receive(
    device: OurDevice, theirs: Account, media: MediaFiles, folder: Path, size: int = SIZE
) -> tuple[str, str]:
    """Have the other phone send us a file; give message id and SHA-256."""
    path, digest = make_file(folder, MessageKind.DOCUMENT, size)
    message = await upload(media, path)
    message_id = theirs.phone.send(device.account.lid_jid, message, "media")
    await incoming(device, message_id)
    return message_id, digest


async def test_ticket_that_ran_out_is_renewed_once(
    media: MediaFiles, simulator: Simulator, tmp_path: Path
) -> None:
    path, _ = make_file(tmp_path, MessageKind.DOCUMENT, SIZE)
    await upload(media, path)
    await upload(media, path)
    assert simulator.media.counts["media_conn"] == 1
    simulator.media.renew_ticket()
    await upload(media, path)
    assert simulator.media.counts["media_conn"] == 2
    simulator.media.upload_statuses = [403, 401]
    with pytest.raises(MediaRefused) as refused:
        await upload(media, path)
    assert refused.value.status == 401


@pytest.mark.parametrize("status", [507, 500, 429])
async def test_host_that_is_busy_is_asked_again(
    media: MediaFiles, simulator: Simulator, tmp_path: Path, status: int
) -> None:
    path, _ = make_file(tmp_path, MessageKind.DOCUMENT, 1000)
    simulator.media.upload_statuses = [status] * 2
    await upload(media, path)
    simulator.media.upload_statuses = [status] * 3
    with pytest.raises(ConnectionFailed):
        await upload(media, path)


@pytest.mark.parametrize(("status", "error"), [(413, MediaTooLarge), (415, MediaRefused)])
async def test_refusal_is_told(
    media: MediaFiles, simulator: Simulator, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    path, _ = make_file(tmp_path, MessageKind.DOCUMENT, 1000)
    simulator.media.upload_statuses = [status]
    with pytest.raises(error):
        await upload(media, path)


async def test_dead_host_is_passed_over_both_ways(
    device: OurDevice, theirs: Account, media: MediaFiles, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.media.hosts_before = [DEAD, "not a host"]
    message_id, digest = await receive(device, theirs, media, tmp_path)
    await media.download(message_id, tmp_path / "fetched")
    assert digest_of(tmp_path / "fetched") == digest


async def test_no_host_at_all_is_a_failed_connection(
    device: OurDevice, theirs: Account, media: MediaFiles, simulator: Simulator, tmp_path: Path
) -> None:
    message_id, _ = await receive(device, theirs, media, tmp_path)
    await simulator.media.stop()
    with pytest.raises(ConnectionFailed):
        await upload(media, tmp_path / "document.bin")
    with pytest.raises(ConnectionFailed):
        await media.download(message_id, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()
    assert list(device.spool.iterdir()) == []


async def test_upload_that_broke_off_goes_on_where_it_was(
    media: MediaFiles, simulator: Simulator, tmp_path: Path
) -> None:
    path, _ = make_file(tmp_path, MessageKind.DOCUMENT, SIZE)
    simulator.media.cut_upload_after = 2_000_000
    await upload(media, path)
    assert simulator.media.requests == ["POST document", "POST document resume", "POST document"]
    (stored,) = simulator.media.files.values()
    assert len(stored.content) == SIZE + 10 + 16 - SIZE % 16


async def test_download_that_broke_off_is_begun_anew(
    device: OurDevice, theirs: Account, media: MediaFiles, simulator: Simulator, tmp_path: Path
) -> None:
    message_id, digest = await receive(device, theirs, media, tmp_path)
    simulator.media.spoilings = ["break"]
    simulator.media.download_statuses = [503, 200, 200]
    await media.download(message_id, tmp_path / "fetched")
    assert digest_of(tmp_path / "fetched") == digest


async def test_whole_copy_of_another_host_counts(
    device: OurDevice, theirs: Account, media: MediaFiles, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.media.hosts_after = [f"localhost:{simulator.media.host.rpartition(':')[2]}"]
    message_id, digest = await receive(device, theirs, media, tmp_path)
    simulator.media.spoilings = ["flip"]
    await media.download(message_id, tmp_path / "fetched")
    assert digest_of(tmp_path / "fetched") == digest


async def test_cancelled_download_leaves_nothing(
    device: OurDevice, theirs: Account, media: MediaFiles, simulator: Simulator, tmp_path: Path
) -> None:
    message_id, _ = await receive(device, theirs, media, tmp_path)
    folder = tmp_path / "target"
    folder.mkdir()
    simulator.media.spoilings = ["stall"]
    download = asyncio.create_task(media.download(message_id, folder / "file"))
    await simulator.media.stalled.wait()
    download.cancel()
    with pytest.raises(asyncio.CancelledError):
        await download
    assert list(folder.iterdir()) == []


async def test_phone_that_is_off_or_has_it_no_longer_is_told(
    device: OurDevice,
    theirs: Account,
    media: MediaFiles,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id, digest = await receive(device, theirs, media, tmp_path)
    for stored in simulator.media.files.values():
        stored.expired = True
    monkeypatch.setattr(media_retry, "ANSWER_TIMEOUT", 0.05)
    device.account.phone.online = False
    with pytest.raises(MediaExpired):
        await media.download(message_id, tmp_path / "fetched")
    monkeypatch.undo()
    device.account.phone.online = True
    await media.download(message_id, tmp_path / "fetched")
    assert digest_of(tmp_path / "fetched") == digest


async def test_file_of_two_gigabytes_is_refused_before_it_is_read(
    device: OurDevice, media: MediaFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2_000_000_001)
    before = _read_so_far()
    with pytest.raises(MediaTooLarge) as refused:
        await media.prepare(draft_of(path))
    assert refused.value.size == 2_000_000_001
    assert _read_so_far() - before < 1_000_000
    assert not device.spool.exists()
    with pytest.raises(MediaFileError):
        await media.prepare(draft_of(tmp_path / "absent"))
    with pytest.raises(MediaFileError):
        await media.prepare(draft_of(tmp_path))


def _read_so_far() -> int:
    """Say how many bytes this process has read."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


async def test_forged_length_is_refused(
    device: OurDevice, theirs: Account, media: MediaFiles, tmp_path: Path
) -> None:
    path, _ = make_file(tmp_path, MessageKind.DOCUMENT, 5000)
    message = await upload(media, path)
    for length in (4999, 5001, 0):
        message.documentMessage.fileLength = length
        message_id = theirs.phone.send(device.account.lid_jid, message, "media")
        await incoming(device, message_id)
        with pytest.raises(MediaIntegrityError):
            await media.download(message_id, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


async def test_large_file_takes_little_memory(
    simulator: Simulator, ours: Account, theirs: Account, tmp_path: Path
) -> None:
    """64 MB up and down, in a process of its own: at most 8 MB more than at rest."""
    settings = {
        "url": simulator.url,
        "root_key": simulator.root_key.hex(),
        "ca_file": str(simulator.ca_file),
        "folder": str(tmp_path),
        "number": theirs.number,
    }
    script = Path(__file__).with_name("media_memory.py")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script), json.dumps(settings)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    qr = json.loads(await process.stdout.readline())["qr"]
    await ours.phone.scan(qr)
    told = json.loads((await process.communicate())[0].splitlines()[-1])
    print("64 MB up and down:", told)
    assert told["digest"] == hashlib.sha256((tmp_path / "large").read_bytes()).hexdigest()
    assert told["up"] < 8 << 20
    assert told["down"] < 8 << 20
