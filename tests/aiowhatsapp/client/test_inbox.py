"""Messages that come in: each handed over once, in order, and answered when it is safe."""

import asyncio
import logging

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.inbox import RELEASED_TOGETHER
from custom_components.whatsapp_web.aiowhatsapp.errors import StoreError
from custom_components.whatsapp_web.aiowhatsapp.events import MessageReceived, UndecryptableMessage
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.padding import pad
from custom_components.whatsapp_web.aiowhatsapp.proto import storage, wire
from custom_components.whatsapp_web.aiowhatsapp.signal import SenderKeyRecord, group_encrypt
from custom_components.whatsapp_web.aiowhatsapp.signal.sender_key import (
    create,
    distribution_message,
)
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.pairing_support import settle

from .bench import NOW, Bench, Peer, benched, text

GROUP = Jid("120363000000000001", "g.us")


class Killed(BaseException):
    """Nobody catches this: as good as the end of the process."""


def errors_of(nodes: list[Node]) -> list[str | None]:
    return [node.attr("error") for node in nodes if node.tag == "ack"]


def receipts_of(nodes: list[Node]) -> list[str | None]:
    return [node.attr("id") for node in nodes if node.tag == "receipt"]


async def begin_anew(bench: Bench) -> None:
    """Start another client over what the killed one left on disk."""
    bench.events.clear()
    assert bench._handling is not None
    if bench._handling.done():
        assert isinstance(bench._handling.exception(), Killed)
        bench._handling = asyncio.create_task(bench._router.run())
    await bench.restart()
    await bench.store.inbox.recover()
    await bench.client._inbox.release()


# --- once, in order, and answered last


@benched
async def test_messages_are_told_in_the_order_in_which_they_came(bench: Bench) -> None:
    await bench.introduce(bench.ann.first, bench.bob.first)
    words = [f"word {index}" for index in range(20)]
    for index, each in enumerate(words):
        peer = (bench.ann, bench.bob)[index % 2].first
        bench.server.deliver(bench.message(peer, text(each)))
    await settle()
    assert bench.texts() == words


