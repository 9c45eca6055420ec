"""Every kind of message, ours -> peers and back: the table, with its holes named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers.peer import Kind
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from . import kinds_in, kinds_out, people_rows
from .conftest import LinkPeer
from .matrix import CELLS, Direction, Sort, Table, Talk
from .ours import OurDevice

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

ROWS = (kinds_in, kinds_out, people_rows)


@pytest.fixture(autouse=True)
def _integrations() -> None:
    """Leave Home Assistant out of it: here the client is alone."""


@pytest.fixture
async def device(simulator: Simulator, ours: Account, tmp_path: Path) -> AsyncIterator[OurDevice]:
    folder = tmp_path / "ours"
    folder.mkdir()
    made = OurDevice(simulator, ours, folder)
    await made.link()
    await made.start()
    yield made
    await made.aclose()


async def test_one_to_one(
    device: OurDevice,
    theirs: Account,
    link_peer: LinkPeer,
    kind: Kind,
    capsys: pytest.CaptureFixture[str],
) -> None:
    peer = await link_peer(kind, theirs)
    chat = theirs.lid_jid
    talk = Talk(
        ours=device, peer=peer, sort=Sort.PERSON, chat=chat, to=device.address, peer_jid=chat
    )
    await show(talk, capsys)


async def show(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    """Fill and print the table; whatever can be done has to work."""
    table = Table()
    await table.fill(talk)
    with capsys.disabled():
        print(f"\n{table.text()}")
    assert table.failures == {}
    done = {way for _, way, *_ in table.outcomes}
    assert done == set(Direction)
    assert len(table.outcomes) == sum(talk.sort in each.sorts for each in CELLS)


async def test_group(
    device: OurDevice,
    simulator: Simulator,
    theirs: Account,
    link_peer: LinkPeer,
    kind: Kind,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulator.groups.lid_by_default = True
    peer = await link_peer(kind, theirs)
    assert device.client is not None
    info = await device.client.groups.create("Family", [theirs.lid_jid])
    talk = Talk(
        ours=device,
        peer=peer,
        sort=Sort.GROUP,
        chat=info.jid,
        to=str(info.jid),
        peer_jid=theirs.lid_jid,
    )
    await show(talk, capsys)
