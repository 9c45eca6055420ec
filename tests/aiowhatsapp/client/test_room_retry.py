"""Retry receipts of groups: who gets what, how often, and what becomes of our key."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.room_retry import BURST
from custom_components.whatsapp_web.aiowhatsapp.jid import STATUS_BROADCAST, Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import storage, wire
from custom_components.whatsapp_web.aiowhatsapp.signal import SignalAddress, create
from custom_components.whatsapp_web.aiowhatsapp.stanza.group import GroupInfo, GroupMember
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Peer, benched

GROUP = Jid.parse("120363000000000001@g.us")


async def wrote(bench: Bench, *message_ids: str, chat: Jid = GROUP) -> None:
    """Have us and Ann in a group, in which we wrote; she holds our key."""
    members = tuple(
        GroupMember(jid=person.lid, alternate=person.phone) for person in (bench.me, bench.ann)
    )
    await bench.client._rooms.directory.keep(
        GroupInfo(jid=GROUP, name="Family", by_lid=True, members=members)
    )
    store = bench.store
    async with store.transaction() as tx:
        await bench.client._rooms.sender_keys.put_own(tx, chat, create(bench.random_bytes))
        await store.sender_key_targets.add(tx, str(chat), [address(bench, bench.ann.first)])
        for message_id in message_ids:
            record = storage.SentMessageRecord(
                message=wire.Message(conversation=message_id).SerializeToString(),
                sent_at=NOW,
                type="text",
            )
            await store.sent_messages.put(tx, chat, message_id, record, expires_at=NOW + 1000)


def address(bench: Bench, peer: Peer) -> SignalAddress:
    return bench.context.address_of(peer.lid)


def asks(bench: Bench, peer: Peer, message_id: str, *, chat: Jid = GROUP) -> Node:
    retry = Node("retry", {"count": "1", "id": message_id, "t": str(NOW), "v": "1"})
    registration = Node("registration", {}, peer.identity.registration_id.to_bytes(4))
    attrs: dict[str, str | Jid] = {
        "from": chat,
        "participant": peer.lid,
        "id": message_id,
        "type": "retry",
    }
    return Node("receipt", attrs, [retry, registration])


async def holds_key(bench: Bench, peer: Peer, chat: Jid = GROUP) -> bool:
    return address(bench, peer) in await bench.store.sender_key_targets.get(None, str(chat))


async def has_key(bench: Bench) -> bool:
    async with bench.store.transaction() as tx:
        return await bench.client._rooms.sender_keys.own(tx, GROUP) is not None


@benched
async def test_a_member_gets_it_alone_with_our_key(bench: Bench) -> None:
    await wrote(bench, "M1")
    ann = bench.ann.first
    *_, resend, ack = await bench.receive(asks(bench, ann, "M1"))
    assert (ack.tag, ack.attr("class")) == ("ack", "receipt")
    assert (resend.jid("to"), resend.jid("participant")) == (GROUP, ann.lid)
    assert (resend.attr("id"), resend.attr("addressing_mode")) == ("M1", "lid")
    assert resend.attr("device_fanout") is None
    (enc,) = resend.children("enc")
    assert enc.attr("count") == "1"
    message = ann.open(enc)
    assert message.conversation == "M1"
    assert message.senderKeyDistributionMessage.groupId == str(GROUP)
    # With the next message it is given the key anew, whatever became of this one.
    assert not await holds_key(bench, ann)


@benched
async def test_another_device_of_ours_gets_a_copy_of_what_was_sent(bench: Bench) -> None:
    await wrote(bench, "M1")
    tablet = bench.me.link(9)
    *_, resend, _ = await bench.receive(asks(bench, tablet, "M1"))
    (enc,) = resend.children("enc")
    sent = tablet.open(enc).deviceSentMessage
    assert (sent.destinationJid, sent.message.conversation) == (str(GROUP), "M1")


@benched
async def test_what_is_no_longer_kept_still_brings_the_key_next_time(bench: Bench) -> None:
    await wrote(bench)
    said = await bench.receive(asks(bench, bench.ann.first, "GONE"))
    assert "message" not in [node.tag for node in said]
    assert not await holds_key(bench, bench.ann.first)
    assert await has_key(bench)


@benched
async def test_who_is_no_member_gets_nothing_and_our_key_is_replaced(bench: Bench) -> None:
    await wrote(bench, "M1")
    said = await bench.receive(asks(bench, bench.bob.first, "M1"))
    assert "message" not in [node.tag for node in said]
    assert not await has_key(bench)


@benched
async def test_many_requests_of_a_group_are_served_slowly(bench: Bench) -> None:
    names = [f"M{number}" for number in range(BURST + 15)]
    await wrote(bench, *names)
    served = []
    for name in names[: BURST + 5]:
        said = await bench.receive(asks(bench, bench.ann.first, name))
        served += [node for node in said if node.tag == "message"]
    assert len(served) == BURST
    await bench.clock.sleep(30)
    for name in names[BURST + 5 :]:
        said = await bench.receive(asks(bench, bench.ann.first, name))
        served += [node for node in said if node.tag == "message"]
    assert len(served) == pytest.approx(BURST + 5, abs=1)


@benched
async def test_of_a_status_only_the_key_comes_again(bench: Bench) -> None:
    await wrote(bench, "S1", chat=STATUS_BROADCAST)
    said = await bench.receive(asks(bench, bench.ann.first, "S1", chat=STATUS_BROADCAST))
    assert "message" not in [node.tag for node in said]
    assert not await holds_key(bench, bench.ann.first, STATUS_BROADCAST)
