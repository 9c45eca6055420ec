"""Every command of the drivers does what it says, with a server that speaks the protocol.

That the simulator itself is right is proven in tests/simulator/test_with_peers.py.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .peer import KINDS, Kind, Peer, PeerAccount

pytestmark = pytest.mark.peers

ANN = "15550000001"
BEN = "15550000002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A peer that is linked to an account, and open."""

    peer: Peer
    account: Account
    me: PeerAccount

    @property
    def jid(self) -> str:
        return f"{self.account.number}@s.whatsapp.net"


type Link = Callable[[Kind, Account], Awaitable[Linked]]


@pytest_asyncio.fixture
async def simulator(socket_enabled: None) -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running
        assert running.ledger.violations == []


@pytest_asyncio.fixture
async def link(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Link]:
    async with AsyncExitStack() as stack:
        count = 0

        async def make(kind: Kind, account: Account) -> Linked:
            nonlocal count
            count += 1
            peer = await stack.enter_async_context(Peer(kind, simulator, tmp_path / str(count)))
            await account.phone.scan(await peer.wait_qr())
            return Linked(peer=peer, account=account, me=await peer.wait_open())

        yield make


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest_asyncio.fixture(params=[("baileys", "zapo"), ("zapo", "baileys")], ids="-".join)
async def pair(
    request: pytest.FixtureRequest, simulator: Simulator, link: Link
) -> tuple[Linked, Linked]:
    ann, ben = request.param
    return (
        await link(ann, simulator.add_account(ANN)),
        await link(ben, simulator.add_account(BEN)),
    )


@pytest_asyncio.fixture
async def twins(kind: Kind, simulator: Simulator, link: Link) -> tuple[Linked, Linked]:
    return (
        await link(kind, simulator.add_account(ANN)),
        await link(kind, simulator.add_account(BEN)),
    )


async def exchange(ann: Linked, ben: Linked, mark: str) -> None:
    """A text each way, each seen once."""
    await ann.peer.send_text(ben.jid, f"{mark} to ben")
    await ben.peer.next_text(f"{mark} to ben")
    await ben.peer.send_text(ann.jid, f"{mark} to ann")
    await ann.peer.next_text(f"{mark} to ann")


def texts(peer: Peer) -> list[str]:
    return [message.text for message in peer.messages() if message.text is not None]


async def test_pairing_tells_who_the_peer_is(kind: Kind, simulator: Simulator, link: Link) -> None:
    linked = await link(kind, simulator.add_account(ANN))
    (device_id,) = set(linked.account.devices) - {0}
    assert linked.me.jid == f"{ANN}:{device_id}@s.whatsapp.net"
    assert linked.me.lid.endswith(f":{device_id}@lid")
    assert await linked.peer.info() == {
        "jid": linked.me.jid,
        "lid": linked.me.lid,
        "connected": True,
    }


async def test_a_text_carries_who_sent_it(pair: tuple[Linked, Linked]) -> None:
    ann, ben = pair
    sent = await ann.peer.send_text(ben.jid, "hello", message_id="3EB0ABCDEF0123456789")
    got = await ben.peer.next_text("hello")
    assert (sent, got.id) == ("3EB0ABCDEF0123456789", "3EB0ABCDEF0123456789")
    assert (got.chat, got.alt) == (ann.jid, ann.me.lid.replace(":1@", "@"))
    assert (got.from_me, got.participant, got.type) == (False, None, "notify")


async def test_delivery_and_read_receipts_come_back(pair: tuple[Linked, Linked]) -> None:
    ann, ben = pair
    message_id = await ann.peer.send_text(ben.jid, "hello")
    await ann.peer.wait_status(message_id, "server_ack")
    await ann.peer.wait_status(message_id, "delivered")
    await ben.peer.mark_read(await ben.peer.next_text("hello"))
    await ann.peer.wait_status(message_id, "read")