@benched
async def test_what_a_message_says_of_itself(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    more: dict[str, str | Jid] = {"notify": "Ann", "offline": "1", "sender_pn": bench.ann.phone}
    await bench.receive(bench.message(bench.ann.first, text("hello"), **more))
    (event,) = bench.events_of(MessageReceived)
    message = event.message
    assert (message.id, message.timestamp, message.push_name) == ("IN1", NOW, "Ann")
    assert (message.chat, message.chat_phone) == (bench.ann.lid, bench.ann.phone)
    assert (message.sender, message.sender_phone) == (bench.ann.lid, bench.ann.phone)
    assert (message.from_me, message.is_group, message.offline) == (False, False, True)
    assert (message.kind, message.text) == ("text", "hello")
    assert "hello" not in repr(event)


@benched
async def test_it_is_on_disk_and_told_before_the_server_hears_of_it(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    journal: list[str] = []

    def on_write(node: Node) -> None:
        on_disk = bench.slow_disk.commits_of(Table.INBOX)
        journal.append(f"{node.tag} after {on_disk} commits and {len(bench.texts())} told")

    bench.server.on_write = on_write
    await bench.receive(bench.message(bench.ann.first, text("hello")))
    assert journal == ["receipt after 1 commits and 1 told"]


@benched
async def test_what_comes_again_is_receipted_and_not_told(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    stanza = bench.message(bench.ann.first, text("hello"))
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    assert bench.texts() == ["hello"]


@benched
async def test_what_is_encrypted_again_under_the_same_id_is_the_same(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("hello"), id="A"))
    again = await bench.receive(bench.message(bench.ann.first, text("hello"), id="A"))
    assert receipts_of(again) == ["A"]
    await bench.receive(bench.message(bench.ann.first, text("next"), id="B"))
    assert bench.texts() == ["hello", "next"]


@benched
async def test_the_same_id_of_someone_else_is_another_message(bench: Bench) -> None:
    await bench.introduce(bench.ann.first, bench.bob.first)
    await bench.receive(bench.message(bench.ann.first, text("mine"), id="A"))
    await bench.receive(bench.message(bench.bob.first, text("mine, too"), id="A"))
    assert bench.texts() == ["mine", "mine, too"]


@pytest.mark.parametrize("from_me", [False, True])
@benched
async def test_it_is_the_same_message_after_a_lid_was_learned(bench: Bench, from_me: bool) -> None:
    peer = bench.me.first if from_me else bench.ann.first
    await bench.introduce(peer)

    def stanza(by: str) -> Node:
        user = bench.ann.lid if by == "lid" else bench.ann.phone
        sender = peer.lid if by == "lid" or from_me else peer.phone
        attrs: dict[str, str | Jid] = {"from": sender, "id": "A"}
        if from_me:
            attrs["recipient"] = user
        return bench.message(peer, text("hello"), **attrs)

    await bench.receive(stanza("number"))
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    assert receipts_of(await bench.receive(stanza("lid"))) == ["A"]
    assert bench.texts() == ["hello"]


@benched
async def test_a_ciphertext_whose_note_has_expired_is_still_known(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    first = bench.message(bench.ann.first, text("hello"))
    await bench.receive(first)
    await bench.store.prune(NOW + 40 * 24 * 3600)
    # The ratchet remembers: both as the beginning of a session, and within it.
    assert receipts_of(await bench.receive(first)) == ["IN1"]
    assert bench.texts() == ["hello"]


# --- faults between the steps


@benched
async def test_a_commit_that_fails_tells_nobody_and_answers_nothing(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    stanza = bench.message(bench.ann.first, text("hello"))
    bench.slow_disk.fault = StoreError("full")
    assert await bench.receive(stanza) == []
    assert bench.texts() == []
    bench.slow_disk.fault = None
    await bench.cut()
    bench.connect()
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    assert bench.texts() == ["hello"]


@benched
async def test_a_line_that_breaks_over_the_receipt_repeats_nothing(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    stanza = bench.message(bench.ann.first, text("hello"))
    bench.server.broken = True
    assert await bench.receive(stanza) == []
    assert bench.texts() == ["hello"]
    await bench.cut()
    bench.connect()
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    assert bench.texts() == ["hello"]


@benched
async def test_a_handler_cancelled_while_it_commits_loses_and_repeats_nothing(
    bench: Bench,
) -> None:
    await bench.introduce(bench.ann.first)
    stanza = bench.message(bench.ann.first, text("hello"))
    gate = bench.slow_disk.gate = asyncio.Event()
    await bench.receive(stanza)
    assert bench.slow_disk.waiting == 1
    handling = bench._handling
    assert handling is not None
    commit = asyncio.create_task(bench.disk.commit(()))
    handling.cancel()
    gate.set()
    await commit
    await asyncio.gather(handling, return_exceptions=True)
    bench.slow_disk.gate = None
    assert bench.texts() == []
    bench.connect()
    await bench.receive(stanza)
    await bench.receive(stanza)
    assert bench.texts() == ["hello"]


@benched
async def test_what_was_stored_by_a_killed_process_is_told_by_the_next(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    bench.client.subscribe(MessageReceived, _die)
    stanza = bench.message(bench.ann.first, text("hello"))
    assert await bench.receive(stanza) == []
    await begin_anew(bench)
    assert bench.texts() == ["hello"]
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    assert bench.texts() == ["hello"]


def _die(_event: MessageReceived) -> None:
    raise Killed


@benched
async def test_what_was_taken_before_the_kill_is_not_told_again(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)

    def take_and_die(event: MessageReceived) -> None:
        event.take()
        raise Killed

    bench.client.subscribe(MessageReceived, take_and_die)
    stanza = bench.message(bench.ann.first, text("hello"))
    await bench.receive(stanza)
    await begin_anew(bench)
    assert bench.texts() == []
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    assert bench.texts() == []
    assert await bench.store.inbox.pending(None) == []


@benched
async def test_a_listener_that_raises_keeps_nobody_else_from_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: MessageReceived) -> None:
        raise RuntimeError("an automation is wrong")

    bench.client._context.dispatcher._listeners[MessageReceived].insert(0, fail)  # type: ignore[arg-type]
    await bench.introduce(bench.ann.first)
    assert receipts_of(await bench.receive(bench.message(bench.ann.first, text("one")))) == ["IN1"]
    await bench.receive(bench.message(bench.ann.first, text("two")))
    assert bench.texts() == ["one", "two"]
    await begin_anew(bench)
    assert bench.texts() == []
    assert "an automation is wrong" in caplog.text


@benched
async def test_what_was_told_leaves_the_disk(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("one")))
    await bench.receive(bench.message(bench.ann.first, text("two")))
    assert await bench.disk.count(Table.INBOX) == 1
    bench.slow_disk.fault = StoreError("full")
    with pytest.raises(StoreError):
        await bench.client._inbox.flush()
    bench.slow_disk.fault = None
    await bench.client._inbox.flush()
    assert await bench.disk.count(Table.INBOX) == 0
    commits = len(bench.slow_disk.commits)
    await bench.client._inbox.flush()
    assert len(bench.slow_disk.commits) == commits


@benched
async def test_a_stored_message_that_makes_no_sense_keeps_no_other_back(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def record(chat: str) -> storage.InboxRecord:
        return storage.InboxRecord(
            message=text("hello").SerializeToString(),
            chat=chat,
            sender=chat,
            id="A",
            timestamp=NOW,
        )

    await bench.store.inbox.put(None, "poison", record("1:99999@lid"))
    await bench.store.inbox.put(None, "good", record(str(bench.ann.lid)))
    await bench.client._inbox.release()
    assert bench.texts() == ["hello"]
    assert "can't be handed over" in caplog.text
    await bench.client._inbox.flush()
    assert await bench.disk.count(Table.INBOX) == 0


# --- held messages


@benched
async def test_held_messages_are_answered_and_told_when_released(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    bench.client._inbox.hold()
    stanza = bench.message(bench.ann.first, text("one"))
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    # Again, because the receipt was lost.
    await bench.receive(stanza)
    await bench.receive(bench.message(bench.ann.first, text("two")))
    assert bench.texts() == []
    await bench.client.release_messages()
    await bench.client.release_messages()
    await bench.receive(bench.message(bench.ann.first, text("three")))
    assert bench.texts() == ["one", "two", "three"]


@benched
async def test_what_comes_while_messages_are_released_waits_its_turn(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    bench.client._inbox.hold()
    held = 2 * RELEASED_TOGETHER + 10
    words = [f"held {index}" for index in range(held)]
    for each in words:
        await bench.receive(bench.message(bench.ann.first, text(each)))
    most_marks = 0

    def on_message(event: MessageReceived) -> None:
        nonlocal most_marks
        most_marks = max(most_marks, len(bench.disk.marks))
        if event.message.text in ("held 5", f"held {RELEASED_TOGETHER + 5}"):
            late = f"late {len(bench.texts())}"
            words.append(late)
            bench.server.deliver(bench.message(bench.ann.first, text(late)))

    bench.client.subscribe(MessageReceived, on_message)
    await bench.client.release_messages()
    await settle()
    assert bench.texts() == words
    # More than there is room for would have the first ones told again after a kill.
    assert most_marks <= RELEASED_TOGETHER


@benched
async def test_a_release_cut_short_by_a_kill_is_gone_on_with(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    bench.client._inbox.hold()
    words = [f"held {index}" for index in range(RELEASED_TOGETHER + 10)]
    for each in words:
        await bench.receive(bench.message(bench.ann.first, text(each)))
    last = f"held {RELEASED_TOGETHER + 3}"

    def on_message(event: MessageReceived) -> None:
        event.take()
        if event.message.text == last:
            raise Killed

    bench.client.subscribe(MessageReceived, on_message)
    with pytest.raises(Killed):
        await bench.client.release_messages()
    told = bench.texts()
    await begin_anew(bench)
    assert told + bench.texts() == words


# --- several ciphertexts in one stanza


def distribution(record: SenderKeyRecord) -> wire.Message:
    message = wire.Message()
    message.senderKeyDistributionMessage.groupId = str(GROUP)
    message.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = distribution_message(
        record
    )
    return message


def to_group(peer: Peer, message_id: str, *encs: Node) -> Node:
    attrs: dict[str, str | Jid] = {
        "from": GROUP,
        "participant": peer.lid,
        "id": message_id,
        "t": str(NOW),
        "type": "text",
    }
    return Node("message", attrs, list(encs))


def by_sender_key(peer: Peer, record: SenderKeyRecord, words: str) -> Node:
    padded = pad(text(words).SerializeToString(), peer.random_bytes)
    _, sealed = group_encrypt(record, padded, peer.random_bytes)
    return Node("enc", {"v": "2", "type": "skmsg"}, sealed)


def spoiled(enc: Node) -> Node:
    data = enc.data
    return Node("enc", dict(enc.attrs), data[:-1] + bytes([data[-1] ^ 1]))


@benched
async def test_what_a_first_part_brought_stays_when_a_later_one_fails(bench: Bench) -> None:
    ann = bench.ann.first
    await bench.introduce(ann)
    record = create(ann.random_bytes)
    key, words = ann.seal(distribution(record)), by_sender_key(ann, record, "to the group")
    answers = await bench.receive(to_group(ann, "G1", key, spoiled(words)))
    assert [node.attr("type") for node in answers if node.tag == "receipt"] == ["retry"]
    assert bench.texts() == []
    # The key came through: another message under it needs nothing else.
    await bench.receive(to_group(ann, "G2", words))
    assert bench.texts() == ["to the group"]


@benched
async def test_a_part_that_was_read_before_keeps_no_other_from_its_chance(bench: Bench) -> None:
    ann = bench.ann.first
    await bench.introduce(ann)
    record = create(ann.random_bytes)
    key, words = ann.seal(distribution(record)), by_sender_key(ann, record, "to the group")
    await bench.receive(to_group(ann, "G1", key, spoiled(words)))
    # The retry receipt was lost on the way, so the server sends the stanza again.
    answers = await bench.receive(to_group(ann, "G1", key, words))
    assert receipts_of(answers) == ["G1"]
    assert bench.texts() == ["to the group"]


@benched
async def test_a_kind_nobody_knows_beside_one_we_read_is_left_out(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    stanza = bench.message(bench.ann.first, text("hello"))
    assert isinstance(stanza.content, list)
    stanza.content[:0] = [
        Node("enc", {"v": "2", "type": "pqmsg"}, b"later"),
        Node("enc", {"v": "3", "type": "msg"}, b"another client's"),
    ]
    assert receipts_of(await bench.receive(stanza)) == ["IN1"]
    assert bench.texts() == ["hello"]


@pytest.mark.parametrize(
    ("attrs", "error"),
    [
        ({"v": "2", "type": "pqmsg"}, "488"),
        ({"v": "3", "type": "msg"}, "488"),
        ({}, "488"),
        ({"v": "2", "type": "msmsg"}, "495"),
    ],
)
@benched
async def test_only_kinds_nobody_knows_are_refused(
    bench: Bench, attrs: dict[str, str | Jid], error: str
) -> None:
    stanza = bench.message(bench.ann.first, Node("enc", attrs, b"bytes"))
    assert errors_of(await bench.receive(stanza)) == [error]
    assert bench.events == []


@benched
async def test_nothing_for_this_device_is_just_acked(bench: Bench) -> None:
    stanza = bench.message(bench.ann.first, Node("unavailable", {"type": "view_once"}))
    (ack,) = await bench.receive(stanza)
    assert (ack.tag, ack.attr("error")) == ("ack", None)
    assert ack.jid("from") == bench.credentials.jid


# --- what makes no sense


@benched
async def test_a_stanza_that_makes_no_sense_is_refused(bench: Bench) -> None:
    enc = Node("enc", {"v": "2", "type": "msg"}, b"bytes")
    stanza = bench.message(bench.ann.first, enc, t="yesterday")
    assert errors_of(await bench.receive(stanza)) == ["487"]
    assert await bench.receive(Node("message", {"from": bench.ann.lid})) == []
    assert await bench.receive(Node("message", {"id": "A", "from": "1:99999@lid"})) == []


@pytest.mark.parametrize(
    "plaintext",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello\x00", id="padded with zero"),
        pytest.param(b"\x05\x05", id="padded with more than there is"),
        pytest.param(b"\xff\xff\xff\x01", id="no message"),
    ],
)
@benched
async def test_a_plaintext_that_is_no_message_is_refused(bench: Bench, plaintext: bytes) -> None:
    ann = bench.ann.first
    await bench.introduce(ann)
    sealed = ann.encrypt("us", plaintext)
    enc = Node("enc", {"v": "2", "type": sealed.kind}, sealed.ciphertext)
    assert errors_of(await bench.receive(bench.message(ann, enc))) == ["491"]
    # The ratchet went on all the same.
    await bench.receive(bench.message(ann, text("hello")))
    assert bench.texts() == ["hello"]


@benched
async def test_what_cannot_be_read_is_told_once_and_asked_for_again(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    stanza = bench.message(bench.ann.first, spoiled(bench.ann.first.seal(text("hello"))))
    for _ in range(3):
        answers = await bench.receive(stanza)
        # First what asks for it, then what ends it.
        assert [node.tag for node in answers] == ["receipt", "ack"]
    (event,) = bench.events_of(UndecryptableMessage)
    assert (event.chat, event.sender) == (bench.ann.lid, bench.ann.lid)
    assert bench.texts() == []


# --- who may say what


def copied(to: Jid, words: str) -> wire.Message:
    message = wire.Message()
    message.deviceSentMessage.destinationJid = str(to)
    message.deviceSentMessage.message.conversation = words
    return message


@benched
async def test_a_copy_of_what_we_sent_is_taken_from_our_own_devices_only(bench: Bench) -> None:
    await bench.introduce(bench.ann.first, bench.me.first)
    spoof = bench.message(bench.ann.first, copied(bench.bob.lid, "I never wrote that"))
    assert errors_of(await bench.receive(spoof)) == ["491"]
    assert bench.texts() == []
    await bench.receive(bench.message(bench.me.first, copied(bench.bob.lid, "I wrote that")))
    (event,) = bench.events_of(MessageReceived)
    message = event.message
    assert (message.from_me, message.chat, message.text) == (True, bench.bob.lid, "I wrote that")


@benched
async def test_the_stanza_names_the_chat_of_a_copy(bench: Bench) -> None:
    await bench.introduce(bench.me.first)
    more: dict[str, str | Jid] = {
        "recipient": bench.ann.lid,
        "peer_recipient_pn": bench.ann.phone,
    }
    stanza = bench.message(bench.me.first, copied(bench.bob.lid, "hello"), **more)
    (receipt,) = await bench.receive(stanza)
    (event,) = bench.events_of(MessageReceived)
    assert (event.message.chat, event.message.chat_phone) == (bench.ann.lid, bench.ann.phone)
    assert (receipt.attr("type"), receipt.jid("recipient")) == ("sender", bench.ann.lid)


@benched
async def test_housekeeping_between_devices_is_told_to_nobody(bench: Bench) -> None:
    await bench.introduce(bench.me.first)
    more: dict[str, str | Jid] = {"category": "peer"}
    (receipt,) = await bench.receive(bench.message(bench.me.first, text("secret"), **more))
    assert (receipt.attr("type"), receipt.jid("to")) == ("peer_msg", bench.me.phone)
    assert bench.events == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (wire.Message.ProtocolMessage.Type.REVOKE, 1),
        (wire.Message.ProtocolMessage.Type.MESSAGE_EDIT, 1),
        (wire.Message.ProtocolMessage.Type.EPHEMERAL_SETTING, 0),
        (None, 0),
    ],
)
@benched
async def test_of_protocol_messages_only_those_for_people_are_told(
    bench: Bench, kind: int | None, told: int
) -> None:
    await bench.introduce(bench.ann.first)
    message = wire.Message()
    message.protocolMessage.key.id = "A"
    message.protocolMessage.key.fromMe = True
    if kind is not None:
        message.protocolMessage.MergeFromString(bytes([2 << 3, kind]))
    assert receipts_of(await bench.receive(bench.message(bench.ann.first, message))) == ["IN1"]
    assert len(bench.events) == told


@benched
async def test_no_text_is_logged_above_debug(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await bench.acquaint(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("the alarm code is 1234")))
    broken = spoiled(bench.ann.first.seal(text("the alarm code is 1234")))
    await bench.receive(bench.message(bench.ann.first, broken))
    assert "1234" not in caplog.text
    above = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert not any(bench.ann.number in line or bench.ann.lid.user in line for line in above)
