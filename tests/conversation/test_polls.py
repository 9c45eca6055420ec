"""A poll of Home Assistant's in a group: three people vote, and change their minds twice."""

from collections.abc import Callable
import os
from typing import Any, Final

from homeassistant.core import Event, HomeAssistant, callback
import pytest

from custom_components.whatsapp_web.aiowhatsapp import Poll
from custom_components.whatsapp_web.aiowhatsapp.message.poll import option_hash
from custom_components.whatsapp_web.const import EVENT_POLL_VOTE
from tests.peers.peer import Peer, PeerMessage
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.whatsapp_web.waiting import wait_bus

from .conftest import LinkPeer
from .home import Home

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

OPTIONS: Final = ("Pizza", "Pasta", "Salad")


class Voter:
    """Somebody with zapo-js, which seals a vote as phones do."""

    def __init__(self, account: Account, peer: Peer, home: Home) -> None:
        self.account, self.peer, self.home = account, peer, home
        self.poll: PeerMessage | None = None

    async def find(self, poll_id: str) -> None:
        self.poll = await self.peer.next_message(lambda message: message.id == poll_id)

    async def vote(self, *options: str, at: int) -> str:
        """Vote; give the id of the vote."""
        poll = self.poll
        assert poll is not None
        iv = os.urandom(12)
        sealed = await self.peer.seal_addon(
            "Poll Vote",
            {"selectedOptions": [option_hash(option) for option in options]},
            secret=poll.raw["messageContextInfo"]["messageSecret"],
            target=poll.id,
            author=self.home.address,
            modifier=str(self.account.lid_jid),
            iv=iv,
        )
        key = {
            "remoteJid": poll.chat,
            "fromMe": False,
            "id": poll.id,
            "participant": self.home.address,
        }
        update = {
            "pollCreationMessageKey": key,
            "vote": {"encPayload": sealed["payload"], "encIv": iv},
            "senderTimestampMs": at,
        }
        return await self.peer.send(poll.chat, {"pollUpdateMessage": update})


def tally_of(data: dict[str, Any]) -> dict[str, int]:
    return {each["option"]: each["votes"] for each in data["tally"]}


async def test_votes_that_change_twice_come_to_the_right_tally(
    hass: HomeAssistant, home: Home, simulator: Simulator, link_peer: LinkPeer
) -> None:
    simulator.groups.lid_by_default = True
    voters = []
    for number, name in (("15550002222", "Ann"), ("15550003333", "Ben"), ("15550004444", "Cleo")):
        account = simulator.add_account(number, name)
        voters.append(Voter(account, await link_peer("zapo", account), home))
    ann, ben, cleo = voters
    info = await home.client.groups.create("Family", [voter.account.lid_jid for voter in voters])
    told: list[dict[str, Any]] = []

    @callback
    def tell(event: Event[dict[str, Any]]) -> None:
        told.append(event.data)

    hass.bus.async_listen(EVENT_POLL_VOTE, tell)

    async def until(reached: Callable[[], bool]) -> None:
        await wait_bus(hass, EVENT_POLL_VOTE, reached)

    poll = Poll(question="Dinner?", options=OPTIONS)
    poll_id = (await home.client.send(info.jid, poll)).message_id
    for voter in voters:
        await voter.find(poll_id)

    await ann.vote("Pizza", at=1)
    await ben.vote("Pizza", at=1)
    await cleo.vote("Pasta", at=1)
    await until(lambda: len(told) == 3)
    assert tally_of(told[-1]) == {"Pizza": 2, "Pasta": 1, "Salad": 0}
    assert told[0]["question"] == "Dinner?"
    assert told[0]["target_message_id"] == poll_id

    await ann.vote("Salad", at=2)
    await until(lambda: len(told) == 4)
    await home.stop()
    await ben.vote("Salad", at=2)
    await cleo.vote("Pizza", at=2)
    await home.start()
    await until(lambda: len(told) == 6)
    assert tally_of(told[-1]) == {"Pizza": 1, "Pasta": 0, "Salad": 2}

    await ann.vote("Pizza", at=3)
    await ben.vote(at=3)
    await cleo.vote("Pasta", at=3)
    await until(lambda: len(told) == 9)
    assert tally_of(told[-1]) == {"Pizza": 1, "Pasta": 1, "Salad": 0}
    last = {data["sender_phone"]: data["choices"] for data in told}
    assert last == {"+15550002222": ["Pizza"], "+15550003333": [], "+15550004444": ["Pasta"]}
    voters_of = {each["option"]: each["voters"] for each in told[-1]["tally"]}
    assert voters_of["Pizza"] == [str(ann.account.lid_jid)]