async def test_any_kind_of_message_can_be_sent(pair: tuple[Linked, Linked]) -> None:
    ann, ben = pair
    place = {"degreesLatitude": 1.5, "degreesLongitude": 2.5, "jpegThumbnail": b"\x00\xff"}
    await ann.peer.send(ben.jid, {"locationMessage": place})
    got = await ben.peer.next_message(lambda message: message.kind == "locationMessage")
    assert got.raw["locationMessage"] == place


async def test_a_killed_peer_comes_back_with_what_it_stored(
    twins: tuple[Linked, Linked],
) -> None:
    ann, ben = twins
    await exchange(ann, ben, "before")
    await ben.peer.kill()
    await ann.peer.send_text(ben.jid, "while away")
    await ben.peer.spawn()
    await ben.peer.start()
    assert await ben.peer.wait_open() == ben.me
    await ben.peer.next_text("while away")
    await exchange(ann, ben, "after")
    assert not [event for event in ben.peer.events if event.name == "undecryptable"]


async def test_stop_and_start_keep_the_credentials(twins: tuple[Linked, Linked]) -> None:
    ann, ben = twins
    await ben.peer.stop()
    await ben.peer.start()
    assert await ben.peer.wait_open() == ben.me
    await exchange(ann, ben, "again")


async def test_a_lost_connection_is_made_again(
    twins: tuple[Linked, Linked], simulator: Simulator
) -> None:
    ann, ben = twins
    session = simulator.session_of(ben.account.devices[1])
    assert session is not None
    session.close()
    await ben.peer.next_event("close", lambda close: close["code"] == 428)
    assert await ben.peer.wait_open() == ben.me
    await exchange(ann, ben, "again")


@pytest.mark.parametrize("forgetful", KINDS)
async def test_what_a_peer_without_a_session_cannot_read_is_sent_again(
    forgetful: Kind, simulator: Simulator, link: Link
) -> None:
    ann = await link("baileys", simulator.add_account(ANN))
    ben = await link(forgetful, simulator.add_account(BEN))
    await exchange(ann, ben, "first")
    assert await ben.peer.forget_session(ann.me.jid)
    message_id = await ann.peer.send_text(ben.jid, "lost")
    assert (await ben.peer.next_undecryptable())["id"] == message_id
    asked = await ann.peer.next_receipt(lambda receipt: receipt.type == "retry")
    assert (asked.ids, asked.sender) == ((message_id,), ben.me.jid)
    assert (await ben.peer.next_text("lost")).id == message_id
    await exchange(ann, ben, "last")


async def test_a_spoiled_message_is_sent_again(pair: tuple[Linked, Linked]) -> None:
    ann, ben = pair
    await exchange(ann, ben, "first")
    await ann.peer.corrupt_next(ben.me.jid)
    message_id = await ann.peer.send_text(ben.jid, "spoiled")
    assert (await ben.peer.next_undecryptable())["id"] == message_id
    assert (await ben.peer.next_text("spoiled")).id == message_id
    assert texts(ben.peer).count("spoiled") == 1
    await exchange(ann, ben, "last")


async def test_logout_unlinks(kind: Kind, simulator: Simulator, link: Link) -> None:
    linked = await link(kind, simulator.add_account(ANN))
    await linked.peer.logout()
    assert (await linked.peer.next_event("close", lambda close: close["code"] == 401))["code"]
    assert set(linked.account.devices) == {0}


async def test_a_new_installation_has_a_new_identity(
    kind: Kind, simulator: Simulator, link: Link
) -> None:
    linked = await link(kind, simulator.add_account(ANN))
    old = linked.account.devices[1]
    await linked.peer.reinstall()
    await linked.account.phone.scan(await linked.peer.wait_qr())
    me = await linked.peer.wait_open()
    (new,) = (device for number, device in linked.account.devices.items() if number > 1)
    assert me.jid == f"{ANN}:{new.id}@s.whatsapp.net"
    assert new.identity_public != old.identity_public
