"""Texts between Home Assistant and clients that nobody here wrote."""

import asyncio

import pytest

from tests.peers.peer import Kind
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.whatsapp_web.conftest import THEIRS

from .conftest import LinkPeer
from .home import Home

pytestmark = pytest.mark.peers

MANY = 200


async def test_we_write_first(home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind) -> None:
    peer = await link_peer(kind, theirs)
    message_id = await home.send(f"+{THEIRS}", "Front door opened")
    received = await peer.next_text("Front door opened")
    assert (received.id, received.from_me) == (message_id, False)
    await peer.send_text(home.address, "Thanks")
    answer = await home.text("Thanks")
    assert answer["sender_phone"] == f"+{THEIRS}"
    assert (answer["from_me"], answer["is_group"]) == (False, False)
    assert answer["chat_id"] == answer["sender_id"] == str(theirs.lid_jid)


async def test_the_peer_writes_first(
    home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(home.address, "Is anybody home?")
    question = await home.text("Is anybody home?")
    await home.send(question["chat_id"], "Nobody")
    assert (await peer.next_text("Nobody")).from_me is False


async def test_many_both_ways_arrive_once_and_in_order(
    home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    outgoing = [f"out {index}" for index in range(MANY)]
    incoming = [f"in {index}" for index in range(MANY)]

    async def ours_to_peer() -> None:
        for text in outgoing:
            await home.send(f"+{THEIRS}", text)

    async def peer_to_ours() -> None:
        for text in incoming:
            await peer.send_text(home.address, text)

    # Who both write first make two sessions. A library that steps the wrong one with a
    # message of the other's then has to be asked again for some, which come out of turn.
    await home.send(f"+{THEIRS}", "Hello")
    await peer.next_text("Hello")
    await peer.send_text(home.address, "Hello, too")
    await home.text("Hello, too")
    await asyncio.gather(ours_to_peer(), peer_to_ours())
    await peer.next_text(outgoing[-1])
    await home.text(incoming[-1])
    assert home.texts() == ["Hello, too", *incoming]
    arrived = [message.text for message in peer.messages() if not message.from_me]
    assert arrived == ["Hello", *outgoing]
    assert home.undecryptable == []


async def test_both_linked_devices_of_the_peer_get_it(
    home: Home, theirs: Account, link_peer: LinkPeer
) -> None:
    first = await link_peer("baileys", theirs)
    second = await link_peer("zapo", theirs)
    await home.send(f"+{THEIRS}", "To all your devices")
    assert (await first.next_text("To all your devices")).from_me is False
    assert (await second.next_text("To all your devices")).from_me is False
    assert (await theirs.phone.wait_message("To all your devices")).from_me is False
    await first.send_text(home.address, "From one of them")
    await second.send_text(home.address, "From the other")
    one, other = await home.text("From one of them"), await home.text("From the other")
    assert one["sender_id"] == other["sender_id"]


async def test_a_device_linked_later_gets_the_next_message(
    home: Home, theirs: Account, link_peer: LinkPeer
) -> None:
    await link_peer("baileys", theirs)
    await home.send(f"+{THEIRS}", "Before")
    late = await link_peer("zapo", theirs)
    await home.send(f"+{THEIRS}", "After")
    assert (await late.next_text("After")).from_me is False


async def test_our_other_device_gets_its_copy(
    home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    other = await link_peer(kind, home.account)
    await home.send(f"+{THEIRS}", "Sent from Home Assistant")
    copy = await other.next_text("Sent from Home Assistant")
    assert copy.from_me is True
    await other.send_text(f"{THEIRS}@s.whatsapp.net", "Sent from the other device")
    ours_copy = await home.text("Sent from the other device")
    assert ours_copy["from_me"] is True
    assert ours_copy["chat_id"] == str(theirs.lid_jid)
    assert (await theirs.phone.wait_message("Sent from the other device")).from_me is False


async def test_notes_to_ourselves_reach_our_other_devices(
    home: Home, link_peer: LinkPeer, kind: Kind
) -> None:
    other = await link_peer(kind, home.account)
    await home.send("me", "Note to self")
    assert (await other.next_text("Note to self")).from_me is True
    # Neither peer may write to itself: each lists a device twice, or itself.
    await home.account.phone.send_text(home.account, "Turn off the lights")
    note = await home.text("Turn off the lights")
    assert (note["from_me"], note["chat_id"]) == (True, home.address)


async def test_what_we_cannot_read_is_asked_for_again(
    home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(home.address, "Readable")
    await home.text("Readable")
    await peer.corrupt_next(home.address)
    message_id = await peer.send_text(home.address, "Garbled at first")
    again = await home.text("Garbled at first")
    assert again["message_id"] == message_id
    assert home.undecryptable == [message_id]
    await peer.send_text(home.address, "Readable again")
    await home.text("Readable again")
    assert home.texts() == ["Readable", "Garbled at first", "Readable again"]


async def test_what_the_peer_cannot_read_is_sent_again(
    home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await home.send(f"+{THEIRS}", "Readable")
    await peer.next_text("Readable")
    await peer.send_text(home.address, "Answer")
    await home.text("Answer")
    await peer.forget_session()
    message_id = await home.send(f"+{THEIRS}", "After a loss")
    assert (await peer.next_text("After a loss")).id == message_id
    await home.send(f"+{THEIRS}", "And on it goes")
    await peer.next_text("And on it goes")
    await peer.send_text(home.address, "Both ways")
    await home.text("Both ways")


async def test_the_chat_goes_on_when_the_peer_installs_anew(
    home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await home.send(f"+{THEIRS}", "Before")
    await peer.next_text("Before")
    await peer.send_text(home.address, "Before, too")
    await home.text("Before, too")
    await peer.reinstall()
    await theirs.phone.scan(await peer.wait_qr())
    await peer.wait_open()
    await home.send(f"+{THEIRS}", "After")
    await peer.next_text("After")
    await peer.send_text(home.address, "After, too")
    await home.text("After, too")


async def test_what_came_while_we_were_away_arrives_once(
    home: Home, theirs: Account, link_peer: LinkPeer, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await peer.send_text(home.address, "Online")
    await home.text("Online")
    await home.stop()
    away = [f"Away {index}" for index in range(20)]
    for text in away:
        await peer.send_text(home.address, text)
    await home.start()
    await home.text(away[-1])
    assert home.texts() == ["Online", *away]


async def test_nothing_stays_unanswered(
    home: Home, theirs: Account, link_peer: LinkPeer, simulator: Simulator, kind: Kind
) -> None:
    peer = await link_peer(kind, theirs)
    await home.send(f"+{THEIRS}", "One")
    await peer.next_text("One")
    await peer.send_text(home.address, "Two")
    await home.text("Two")
    await home.until(lambda: home.receipts)
    await simulator.ledger.until(lambda: not simulator.unacked(home.device))
