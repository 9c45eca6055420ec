import asyncio
from collections.abc import AsyncIterator

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import BadMac
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import Simulator
from .accounts import SERVER_JID, Account
from .faults import by
from .noise import ChainFaults
from .rawclient import Closed, RawClient

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as sim:
        yield sim


@pytest.fixture
def ann(sim: Simulator) -> Account:
    return sim.add_account("15550001111", "Ann")


@pytest.fixture
async def client(sim: Simulator, ann: Account) -> AsyncIterator[RawClient]:
    async with RawClient(sim) as client:
        await client.link(ann)
        await client.log_in()
        yield client


def _notice(sim: Simulator, client: RawClient, stanza_id: str) -> None:
    assert client.device is not None
    sim.push(
        client.device,
        Node("notification", {"from": SERVER_JID, "type": "psa", "id": stanza_id, "t": "1"}),
    )


async def _ids(client: RawClient, count: int) -> list[str]:
    return [(await client.until("notification")).required_attr("id") for _ in range(count)]


async def test_drop_delay_and_duplicate(sim: Simulator, client: RawClient) -> None:
    sim.faults.add("drop", by("notification", id="a"))
    sim.faults.add("delay", by("notification", id="b"), seconds=0.05)
    sim.faults.add("duplicate", by("notification", id="c"))
    for stanza_id in "abcd":
        _notice(sim, client, stanza_id)
    assert await _ids(client, 4) == ["c", "c", "d", "b"]


async def test_reorder_turns_a_group_around(sim: Simulator, client: RawClient) -> None:
    sim.faults.add("reorder", by("notification"), count=3)
    for stanza_id in "abcd":
        _notice(sim, client, stanza_id)
    assert await _ids(client, 4) == ["c", "b", "a", "d"]


async def test_a_dropped_stanza_comes_again(sim: Simulator, client: RawClient) -> None:
    assert client.device is not None
    sim.faults.add("drop", by("notification", id="lost"))
    _notice(sim, client, "lost")
    await client.close()
    await client.open(client.login())
    await client.iq("set", "passive", Node("active"))
    again = await client.until("notification")
    assert (again.attr("id"), again.attr("offline")) == ("lost", "0")
    await client.send(
        Node("ack", {"class": "notification", "id": "lost", "to": SERVER_JID, "type": "psa"})
    )
    await sim.ledger.until(lambda: not len(client.device.mailbox) if client.device else False)


async def test_what_the_client_says_can_be_lost(sim: Simulator, client: RawClient) -> None:
    rule = sim.faults.add("drop", by("iq", xmlns="w:p"), direction="from_client")
    await client.send(Node("iq", {"id": "p", "to": SERVER_JID, "type": "get", "xmlns": "w:p"}))
    answer = await client.iq("get", "w:p", Node("ping"))
    assert answer.attr("id") != "p"
    assert rule.hits == 1


async def test_streams_end_in_every_way(sim: Simulator, client: RawClient) -> None:
    device = client.device
    assert device is not None
    sim.faults.close(device, "503")
    assert (await client.until("stream:error")).attr("code") == "503"
    with pytest.raises(Closed):
        await client.receive()
    await client.log_in()
    sim.faults.end_stream(device)
    await client.until("xmlstreamend")
    for fault in (sim.faults.hang_up, sim.faults.cut):
        await client.log_in()
        fault(device)
        with pytest.raises(Closed):
            await client.until("nothing")
    await sim.ledger.until(lambda: True)


async def test_silence_is_half_open(sim: Simulator, client: RawClient) -> None:
    assert client.device is not None
    sim.faults.silence(client.device)
    await client.send(Node("iq", {"id": "x", "to": SERVER_JID, "type": "get", "xmlns": "w:p"}))
    with pytest.raises(TimeoutError):
        await client.receive(timeout=0.1)
    # A new connection finds the device as it was.
    assert (await client.log_in()).tag == "success"


async def test_garbage_decrypts_or_does_not(sim: Simulator, client: RawClient) -> None:
    assert client.device is not None
    sim.faults.garbage(client.device, sealed=False)
    with pytest.raises(BadMac):
        await client.until("nothing")


async def test_logins_fail_on_demand(sim: Simulator, client: RawClient) -> None:
    sim.faults.fail_login("402", target=client.device, code="101", expire="60")
    await client.close()
    failure = await client.log_in()
    assert (failure.tag, failure.attr("reason"), failure.attr("expire")) == (
        "failure",
        "402",
        "60",
    )
    assert (await client.log_in()).tag == "success"


async def test_upgrades_are_refused_on_demand(sim: Simulator, client: RawClient) -> None:
    sim.faults.refuse_upgrade = 503
    with pytest.raises(Exception, match="503"):
        await client.connect()


async def test_a_bad_chain_is_shown_until_taken_back(sim: Simulator, client: RawClient) -> None:
    sim.faults.chain = ChainFaults(wrong_leaf_key=True)
    await client.log_in(active=False)
    assert client.server_static not in client.chain.leaf.details
    sim.faults.clear()
    await client.log_in(active=False)
    assert client.server_static in client.chain.leaf.details


async def test_ciphertexts_are_spoiled_or_withheld(
    sim: Simulator, ann: Account, client: RawClient
) -> None:
    bob = sim.add_account("15550002222", "Bob")
    sim.faults.add("spoil", by("message", type="text"))
    await bob.phone.send_text(ann, "one")
    first = await client.until("message")
    logged = [each for each in ann.companions[0].mailbox.pending() if each.id == first.attr("id")]
    assert first.required_child("enc").data != logged[0].node.required_child("enc").data
    sim.faults.add("withhold", by("message", type="text"))
    await bob.phone.send_text(ann, "two")
    second = await client.until("message")
    assert second.child("unavailable") is not None
    assert second.child("enc") is None


async def test_a_client_can_be_made_to_pull_its_backlog(sim: Simulator, client: RawClient) -> None:
    await client.close()
    device = client.device
    assert device is not None
    await sim.ledger.until(lambda: sim.session_of(device) is None)
    for number in range(5):
        _notice(sim, client, str(number))
    sim.offline_primer = 2
    await client.log_in(active=False)
    await client.iq("set", "passive", Node("active"))
    assert await _ids(client, 2) == ["0", "1"]
    _notice(sim, client, "late")
    for batch in (["2"], ["3", "4"]):
        count = {"count": str(len(batch))}
        await client.send(Node("ib", {}, [Node("offline_batch", dict(count))]))
        assert await _ids(client, len(batch)) == batch
    while (ending := (await client.until("ib")).child("offline")) is None:
        pass
    assert ending.attr("count") == "5"
    late = await client.until("notification")
    assert (late.attr("id"), late.attr("offline")) == ("late", None)
    assert sim.connected(device)


async def test_a_ping_waits_for_its_answer(sim: Simulator, client: RawClient) -> None:
    assert client.device is not None
    stanza_id = sim.faults.ping(client.device)
    ping = await client.until("iq")
    assert (ping.attr("id"), ping.attr("xmlns")) == (stanza_id, "urn:xmpp:ping")
    answered = sim.ledger.wait(lambda seen: seen.node.attr("id") == stanza_id)
    async with asyncio.TaskGroup() as group:
        group.create_task(answered)
        await client.send(Node("iq", {"id": stanza_id, "to": SERVER_JID, "type": "result"}, None))
