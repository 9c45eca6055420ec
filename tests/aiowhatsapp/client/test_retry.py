"""Retry receipts: those that we send, and those that we serve."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.retry import (
    MAX_BUSY,
    MAX_REQUESTERS,
    MAX_REQUESTS,
    MAX_SERVED,
    RECREATE_SECONDS,
)
from custom_components.whatsapp_web.aiowhatsapp.client.sessions import retry_reason
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    BadMac,
    InvalidKey,
    InvalidKeyId,
    InvalidMessage,
    NoSession,
    SignalError,
)
from custom_components.whatsapp_web.aiowhatsapp.events import UndecryptableMessage
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import storage
from custom_components.whatsapp_web.aiowhatsapp.signal import PreKeyBundle
from custom_components.whatsapp_web.aiowhatsapp.stanza.receipt import parse_key_bundle
from custom_components.whatsapp_web.aiowhatsapp.store import Store
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import (
    NOW,
    OUR_DEVICE,
    US,
    Bench,
    Peer,
    benched,
    refusal,
    stanza_id,
    text,
    to_devices,
)
from tests.aiowhatsapp.client.pairing_support import settle

# --- asking


def unreadable(bench: Bench, peer: Peer, message_id: str = "BAD", **attrs: str | Jid) -> Node:
    """Make a message of a session that we don't have."""
    enc: dict[str, str | Jid] = {"v": "2", "type": "msg"}
    if "count" in attrs:
        enc["count"] = attrs.pop("count")
    stranger = bench.bob.first
    if stranger.record("nobody") is None:
        stranger.begin_from("nobody", bench.ann.first.bundle())
    sealed = stranger.encrypt("nobody", b"x\x01").ciphertext
    # A pkmsg of somebody else's, without its outer part: a msg of no session of ours.
    return bench.message(peer, Node("enc", enc, sealed), id=message_id, **attrs)


def retry_of(node: Node) -> Node:
    return node.required_child("retry")


@benched
async def test_what_cannot_be_read_is_asked_for_four_times(bench: Bench) -> None:
    bad = unreadable(bench, bench.ann.first)
    for count in range(1, MAX_REQUESTS + 1):
        receipt, ack = await bench.receive(bad)
        assert (receipt.tag, ack.tag) == ("receipt", "ack")
        assert retry_of(receipt).attr("count") == str(count)
        assert (receipt.child("keys") is not None) == (count >= 2)
    (ack,) = await bench.receive(bad)
    assert ack.tag == "ack"
    assert len(bench.events_of(UndecryptableMessage)) == 1


@benched
async def test_the_receipt_names_the_message_and_ourselves(bench: Bench) -> None:
    (receipt, _) = await bench.receive(unreadable(bench, bench.ann.devices[1]))
    assert receipt.jid("to") == bench.ann.devices[1].lid
    assert (stanza_id(receipt), receipt.attr("type")) == ("BAD", "retry")
    for absent in ("participant", "recipient", "category"):
        assert receipt.attr(absent) is None
    retry = retry_of(receipt)
    assert retry.attrs == {"v": "1", "count": "1", "id": "BAD", "t": str(NOW), "error": "1"}
    registration = receipt.required_child("registration").data
    assert int.from_bytes(registration) == bench.credentials.registration_id


@benched
async def test_keys_that_go_along_begin_a_session(bench: Bench) -> None:
    ann = bench.ann.first
    await bench.receive(unreadable(bench, ann))
    receipt, _ = await bench.receive(unreadable(bench, ann))
    keys = receipt.required_child("keys")
    assert keys.required_child("device-identity").data == bench.credentials.account
    registration = int.from_bytes(receipt.required_child("registration").data)
    parts = parse_key_bundle(keys, registration)
    assert parts.pre_key_id is not None
    assert await bench.store.pre_keys.unoffered(None, 10) == []
    bundle = PreKeyBundle(
        registration_id=registration,
        identity=parts.identity,
        signed_pre_key_id=parts.signed_pre_key_id,
        signed_pre_key=parts.signed_pre_key,
        signature=parts.signature,
        pre_key_id=parts.pre_key_id,
        pre_key=parts.pre_key,
    )
    ann.begin_from(US, bundle)
    await bench.receive(bench.message(ann, text("again"), id="BAD"))
    assert bench.texts() == ["again"]


