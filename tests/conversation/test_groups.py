"""A group of ours, two Baileys and one zapo-js, each member with two devices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from custom_components.whatsapp_web.aiowhatsapp import (
    GroupAction,
    GroupRole,
    Jid,
    MemberChange,
    NotInGroup,
    StatusText,
)
from custom_components.whatsapp_web.aiowhatsapp.client.groups import Groups
from custom_components.whatsapp_web.aiowhatsapp.errors import DuplicateMessage, NoSession
from custom_components.whatsapp_web.aiowhatsapp.events.chats import ContactsChanged
from custom_components.whatsapp_web.aiowhatsapp.jid import STATUS_BROADCAST
from tests.peers.peer import Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.simulator.faults import by
from tests.simulator.groups import Group
from tests.simulator.party import LinkPeer, Party

from .ours import PATIENCE, OurDevice

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


class OurSpeaker:
    """A member whose linked device is ours."""

    def __init__(self, device: OurDevice) -> None:
        self.device = device

    async def say(self, group: Group, text: str) -> None:
        assert self.device.client is not None
        await self.device.client.send_text(group.jid, text)

    async def hear(self, group: Group, text: str) -> None:
        message = await self.device.text(text)
        assert (message.chat, message.is_group) == (group.jid, True)

    def heard(self) -> list[str]:
        return [text for text in self.device.texts() if text]


class House(Party):
    """The party, and us."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        super().__init__(simulator)
        self.home = simulator.add_account("15550001111", "Home")
        self.ours = OurDevice(simulator, self.home, folder)

    async def link(self, link: LinkPeer) -> None:
        await super().link(link)
        await self.ours.link()
        await self.ours.start()
        self.speakers[self.home] = OurSpeaker(self.ours)

    def jid(self, account: Account) -> Jid:
        return account.jid(lid=self.simulator.groups.lid_by_default)

    @property
    def me(self) -> Jid:
        return self.home.lid_jid

    @property
    def groups(self) -> Groups:
        assert self.ours.client is not None
        return self.ours.client.groups

    def group(self, jid: Jid) -> Group:
        found = self.simulator.groups.find(jid)
        assert found is not None
        return found

    async def ciphertext_of(self, group: Group, text: str) -> bytes:
        """Say something; give what went over the line for all."""
        await self.speakers[self.home].say(group, text)
        await self.read_by_all(group, text, self.home)
        (*_, node) = self.simulator.ledger.find("in", "message", to=str(group.jid))
        (enc,) = node.children("enc")
        return enc.data

    async def known_contacts(self, count: int) -> None:
        """Wait until our client has so many entries of the phone's address book."""
        assert self.ours.client is not None
        changed = asyncio.Event()
        self.ours.client.subscribe(ContactsChanged, lambda _: changed.set())
        async with asyncio.timeout(PATIENCE):
            while len(await self.ours.client._context.store.address_book.users(None)) < count:
                await changed.wait()
                changed.clear()

    async def caught_up(self) -> None:
        """Wait until our client has learned who is in a group by now."""
        assert self.ours.client is not None
        tasks = self.ours.client._context._tasks
        await asyncio.gather(
            *(task for task in tasks if task.get_name() == "learning who is in a group")
        )

    def asked(self) -> int:
        """How often we asked the server something about groups."""
        assert self.ours.device is not None
        return sum(
            seen.device == self.ours.device.label and seen.node.attr("xmlns") == "w:g2"
            for seen in self.simulator.ledger.stanzas
            if seen.direction == "in"
        )

    async def own_key(self, group: Jid) -> int:
        """Which sender key of ours serves in a group."""
        assert self.ours.client is not None
        context = self.ours.client._context
        address = context.address_of(context.own.lid)
        record = await context.store.sender_keys.get(None, str(group), address)
        assert record is not None
        return record.states[0].key_id

    async def change(self, group: Group, change: MemberChange, *accounts: Account) -> None:
        assert self.ours.client is not None
        outcome = await self.ours.client.groups.change_members(
            group.jid, change, [self.jid(account) for account in accounts]
        )
        assert [member.error for member in outcome] == [None] * len(accounts)


@pytest_asyncio.fixture(params=[True, False], ids=["lid", "pn"])
async def house(
    request: pytest.FixtureRequest, simulator: Simulator, link: LinkPeer, tmp_path: Path
) -> AsyncIterator[House]:
    simulator.groups.lid_by_default = request.param
    made = House(simulator, tmp_path)
    await made.link(link)
    yield made
    assert made.ours.undecryptable == []
    assert made.simulator.ledger.counts[f"{made.ours.account.number}:1 lists itself"] == 0
    await made.ours.aclose()


