"""A copy of our state goes on where the original was copied, after that one had gone on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
import shutil

import pytest

from custom_components.whatsapp_web.aiowhatsapp import Rejected
from custom_components.whatsapp_web.aiowhatsapp.client import prekeys
from custom_components.whatsapp_web.aiowhatsapp.store import Backend
from tests.peers.peer import Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account, Device
from tests.whatsapp_web.conftest import THEIRS

from .conftest import LinkPeer
from .ours import OurDevice

pytestmark = pytest.mark.peers

BATCH = 20

type Cloner = Callable[[OurDevice], Awaitable[OurDevice]]


@pytest.fixture(autouse=True)
def _integrations() -> None:
    """Leave Home Assistant out of it: here the client is alone."""


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prekeys, "BATCH", BATCH)


@pytest.fixture
async def devices(
    simulator: Simulator, ours: Account, tmp_path: Path
) -> AsyncIterator[Callable[[str], OurDevice]]:
    """Make installations of our client, each in a folder of its own."""
    async with AsyncExitStack() as stack:

        def make(name: str) -> OurDevice:
            folder = tmp_path / name
            folder.mkdir()
            made = OurDevice(simulator, ours, folder)
            stack.push_async_callback(made.aclose)
            return made

        yield make


@pytest.fixture
async def original(devices: Callable[[str], OurDevice]) -> OurDevice:
    """Our client, linked and connected."""
    made = devices("original")
    await made.link()
    await made.start()
    return made


@pytest.fixture
def snapshot(devices: Callable[[str], OurDevice], tmp_path: Path) -> Cloner:
    """Copy the files of an installation that runs, as a machine's snapshot does."""

    async def clone(of: OurDevice) -> OurDevice:
        copied = devices("copy")
        for file in (tmp_path / "original").iterdir():
            shutil.copy(file, tmp_path / "copy")
        copied.credentials, copied.device = of.credentials, of.device
        return copied

    return clone


@pytest.fixture
def backup(snapshot: Cloner) -> Cloner:
    """Copy the files of an installation that runs, as a backup of Home Assistant does."""

    async def clone(of: OurDevice) -> OurDevice:
        backend = backend_of(of)
        await backend.begin_copy()
        copied = await snapshot(of)
        await backend.end_copy()
        return copied

    return clone


def backend_of(device: OurDevice) -> Backend:
    assert device.client is not None
    return device.client._context.store.backend


def device_of(ours: OurDevice) -> Device:
    """Our linked device, as the server knows it."""
    assert ours.device is not None
    return ours.device


async def base_key(ours: OurDevice, device: Device) -> bytes:
    """Tell sessions with a device apart."""
    assert ours.client is not None
    context = ours.client._context
    session = await context.store.sessions.get(None, context.address_of(device.jid(lid=True)))
    assert session is not None
    assert session.base_key is not None
    return session.base_key


async def talk(device: OurDevice, peer: Peer, *texts: str) -> None:
    """Write each text both ways, first ours."""
    for text in texts:
        await device.send(THEIRS, f"{text} out")
        await peer.next_text(f"{text} out")
        await peer.send_text(device.address, f"{text} in")
        await device.text(f"{text} in")


async def we_write(device: OurDevice, peer: Peer, text: str) -> None:
    await device.send(THEIRS, text)
    await peer.next_text(text)


async def they_write(device: OurDevice, peer: Peer, text: str) -> None:
    await peer.send_text(device.address, text)
    await device.text(text)


FIRST = pytest.mark.parametrize("first", [we_write, they_write])
# How the ratchets stand when the original ends: whose turn of them was the last one.
LAST = pytest.mark.parametrize("last", [we_write, they_write])


@FIRST
@LAST
async def test_a_restored_backup_uses_no_key_again(
    original: OurDevice,
    backup: Cloner,
    theirs: Account,
    link_peer: LinkPeer,
    kind: Kind,
    simulator: Simulator,
    first: Callable[..., Awaitable[None]],
    last: Callable[..., Awaitable[None]],
) -> None:
    peer = await link_peer(kind, theirs)
    await talk(original, peer, "one", "two")
    copied = await backup(original)
    await we_write(original, peer, "more")
    await talk(original, peer, "three", "four")
    await last(original, peer, "five")
    await original.stop()

    await copied.start()
    await first(copied, peer, "restored")
    await talk(copied, peer, "six", "seven")
    await simulator.ledger.until(lambda: not simulator.unacked(device_of(copied)))
    # Nothing came twice, and our own phone has everything as well.
    assert copied.texts() == [text for text in copied.texts() if text not in original.texts()]
    arrived = [message.text for message in peer.messages() if not message.from_me]
    assert len(arrived) == len(set(arrived))
    await copied.account.phone.wait_message("seven out")
    assert simulator.ledger.violations == []