@benched
async def test_the_count_goes_on_over_a_restart(bench: Bench) -> None:
    bad = unreadable(bench, bench.ann.first)
    await bench.receive(bad)
    await bench.restart()
    receipt, _ = await bench.receive(bad)
    assert retry_of(receipt).attr("count") == "2"
    # Only the first one is news.
    assert len(bench.events_of(UndecryptableMessage)) == 1


@benched
async def test_the_count_of_the_ciphertext_goes_on(bench: Bench) -> None:
    receipt, _ = await bench.receive(unreadable(bench, bench.ann.first, count="2"))
    assert retry_of(receipt).attr("count") == "3"
    assert receipt.child("keys") is not None
    (ack,) = await bench.receive(unreadable(bench, bench.ann.first, "OTHER", count="4"))
    assert ack.tag == "ack"


@benched
async def test_counts_are_kept_by_chat_sender_and_id(bench: Bench) -> None:
    for peer in (bench.ann.first, bench.ann.devices[1], bench.bob.first):
        receipt, _ = await bench.receive(unreadable(bench, peer, "SAME"))
        assert retry_of(receipt).attr("count") == "1"


@benched
async def test_our_own_copy_is_asked_for_with_the_chat(bench: Bench) -> None:
    bad = unreadable(bench, bench.me.first, recipient=bench.ann.lid)
    receipt, _ = await bench.receive(bad)
    assert receipt.jid("recipient") == bench.ann.lid
    assert receipt.attr("category") is None
    receipt, _ = await bench.receive(unreadable(bench, bench.me.first, "NOTE"))
    assert receipt.jid("recipient") == bench.me.lid


@benched
async def test_housekeeping_is_asked_for_as_such(bench: Bench) -> None:
    receipt, _ = await bench.receive(unreadable(bench, bench.me.first, category="peer"))
    assert receipt.attr("category") == "peer"
    assert receipt.attr("recipient") is None


@benched
async def test_in_a_group_the_participant_is_named(bench: Bench) -> None:
    group = Jid.parse("123@g.us")
    for sender in (bench.ann.first, bench.me.first):
        bad = unreadable(bench, sender)
        bad.attrs |= {"from": group, "participant": sender.lid}
        receipt, _ = await bench.receive(bad)
        assert receipt.jid("to") == group
        assert receipt.jid("participant") == sender.lid
        assert receipt.attr("recipient") is None


@benched
async def test_a_receipt_that_does_not_leave_is_followed_by_no_ack(bench: Bench) -> None:
    bench.server.broken = True
    assert await bench.receive(unreadable(bench, bench.ann.first)) == []
    assert bench.events_of(UndecryptableMessage) == []


@benched
async def test_what_a_broken_line_swallowed_is_no_request(bench: Bench) -> None:
    bad = unreadable(bench, bench.ann.first)
    for _ in range(MAX_REQUESTS + 1):
        bench.server.broken = True
        assert await bench.receive(bad) == []
        await bench.cut()
        bench.connect()
    receipt, _ = await bench.receive(bad)
    assert retry_of(receipt).attr("count") == "1"


@benched
async def test_what_was_sent_again_in_vain_is_told_at_its_first_sight(bench: Bench) -> None:
    for _ in range(2):
        bad = unreadable(bench, bench.ann.first, count=str(MAX_REQUESTS))
        (ack,) = await bench.receive(bad)
        assert ack.tag == "ack"
    (event,) = bench.events_of(UndecryptableMessage)
    assert event.message_id == "BAD"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoSession(), 1),
        (InvalidKey(), 2),
        (InvalidKeyId(), 3),
        (InvalidMessage(), 4),
        (SignalError(), 4),
        (BadMac(), 7),
    ],
)
def test_each_error_has_its_reason(error: SignalError, reason: int) -> None:
    assert retry_reason(error) == reason


# --- serving


def request(peer: Peer, message: Node | str, count: int = 1, **attrs: str | Jid) -> Node:
    """Make a retry receipt of a device, without keys."""
    message_id = message if isinstance(message, str) else stanza_id(message)
    base: dict[str, str | Jid] = {"from": peer.lid, "id": message_id, "type": "retry"}
    retry = {"v": "1", "count": str(count), "id": message_id, "t": "12345"}
    registration = peer.identity.registration_id.to_bytes(4)
    children = [Node("retry", {**retry}), Node("registration", {}, registration)]
    return Node("receipt", base | attrs, children)


def with_keys(peer: Peer, receipt: Node) -> Node:
    """Add a device's keys to its retry receipt."""
    keys = Node("keys", {}, peer.key_nodes())
    return Node("receipt", receipt.attrs, [*receipt.children(), keys])


