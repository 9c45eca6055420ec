"""Texts between our client and clients that nobody here wrote."""

import asyncio

import pytest

from tests.peers.peer import Kind
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .conftest import THEIRS, LinkPeer
from .ours import OurDevice

pytestmark = pytest.mark.peers

MANY = 200


async def test_we_write_first(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    sent = await ours.send(THEIRS, "Front door opened")
    received = await peer.next_text("Front door opened")
    assert (received.id, received.from_me) == (sent.message_id, False)
    await peer.send_text(ours.address, "Thanks")
    answer = await ours.text("Thanks")
    assert answer.sender_phone is not None
    assert (answer.sender_phone.user, answer.from_me, answer.is_group) == (THEIRS, False, False)
    assert answer.chat == answer.sender


async def test_the_peer_writes_first(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(ours.address, "Is anybody home?")
    question = await ours.text("Is anybody home?")
    await ours.client.send_text(question.chat, "Nobody")
    assert (await peer.next_text("Nobody")).from_me is False


async def test_many_both_ways_arrive_once_and_in_order(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    outgoing = [f"out {index}" for index in range(MANY)]
    incoming = [f"in {index}" for index in range(MANY)]

    async def ours_to_peer() -> None:
        for text in outgoing:
            await ours.send(THEIRS, text)

    async def peer_to_ours() -> None:
        for text in incoming:
            await peer.send_text(ours.address, text)

    await asyncio.gather(ours_to_peer(), peer_to_ours())
    await peer.next_text(outgoing[-1])
    await ours.text(incoming[-1])
    assert ours.texts() == incoming
    assert [message.text for message in peer.messages() if not message.from_me] == outgoing
    assert ours.undecryptable == []


async def test_both_linked_devices_of_the_peer_get_it(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer
) -> None:
    first = await link_peer("baileys", theirs)
    second = await link_peer("zapo", theirs)
    await ours.send(THEIRS, "To all your devices")
    assert (await first.next_text("To all your devices")).from_me is False
    assert (await second.next_text("To all your devices")).from_me is False
    assert (await theirs.phone.wait_message("To all your devices")).from_me is False
    await first.send_text(ours.address, "From one of them")
    await second.send_text(ours.address, "From the other")
    one, other = await ours.text("From one of them"), await ours.text("From the other")
    assert one.sender == other.sender


async def test_a_device_linked_later_gets_the_next_message(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer
) -> None:
    await link_peer("baileys", theirs)
    await ours.send(THEIRS, "Before")
    late = await link_peer("zapo", theirs)
    await ours.send(THEIRS, "After")
    assert (await late.next_text("After")).from_me is False


async def test_our_other_device_gets_its_copy(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    other = await link_peer(kind, ours.account)
    await ours.send(THEIRS, "Sent from Home Assistant")
    copy = await other.next_text("Sent from Home Assistant")
    assert copy.from_me is True
    await other.send_text(f"{THEIRS}@s.whatsapp.net", "Sent from the other device")
    ours_copy = await ours.text("Sent from the other device")
    assert ours_copy.from_me is True
    assert ours_copy.chat_phone is not None
    assert ours_copy.chat_phone.user == THEIRS
    assert (await theirs.phone.wait_message("Sent from the other device")).from_me is False


async def test_notes_to_ourselves_reach_our_other_devices(
    ours: OurDevice, link_peer: LinkPeer, kind: Kind
) -> None:
    other = await link_peer(kind, ours.account)
    await ours.client.send_text(ours.client.own_lid, "Note to self")
    assert (await other.next_text("Note to self")).from_me is True
    # Neither peer may write to itself: each lists a device twice, or itself.
    await ours.account.phone.send_text(ours.account, "Turn off the lights")
    note = await ours.text("Turn off the lights")
    assert (note.from_me, note.chat) == (True, ours.client.own_lid)


async def test_what_we_cannot_read_is_asked_for_again(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(ours.address, "Readable")
    await ours.text("Readable")
    await peer.corrupt_next(ours.address)
    message_id = await peer.send_text(ours.address, "Garbled at first")
    again = await ours.text("Garbled at first")
    assert again.id == message_id
    assert [event.message_id for event in ours.undecryptable] == [message_id]
    await peer.send_text(ours.address, "Readable again")
    await ours.text("Readable again")
    assert ours.texts() == ["Readable", "Garbled at first", "Readable again"]


async def test_what_the_peer_cannot_read_is_sent_again(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await ours.send(THEIRS, "Readable")
    await peer.next_text("Readable")
    await peer.send_text(ours.address, "Answer")
    await ours.text("Answer")
    await peer.forget_session()
    sent = await ours.send(THEIRS, "After a loss")
    assert (await peer.next_text("After a loss")).id == sent.message_id
    await ours.send(THEIRS, "And on it goes")
    await peer.next_text("And on it goes")
    await peer.send_text(ours.address, "Both ways")
    await ours.text("Both ways")


async def test_the_chat_goes_on_when_the_peer_installs_anew(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await ours.send(THEIRS, "Before")
    await peer.next_text("Before")
    await peer.send_text(ours.address, "Before, too")
    await ours.text("Before, too")
    await peer.reinstall()
    await theirs.phone.scan(await peer.wait_qr())
    await peer.wait_open()
    await ours.send(THEIRS, "After")
    await peer.next_text("After")
    await peer.send_text(ours.address, "After, too")
    await ours.text("After, too")


async def test_what_came_while_we_were_away_arrives_once(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(ours.address, "Online")
    await ours.text("Online")
    await ours.stop()
    away = [f"Away {index}" for index in range(20)]
    for text in away:
        await peer.send_text(ours.address, text)
    await ours.start()
    await ours.text(away[-1])
    assert ours.texts() == ["Online", *away]
    assert all(message.offline for message in ours.messages[1:])


async def test_nothing_stays_unanswered(
    ours: OurDevice, theirs: Account, link_peer: LinkPeer, simulator: Simulator, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await ours.send(THEIRS, "One")
    await peer.next_text("One")
    await peer.send_text(ours.address, "Two")
    await ours.text("Two")
    await ours.until(lambda: ours.receipts)
    device = ours.device
    assert device is not None
    await simulator.ledger.wait(lambda _: not simulator.unacked(device))
