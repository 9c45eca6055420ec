"""One message, asked for more than once, or under addresses that change meanwhile."""

import asyncio

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    LocalProtocolError,
    Rejected,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.pairing_support import settle

from .bench import Bench, benched, refusal, result, stanza_id

ID = "3EB0AAAA"


@benched
async def test_who_asks_for_the_same_message_gets_the_same_outcome(bench: Bench) -> None:
    bench.server.acks = False
    first = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hello", message_id=ID))
    await settle()
    second = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hello", message_id=ID))
    await settle()
    bench.server.deliver(Node("ack", {"class": "message", "id": ID, "t": "17"}))
    assert await first == await second
    (stanza,) = bench.server.messages
    assert stanza_id(stanza) == ID
    assert bench.client._outgoing._sending == {}


@pytest.mark.parametrize("error", ["463", "503"])
@benched
async def test_a_refusal_is_told_to_all_who_wait(bench: Bench, error: str) -> None:
    bench.server.ack_attrs = {"error": error}
    outcomes = await asyncio.gather(
        *(bench.client.send_text(bench.ann.lid, "hello", message_id=ID) for _ in range(3)),
        return_exceptions=True,
    )
    assert [str(each) for each in outcomes] == [str(Rejected(error))] * 3
    assert len(bench.server.messages) == 1


@pytest.mark.parametrize("other", ["another text", "another chat"])
@benched
async def test_another_message_can_not_have_the_id(bench: Bench, other: str) -> None:
    bench.server.acks = False
    first = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hello", message_id=ID))
    await settle()
    chat = bench.bob.lid if other == "another chat" else bench.ann.lid
    words = other if other == "another text" else "hello"
    with pytest.raises(LocalProtocolError):
        await bench.client.send_text(chat, words, message_id=ID)
    bench.server.deliver(Node("ack", {"class": "message", "id": ID, "t": "17"}))
    await first
    bench.server.acks = True
    await bench.client.send_text(chat, words, message_id=ID)


@benched
async def test_an_id_has_a_bound(bench: Bench) -> None:
    with pytest.raises(LocalProtocolError):
        await bench.client.send_text(bench.ann.lid, "hello", message_id="3" * 129)


@benched
async def test_who_gives_up_takes_it_from_nobody_else(bench: Bench) -> None:
    bench.server.acks = False
    first = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hello", message_id=ID))
    second = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hello", message_id=ID))
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    assert not second.done()
    bench.server.deliver(Node("ack", {"class": "message", "id": ID, "t": "17"}))
    assert (await second).timestamp == 17


@benched
async def test_what_all_gave_up_on_is_begun_anew(bench: Bench) -> None:
    bench.server.acks = False
    first = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hello", message_id=ID))
    await settle()
    first.cancel()
    bench.server.acks = True
    again = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hello", message_id=ID))
    assert (await again).message_id == ID
    assert len(bench.server.messages) == 2


@benched
async def test_giving_up_on_everything_is_a_lost_line_to_who_waits(bench: Bench) -> None:
    bench.server.acks = False
    waiting = [
        asyncio.create_task(bench.client.send_text(person.lid, "hello"))
        for person in (bench.ann, bench.bob)
    ]
    await settle()
    await bench.client._outgoing.cancel()
    for each in waiting:
        with pytest.raises(Disconnected):
            await each
    assert bench.client._outgoing._sending == {}


# --- order


@benched
async def test_a_chat_keeps_its_order_while_its_number_is_looked_up(bench: Bench) -> None:
    held: list[Node] = []

    def hold_back(request: Node) -> Node | None:
        if held:
            return bench.server.answer(request)
        held.append(request)
        return None

    bench.server.script["usync"] = hold_back
    first = asyncio.create_task(bench.client.send_text(bench.ann.phone, "first"))
    await settle()
    second = asyncio.create_task(bench.client.send_text(bench.ann.phone, "second"))
    await settle()
    bench.server.deliver(bench.server.answer(held[0]))
    await asyncio.gather(first, second)
    words = [bench.ann.first.read_from(stanza).conversation for stanza in bench.server.messages]
    assert words == ["first", "second"]


@benched
async def test_a_number_is_looked_up_once_the_line_is_back(bench: Bench) -> None:
    await bench.cut()
    sending = asyncio.create_task(bench.client.send_text(bench.ann.phone, "hello"))
    await settle()
    assert not sending.done()
    bench.connect()
    await sending
    assert len(bench.server.messages) == 1


# --- what the ack says


@benched
async def test_a_time_that_makes_no_sense_is_no_failure(bench: Bench) -> None:
    bench.server.ack_attrs = {"t": "yesterday"}
    sent = await bench.client.send_text(bench.ann.lid, "hello")
    assert sent.timestamp == bench.context.now()


@benched
async def test_only_numbers_that_work_become_the_rule(bench: Bench) -> None:
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    bench.server.ack_attrs = {"error": "400"}
    with pytest.raises(Rejected):
        await bench.client.send_text(bench.ann.lid, "hello")
    assert [stanza.jid("to") for stanza in bench.server.messages] == [
        bench.ann.lid,
        bench.ann.phone,
    ]
    bench.server.ack_attrs = {}
    stanza = await bench.send(bench.ann.lid, "again")
    assert stanza.jid("to") == bench.ann.lid


@benched
async def test_once_numbers_are_the_rule_a_refusal_is_one(bench: Bench) -> None:
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    await bench.store.meta.put(None, "address_by_phone_number", b"\x01")
    bench.server.ack_attrs = {"error": "400"}
    with pytest.raises(Rejected):
        await bench.client.send_text(bench.ann.lid, "hello")
    assert [stanza.jid("to") for stanza in bench.server.messages] == [bench.ann.phone]


@benched
async def test_a_lid_that_changed_is_asked_for_anew(bench: Bench) -> None:
    await bench.send(bench.ann.phone, "before")
    bench.ann.lid = Jid("2999", "lid")
    bench.server.ack_attrs = {"refresh_lid": "true"}
    await bench.client.send_text(bench.ann.phone, "meanwhile")
    await settle()
    assert bench.context.canonical(bench.ann.phone) == bench.ann.lid


@benched
async def test_a_lid_that_can_not_be_asked_for_is_no_failure(bench: Bench) -> None:
    await bench.send(bench.ann.phone, "before")
    bench.server.ack_attrs = {"refresh_lid": "true"}
    bench.server.script["usync"] = refusal(503)
    await bench.client.send_text(bench.ann.phone, "meanwhile")
    bench.server.script["usync"] = result
    await bench.client.send_text(bench.ann.phone, "and again")
    await settle()
    assert bench.context.canonical(bench.ann.phone) == bench.ann.lid