async def ask(bench: Bench, receipt: Node) -> Node | None:
    """Send a retry receipt; give the message that comes back, if one does."""
    before = len(bench.server.messages)
    said = await bench.receive(receipt)
    assert [node.attr("class") for node in said if node.tag == "ack"] == ["receipt"]
    answers = bench.server.messages[before:]
    assert len(answers) <= 1
    return answers[0] if answers else None


def open_again(peer: Peer, stanza: Node | None) -> str:
    """Read an answer to a retry receipt."""
    assert stanza is not None
    return peer.open(stanza.required_child("enc")).conversation


@benched
async def test_a_device_is_served_alone_and_in_its_session(bench: Bench) -> None:
    laptop = bench.ann.devices[1]
    stanza = await bench.send(bench.ann.lid, "hi")
    again = await ask(bench, request(laptop, stanza))
    assert again is not None
    assert again.jid("to") == laptop.lid
    assert again.attrs | {"to": ""} == {
        "id": stanza_id(stanza),
        "to": "",
        "type": "text",
        "device_fanout": "false",
        "t": "12345",
    }
    assert again.child("participants") is None
    assert again.required_child("enc").attr("count") == "1"
    assert again.required_child("device-identity").data == bench.credentials.account
    assert open_again(laptop, again) == "hi"


@benched
async def test_once_the_device_has_answered_no_proof_goes_along(bench: Bench) -> None:
    await bench.acquaint(bench.bob.first)
    stanza = await bench.send(bench.bob.lid, "hi")
    again = await ask(bench, request(bench.bob.first, stanza))
    assert again is not None
    assert again.child("device-identity") is None
    assert open_again(bench.bob.first, again) == "hi"


