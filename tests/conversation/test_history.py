"""What the phone tells of the past: who is who, which chats there are, older messages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    LocalProtocolError,
    RequestTimeout,
)
from tests.peers.peer import Peer
from tests.simulator import Simulator

from .ours import OurDevice

TEXTS = [f"message {number}" for number in range(8)]


class Past:
    """An account whose phone has messages from before our device was linked."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.account = simulator.add_account("15550001111", "Home")
        self.ann = simulator.add_account("15550002222", "Ann")
        self.ours = OurDevice(simulator, self.account, folder)

    async def write(self) -> None:
        """Have Ann and the phone write to each other."""
        for place, text in enumerate(TEXTS):
            author, reader = (self.ann, self.account) if place % 2 else (self.account, self.ann)
            await author.phone.send_text(reader, text)
            await reader.phone.wait_message(text)
        self.group = self.simulator.groups.create(self.account, "Family", [self.ann])
        await self.ann.phone.send_group_text(self.group, "in the group")
        await self.account.phone.wait_message("in the group")

    async def link(self) -> None:
        await self.ours.link()
        client = await self.ours.start()
        await self.simulator.settled()
        store = client._context.store
        while await store.history.next(None) is not None:
            await self.ours.run_blocking(lambda: None)


@pytest_asyncio.fixture(params=["inside", "at the media host"])
async def past(
    socket_enabled: None, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Past]:
    async with Simulator() as simulator:
        made = Past(simulator, tmp_path)
        made.account.phone.uploads_history = request.param == "at the media host"
        await made.write()
        await made.link()
        yield made
        await made.ours.aclose()
        assert simulator.ledger.violations == []


async def test_chats_and_names_are_there_and_nothing_is_new(past: Past) -> None:
    client = past.ours.client
    assert client is not None
    chats = {chat.jid: chat for chat in await client.chats.all()}
    assert set(chats) == {past.ann.lid_jid, past.group.jid}
    assert chats[past.group.jid].name == "Family"
    assert chats[past.ann.lid_jid].phone == past.ann.pn_jid
    assert chats[past.ann.lid_jid].last_message_at == past.ann.phone.messages[-1].timestamp
    assert client.push_name == "Home"
    assert past.ours.messages == []


async def test_older_messages_come_page_by_page_when_asked_for(past: Past) -> None:
    client = past.ours.client
    assert client is not None
    first = await client.chats.request_history(past.ann.lid_jid, count=3)
    assert [message.text for message in first.messages] == TEXTS[2:5]
    assert [message.from_me for message in first.messages] == [True, False, True]
    assert first.messages[1].sender == past.ann.lid_jid
    assert not first.complete
    rest = await client.chats.request_history(past.ann.pn_jid)
    assert [message.text for message in rest.messages] == TEXTS[:2]
    assert rest.complete
    again = await client.chats.request_history(past.ann.lid_jid)
    assert (again.messages, again.complete) == ((), True)
    assert past.ours.messages == []


async def test_what_is_not_known_can_not_go_on(past: Past) -> None:
    client = past.ours.client
    assert client is not None
    stranger = past.simulator.add_account("15550003333", "Ben")
    with pytest.raises(LocalProtocolError):
        await client.chats.request_history(stranger.lid_jid)


async def test_a_phone_that_is_off_is_not_waited_for(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = past.ours.client
    assert client is not None
    monkeypatch.setattr(
        "custom_components.whatsapp_web.aiowhatsapp.client.history.ON_DEMAND_TIMEOUT", 0.05
    )
    monkeypatch.setattr("tests.simulator.phone_peer.give_older", lambda *_: None)
    with pytest.raises(RequestTimeout):
        await client.chats.request_history(past.ann.lid_jid)


async def test_the_history_is_all_there_after_a_restart(past: Past) -> None:
    await past.ours.stop()
    client = await past.ours.start()
    assert {chat.name for chat in await client.chats.all()} == {"Family", None}
    page = await client.chats.request_history(past.ann.lid_jid)
    assert page.complete


@pytest.mark.peers
async def test_the_simulated_history_is_one_that_baileys_reads(past: Past, tmp_path: Path) -> None:
    # Baileys fetches files from WhatsApp's own hosts alone.
    past.account.phone.uploads_history = False
    async with Peer.baileys(past.simulator, tmp_path / "baileys", history=True) as peer:
        await past.account.phone.scan(await peer.wait_qr())
        await peer.wait_open()
        found = await peer.next_event("history", lambda data: data["chats"] > 0)
        assert (found["chats"], found["messages"]) == (2, 4)
