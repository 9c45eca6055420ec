"""Clients nobody here wrote pair, log in and talk through the simulator, ours absent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.peers.peer import Kind, Peer

from . import Simulator
from .accounts import Account, Device
from .faults import by
from .pairing import CouldNotLink

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("socket_enabled")]

ANN = "15550001111"
BOB = "15550002222"
PAIRS: list[tuple[Kind, Kind]] = [("baileys", "zapo"), ("zapo", "baileys")]
BURST = 40


class Stage:
    """A simulator, two accounts, and the peers that a test links to them."""

    def __init__(self, sim: Simulator, folder: Path, stack: AsyncExitStack) -> None:
        self.sim = sim
        self.ann = sim.add_account(ANN, "Ann")
        self.bob = sim.add_account(BOB, "Bob")
        self._folder = folder
        self._stack = stack
        self._count = 0

    async def link(self, kind: Kind, account: Account) -> tuple[Peer, Device]:
        """Start a peer, scan its code, wait until it is logged in."""
        self._count += 1
        peer = Peer(kind, self.sim, self._folder / f"{kind}{self._count}")
        await self._stack.enter_async_context(peer)
        device = await account.phone.scan(await peer.wait_qr())
        await peer.wait_close()
        opened = await peer.wait_open()
        assert opened.jid == str(device.jid(lid=False))
        assert opened.lid == str(device.jid(lid=True))
        return peer, device


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Simulator() as sim, AsyncExitStack() as stack:
        yield Stage(sim, tmp_path, stack)
        await sim.settled()
        assert sim.ledger.violations == []
        assert sim.ledger.malformed == []


@pytest.mark.parametrize(("first", "second"), [*PAIRS, ("baileys", "baileys"), ("zapo", "zapo")])
async def test_two_clients_talk_both_ways(stage: Stage, first: Kind, second: Kind) -> None:
    ann, ann_device = await stage.link(first, stage.ann)
    bob, bob_device = await stage.link(second, stage.bob)

    sent = await ann.send_text(str(stage.bob.pn_jid), "hello Bob")
    got = await bob.next_text("hello Bob")
    assert (got.id, got.from_me, got.push_name) == (sent, False, "Ann")
    await bob.send_text(got.chat, "hello Ann")
    answer = await ann.next_text("hello Ann")
    assert not answer.from_me
    await ann.send_text(answer.chat, "again")
    await bob.next_text("again")

    # Both phones have the whole chat: as receivers, and as own devices.
    for text, author in (("hello Bob", ann_device), ("hello Ann", bob_device)):
        for account in (stage.ann, stage.bob):
            seen = await account.phone.wait_message(text)
            assert seen.sender is author
            assert seen.from_me is (author.account is account)
    receipt = await ann.next_receipt(lambda each: sent in each.ids)
    assert receipt.type == "delivery"


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_the_phone_talks_with_a_linked_client(stage: Stage, kind: Kind) -> None:
    ann, _ = await stage.link(kind, stage.ann)
    stanza_id = await stage.bob.phone.send_text(stage.ann, "from Bob's phone")
    got = await ann.next_text("from Bob's phone")
    await stage.bob.phone.wait_receipt(stanza_id)

    await ann.send_text(got.chat, "to Bob's phone")
    seen = await stage.bob.phone.wait_message("to Bob's phone")
    assert seen.sender.account is stage.ann

    await stage.ann.phone.send_text(stage.bob, "from my own phone")
    copy = await ann.next_text("from my own phone")
    assert copy.from_me


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_messages_wait_for_who_is_away(stage: Stage, first: Kind, second: Kind) -> None:
    ann, _ = await stage.link(first, stage.ann)
    bob, device = await stage.link(second, stage.bob)
    await ann.send_text(str(stage.bob.pn_jid), "while here")
    await bob.next_text("while here")
    await stage.sim.settled()
    await bob.kill()
    await stage.sim.ledger.until(lambda: stage.sim.session_of(device) is None)

    texts = [f"while away {number}" for number in range(5)]
    for text in texts:
        await ann.send_text(str(stage.bob.pn_jid), text)
        await stage.bob.phone.wait_message(text)
    assert len(device.mailbox) >= len(texts)

    await bob.spawn()
    await bob.start()
    await bob.wait_open()
    got = [await bob.next_message(lambda one: one.text in texts) for _ in texts]
    assert [one.text for one in got] == texts
    await bob.send_text(str(stage.ann.pn_jid), "back again")
    await ann.next_text("back again")
    assert device.logins >= 2


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_a_spoiled_message_is_asked_for_again(
    stage: Stage, first: Kind, second: Kind
) -> None:
    ann, _ = await stage.link(first, stage.ann)
    bob, bob_device = await stage.link(second, stage.bob)
    chat = str(stage.bob.pn_jid)
    await ann.send_text(chat, "one")
    got = await bob.next_text("one")
    await bob.send_text(got.chat, "two")
    await ann.next_text("two")

    await ann.corrupt_next(str(bob_device.jid(lid=False)))
    await ann.send_text(chat, "three")
    await bob.next_text("three")
    assert stage.sim.ledger.counts["retry receipts"] >= 1
    await ann.send_text(chat, "four")
    await bob.next_text("four")


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_a_lost_session_is_built_anew(stage: Stage, first: Kind, second: Kind) -> None:
    ann, _ = await stage.link(first, stage.ann)
    bob, _ = await stage.link(second, stage.bob)
    chat = str(stage.bob.pn_jid)
    await ann.send_text(chat, "one")
    got = await bob.next_text("one")
    await bob.send_text(got.chat, "two")
    await ann.next_text("two")

    assert await bob.forget_session()
    await ann.send_text(chat, "three")
    await bob.next_text("three")
    assert stage.sim.ledger.counts["retry receipts"] >= 1
    await bob.send_text(got.chat, "four")
    await ann.next_text("four")


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_every_linked_device_gets_everything(stage: Stage, first: Kind, second: Kind) -> None:
    ann, _ = await stage.link(first, stage.ann)
    other, _ = await stage.link(second, stage.ann)
    bob, _ = await stage.link(first, stage.bob)
    await bob.send_text(str(stage.ann.pn_jid), "to both")
    await ann.next_text("to both")
    await other.next_text("to both")

    await ann.send_text(str(stage.bob.pn_jid), "from one of them")
    await bob.next_text("from one of them")
    copy = await other.next_text("from one of them")
    assert copy.from_me
    assert copy.chat in (str(stage.bob.pn_jid), str(stage.bob.lid_jid))


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_a_new_installation_goes_on_talking(stage: Stage, first: Kind, second: Kind) -> None:
    ann, _ = await stage.link(first, stage.ann)
    bob, old = await stage.link(second, stage.bob)
    chat = str(stage.bob.pn_jid)
    await ann.send_text(chat, "before")
    await bob.next_text("before")
    await stage.sim.settled()

    stage.bob.phone.unlink(old)
    assert (await bob.wait_close()).code == 401
    await bob.reinstall()
    new = await stage.bob.phone.scan(await bob.wait_qr())
    await bob.wait_open()
    assert new.id != old.id
    await ann.send_text(chat, "after")
    await bob.next_text("after")
    await bob.send_text(str(stage.ann.pn_jid), "I am new")
    await ann.next_text("I am new")


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_a_burst_arrives_once_and_in_order(stage: Stage, first: Kind, second: Kind) -> None:
    ann, _ = await stage.link(first, stage.ann)
    bob, _ = await stage.link(second, stage.bob)
    await ann.send_text(str(stage.bob.pn_jid), "begin")
    await bob.next_text("begin")

    async def talk(peer: Peer, to: Account, word: str) -> None:
        for number in range(BURST):
            await peer.send_text(str(to.pn_jid), f"{word} {number}")

    await asyncio.gather(talk(ann, stage.bob, "ping"), talk(bob, stage.ann, "pong"))
    for peer, word in ((bob, "ping"), (ann, "pong")):
        await peer.next_text(f"{word} {BURST - 1}")
        texts = [one.text for one in peer.messages() if one.text and one.text.startswith(word)]
        assert texts == [f"{word} {number}" for number in range(BURST)]
    assert stage.sim.ledger.ciphertexts >= 6 * BURST


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_a_phone_installed_anew_goes_on_talking(stage: Stage, kind: Kind) -> None:
    ann, _ = await stage.link(kind, stage.ann)
    await stage.bob.phone.send_text(stage.ann, "before")
    chat = (await ann.next_text("before")).chat
    await ann.send_text(chat, "seen")
    await stage.bob.phone.wait_message("seen")
    await stage.sim.settled()

    stage.bob.phone.reinstall()
    await ann.next_event("stanza", lambda data: data["attrs"].get("type") == "encrypt")
    await stage.bob.phone.send_text(stage.ann, "after")
    await ann.next_text("after")
    await ann.send_text(chat, "seen again")
    await stage.bob.phone.wait_message("seen again")


async def test_the_own_phone_helps_with_what_was_withheld(stage: Stage) -> None:
    ann, device = await stage.link("baileys", stage.ann)
    stage.sim.faults.add("withhold", by("message", type="text"), device=device)
    await stage.bob.phone.send_text(stage.ann, "held back")
    await ann.next_text("held back")
    assert stage.ann.phone.peer_messages, "Baileys asked the phone"


async def test_who_logs_in_last_stays(stage: Stage, tmp_path: Path) -> None:
    bob, device = await stage.link("baileys", stage.bob)
    await stage.sim.settled()
    twin = Peer("baileys", stage.sim, tmp_path / "baileys1")
    async with twin:
        await twin.wait_open()
        closed = await bob.wait_close()
        assert closed.code == 440
        assert stage.sim.connected(device)


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_a_client_is_linked_by_a_code(stage: Stage, kind: Kind, tmp_path: Path) -> None:
    async with Peer(kind, stage.sim, tmp_path / "typed") as peer:
        await peer.wait_qr()
        code = await peer.request_pairing_code(BOB)
        # Baileys gives the code out before the server has its announcement.
        await stage.sim.ledger.until(lambda: stage.sim.link_codes.waiting(stage.bob))
        await stage.bob.phone.enter_code(code)
        await peer.wait_open()
        await stage.ann.phone.send_text(stage.bob, "linked by code")
        await peer.next_text("linked by code")
        await stage.sim.settled()


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_a_wrong_code_links_nothing(stage: Stage, kind: Kind, tmp_path: Path) -> None:
    async with Peer(kind, stage.sim, tmp_path / "typed") as peer:
        await peer.wait_qr()
        code = await peer.request_pairing_code(BOB, code="ABCD1234")
        await stage.sim.ledger.until(lambda: stage.sim.link_codes.waiting(stage.bob))
        assert code.replace("-", "") == "ABCD1234"
        with pytest.raises(CouldNotLink, match="wrong code"):
            await stage.bob.phone.enter_code("ABCD1235")
        assert stage.bob.companions == []


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_an_unlinked_client_is_out(stage: Stage, kind: Kind) -> None:
    bob, device = await stage.link(kind, stage.bob)
    stage.bob.phone.unlink(device)
    closed = await bob.wait_close()
    assert closed.code == 401
    await bob.kill()
    await bob.spawn()
    await bob.start()
    assert (await bob.wait_close()).code == 401


@pytest.mark.parametrize("kind", ["baileys", "zapo"])
async def test_a_client_logs_itself_out(stage: Stage, kind: Kind) -> None:
    bob, device = await stage.link(kind, stage.bob)
    await bob.logout()
    await stage.sim.ledger.until(lambda: device.removed)
    assert device.id not in stage.bob.devices
