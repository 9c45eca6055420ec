"""A group of ours, two Baileys and one zapo-js, each member with two devices."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from custom_components.whatsapp_web.aiowhatsapp import Jid, MemberChange
from tests.peers.peer import Kind, Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.simulator.faults import by
from tests.simulator.groups import Group
from tests.simulator.party import LinkPeer, Party

from .ours import OurDevice

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
    assert house.ours.client is not None
    groups = house.ours.client.groups
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
    # Once for each of us who came to it; all else was told.
    assert house.simulator.groups.asked["get:query"] < 100


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
