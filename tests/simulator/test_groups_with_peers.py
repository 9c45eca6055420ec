"""Groups among clients that nobody here wrote, with ours absent."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers.peer import Kind, Peer

from . import Simulator
from .accounts import Account
from .party import LinkPeer, Party

pytestmark = pytest.mark.peers


@pytest_asyncio.fixture
async def simulator(socket_enabled: None) -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running
        assert running.ledger.violations == []


@pytest_asyncio.fixture
async def link(simulator: Simulator, tmp_path: Path) -> AsyncIterator[LinkPeer]:
    async with AsyncExitStack() as stack:
        count = 0

        async def make(kind: Kind, account: Account) -> Peer:
            nonlocal count
            count += 1
            peer = await stack.enter_async_context(Peer(kind, simulator, tmp_path / str(count)))
            await account.phone.scan(await peer.wait_qr())
            await peer.wait_open()
            return peer

        yield make


@pytest_asyncio.fixture(params=[True, False], ids=["lid", "pn"])
async def party(request: pytest.FixtureRequest, simulator: Simulator, link: LinkPeer) -> Party:
    simulator.groups.lid_by_default = request.param
    made = Party(simulator)
    await made.link(link)
    return made


async def test_all_read_all(party: Party) -> None:
    lid = party.simulator.groups.lid_by_default
    members = [str(each.jid(lid=lid)) for each in (party.ben, party.cleo)]
    group_id = await party.peers[party.ann].create_group("Family", *members)
    group = next(each for each in party.simulator.groups.all() if str(each.jid) == group_id)
    assert list(group.members) == [party.ann, party.ben, party.cleo]
    await party.said_by_all(group, "One")
    await party.said_by_all(group, "Two")


@pytest_asyncio.fixture
async def three(simulator: Simulator, link: LinkPeer) -> Party:
    made = Party(simulator)
    await made.link(link)
    return made


async def test_members_come_and_go(three: Party) -> None:
    ann, ben, cleo = (three.peers[each] for each in (three.ann, three.ben, three.cleo))
    group_id = await ann.create_group("Garden", str(three.ben.lid_jid))
    (group,) = three.simulator.groups.all()
    await three.said_by_all(group, "Two of us")
    added = await ann.group(
        "change", group=group_id, members=[str(three.cleo.lid_jid)], action="add"
    )
    assert [each["status"] for each in added["outcomes"]] == ["200"]
    await three.said_by_all(group, "Three of us")
    await ann.group("change", group=group_id, members=[str(three.ben.lid_jid)], action="remove")
    await three.said_by_all(group, "Without Ben")
    code = (await ann.group("invite_code", group=group_id))["code"]
    assert (await ben.group("join", code=code))["id"] == group_id
    await three.said_by_all(group, "With Ben again")
    await cleo.group("leave", group=group_id)
    await three.said_by_all(group, "Without Cleo")
    assert three.nobody_heard(three.ben, "Without Ben")
    assert three.nobody_heard(three.cleo, "Without Cleo")
    told = [each["children"] for each in ben.stanzas("notification") if "w:gp2" in str(each)]
    assert told == [["create"], ["add"], ["remove"], ["create"], ["remove"]]


async def test_what_a_group_is_can_be_changed(three: Party) -> None:
    ann, ben, cleo = (three.peers[each] for each in (three.ann, three.ben, three.cleo))
    members = [str(three.ben.lid_jid), str(three.cleo.lid_jid)]
    group_id = await ann.create_group("Old", *members)
    (group,) = three.simulator.groups.all()
    await ann.group("rename", group=group_id, subject="New ✨")
    await ben.group("describe", group=group_id, description="Where we meet")
    await ann.group("describe", group=group_id, description="Where we met")
    await ann.group("change", group=group_id, members=[str(three.cleo.lid_jid)], action="promote")
    await ann.group("timer", group=group_id, seconds=86_400)
    seen = await cleo.group("metadata", group=group_id)
    assert (seen["subject"], seen["ephemeral"], seen["size"]) == ("New ✨", 86_400, 3)
    assert [each["isAdmin"] for each in seen["participants"]] == [True, False, True]
    assert (await ben.group("metadata", group=group_id))["desc"] == "Where we met"
    await ann.group("change", group=group_id, members=[str(three.cleo.lid_jid)], action="demote")
    await ann.group("setting", group=group_id, setting="announcement")
    await ben.send_text(group_id, "Not heard", message_id="3EB0AAAAAAAAAAAAAAAAAA")
    refused = await ben.wait_status("3EB0AAAAAAAAAAAAAAAAAA", "error")
    assert refused.code == "403"
    await ann.send_text(group_id, "Heard")
    await ben.next_text("Heard")
    assert group.announce


async def test_receipts_and_retries_name_the_member(three: Party) -> None:
    ann, cleo = three.peers[three.ann], three.peers[three.cleo]
    await ann.presence(name="Ann")
    group_id = await ann.create_group("Garden", str(three.cleo.lid_jid))
    await cleo.send_text(group_id, "First")
    message = await ann.next_text("First")
    await ann.mark_read(message)
    receipt = await cleo.next_receipt(lambda each: each.type == "read")
    assert (receipt.sender, receipt.participant) == (group_id, str(three.ann.lid_jid))
    await ann.corrupt_next()
    sent = await ann.send_text(group_id, "Spoiled at first, its key")
    again = await cleo.next_text("Spoiled at first, its key")
    assert again.id == sent


async def test_a_status_reaches_its_audience(three: Party) -> None:
    ann, ben, cleo = (three.peers[each] for each in (three.ann, three.ben, three.cleo))
    audience = [str(three.ben.pn_jid), str(three.cleo.pn_jid)]
    await ann.send_status({"text": "Sunny"}, audience, backgroundColor="#315575", font=2)
    seen = await ben.next_text("Sunny")
    assert (seen.chat, seen.kind) == ("status@broadcast", "extendedTextMessage")
    await cleo.next_text("Sunny")
    await three.ben.phone.wait_message("Sunny")
    await ann.send_status({"text": "Rain"}, audience[:1])
    await ben.next_text("Rain")
    assert [each.text for each in cleo.messages() if each.text] == ["Sunny"]
