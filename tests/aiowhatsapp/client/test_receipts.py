"""The receipts that tell the server what is safe with us."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import Bench, Peer, benched, text


async def receipt_for(bench: Bench, peer: Peer, **attrs: str | Jid) -> Node:
    """Have a message come; give the one receipt for it."""
    if peer.record("us") is None:
        await bench.introduce(peer)
    message = bench.message(peer, text("hi"))
    message.attrs |= attrs
    (receipt,) = await bench.receive(message)
    assert receipt.tag == "receipt"
    assert receipt.attr("id") == message.attr("id")
    return receipt


@benched
async def test_a_message_is_delivered_and_never_read(bench: Bench) -> None:
    laptop = bench.ann.devices[1]
    receipt = await receipt_for(bench, laptop)
    assert receipt.attrs == {
        "id": receipt.attrs["id"],
        "to": laptop.lid,
        "type": "inactive",
    }


@pytest.mark.parametrize("server", ["g.us", "broadcast"])
@benched
async def test_in_a_group_the_participant_is_named(bench: Bench, server: str) -> None:
    room = Jid("120363000000000001", server)
    receipt = await receipt_for(
        bench, bench.ann.first, **{"from": room, "participant": bench.ann.lid}
    )
    assert receipt.jid("to") == room
    assert receipt.jid("participant") == bench.ann.lid
    assert receipt.attr("type") == "inactive"


@benched
async def test_our_own_copy_is_answered_as_its_sender(bench: Bench) -> None:
    receipt = await receipt_for(bench, bench.me.first, recipient=bench.ann.lid)
    assert receipt.attr("type") == "sender"
    assert receipt.jid("to") == bench.me.lid
    assert receipt.jid("recipient") == bench.ann.lid


@benched
async def test_our_own_note_has_no_recipient(bench: Bench) -> None:
    receipt = await receipt_for(bench, bench.me.first)
    assert receipt.attr("type") == "sender"
    assert receipt.attr("recipient") is None


@benched
async def test_our_own_message_in_a_group_is_answered_as_its_sender(bench: Bench) -> None:
    room = Jid("120363000000000001", "g.us")
    receipt = await receipt_for(
        bench, bench.me.first, **{"from": room, "participant": bench.me.lid}
    )
    assert receipt.attr("type") == "sender"
    assert receipt.jid("participant") == bench.me.lid
    assert receipt.attr("recipient") is None


@benched
async def test_a_status_is_delivered_without_a_word_on_our_presence(bench: Bench) -> None:
    room = Jid("status", "broadcast")
    receipt = await receipt_for(
        bench, bench.ann.first, **{"from": room, "participant": bench.ann.lid}
    )
    assert receipt.attr("type") is None
    assert receipt.jid("participant") == bench.ann.lid


@benched
async def test_housekeeping_is_confirmed_to_our_number(bench: Bench) -> None:
    receipt = await receipt_for(bench, bench.me.first, category="peer")
    assert receipt.attrs == {
        "id": receipt.attrs["id"],
        "to": bench.me.phone,
        "type": "peer_msg",
    }


@benched
async def test_a_repetition_is_confirmed_again(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    message = bench.message(bench.ann.first, text("hi"))
    first = await bench.receive(message)
    assert await bench.receive(message) == first
    assert bench.texts() == ["hi"]
