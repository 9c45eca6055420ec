"""What was handed over arrives at clients that nobody here wrote: all, once, in order."""

import asyncio
import json
from pathlib import Path
import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp import Jid, PacingLimits, Text
from tests.peers.peer import Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .conftest import LinkPeer
from .crashes import CrashClient, link
from .ours import OurDevice
from .outbox_client import QUEUE, TAKEN

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

MESSAGES = 500
KILLS = 25
SEED = 20261124
# From the start of a process up to the middle of its traffic.
LONGEST_RUN = 2.0
UNPACED = PacingLimits(per_minute=None)


def texts_at(peer: Peer) -> list[str | None]:
    """All that the library gave out, as often as it did."""
    return [message.text for message in peer.messages() if not message.from_me]


def texts_on(account: Account) -> list[str | None]:
    return [message.text for message in account.phone.messages if not message.from_me]


async def test_500_wait_for_the_line_through_a_restart(
    simulator: Simulator, ours: Account, theirs: Account, link_peer: LinkPeer, tmp_path: Path
) -> None:
    """To a person with Baileys, one with zapo-js, and three with a phone."""
    phones = [simulator.add_account(f"1555000{number}") for number in range(4000, 4003)]
    another = simulator.add_account("15550005555")
    baileys = await link_peer("baileys", theirs)
    zapo = await link_peer("zapo", another)
    people = [theirs, another, *phones]
    device = OurDevice(simulator, ours, tmp_path)
    try:
        await device.link()
        await device.start()
        await device.stop()
        simulator.faults.refuse_upgrade = 503
        for half in (range(MESSAGES // 2), range(MESSAGES // 2, MESSAGES)):
            client = await device.start(online=False, pacing=UNPACED)
            for number in half:
                chat = people[number % 5].lid_jid
                await client.send(Jid.parse(str(chat)), Text(text=f"{number}"))
            await device.stop()
        simulator.faults.refuse_upgrade = None
        await device.start(pacing=UNPACED)
        expected = [[f"{number}" for number in range(one, MESSAGES, 5)] for one in range(5)]
        await baileys.next_text(expected[0][-1], timeout=60)
        await zapo.next_text(expected[1][-1], timeout=60)
        for account, texts in zip(people, expected, strict=True):
            await account.phone.wait_message(texts[-1], timeout=60)
        await simulator.settled(timeout=60)
    finally:
        await device.aclose()
    assert [texts_on(account) for account in people] == expected
    assert [texts_at(baileys), texts_at(zapo)] == expected[:2]
    assert simulator.ledger.violations == []


@pytest.mark.stress
async def test_killed_with_a_full_outbox_nothing_is_lost_or_shown_twice(
    simulator: Simulator, ours: Account, theirs: Account, link_peer: LinkPeer, tmp_path: Path
) -> None:
    """Baileys drops no repeated id: only what was never encrypted twice is shown once."""
    chance = random.Random(SEED)
    another = simulator.add_account("15550005555")
    peer = await link_peer("baileys", theirs)
    folder = tmp_path / "ours"
    folder.mkdir()
    await link(simulator, ours, folder)
    people = (theirs, another)
    queue = [(str(people[number % 2].lid_jid), f"{number}") for number in range(MESSAGES)]
    (folder / QUEUE).write_text(json.dumps(queue))
    (folder / TAKEN).touch()
    async with CrashClient(folder, "tests.conversation.outbox_client") as client:
        await client.start()
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0, LONGEST_RUN))
            client.kill()
            await client.start()
        await peer.next_text(f"{MESSAGES - 2}", timeout=120)
        await another.phone.wait_message(f"{MESSAGES - 1}", timeout=120)
        await simulator.settled(timeout=60)
        client.kill()
    even, odd = ([f"{number}" for number in range(one, MESSAGES, 2)] for one in range(2))
    assert texts_at(peer) == texts_on(theirs) == even
    assert texts_on(another) == odd
    assert simulator.ledger.violations == []
    # Or the kills fell beside the traffic, and show nothing.
    assert simulator.ledger.resent_unchanged
    print(f"\n{KILLS} kills, {simulator.ledger.resent_unchanged} stanzas written again unchanged")