async def test_what_waited_for_the_original_arrives_at_the_copy(
    original: OurDevice, backup: Cloner, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await talk(original, peer, "one")
    copied = await backup(original)
    await talk(original, peer, "two")
    await original.stop()
    waiting = [f"waiting {index}" for index in range(5)]
    for text in waiting:
        await peer.send_text(original.address, text)
    await copied.start()
    for text in waiting:
        await copied.text(text)
    assert sorted(text or "" for text in copied.texts()) == waiting


async def test_the_original_goes_on_as_before(
    original: OurDevice, backup: Cloner, theirs: Account, link_peer: LinkPeer
) -> None:
    peer = await link_peer("baileys", theirs)
    await talk(original, peer, "one")
    before = await base_key(original, theirs.companions[0])
    await backup(original)
    await original.stop()
    await original.start()
    await talk(original, peer, "two")
    # Nobody had to begin anew.
    assert original.undecryptable == []
    assert await base_key(original, theirs.companions[0]) == before


async def test_a_copy_of_a_copy_is_one_as_well(
    original: OurDevice, backup: Cloner, theirs: Account, tmp_path: Path
) -> None:
    await original.send(THEIRS, "one")
    copied = await backup(original)
    await original.send(THEIRS, "two")
    await original.stop()
    for round_ in range(2):
        # The same backup is restored again, after what was restored first had gone on.
        for file in (tmp_path / "copy").iterdir():
            shutil.copy(file, tmp_path / "original")
        await original.start()
        await original.send(THEIRS, f"restored {round_}")
        await theirs.phone.wait_message(f"restored {round_}")
        await original.stop()
    await copied.start()
    await copied.send(THEIRS, "restored elsewhere")
    await theirs.phone.wait_message("restored elsewhere")


async def test_keys_that_the_original_gave_the_server_since(
    original: OurDevice,
    backup: Cloner,
    theirs: Account,
    link_peer: LinkPeer,
    kind: Kind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied = await backup(original)
    await original.stop()
    with monkeypatch.context() as patch:
        patch.setattr(prekeys, "ROTATE_AFTER_SECONDS", -1)
        client = await original.start()
    await client._pre_keys.refill()
    await original.stop()
    shelf = device_of(original).keys
    assert shelf.signed is not None
    assert shelf.signed.id > 1
    assert len(shelf.one_time) >= 2 * BATCH - 1

    await copied.start()
    # The signed one is the copy's own again, and its new ones are no others' ids.
    assert shelf.signed.id == 1
    peer = await link_peer(kind, theirs)
    await they_write(copied, peer, "With a key that the copy has")
    assert copied.undecryptable == []
    # Those the copy knows are used up: now come those that only the original had.
    for key_id in range(1, BATCH + 1):
        shelf.one_time.pop(key_id, None)
    late = await link_peer(kind, theirs)
    message_id = await late.send_text(copied.address, "With a key that it hasn't")
    assert (await copied.text("With a key that it hasn't")).id == message_id
    assert [event.message_id for event in copied.undecryptable] == [message_id]
    await talk(copied, late, "From then on")


async def test_a_snapshot_behind_our_back_goes_unnoticed(
    original: OurDevice, snapshot: Cloner, theirs: Account, simulator: Simulator
) -> None:
    """What docs/backup.md warns of; and the proof that the server would see it."""
    await original.send(THEIRS, "one")
    copied = await snapshot(original)
    await original.send(THEIRS, "two")
    await original.stop()
    await copied.start()
    with pytest.raises(Rejected, match="479"):
        await copied.send(THEIRS, "three")
    violations, simulator.ledger.violations[:] = list(simulator.ledger.violations), []
    assert any("message key used twice" in text for text in violations)
