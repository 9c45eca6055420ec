"""Sender keys: what members of a group write, and what they may not claim."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.sender_keys import MAX_DISTRIBUTION
from custom_components.whatsapp_web.aiowhatsapp.events import MessageReceived
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.message.padding import pad
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    SenderKeyRecord,
    create,
    distribution_message,
    group_encrypt,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import Bench, Peer, benched, text

GROUP = Jid.parse("120363000000000001@g.us")
OTHER_GROUP = Jid.parse("120363000000000002@g.us")


class Member:
    """A device with its sender key in a group."""

    def __init__(self, bench: Bench, peer: Peer) -> None:
        self.bench = bench
        self.peer = peer
        self.record: SenderKeyRecord = create(peer.random_bytes)

    def key(self, group: Jid | str = GROUP) -> wire.Message:
        """Make the message that hands out the sender key."""
        message = wire.Message()
        message.senderKeyDistributionMessage.groupId = str(group)
        message.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = (
            distribution_message(self.record)
        )
        return message

    def seal(self, words: str) -> Node:
        """Encrypt for the group."""
        plaintext = pad(text(words).SerializeToString(), self.peer.random_bytes)
        self.record, sealed = group_encrypt(self.record, plaintext, self.peer.random_bytes)
        return Node("enc", {"v": "2", "type": "skmsg"}, sealed)

    def stanza(self, *encs: Node, group: Jid = GROUP) -> Node:
        node = self.bench.message(self.peer, encs[0], participant=self.peer.lid)
        node.attrs["from"] = group
        node.content = list(encs)
        return node

    async def say(self, words: str, *, key: wire.Message | None = None) -> list[Node]:
        # Made first: the key is for what follows it.
        encs = [] if key is None else [self.peer.seal(key)]
        return await self.bench.receive(self.stanza(*encs, self.seal(words)))


async def member(bench: Bench, peer: Peer) -> Member:
    await bench.introduce(peer)
    return Member(bench, peer)


@benched
async def test_what_a_member_writes_is_read_once_its_key_is_known(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await ann.say("one", key=ann.key())
    await ann.say("two")
    (first, second) = bench.events_of(MessageReceived)
    assert [first.message.text, second.message.text] == ["one", "two"]
    assert (first.message.chat, first.message.sender) == (GROUP, bench.ann.lid)
    assert first.message.is_group


@benched
async def test_the_key_survives_a_restart(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await ann.say("one", key=ann.key())
    await bench.restart()
    await ann.say("two")
    assert bench.texts() == ["one", "two"]


@benched
async def test_without_the_key_the_message_is_asked_for_again(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    receipt, ack = await ann.say("lost")
    assert (receipt.attr("type"), ack.tag) == ("retry", "ack")
    assert receipt.required_child("retry").attr("error") == "1"
    assert (receipt.jid("to"), receipt.jid("participant")) == (GROUP, bench.ann.lid)
    assert bench.texts() == []


@benched
async def test_a_new_key_of_the_same_member_is_read_as_the_old_one(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await ann.say("one", key=ann.key())
    old = ann.seal("late")
    ann.record = create(ann.peer.random_bytes)
    await ann.say("two", key=ann.key())
    await bench.receive(ann.stanza(old))
    assert bench.texts() == ["one", "two", "late"]


@benched
async def test_another_device_of_the_member_has_a_key_of_its_own(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await ann.say("one", key=ann.key())
    laptop = await member(bench, bench.ann.devices[1])
    receipt, _ = await laptop.say("two")
    assert receipt.attr("type") == "retry"


@pytest.mark.parametrize("claimed", [str(OTHER_GROUP), "", "x"])
@benched
async def test_a_key_for_another_group_is_refused(bench: Bench, claimed: str) -> None:
    ann = await member(bench, bench.ann.first)
    (nack,) = await ann.say("spoof", key=ann.key(claimed))
    assert (nack.tag, nack.attr("error")) == ("ack", "491")
    address = bench.context.address_of(bench.ann.lid)
    for group in (GROUP, OTHER_GROUP):
        assert await bench.store.sender_keys.get(None, str(group), address) is None
    assert bench.texts() == []


@benched
async def test_a_key_that_is_far_too_long_is_refused(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    key = ann.key()
    key.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = bytes(
        MAX_DISTRIBUTION + 1
    )
    (nack,) = await ann.say("x", key=key)
    assert nack.attr("error") == "491"


@benched
async def test_a_malformed_key_has_the_message_asked_for_again(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    key = ann.key()
    key.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = b"\x33\xff"
    receipt, _ = await ann.say("x", key=key)
    assert receipt.attr("type") == "retry"


@benched
async def test_a_key_in_a_chat_of_two_is_not_taken(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await bench.receive(bench.message(ann.peer, ann.key()))
    address = bench.context.address_of(bench.ann.lid)
    assert await bench.store.sender_keys.get(None, str(GROUP), address) is None


@benched
async def test_a_group_ciphertext_in_a_chat_of_two_is_refused(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await ann.say("one", key=ann.key())
    (nack,) = await bench.receive(bench.message(ann.peer, ann.seal("two")))
    assert nack.attr("error") == "491"
    assert bench.texts() == ["one"]


@benched
async def test_a_forged_signature_is_not_read(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await ann.say("one", key=ann.key())
    enc = ann.seal("two")
    forged = Node("enc", enc.attrs, enc.data[:-1] + bytes([enc.data[-1] ^ 1]))
    receipt, _ = await bench.receive(ann.stanza(forged))
    assert receipt.required_child("retry").attr("error") == "7"
    await bench.receive(ann.stanza(enc))
    assert bench.texts() == ["one", "two"]


@benched
async def test_a_repetition_is_confirmed_and_not_shown(bench: Bench) -> None:
    ann = await member(bench, bench.ann.first)
    await ann.say("one", key=ann.key())
    enc = ann.seal("two")
    await bench.receive(ann.stanza(enc))
    (receipt,) = await bench.receive(ann.stanza(enc))
    assert (receipt.tag, receipt.attr("type")) == ("receipt", "inactive")
    assert bench.texts() == ["one", "two"]
