import pytest

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import Simulator
from .accounts import Account, participant_hash
from .puppet import Puppet


@pytest.fixture
async def sim() -> Simulator:
    # Nothing listens: these stanzas come from inside.
    return Simulator()


@pytest.fixture
async def ann(sim: Simulator) -> Account:
    return sim.add_account("15550001111", "Ann")


@pytest.fixture
async def bob(sim: Simulator) -> Account:
    return sim.add_account("15550002222", "Bob")


@pytest.fixture
async def sender(sim: Simulator, ann: Account) -> Puppet:
    return Puppet(sim, ann)


@pytest.fixture
async def receiver(sim: Simulator, bob: Account) -> Puppet:
    return Puppet(sim, bob)


async def test_a_message_reaches_every_listed_device(
    sim: Simulator, ann: Account, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    listed = [sender.listed(each) for each in (receiver.device, bob.devices[0], ann.devices[0])]
    assert sender.message(bob.lid_jid, *listed) is None
    assert sender.last("ack").attr("phash") is None
    got = receiver.last("message")
    assert got.jid("from") == sender.device.jid(lid=True)
    assert got.jid("sender_pn") == sender.device.jid(lid=False)
    assert got.attr("notify") == "Ann"
    assert [child.tag for child in got.children()] == ["enc", "device-identity"]
    assert sim.unacked(receiver.device) == [each for each in receiver.received if each.tag != "ack"]
    assert sim.ledger.violations == []


async def test_an_own_device_is_told_the_chat(
    sim: Simulator, ann: Account, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    other = Puppet(sim, ann)
    listed = [
        sender.listed(each, lid=False) for each in (receiver.device, other.device, bob.devices[0])
    ]
    assert sender.message(bob.pn_jid, *listed) is None
    copy = other.last("message")
    assert copy.jid("from") == sender.device.jid(lid=False)
    assert copy.jid("recipient") == bob.pn_jid
    assert copy.jid("peer_recipient_lid") == bob.lid_jid
    assert receiver.last("message").jid("sender_lid") == sender.device.jid(lid=True)


async def test_a_stale_list_is_answered_with_the_right_hash(
    ann: Account, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    assert sender.message(bob.lid_jid, sender.listed(receiver.device)) is None
    everyone = [*ann.devices.values(), *bob.devices.values()]
    assert sender.last("ack").attr("phash") == participant_hash(
        each.jid(lid=True) for each in everyone
    )


async def test_mixed_addresses_are_refused(bob: Account, sender: Puppet, receiver: Puppet) -> None:
    assert sender.message(bob.pn_jid, sender.listed(receiver.device, lid=True)) == "400"
    assert sender.message(bob.lid_jid, sender.listed(receiver.device, lid=False)) == "400"
    assert not [node for node in receiver.received if node.tag == "message"]


async def test_a_pkmsg_needs_the_device_identity(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    listed = sender.listed(receiver.device)
    assert sender.message(bob.lid_jid, listed, identity=False) == "479"
    sender.device.device_identity, right = b"\x0a\x01x", sender.device.device_identity
    children = [
        Node("participants", {}, [listed]),
        Node("device-identity", {}, right),
    ]
    sender.send(Node("message", {"id": "M2", "to": bob.lid_jid, "type": "text"}, children))
    assert sender.last("ack").attr("error") == "479"
    assert len(sim.ledger.violations) == 2


async def test_only_devices_of_the_two_are_listed(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    third = Puppet(sim, sim.add_account("15550003333"))
    mine = sender.listed(receiver.device)
    assert sender.message(bob.lid_jid, mine, sender.listed(third.device)) == "400"
    unknown = Node("to", {"jid": bob.lid_jid.with_device(77)}, [sender.enc(receiver.device)])
    assert sender.message(bob.lid_jid, unknown) == "400"
    assert sender.message(bob.lid_jid, mine, mine) == "400"
    own = Node("to", {"jid": sender.device.jid(lid=True)}, [sender.enc(receiver.device)])
    assert sender.message(bob.lid_jid, mine, own) == "400"


async def test_a_device_that_is_gone_is_left_out(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    listed = [sender.listed(receiver.device), sender.listed(bob.devices[0])]
    bob.phone.unlink(receiver.device)
    assert sender.message(bob.lid_jid, *listed) is None
    assert len(bob.devices[0].mailbox) >= 1
    assert not [node for node in receiver.received if node.tag == "message"]


async def test_an_unknown_account_is_not_found(
    sim: Simulator, sender: Puppet, receiver: Puppet
) -> None:
    stranger = receiver.device.account.pn_jid.of_number("15559999999")
    assert sender.message(stranger, sender.listed(receiver.device, lid=False)) == "404"


async def test_a_message_for_own_devices_only_reaches_nobody(
    sim: Simulator, ann: Account, bob: Account, sender: Puppet
) -> None:
    before = len(ann.devices[0].mailbox)
    assert sender.message(bob.lid_jid, sender.listed(ann.devices[0])) is None
    assert len(ann.devices[0].mailbox) == before
    assert sim.ledger.violations


async def test_a_one_time_key_begins_one_session(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    bundle = sender.bundle(receiver.device)
    sender.keys.begin(receiver.device, bundle)
    assert sender.message(bob.lid_jid, sender.listed(receiver.device)) is None
    sender.keys.forget(receiver.device)
    sender.keys.begin(receiver.device, bundle)
    again = sender.message(bob.lid_jid, sender.listed(receiver.device), stanza_id="M2")
    assert again == "479"
    assert "reused pre-key" in sim.ledger.violations[-1]


async def test_a_key_nobody_was_given_is_refused(
    bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    bundle = sender.bundle(receiver.device)
    shelf = receiver.device.keys
    shelf.one_time.update({key_id: shelf.seen[key_id] for key_id in shelf.handed_out})
    sender.keys.begin(receiver.device, bundle)
    assert sender.message(bob.lid_jid, sender.listed(receiver.device)) == "479"


async def test_a_message_key_used_twice_is_seen(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    sender.enc(receiver.device)
    kept = dict(sender.keys._sessions)
    assert sender.message(bob.lid_jid, sender.listed(receiver.device)) is None
    sender.keys._sessions = kept
    forged = sender.listed(receiver.device, sender.enc(receiver.device, "another text"))
    assert sender.message(bob.lid_jid, forged, stanza_id="M2") == "479"
    assert any("message key used twice" in each for each in sim.ledger.violations)


async def test_the_same_bytes_again_are_delivered_once(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    listed = sender.listed(receiver.device)
    assert sender.message(bob.lid_jid, listed) is None
    assert sender.message(bob.lid_jid, listed) is None
    assert len([node for node in receiver.received if node.tag == "message"]) == 1
    assert sim.ledger.violations == []
    assert sim.ledger.resent_unchanged == 1


async def test_peer_messages_stay_in_the_account(
    ann: Account, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    def peer(to: Jid, enc: Node) -> str | None:
        attributes: dict[str, str | Jid] = {
            "id": "P1",
            "to": to,
            "type": "text",
            "category": "peer",
        }
        identity = Node("device-identity", {}, sender.device.device_identity)
        sender.send(Node("message", attributes, [enc, identity]))
        return sender.last("ack").attr("error")

    enc = sender.enc(ann.devices[0])
    assert peer(bob.pn_jid, enc) == "479"
    assert peer(ann.lid_jid, enc) == "479"
    assert peer(ann.pn_jid, enc) is None
    assert [one.node.attr("category") for one in ann.devices[0].mailbox.pending()][-1] == "peer"


async def test_a_receipt_settles_and_is_passed_on(
    sim: Simulator, ann: Account, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    sender.message(bob.lid_jid, sender.listed(receiver.device))
    receiver.received.clear()
    receiver.send(
        Node("receipt", {"id": "M1", "to": sender.device.jid(lid=True), "type": "inactive"})
    )
    assert receiver.last("ack").attr("class") == "receipt"
    assert not [node for node in sim.unacked(receiver.device) if node.tag == "message"]
    passed = sender.last("receipt")
    assert (passed.attr("id"), passed.attr("type")) == ("M1", None)
    assert passed.jid("from") == receiver.device.jid(lid=True)
    sender.send(Node("ack", {"class": "receipt", "id": "M1", "to": passed.required_jid("from")}))
    assert not [node for node in sim.unacked(sender.device) if node.tag == "receipt"]


async def test_a_retry_receipt_goes_to_the_author_device_only(
    sim: Simulator, ann: Account, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    other = Puppet(sim, ann)
    sender.message(bob.lid_jid, sender.listed(receiver.device))
    receiver.send(_retry(sender, receiver))
    passed = sender.last("receipt")
    assert passed.required_child("retry").attr("count") == "1"
    assert passed.jid("from") == receiver.device.jid(lid=True)
    assert not [node for node in other.received if node.tag == "receipt"]
    # A retry receipt alone settles nothing: the message still wants its ack.
    assert [node for node in sim.unacked(receiver.device) if node.tag == "message"]


async def test_a_spoiled_envelope_travels_on(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    enc = Node("enc", {"v": "2", "type": "msg"}, b"\x33garbage-garbage")
    assert sender.message(bob.lid_jid, sender.listed(receiver.device, enc)) is None
    assert receiver.last("message").required_child("enc").data == enc.data
    assert len(sim.ledger.malformed) == 1


async def test_a_queue_outlives_the_connection(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    receiver.device.endpoint = None
    receiver.device.mailbox.clear()
    sender.message(bob.lid_jid, sender.listed(receiver.device))
    assert sim.unacked(receiver.device) == []
    assert [one.id for one in receiver.device.mailbox.pending()] == ["M1"]


async def test_only_a_resend_may_lack_the_device_identity(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    def resend(stanza_id: str) -> str | None:
        to = receiver.device.jid(lid=True)
        enc = sender.enc(receiver.device)
        enc.attrs["count"] = "1"
        sender.send(Node("message", {"id": stanza_id, "to": to, "type": "text"}, [enc]))
        return sender.last("ack").attr("error")

    assert resend("M1") == "479"
    assert sender.message(bob.lid_jid, sender.listed(receiver.device)) is None
    assert resend("M1") is None
    assert receiver.last("message").child("device-identity") is None
    assert resend("M2") == "479"


async def test_a_hash_must_fit_the_list(bob: Account, sender: Puppet, receiver: Puppet) -> None:
    listed = sender.listed(receiver.device)
    right = participant_hash([receiver.device.jid(lid=True), sender.device.jid(lid=True)])
    assert sender.message(bob.lid_jid, listed, phash="2:AAAAAAAA") == "400"
    assert sender.message(bob.lid_jid, listed, phash=right) is None


def _retry(sender: Puppet, receiver: Puppet, count: int = 1, *keys: Node) -> Node:
    registration = receiver.device.registration_id.to_bytes(4, "big")
    return Node(
        "receipt",
        {"id": "M1", "to": sender.device.jid(lid=True), "type": "retry"},
        [
            Node("retry", {"count": str(count), "id": "M1", "t": "1", "v": "1"}),
            Node("registration", {}, registration),
            *keys,
        ],
    )


async def test_the_keys_of_a_retry_receipt_are_checked(
    sim: Simulator, bob: Account, sender: Puppet, receiver: Puppet
) -> None:
    sender.message(bob.lid_jid, sender.listed(receiver.device))
    identity = Node("device-identity", {}, receiver.device.device_identity)
    fresh = receiver.keys.fresh_key_nodes()
    good = Node("keys", {}, [*fresh.children(), identity])
    receiver.send(_retry(sender, receiver, 2, good))
    assert sim.ledger.violations == []

    def complaint(count: int, *keys: Node) -> str:
        receiver.send(_retry(sender, receiver, count, *keys))
        return sim.ledger.violations[-1]

    assert "no keys" in complaint(2)
    assert "used before" in complaint(3, good)
    anonymous = Node("keys", {}, receiver.keys.fresh_key_nodes().children())
    assert "without device-identity" in complaint(3, anonymous)
    other = Node("keys", {}, [*sender.keys.fresh_key_nodes().children(), identity])
    receiver.send(_retry(sender, receiver, 3, other))
    assert any("another identity" in each for each in sim.ledger.violations)
    offered = min(receiver.device.keys.one_time)
    parts = [
        Node("id", {}, offered.to_bytes(3, "big")),
        Node("value", {}, receiver.device.keys.one_time[offered]),
    ]
    rest = [each for each in fresh.children() if each.tag != "key"]
    taken = Node("keys", {}, [*rest, Node("key", {}, parts), identity])
    assert "still on offer" in complaint(3, taken)
