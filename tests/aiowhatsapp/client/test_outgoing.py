"""Sending: what leaves, when it may leave, and what becomes of it."""

import asyncio

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.devices import participant_hash
from custom_components.whatsapp_web.aiowhatsapp.client.outgoing import WRITE_ATTEMPTS
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    LocalProtocolError,
    NoDevices,
    NotOnWhatsApp,
    Rejected,
    RequestTimeout,
    StoreError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import (
    NOW,
    Bench,
    Person,
    benched,
    device_error,
    result,
    stanza_id,
    text,
    to_devices,
)
from tests.aiowhatsapp.client.pairing_support import settle
from tests.simulator.ledger import read_envelope


def message_keys(stanza: Node) -> list[tuple[str, bytes, int]]:
    """Name the message keys that a stanza was encrypted with."""
    keys = []
    for to in stanza.required_child("participants").children("to"):
        enc = to.required_child("enc")
        envelope = read_envelope(enc.required_attr("type"), enc.data)
        keys.append((to.required_attr("jid"), envelope.chain, envelope.counter))
    return keys


@benched
async def test_a_text_reaches_all_devices_of_both(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.phone, "hi")
    assert stanza.jid("to") == bench.ann.lid
    assert stanza.jid("peer_recipient_pn") == bench.ann.phone
    assert [peer.read_from(stanza).conversation for peer in bench.ann.devices] == ["hi", "hi"]
    copy = bench.me.first.read_from(stanza).deviceSentMessage
    assert (copy.destinationJid, copy.message.conversation) == (str(bench.ann.lid), "hi")
    assert bench.credentials.lid not in to_devices(stanza)
    assert len(to_devices(stanza)) == 3
    assert stanza.required_child("device-identity").data == bench.credentials.account
    assert stanza_id(stanza).startswith("3EB0")