@benched
async def test_a_count_of_five_is_refused(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    assert await ask(bench, request(bench.ann.first, stanza, MAX_SERVED)) is None
    assert await ask(bench, request(bench.ann.first, stanza, MAX_SERVED - 1)) is not None


@benched
async def test_a_device_is_served_five_times_whatever_it_counts(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    for _ in range(MAX_SERVED):
        assert await ask(bench, request(bench.ann.first, stanza)) is not None
    await bench.restart()
    assert await ask(bench, request(bench.ann.first, stanza)) is None
    assert await ask(bench, request(bench.ann.devices[1], stanza)) is not None


@benched
async def test_two_receipts_at_once_are_served_once(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    receipt = request(bench.ann.first, stanza)
    before = len(bench.server.messages)
    bench._deliver(receipt)
    bench._deliver(receipt)
    await settle()
    assert len(bench.server.messages) == before + 1


@benched
async def test_keys_that_come_along_are_used(bench: Bench) -> None:
    ann = bench.ann.first
    stanza = await bench.send(bench.ann.lid, "hi")
    ann.reinstall()
    fetched = len(bench.server.asked("key"))
    again = await ask(bench, with_keys(ann, request(ann, stanza, 2)))
    assert open_again(ann, again) == "hi"
    assert len(bench.server.asked("key")) == fetched


@benched
async def test_keys_with_a_bad_signature_are_refused(bench: Bench) -> None:
    ann = bench.ann.first
    stanza = await bench.send(bench.ann.lid, "hi")
    address = bench.context.address_of(ann.lid)
    session = await bench.store.sessions.get(None, address)
    ann.signed_pre_key = bench.bob.first.signed_pre_key
    assert await ask(bench, with_keys(ann, request(ann, stanza, 2))) is None
    assert await bench.store.sessions.get(None, address) == session


@benched
async def test_keys_that_the_account_does_not_vouch_for_are_refused(bench: Bench) -> None:
    laptop = bench.ann.devices[1]
    stanza = await bench.send(bench.ann.lid, "hi")
    laptop.proof = bench.bob.vouch(laptop.identity.key_pair)[:-1] + b"x"
    assert await ask(bench, with_keys(laptop, request(laptop, stanza, 2))) is None


@benched
async def test_a_malformed_receipt_is_only_acked(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    receipt = request(bench.ann.first, stanza)
    assert await ask(bench, Node("receipt", receipt.attrs, receipt.children()[1:])) is None
    short = [receipt.children()[0], Node("registration", {}, b"\1")]
    assert await ask(bench, Node("receipt", receipt.attrs, short)) is None


@benched
async def test_a_new_registration_has_the_keys_fetched(bench: Bench) -> None:
    ann = bench.ann.first
    stanza = await bench.send(bench.ann.lid, "hi")
    ann.reinstall()
    again = await ask(bench, request(ann, stanza))
    assert open_again(ann, again) == "hi"
    (user,) = bench.server.asked("key")[-1].required_child("key").children("user")
    assert (user.jid("jid"), user.attr("reason")) == (ann.lid, "identity")


@benched
async def test_a_session_is_made_anew_once_an_hour(bench: Bench) -> None:
    ann = bench.ann.first
    stanza = await bench.send(bench.ann.lid, "hi")

    async def fetches(count: int) -> bool:
        before = len(bench.server.asked("key"))
        assert await ask(bench, request(ann, stanza, count)) is not None
        return len(bench.server.asked("key")) > before

    assert not await fetches(1)
    assert await fetches(2)
    assert not await fetches(3)
    await bench.restart()
    bench.clock.skew += RECREATE_SECONDS - 1
    assert not await fetches(2)
    bench.clock.skew += 1
    assert await fetches(2)


@benched
async def test_without_a_session_one_is_begun(bench: Bench) -> None:
    ann = bench.ann.first
    stanza = await bench.send(bench.ann.lid, "hi")
    await bench.client._sessions.forget([ann.lid])
    assert open_again(ann, await ask(bench, request(ann, stanza))) == "hi"


@benched
async def test_a_device_whose_keys_are_missing_is_not_served(bench: Bench) -> None:
    laptop = bench.ann.devices[1]
    stanza = await bench.send(bench.ann.lid, "hi")
    await bench.client._sessions.forget([laptop.lid])
    laptop.signed_pre_key = bench.bob.first.signed_pre_key
    assert await ask(bench, request(laptop, stanza)) is None


@benched
async def test_our_own_device_gets_its_copy(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    receipt = request(bench.me.first, stanza, recipient=bench.ann.lid)
    again = await ask(bench, receipt)
    assert again is not None
    assert again.jid("recipient") == bench.ann.lid
    copy = bench.me.first.open(again.required_child("enc")).deviceSentMessage
    assert (copy.destinationJid, copy.message.conversation) == (str(bench.ann.lid), "hi")


@benched
async def test_our_own_device_must_say_in_which_chat(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    assert await ask(bench, request(bench.me.first, stanza)) is None


@benched
async def test_this_device_asks_itself_for_nothing(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    us = bench.me.devices[1]
    assert us.number == OUR_DEVICE
    assert await ask(bench, request(us, stanza, recipient=bench.ann.lid)) is None


@benched
async def test_an_own_device_may_not_change_its_registration(bench: Bench) -> None:
    me = bench.me.first
    stanza = await bench.send(bench.ann.lid, "hi")
    me.reinstall()
    receipt = request(me, stanza, 2, recipient=bench.ann.lid)
    assert await ask(bench, with_keys(me, receipt)) is None


@benched
async def test_someone_else_gets_nothing_of_ours(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    # Neither by name nor by claiming to be one of our devices, or Ann's.
    bob = bench.bob.first
    assert await ask(bench, request(bob, stanza)) is None
    assert await ask(bench, request(bob, stanza, recipient=bench.ann.lid)) is None
    for claimed in (bench.me.lid, bench.ann.lid):
        spoof = request(bob, stanza, recipient=bench.ann.lid, participant=claimed)
        assert await ask(bench, with_keys(bob, spoof)) is None
    session = await bench.store.sessions.get(None, bench.context.address_of(bench.me.lid))
    assert session is not None
    assert session.remote_registration_id == bench.me.first.identity.registration_id


@benched
async def test_what_is_no_longer_kept_is_not_sent_but_the_session_is_mended(
    bench: Bench,
) -> None:
    ann = bench.ann.first
    await bench.send(bench.ann.lid, "hi")
    ann.reinstall()
    assert await ask(bench, with_keys(ann, request(ann, "LONG-AGO", 2))) is None
    assert ann.read_from(await bench.send(bench.ann.lid, "later")).conversation == "later"


@pytest.mark.parametrize("asked_by_lid", [True, False])
@benched
async def test_a_message_is_found_under_both_names_of_its_chat(
    bench: Bench, asked_by_lid: bool
) -> None:
    ann = bench.ann.first
    jid = ann.lid if asked_by_lid else ann.phone
    record = storage.SentMessageRecord(
        message=text("hi").SerializeToString(), sent_at=NOW, type="text"
    )
    # Sent by number, before the LID was known.
    await bench.store.sent_messages.put(None, bench.ann.phone, "OLD", record, expires_at=NOW + 1000)
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    receipt = request(ann, "OLD")
    receipt.attrs["from"] = jid
    again = await ask(bench, receipt)
    assert open_again(ann, again) == "hi"


@benched
async def test_a_message_sent_by_lid_is_found_by_number(bench: Bench) -> None:
    ann = bench.ann.first
    stanza = await bench.send(bench.ann.phone, "hi")
    receipt = request(ann, stanza)
    receipt.attrs["from"] = ann.phone
    again = await ask(bench, receipt)
    assert again is not None
    assert again.jid("to") == ann.phone
    assert open_again(ann, again) == "hi"


@benched
async def test_a_device_linked_meanwhile_is_served(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    tablet = bench.ann.link(8)
    assert open_again(tablet, await ask(bench, request(tablet, stanza))) == "hi"
    # And from then on it is in the list.
    assert tablet.lid in to_devices(await bench.send(bench.ann.lid, "more"))


@benched
async def test_a_device_that_nobody_lists_must_bring_its_keys(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    tablet = bench.ann.link(8)
    bench.ann.devices.remove(tablet)
    before = len(bench.server.asked("key"))
    assert await ask(bench, request(tablet, stanza)) is None
    assert len(bench.server.asked("key")) == before
    assert open_again(tablet, await ask(bench, with_keys(tablet, request(tablet, stanza)))) == "hi"


@benched
async def test_the_count_served_is_kept_with_the_message(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hi")
    await ask(bench, request(bench.ann.first, stanza))
    await ask(bench, request(bench.ann.first, stanza))
    store: Store = bench.store
    record = await store.sent_messages.get(None, bench.ann.lid, stanza_id(stanza))
    assert record is not None
    assert [(each.requester, each.count) for each in record.resends] == [(str(bench.ann.lid), 2)]


# --- bounds


@benched
async def test_keys_without_a_one_time_key_are_refused(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hello")
    receipt = with_keys(bench.ann.first, request(bench.ann.first, stanza))
    keys = receipt.required_child("keys")
    keys.content = [child for child in keys.children() if child.tag != "key"]
    assert await ask(bench, receipt) is None


@benched
async def test_a_server_that_refuses_keys_leaves_the_rest_as_it_is(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hello")
    await bench.store.sessions.delete(None, bench.context.address_of(bench.ann.lid))
    bench.server.script["key"] = refusal(503)
    assert await ask(bench, request(bench.ann.first, stanza)) is None
    del bench.server.script["key"]
    assert open_again(bench.ann.first, await ask(bench, request(bench.ann.first, stanza)))


@benched
async def test_only_so_many_devices_are_counted(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hello")
    record = await bench.store.sent_messages.get(None, bench.ann.lid, stanza_id(stanza))
    assert record is not None
    for number in range(MAX_REQUESTERS):
        record.resends.add(requester=f"2002:{number + 100}@lid", count=1)
    await bench.store.sent_messages.put(
        None, bench.ann.lid, stanza_id(stanza), record, expires_at=NOW + 1000
    )
    assert await ask(bench, request(bench.ann.first, stanza)) is None


@benched
async def test_a_heap_of_receipts_has_a_bound(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hello")
    await bench.store.sessions.delete(None, bench.context.address_of(bench.ann.lid))
    # The first one waits for keys, and all others for it.
    bench.server.script["key"] = lambda _: None
    await bench.receive(request(bench.ann.first, stanza))
    before = len(bench.server.sent)
    for number in range(MAX_BUSY + 10):
        bench.server.deliver(request(bench.ann.first, f"NONE{number}"))
    await settle()
    acked = [node.attr("id") for node in bench.server.sent[before:]]
    assert acked == [f"NONE{number}" for number in range(MAX_BUSY - 1, MAX_BUSY + 10)]


@benched
async def test_two_devices_at_once_are_both_counted(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hello")
    for peer in bench.ann.devices:
        bench.server.deliver(request(peer, stanza))
    await settle()
    record = await bench.store.sent_messages.get(None, bench.ann.lid, stanza_id(stanza))
    assert record is not None
    assert sorted((each.requester, each.count) for each in record.resends) == [
        (str(peer.lid), 1) for peer in bench.ann.devices[::-1]
    ]


@benched
async def test_a_time_that_makes_no_sense_is_not_passed_on(bench: Bench) -> None:
    stanza = await bench.send(bench.ann.lid, "hello")
    receipt = request(bench.ann.first, stanza)
    receipt.required_child("retry").attrs["t"] = "yesterday"
    assert await ask(bench, receipt) is None