async def test_members_come_and_go_while_all_talk(house: House) -> None:
    groups = house.groups
    info = await groups.create("Family", [house.jid(house.ann), house.jid(house.cleo)])
    group = house.simulator.groups.find(info.jid)
    assert group is not None
    await house.said_by_all(group, "At first")
    await house.said_by_all(group, "And again")
    await house.change(group, MemberChange.ADD, house.ben)
    await house.said_by_all(group, "With Ben")
    await house.change(group, MemberChange.REMOVE, house.ann)
    await house.said_by_all(group, "Without Ann")
    assert house.nobody_heard(house.ann, "Without Ann")
    link = await groups.invite_link(info.jid)
    await house.peers[house.ann].group("join", code=link.rsplit("/", 1)[1])
    await house.said_by_all(group, "With Ann again")
    await house.peers[house.cleo].group("leave", group=str(info.jid))
    await house.said_by_all(group, "Without Cleo")
    assert house.nobody_heard(house.cleo, "Without Cleo")


async def test_members_who_can_not_read_ask_again_and_get_it_once(house: House) -> None:
    assert house.ours.client is not None
    groups = house.ours.client.groups
    info = await groups.create("Family", [house.jid(house.ann), house.jid(house.cleo)])
    group = house.simulator.groups.find(info.jid)
    assert group is not None
    for mark in ("with the key", "without it"):
        # Every part is spoiled: the first time also the key that comes along.
        for account in (house.ann, house.cleo):
            device = account.companions[0]
            house.simulator.faults.add("spoil", by("message"), device=device)
        await house.speakers[house.home].say(group, f"spoiled {mark}")
        await house.read_by_all(group, f"spoiled {mark}", house.home)
        await house.said_by_all(group, f"after spoiled {mark}")
    for account in (house.ann, house.cleo):
        heard = house.speakers[account].heard()
        assert len(heard) == len(set(heard)), heard
    sent = house.simulator.ledger.find("in", "message", to=str(group.jid))
    assert len([node for node in sent if node.attr("participant")]) == 4


async def test_who_was_removed_cannot_read_what_follows(house: House) -> None:
    groups = house.groups
    info = await groups.create("Family", [house.jid(house.ann), house.jid(house.cleo)])
    group = house.group(info.jid)
    before = await house.ciphertext_of(group, "Ann may read this")
    assert house.ours.device is not None
    reading = house.ann.phone.groups
    with pytest.raises(DuplicateMessage):
        # The phone has read it already: so it does hold the key.
        reading.read(info.jid, house.ours.device, before)
    await house.change(group, MemberChange.REMOVE, house.ann)
    after = await house.ciphertext_of(group, "Ann may not read this")
    with pytest.raises(NoSession):
        # Even if the server gave it to her.
        reading.read(info.jid, house.ours.device, after)
    assert house.nobody_heard(house.ann, "may not read")


async def test_a_linked_device_that_is_removed_cannot_read_on(house: House) -> None:
    info = await house.groups.create("Family", [house.jid(house.ann), house.jid(house.cleo)])
    group = house.group(info.jid)
    await house.said_by_all(group, "At first")
    (linked,) = house.ann.companions
    key = await house.own_key(info.jid)
    house.ann.phone.unlink(linked)
    asked = house.asked()
    # Nobody tells us; the hash in the server's answer does.
    await house.speakers[house.home].say(group, "Without the linked device")
    await house.simulator.ledger.until(lambda: house.asked() > asked)
    await house.caught_up()
    await house.speakers[house.home].say(group, "Without it knowing the key")
    await house.ann.phone.wait_message("Without it knowing the key")
    assert await house.own_key(info.jid) != key


async def test_a_member_installs_anew(house: House) -> None:
    info = await house.groups.create("Family", [house.jid(house.ann), house.jid(house.ben)])
    group = house.group(info.jid)
    await house.said_by_all(group, "At first")
    house.ben.phone.reinstall()
    ben = house.peers[house.ben]
    await ben.reinstall()
    await house.ben.phone.scan(await ben.wait_qr())
    await ben.wait_open()
    await house.simulator.settled()
    await house.speakers[house.home].say(group, "To the new phone")
    await ben.next_text("To the new phone")
    await house.ben.phone.wait_message("To the new phone")
    await ben.send_text(str(info.jid), "From the new phone")
    await house.ours.text("From the new phone")


async def test_it_goes_on_after_a_restart_without_asking_again(house: House) -> None:
    info = await house.groups.create("Family", [house.jid(house.ann), house.jid(house.cleo)])
    group = house.group(info.jid)
    await house.said_by_all(group, "Before")
    await house.ours.stop()
    await house.ours.start()
    asked = (
        house.simulator.groups.asked["get:query"],
        house.simulator.groups.asked["get:participating"],
    )
    for index in range(20):
        await house.speakers[house.home].say(group, f"After {index}")
    await house.peers[house.ann].next_text("After 19")
    sent = [
        node
        for node in house.simulator.ledger.find("in", "message", to=str(info.jid))
        if node.child("participants") is not None
    ]
    # Our own phone gets the key with each; the others have it.
    assert {
        each.required_jid("jid").bare
        for node in sent[-20:]
        for each in node.required_child("participants").children("to")
    } == {house.jid(house.home)}
    by_us = (
        house.simulator.groups.asked["get:query"],
        house.simulator.groups.asked["get:participating"],
    )
    assert by_us[1] == asked[1]