@benched
async def test_no_proof_goes_along_once_all_have_answered(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.send(bench.ann.lid, "for the others")
    for peer in (bench.ann.devices[1], bench.me.first):
        await bench.introduce(peer)
        await bench.receive(bench.message(peer, text("hello"), recipient=bench.ann.lid))
    stanza = await bench.send(bench.ann.lid, "hi")
    assert stanza.child("device-identity") is None


@benched
async def test_a_given_id_is_kept_and_the_servers_time_counts(bench: Bench) -> None:
    sent = await bench.client.send_text(bench.ann.lid, "hi", message_id="3EB0MINE")
    assert (sent.message_id, sent.chat, sent.timestamp) == ("3EB0MINE", bench.ann.lid, NOW + 1)
    assert stanza_id(bench.server.messages[0]) == "3EB0MINE"


@benched
async def test_an_ack_without_a_time_gives_our_own(bench: Bench) -> None:
    bench.server.ack_attrs = {"t": "0"}
    assert (await bench.client.send_text(bench.ann.lid, "hi")).timestamp == NOW


@benched
async def test_the_kind_of_media_is_named_for_every_device(bench: Bench) -> None:
    picture = wire.Message(imageMessage=wire.Message.ImageMessage(mimetype="image/jpeg"))
    await bench.client.send_message(bench.ann.lid, picture)
    (stanza,) = bench.server.messages
    assert stanza.attr("type") == "media"
    for to in stanza.required_child("participants").children("to"):
        assert to.required_child("enc").attr("mediatype") == "image"


@benched
async def test_a_note_to_self_goes_once_to_each_other_device_of_ours(bench: Bench) -> None:
    tablet = bench.me.link(9)
    stanza = await bench.send(bench.me.phone, "milk")
    assert stanza.jid("to") == bench.me.lid
    assert to_devices(stanza) == [bench.me.lid, tablet.lid]
    for peer in (bench.me.first, tablet):
        copy = peer.read_from(stanza).deviceSentMessage
        assert (copy.destinationJid, copy.message.conversation) == (str(bench.me.lid), "milk")
    assert bench.server.asked("tokens") == []


@benched
async def test_a_note_to_self_that_no_device_could_get_is_not_sent(bench: Bench) -> None:
    bench.me.first.signed_pre_key = bench.ann.first.signed_pre_key
    with pytest.raises(NoDevices):
        await bench.client.send_text(bench.me.lid, "milk")
    assert bench.server.messages == []


@benched
async def test_only_users_and_groups_can_be_written_to(bench: Bench) -> None:
    with pytest.raises(LocalProtocolError):
        await bench.client.send_text(Jid.parse("1-2@newsletter"), "hi")


@benched
async def test_a_number_that_nobody_has_is_not_on_whatsapp(bench: Bench) -> None:
    with pytest.raises(NotOnWhatsApp):
        await bench.client.send_text(Jid.of_number("19990000000"), "hi")


@benched
async def test_a_recipient_without_devices_is_an_error(bench: Bench) -> None:
    with pytest.raises(NoDevices):
        await bench.client.send_text(Jid("4711", "lid"), "hi")
    assert bench.server.messages == []


# --- nothing leaves before it is on disk


@benched
async def test_a_commit_that_fails_lets_nothing_leave(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "first")
    disk = bench.slow_disk
    disk.fault = StoreError("full")
    before = list(bench.server.sent)
    with pytest.raises(StoreError):
        await bench.client.send_text(bench.ann.lid, "second")
    assert bench.server.sent == before
    disk.fault = None
    stanza = await bench.send(bench.ann.lid, "third")
    assert bench.ann.first.read_from(stanza).conversation == "third"


@benched
async def test_a_commit_that_hangs_lets_nothing_leave_yet(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "first")
    disk = bench.slow_disk
    disk.gate = asyncio.Event()
    before = len(bench.server.sent)
    task = asyncio.create_task(bench.client.send_text(bench.ann.lid, "second"))
    await settle()
    assert disk.waiting == 1
    assert len(bench.server.sent) == before
    gate, disk.gate = disk.gate, None
    gate.set()
    await task
    assert bench.ann.first.read_from(bench.server.messages[-1]).conversation == "second"


@benched
async def test_a_send_cancelled_while_it_commits_spoils_no_later_one(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "first")
    disk = bench.slow_disk
    disk.gate = asyncio.Event()
    before = len(bench.server.messages)
    task = asyncio.create_task(bench.client.send_text(bench.ann.lid, "second"))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    disk.gate = None
    assert len(bench.server.messages) == before
    stanza = await bench.send(bench.ann.lid, "third")
    assert bench.ann.first.read_from(stanza).conversation == "third"


@benched
async def test_a_send_cancelled_while_it_is_written_leaves_nobody_waiting(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "first")
    link = bench.context.link
    assert link is not None

    def cancel(_node: Node) -> None:
        raise asyncio.CancelledError

    bench.server.on_write = cancel
    with pytest.raises(Disconnected):
        await bench.client.send_text(bench.ann.lid, "second")
    assert not link.has_waiters
    bench.server.on_write = lambda _: None
    stanza = await bench.send(bench.ann.lid, "third")
    assert bench.ann.first.read_from(stanza).conversation == "third"


@pytest.mark.parametrize("at", ["usync", "key", "ack"])
@benched
async def test_a_send_cancelled_anywhere_lets_go_of_the_chat(bench: Bench, at: str) -> None:
    bench.server.script = {} if at == "ack" else {at: lambda _: None}
    bench.server.acks = at != "ack"
    task = asyncio.create_task(bench.client.send_text(bench.ann.lid, "never"))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    link = bench.context.link
    assert link is not None
    assert not link.has_waiters
    bench.server.script, bench.server.acks = {}, True
    await bench.send(bench.ann.lid, "hi")


@benched
async def test_no_message_key_serves_twice_under_many_sends_at_once(bench: Bench) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(10):
            for person in (bench.ann, bench.bob):
                group.create_task(bench.client.send_text(person.lid, str(number)))
    stanzas = bench.server.messages
    keys = [key for stanza in stanzas for key in message_keys(stanza)]
    assert len(stanzas) == 20
    assert len(set(keys)) == len(keys)
    for person in (bench.ann, bench.bob):
        theirs = [stanza for stanza in stanzas if stanza.jid("to") == person.lid]
        read = [person.first.read_from(stanza).conversation for stanza in theirs]
        assert read == [str(number) for number in range(10)]
    for stanza in stanzas:
        assert bench.me.first.read_from(stanza).HasField("deviceSentMessage")


@benched
async def test_a_burst_begins_one_session_for_each_device(bench: Bench) -> None:
    async with asyncio.TaskGroup() as group:
        for person in (bench.ann, bench.bob):
            group.create_task(bench.client.send_text(person.lid, "hi"))
    asked = [
        user.jid("jid")
        for request in bench.server.asked("key")
        for user in request.required_child("key").children("user")
    ]
    assert len(asked) == len(set(asked))
    stanzas = bench.server.messages
    first, second = (bench.me.first.find_enc(stanza) for stanza in stanzas)
    assert first is not None
    assert second is not None
    assert (
        read_envelope("pkmsg", first.data).base_key == read_envelope("pkmsg", second.data).base_key
    )


@benched
async def test_a_session_that_moves_to_a_lid_meanwhile_is_still_locked(bench: Bench) -> None:
    bench.server.script["usync"] = lambda node: result(node, without_lids(bench, node))
    await bench.send(bench.ann.phone, "before")
    sessions, address = bench.client._sessions, bench.context.address_of(bench.ann.phone)
    async with sessions.locked([address]):
        learning = asyncio.create_task(
            bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
        )
        await settle()
        sends = [
            asyncio.create_task(bench.client.send_text(jid, str(jid)))
            for jid in (bench.ann.phone, bench.ann.lid)
        ]
        await settle()
    await learning
    await asyncio.gather(*sends)
    for stanza in bench.server.messages:
        bench.ann.first.read_from(stanza)
    keys = [key[1:] for stanza in bench.server.messages for key in message_keys(stanza)]
    assert len(set(keys)) == len(keys)


def without_lids(bench: Bench, node: Node) -> Node:
    """Answer as a server that names no LIDs."""
    full = bench.server._usync(node.required_child("usync"))
    users = [
        Node("user", user.attrs, [child for child in user.children() if child.tag != "lid"])
        for user in full.required_child("list").children()
    ]
    return Node("usync", {}, [Node("list", {}, users)])


@benched
async def test_without_a_lid_the_whole_stanza_is_by_number(bench: Bench) -> None:
    bench.server.script["usync"] = lambda node: result(node, without_lids(bench, node))
    stanza = await bench.send(bench.ann.phone, "hi")
    assert stanza.jid("to") == bench.ann.phone
    assert stanza.attr("peer_recipient_pn") is None
    assert {jid.server for jid in to_devices(stanza)} == {"s.whatsapp.net"}
    assert bench.credentials.jid not in to_devices(stanza)
    copy = bench.me.first.read_from(stanza).deviceSentMessage
    assert copy.destinationJid == str(bench.ann.phone)


# --- devices that can't be written to


@benched
async def test_a_device_with_a_bad_signature_is_left_out(bench: Bench) -> None:
    phone, laptop = bench.ann.devices
    phone.signed_pre_key = laptop.signed_pre_key
    stanza = await bench.send(bench.ann.lid, "hi")
    assert phone.find_enc(stanza) is None
    assert laptop.read_from(stanza).conversation == "hi"


@benched
async def test_a_linked_device_that_the_account_does_not_vouch_for_is_left_out(
    bench: Bench,
) -> None:
    phone, laptop = bench.ann.devices
    laptop.proof = bench.bob.vouch(phone.identity.key_pair)
    stanza = await bench.send(bench.ann.lid, "hi")
    assert laptop.find_enc(stanza) is None
    assert phone.read_from(stanza).conversation == "hi"


@benched
async def test_without_a_device_of_the_recipient_our_own_half_stays_untouched(
    bench: Bench,
) -> None:
    await bench.send(bench.bob.lid, "before")
    bench.server.script["key"] = lambda node: result(
        node,
        Node("list", {}, [device_error(peer.lid, "503") for peer in bench.ann.devices]),
    )
    own = bench.context.address_of(bench.me.lid)
    session = await bench.store.sessions.get(None, own)
    with pytest.raises(NoDevices):
        await bench.client.send_text(bench.ann.lid, "hi", message_id="LOST")
    assert await bench.store.sessions.get(None, own) == session
    assert await bench.store.sent_messages.get(None, bench.ann.lid, "LOST") is None
    assert len(bench.server.messages) == 1


@benched
async def test_a_device_that_is_gone_makes_its_users_list_be_asked_for_anew(
    bench: Bench,
) -> None:
    laptop = bench.ann.devices[1]
    bench.server.script["key"] = lambda node: result(
        node,
        Node(
            "list",
            {},
            [
                device_error(jid, "406")
                if (jid := user.required_jid("jid")) == laptop.lid
                else bench.server.bundle(user)
                for user in node.required_child("key").children("user")
            ],
        ),
    )
    stanza = await bench.send(bench.ann.lid, "hi")
    assert to_devices(stanza) == [bench.ann.lid, bench.me.lid]
    bench.ann.devices.remove(laptop)
    asked = len(bench.server.asked("usync"))
    await bench.send(bench.ann.lid, "again")
    (request,) = bench.server.asked("usync")[asked:]
    listed = request.required_child("usync").required_child("list").children("user")
    assert [user.jid("jid") for user in listed] == [bench.ann.lid]


# --- the ack


@benched
async def test_an_account_that_wants_numbers_gets_them_from_then_on(bench: Bench) -> None:
    refusals = iter([{"error": "400"}])
    bench.server.on_write = lambda node: (
        setattr(bench.server, "ack_attrs", next(refusals, {})) if node.tag == "message" else None
    )
    sent = await bench.client.send_text(bench.ann.phone, "hi", message_id="3EB0ONE")
    assert sent.chat == bench.ann.lid
    refused, taken = bench.server.messages
    assert (refused.jid("to"), taken.jid("to")) == (bench.ann.lid, bench.ann.phone)
    assert stanza_id(refused) == stanza_id(taken) == "3EB0ONE"
    await bench.restart()
    assert (await bench.send(bench.bob.phone, "hi")).jid("to") == bench.bob.phone
    assert (await bench.send(bench.ann.lid, "hi")).jid("to") == bench.ann.phone


@benched
async def test_a_bad_address_that_has_no_number_is_rejected(bench: Bench) -> None:
    await bench.client._devices.of([bench.me.lid])
    eve = Person("15550009999", "9009")
    bench.server.people.append(eve)
    bench.server.ack_attrs = {"error": "400"}
    with pytest.raises(Rejected) as refused:
        await bench.client.send_text(eve.lid, "hi")
    assert refused.value.code == "400"
    assert len(bench.server.messages) == 1


@benched
async def test_a_number_that_is_refused_is_rejected(bench: Bench) -> None:
    bench.server.ack_attrs = {"error": "400"}
    with pytest.raises(Rejected):
        await bench.client.send_text(bench.ann.phone, "hi")
    assert [node.jid("to") for node in bench.server.messages] == [bench.ann.lid, bench.ann.phone]


@benched
async def test_any_other_error_is_the_servers_last_word(bench: Bench) -> None:
    bench.server.ack_attrs = {"error": "463"}
    with pytest.raises(Rejected) as refused:
        await bench.client.send_text(bench.ann.phone, "hi")
    assert refused.value.code == "463"
    assert len(bench.server.messages) == 1
    assert bench.server.asked("tokens") == []


@pytest.mark.parametrize("with_sender", [True, False])
@benched
async def test_a_hash_that_agrees_changes_nothing(bench: Bench, with_sender: bool) -> None:
    devices = [bench.ann.lid, bench.ann.devices[1].lid, bench.me.lid]
    if with_sender:
        devices.append(bench.credentials.lid)
    bench.server.ack_attrs = {"phash": participant_hash(devices)}
    await bench.send(bench.ann.lid, "hi")
    asked = len(bench.server.asked("usync"))
    await bench.send(bench.ann.lid, "again")
    assert len(bench.server.asked("usync")) == asked


@benched
async def test_a_hash_that_differs_has_both_lists_asked_for_anew(bench: Bench) -> None:
    bench.server.ack_attrs = {"phash": "2:AAAAAAAA"}
    await bench.send(bench.ann.lid, "hi")
    bench.server.ack_attrs = {}
    phone = bench.ann.link(5)
    stanza = await bench.send(bench.ann.lid, "again")
    assert phone.read_from(stanza).conversation == "again"
    listed = bench.server.asked("usync")[-1].required_child("usync").required_child("list")
    assert {user.jid("jid") for user in listed.children()} == {bench.ann.lid, bench.me.lid}


@benched
async def test_without_an_ack_the_send_gives_up(bench: Bench) -> None:
    bench.server.acks = False
    with pytest.raises(RequestTimeout):
        await bench.client.send_text(bench.ann.lid, "hi")
    assert bench.clock.monotonic() == pytest.approx(75)
    assert len(bench.server.messages) == 1


# --- the line breaks


@benched
async def test_a_line_that_breaks_before_the_ack_gets_the_same_bytes_again(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    bench.server.acks = False
    task = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hi"))
    await settle()
    await bench.cut()
    bench.server.acks = True
    bench.connect()
    sent = await task
    written = [
        data
        for node, data in zip(bench.server.sent, bench.server.raw, strict=True)
        if node.tag == "message"
    ]
    assert len(written) == 2
    assert written[0] == written[1]
    assert sent.message_id == stanza_id(bench.server.messages[0])
    assert bench.slow_disk.commits_of(Table.SENT_MESSAGE) == 2
    assert bench.ann.first.read_from(bench.server.messages[0]).conversation == "hi"


@benched
async def test_a_line_that_breaks_over_the_write_gets_the_same_bytes_on_the_next(
    bench: Bench,
) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.send(bench.ann.lid, "for the others")
    bench.server.broken = True
    task = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hi"))
    await settle()
    assert len(bench.server.messages) == 1
    await bench.cut()
    bench.connect()
    await task
    first, second = bench.server.messages
    assert bench.ann.first.read_from(first).conversation == "for the others"
    assert bench.ann.first.read_from(second).conversation == "hi"


@benched
async def test_a_line_that_keeps_breaking_is_given_up(bench: Bench) -> None:
    bench.server.acks = False
    task = asyncio.create_task(bench.client.send_text(bench.ann.lid, "hi"))
    for _ in range(WRITE_ATTEMPTS):
        await settle()
        await bench.cut()
        bench.connect()
    with pytest.raises(Disconnected):
        await task
    assert len({data for data in bench.server.raw if b"3EB0" in data}) <= 1
    assert len(bench.server.messages) == WRITE_ATTEMPTS


@benched
async def test_a_line_that_stays_down_is_waited_for_only_so_long(bench: Bench) -> None:
    await bench.cut()
    with pytest.raises(Disconnected):
        await bench.client.send_text(bench.ann.lid, "hi")
    assert bench.clock.monotonic() == pytest.approx(20)


@benched
async def test_a_burst_over_a_break_arrives_whole(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "before")
    bench.server.acks = False
    tasks = [
        asyncio.create_task(bench.client.send_text(bench.ann.lid, str(number)))
        for number in range(5)
    ]
    await settle()
    await bench.cut()
    bench.server.acks = True
    bench.server.sent.clear()
    bench.connect()
    await asyncio.gather(*tasks)
    read = [bench.ann.devices[1].read_from(node).conversation for node in bench.server.messages]
    assert read == [str(number) for number in range(5)]


@benched
async def test_sending_under_the_same_id_again_encrypts_anew(bench: Bench) -> None:
    first = await bench.send(bench.ann.lid, "hi", message_id="3EB0SAME")
    second = await bench.send(bench.ann.lid, "hi", message_id="3EB0SAME")
    assert not set(message_keys(first)) & set(message_keys(second))
