"""Accounts that talk in groups: each with a phone and a linked device, whosever client that is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from tests.peers.peer import Kind, Peer

from . import Simulator
from .accounts import Account
from .groups import Group

NUMBERS = {"ann": "15550000001", "ben": "15550000002", "cleo": "15550000003"}

type LinkPeer = Callable[[Kind, Account], Awaitable[Peer]]


class Speaker(Protocol):
    """A linked device of a member."""

    async def say(self, group: Group, text: str) -> None:
        """Write to a group."""

    async def hear(self, group: Group, text: str) -> None:
        """Wait for a text in a group."""

    def heard(self) -> list[str]:
        """Every text that came so far."""


class PeerSpeaker:
    """A member whose linked device is a peer."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    async def say(self, group: Group, text: str) -> None:
        message_id = await self.peer.send_text(str(group.jid), text)
        await self.peer.wait_status(message_id, "server_ack")

    async def hear(self, group: Group, text: str) -> None:
        assert (await self.peer.next_text(text)).chat == str(group.jid)

    def heard(self) -> list[str]:
        return [each.text for each in self.peer.messages() if each.text]


class Party:
    """Ann and Ben with Baileys, Cleo with zapo-js, each beside their phone."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.ann, self.ben, self.cleo = (
            simulator.add_account(number, name) for name, number in NUMBERS.items()
        )
        self.peers: dict[Account, Peer] = {}
        self.speakers: dict[Account, Speaker] = {}
        self.said = 0

    async def link(self, link: LinkPeer) -> None:
        self.peers[self.ann] = await link("baileys", self.ann)
        self.peers[self.ben] = await link("baileys", self.ben)
        self.peers[self.cleo] = await link("zapo", self.cleo)
        self.speakers |= {account: PeerSpeaker(peer) for account, peer in self.peers.items()}

    async def said_by_all(self, group: Group, mark: str) -> None:
        """Everybody writes, on both devices; every other device of anybody reads it."""
        for account in list(group.members):
            text = f"{mark}, by {account.name}"
            await self.speakers[account].say(group, text)
            await self.read_by_all(group, text, account)
            on_phone = f"{mark}, on the phone of {account.name}"
            await account.phone.send_group_text(group, on_phone)
            await self.read_by_all(group, on_phone, None, writer=account)

    async def read_by_all(
        self, group: Group, text: str, author: Account | None, *, writer: Account | None = None
    ) -> None:
        """`author` wrote it on the linked device, or `writer` on the phone."""
        reading = [
            self.speakers[reader].hear(group, text)
            for reader in group.members
            if reader is not author
        ]
        await asyncio.gather(*reading)
        for reader in group.members:
            if reader is not writer:
                message = await reader.phone.wait_message(text)
                assert message.room == group.jid

    def nobody_heard(self, account: Account, mark: str) -> bool:
        """Whether neither device of an account ever showed what was said under a mark."""
        phone = [each.text or "" for each in account.phone.messages if not each.from_me]
        return not any(mark in text for text in [*self.speakers[account].heard(), *phone])