async def test_what_others_change_is_told_and_known(house: House) -> None:
    ann, groups = house.peers[house.ann], house.groups
    info = await groups.create("Old", [house.jid(house.ann), house.jid(house.cleo)])
    group = house.group(info.jid)
    await house.change(group, MemberChange.PROMOTE, house.ann)
    name = str(info.jid)
    await ann.group("rename", group=name, subject="New")
    await ann.group("describe", group=name, description="Who we are")
    await ann.group("timer", group=name, seconds=86_400)
    await ann.group("setting", group=name, setting="announcement")
    await ann.group("setting", group=name, setting="locked")
    await ann.group("approval", group=name, mode="on")
    await ann.group("change", group=name, members=[str(house.jid(house.ben))], action="add")
    await ann.group("revoke_invite", group=name)
    await house.ours.until(
        lambda: (
            [each.action for each in house.ours.group_changes][-1:] == [GroupAction.INVITE_REVOKED]
        )
    )
    told = [(each.action, each.value) for each in house.ours.group_changes if each.by != house.me]
    assert told[:-1] == [
        (GroupAction.RENAMED, "New"),
        (GroupAction.DESCRIBED, "Who we are"),
        (GroupAction.TIMER, 86_400),
        (GroupAction.ONLY_ADMINS_SEND, True),
        (GroupAction.ONLY_ADMINS_EDIT, True),
        (GroupAction.APPROVAL, True),
        (GroupAction.ADDED, None),
    ]
    assert {each.by for each in house.ours.group_changes[-8:]} == {house.ann.lid_jid}
    asked = house.asked()
    known = await groups.get(info.jid)
    assert house.asked() == asked
    assert (known.name, known.description, known.timer) == ("New", "Who we are", 86_400)
    assert (known.only_admins_send, known.only_admins_edit, known.approval) == (True, True, True)
    assert len(known.members) == 4
    ann_there = known.member(house.jid(house.ann))
    assert ann_there is not None
    assert ann_there.role is GroupRole.ADMIN


async def test_our_own_changes_are_seen_by_others(house: House) -> None:
    groups = house.groups
    info = await groups.create("Old", [house.jid(house.ann), house.jid(house.cleo)])
    await groups.rename(info.jid, "New")
    await groups.describe(info.jid, "First")
    await groups.describe(info.jid, "Second")
    await groups.configure(
        info.jid,
        only_admins_send=True,
        only_admins_edit=True,
        only_admins_add=True,
        approval=True,
        timer=604_800,
    )
    seen = await house.peers[house.ann].group("metadata", group=str(info.jid))
    assert (seen["subject"], seen["desc"], seen["ephemeralDuration"]) == ("New", "Second", 604_800)
    assert (seen["announce"], seen["restrict"], seen["joinApprovalMode"]) == (True, True, True)
    assert seen["memberAddMode"] is False
    link = await groups.invite_link(info.jid)
    assert (await groups.invited_group(link)).name == "New"
    assert await groups.invite_link(info.jid, reset=True) != link
    await groups.describe(info.jid, None)
    await groups.leave(info.jid)
    with pytest.raises(NotInGroup):
        await groups.get(info.jid)
    assert house.group(info.jid).description is None
    assert house.home not in house.group(info.jid).members


async def test_status_updates_both_ways(house: House) -> None:
    assert house.ours.client is not None
    client = house.ours.client
    for account in (house.ann, house.cleo):
        house.home.phone.state.save_contact(account, account.name)
    await house.known_contacts(2)
    draft = StatusText(text="Nobody is home", background=0xFF315575, font=2)
    await client.send(STATUS_BROADCAST, draft)
    await client.send(STATUS_BROADCAST, StatusText(text="Somebody is home"))
    for account in (house.ann, house.cleo):
        first = await house.peers[account].next_text("Nobody is home")
        assert first.chat == "status@broadcast"
        await house.peers[account].next_text("Somebody is home")
        await account.phone.wait_message("Somebody is home")
    assert "Nobody is home" not in house.speakers[house.ben].heard()
    await house.peers[house.ann].send_status({"text": "Hello"}, [str(house.home.pn_jid)])
    status = await house.ours.text("Hello")
    assert (status.chat, status.sender) == (STATUS_BROADCAST, house.ann.lid_jid)
