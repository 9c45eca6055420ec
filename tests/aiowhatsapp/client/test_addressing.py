"""One person, several addresses: what the server names one way and we know another."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import NotOnWhatsApp
from custom_components.whatsapp_web.aiowhatsapp.events import (
    IdentityChanged,
    MessageReceived,
    OwnNameChanged,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import STATUS_BROADCAST, Jid
from custom_components.whatsapp_web.aiowhatsapp.message.padding import pad
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    SenderKeyRecord,
    SignalAddress,
    group_encrypt,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.sender_key import (
    create,
    distribution_message,
)
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .bench import NOW, Bench, Peer, benched, device_error, result, text, to_devices

GROUP = Jid("120363000000000001", "g.us")


def lists(*ids: int) -> Node:
    devices = [Node("device", {"id": str(each), "key-index": "1"}) for each in ids]
    return Node("devices", {}, [Node("device-list", {}, devices)])


def usync(*users: Node) -> Node:
    return Node("usync", {}, [Node("result"), Node("list", {}, list(users))])


# --- lookups


@benched
async def test_who_is_asked_for_by_number_may_be_answered_by_lid(bench: Bench) -> None:
    def answer(request: Node) -> Node:
        asked = request.required_child("usync").required_child("list").children("user")
        users = []
        for user in asked:
            person = bench.server.person(user.required_jid("jid"))
            assert person is not None
            ids = [peer.number for peer in person.devices]
            users.append(Node("user", {"jid": person.lid, "pn_jid": person.phone}, [lists(*ids)]))
        return result(request, usync(*users))

    bench.server.script["usync"] = answer
    stanza = await bench.send(bench.ann.phone, "hello")
    assert stanza.jid("to") == bench.ann.lid
    assert bench.context.phone_of(bench.ann.lid) == bench.ann.phone
    for peer in bench.ann.devices:
        assert peer.read_from(stanza).conversation == "hello"


@benched
async def test_an_account_that_uses_numbers_is_answered_by_lid_all_the_same(bench: Bench) -> None:
    await bench.store.meta.put(None, "address_by_phone_number", b"\x01")

    def answer(request: Node) -> Node:
        asked = request.required_child("usync").required_child("list").children("user")
        people = [bench.server.person(user.required_jid("jid")) for user in asked]
        users = [
            Node("user", {"jid": each.lid, "pn_jid": each.phone}, [lists(0)])
            for each in people
            if each is not None
        ]
        return result(request, usync(*users))

    bench.server.script["usync"] = answer
    stanza = await bench.send(bench.ann.phone, "hello")
    assert stanza.jid("to") == bench.ann.phone
    assert to_devices(stanza) == [bench.ann.phone, bench.me.phone]


@benched
async def test_one_user_that_makes_no_sense_spoils_no_answer(bench: Bench) -> None:
    nonsense = [
        Node("user", {"jid": "1:99999@lid"}, [lists(0)]),
        Node("user", {"jid": bench.bob.lid}, [lists()]),
        Node("user", {"jid": bench.bob.lid}, [Node("devices", {}, [Node("error")])]),
        Node("user", {}, [lists(0)]),
    ]

    def answer(request: Node) -> Node:
        good = bench.server.answer(request)
        good.required_child("usync").required_child("list").children()
        listed = good.required_child("usync").required_child("list")
        return result(request, usync(*nonsense, *listed.children("user")))

    bench.server.script["usync"] = answer
    stanza = await bench.send(bench.ann.lid, "hello")
    assert bench.ann.first.read_from(stanza).conversation == "hello"


@benched
async def test_a_number_is_looked_up_beside_one_that_makes_no_sense(bench: Bench) -> None:
    contact = Node("contact", {"type": "in"}, "+15550002222")
    users = [
        Node("user", {"jid": "1:99999@lid"}, [contact]),
        Node("user", {"jid": bench.ann.lid}),
        Node("user", {"jid": bench.ann.lid.with_device(3)}, [contact]),
    ]
    bench.server.script["usync"] = lambda request: result(request, usync(*users))
    assert await bench.client.resolve_number("+15550002222") == bench.ann.lid


@benched
async def test_an_answer_without_anybody_is_nobody(bench: Bench) -> None:
    bench.server.script["usync"] = lambda request: result(request, usync())
    with pytest.raises(NotOnWhatsApp):
        await bench.client.send_text(bench.ann.phone, "hello")


@benched
async def test_a_device_list_from_the_future_is_asked_for_anew(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "one")
    asked = len(bench.server.asked("usync"))
    await bench.send(bench.ann.lid, "two")
    assert len(bench.server.asked("usync")) == asked
    # The clock ran ahead, and was set right.
    bench.clock.skew = -3600.0
    await bench.send(bench.ann.lid, "three")
    assert len(bench.server.asked("usync")) == asked + 1


@benched
async def test_a_hosted_device_is_kept_by_hosted_lid(bench: Bench) -> None:
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    hosted = Jid(bench.ann.phone.user, "hosted", 99)
    assert bench.context.canonical(hosted) == Jid(bench.ann.lid.user, "hosted.lid", 99)
    assert bench.context.address_of(hosted) != bench.context.address_of(
        bench.ann.lid.with_device(99)
    )


# --- what names the chat


@benched
async def test_our_own_number_never_becomes_that_of_who_writes_to_us(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    # What the sender's client says of the recipient, which is us.
    named: dict[str, str | Jid] = {
        "peer_recipient_pn": bench.me.phone,
        "recipient_pn": bench.me.phone,
    }
    await bench.receive(bench.message(bench.ann.first, text("hello"), **named))
    assert bench.context.phone_of(bench.ann.lid) is None
    assert bench.context.lids.lid_of(bench.me.phone.user) is None
    (event,) = bench.events_of(MessageReceived)
    assert event.message.sender_phone is None


@benched
async def test_only_our_own_devices_can_write_as_such(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    (receipt,) = await bench.receive(bench.message(bench.ann.first, text("hello"), category="peer"))
    assert bench.texts() == ["hello"]
    assert (receipt.jid("to"), receipt.attr("type")) == (bench.ann.lid, "inactive")


# --- receipts


def in_room(room: Jid, peer: Peer, enc: Node) -> Node:
    return Node(
        "message",
        {"from": room, "participant": peer.lid, "id": "R1", "t": str(NOW), "type": "text"},
        [enc],
    )


@benched
async def test_what_our_other_device_writes_in_a_group_is_receipted_as_ours(bench: Bench) -> None:
    await bench.introduce(bench.me.first)
    (receipt,) = await bench.receive(
        in_room(GROUP, bench.me.first, bench.me.first.seal(text("mine")))
    )
    assert receipt.attrs == {
        "id": "R1",
        "to": GROUP,
        "participant": bench.me.lid,
        "type": "sender",
    }


@benched
async def test_a_status_is_receipted_plainly(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    (receipt,) = await bench.receive(
        in_room(STATUS_BROADCAST, bench.ann.first, bench.ann.first.seal(text("seen")))
    )
    assert receipt.attr("type") is None
    assert receipt.jid("participant") == bench.ann.lid


# --- sender keys


def distribution(record: SenderKeyRecord) -> wire.Message:
    message = wire.Message()
    message.senderKeyDistributionMessage.groupId = str(GROUP)
    message.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = distribution_message(
        record
    )
    return message


@benched
async def test_a_sender_key_from_before_the_lid_was_known_is_found(bench: Bench) -> None:
    ann = bench.ann.first
    record = create(ann.random_bytes)
    await bench.introduce(ann)
    by_number = in_room(GROUP, ann, ann.seal(distribution(record)))
    by_number.attrs["participant"] = ann.phone
    await bench.receive(by_number)
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    padded = pad(text("to the group").SerializeToString(), ann.random_bytes)
    record, sealed = group_encrypt(record, padded, ann.random_bytes)
    enc = Node("enc", {"v": "2", "type": "skmsg"}, sealed)
    by_lid = in_room(GROUP, ann, enc)
    by_lid.attrs["id"] = "R2"
    await bench.receive(by_lid)
    assert bench.texts() == ["to the group"]


# --- identities


@benched
async def test_a_new_identity_in_fetched_keys_is_told(bench: Bench) -> None:
    await bench.send(bench.bob.lid, "before")
    bench.bob.first.reinstall()
    address = bench.context.address_of(bench.bob.lid)
    await bench.store.sessions.delete(None, address)
    await bench.send(bench.bob.lid, "after")
    (event,) = bench.events_of(IdentityChanged)
    assert event.user == bench.bob.lid
    known = await bench.store.identities.get(None, address)
    assert known == bench.bob.first.identity.key_pair.public


@benched
async def test_a_session_that_is_damaged_keeps_nobody_elses_message_back(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "before")
    address = SignalAddress(bench.ann.lid.signal_name, 3)
    # A record with nothing in it.
    table = vars(bench.disk)["_tables"][Table.SESSION]
    table[str(address)] = type(table[str(address)])(Table.SESSION, str(address), b"")
    stanza = await bench.send(bench.ann.lid, "after")
    assert to_devices(stanza) == [bench.ann.lid, bench.me.lid]


@benched
async def test_keys_nobody_asked_for_begin_no_session(bench: Bench) -> None:
    def answer(request: Node) -> Node:
        wanted = request.required_child("key").children("user")
        users = [bench.server.bundle(user) for user in wanted]
        extra = bench.bob.first.node(bench.bob.lid)
        gone = device_error(bench.bob.lid.with_device(9), "406")
        return result(request, Node("list", {}, [*users, extra, gone]))

    bench.server.script["key"] = answer
    await bench.send(bench.ann.lid, "hello")
    assert await bench.store.sessions.get(None, bench.context.address_of(bench.bob.lid)) is None


# --- our own name


@benched
async def test_our_own_name_changes_by_notification(bench: Bench) -> None:
    def renamed(sender: Jid, name: str) -> Node:
        attrs: dict[str, str | Jid] = {
            "from": sender,
            "type": "account_sync",
            "id": "N1",
            "pushname": name,
        }
        return Node("notification", attrs)

    await bench.receive(renamed(bench.ann.lid, "Ann"))
    assert not bench.events_of(OwnNameChanged)
    (ack,) = await bench.receive(renamed(bench.me.phone, "Home" + "x" * 999))
    assert ack.attr("type") == "account_sync"
    assert bench.client.push_name == ("Home" + "x" * 999)[:256]
    assert [event.name[:5] for event in bench.events_of(OwnNameChanged)] == ["Homex"]
