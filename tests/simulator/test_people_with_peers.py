"""What the server says of people, among clients nobody here wrote, ours absent."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.peers.peer import Kind, Peer, PeerError

from . import Simulator
from .accounts import Account

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("socket_enabled")]

PAIRS: list[tuple[Kind, Kind]] = [("baileys", "zapo"), ("zapo", "baileys")]
STOPPED = {"baileys": "available", "zapo": "paused"}


class Pair:
    """Two people, each with one linked client."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.ann = sim.add_account("15550001111", "Ann")
        self.bob = sim.add_account("15550002222", "Bob")


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with Simulator() as sim:
        yield Pair(sim)
        assert sim.ledger.violations == []


@pytest.fixture(params=PAIRS, ids="-".join)
async def peers(
    request: pytest.FixtureRequest, pair: Pair, tmp_path: Path
) -> AsyncIterator[tuple[Peer, Peer]]:
    async with AsyncExitStack() as stack:

        async def link(kind: Kind, account: Account) -> Peer:
            peer = await stack.enter_async_context(Peer(kind, pair.sim, tmp_path / account.name))
            await account.phone.scan(await peer.wait_qr())
            await peer.wait_open()
            return peer

        first, second = request.param
        yield await link(first, pair.ann), await link(second, pair.bob)


async def shown(peer: Peer, state: str) -> None:
    await peer.next_event("presence", lambda data: data["state"] == state)


async def test_presence_and_typing(pair: Pair, peers: tuple[Peer, Peer]) -> None:
    ann, bob = peers
    await ann.presence("available", name="Ann")
    await bob.presence("available", name="Bob")
    await ann.command("follow", jid=str(pair.bob.lid_jid))
    await shown(ann, "available")
    for state in ("composing", "recording"):
        await bob.command("chat_state", to=str(pair.ann.lid_jid), state=state)
        await shown(ann, state)
    await bob.command("chat_state", to=str(pair.ann.lid_jid), state="paused")
    await shown(ann, STOPPED[ann.kind])
    await bob.presence("unavailable")
    await shown(ann, "unavailable")


async def test_whoever_is_offline_is_told_nothing(pair: Pair, peers: tuple[Peer, Peer]) -> None:
    ann, bob = peers
    await bob.presence("available", name="Bob")
    await ann.command("follow", jid=str(pair.bob.lid_jid))
    await bob.command("chat_state", to=str(pair.ann.lid_jid), state="composing")
    await bob.send_text(str(pair.ann.lid_jid), "It is in order")
    await ann.next_text("It is in order")
    assert [event for event in ann.events if event.name == "presence"] == []


async def test_read_and_played(pair: Pair, peers: tuple[Peer, Peer]) -> None:
    ann, bob = peers
    sent = await ann.send_text(str(pair.bob.lid_jid), "hello")
    got = await bob.next_text("hello")
    await bob.mark_read(got)
    await ann.wait_status(sent, "read")
    await bob.command("mark_played", **{"from": got.chat, "message_id": got.id})
    await ann.wait_status(sent, "played")
    # The reader's phone knows as well.
    await pair.bob.phone.wait_receipt(sent, "read")


async def test_profiles_and_privacy(pair: Pair, peers: tuple[Peer, Peer]) -> None:
    ann, bob = peers
    await bob.command("set_about", text="At the door")
    assert (await ann.command("about", jid=str(pair.bob.lid_jid)))["text"] == "At the door"
    name = "about" if bob.kind == "zapo" else "status"
    await bob.command("set_privacy", name=name, value="none")
    assert not (await ann.command("about", jid=str(pair.bob.lid_jid)))["text"]
    if ann.kind == "baileys":
        await ann.send_text(str(pair.bob.lid_jid), "hello")
        await ann.command("block", jid=str(pair.bob.pn_jid), on=True)
        assert (await ann.command("blocklist"))["jids"] == [str(pair.bob.lid_jid)]
    else:
        with pytest.raises(PeerError):
            await ann.command("block", jid=str(pair.bob.lid_jid), on=True)


async def test_a_call_is_refused(pair: Pair, peers: tuple[Peer, Peer]) -> None:
    ann, bob = peers
    await ann.command("offer_call", to=str(pair.bob.lid_jid), call_id="CALL1", video=True)
    offer = await bob.next_event("call")
    assert (offer["call_id"], offer["status"], offer["video"]) == ("CALL1", "offer", True)
    await bob.command("reject_call", call_id="CALL1", **{"from": str(pair.ann.lid_jid)})
    refused = await ann.next_event("call", lambda data: data["status"] == "reject")
    assert refused["call_id"] == "CALL1"
    await pair.sim.ledger.until(lambda: ("CALL1", "terminate") in pair.bob.phone.calls.heard)
