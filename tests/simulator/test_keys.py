import hashlib
import os

import pytest

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.signal.keys import make_signed_pre_key
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import Simulator
from .accounts import Account
from .keyshelf import LOW_WATER, SignedKey
from .puppet import Puppet


@pytest.fixture
async def sim() -> Simulator:
    # Nothing listens: these stanzas come from inside.
    return Simulator()


@pytest.fixture
async def ann(sim: Simulator) -> Account:
    return sim.add_account("15550001111", "Ann")


@pytest.fixture
async def puppet(sim: Simulator, ann: Account) -> Puppet:
    return Puppet(sim, ann)


@pytest.fixture
async def asker(sim: Simulator) -> Puppet:
    return Puppet(sim, sim.add_account("15550002222", "Bob"))


def _key(key_id: int, public: bytes) -> Node:
    return Node("key", {}, [Node("id", {}, key_id.to_bytes(3, "big")), Node("value", {}, public)])


def _signed(puppet: Puppet, key_id: int) -> SignedKey:
    made = make_signed_pre_key(puppet.keys.identity.key_pair, key_id, 0, os.urandom)
    return SignedKey(key_id, made.key_pair.public, made.signature)


def _upload(puppet: Puppet, *keys: Node, **changes: bytes) -> Node:
    device = puppet.device
    signed = device.keys.signed
    assert signed is not None
    parts = {
        "registration": device.registration_id.to_bytes(4, "big"),
        "type": b"\x05",
        "identity": device.identity_public,
        **changes,
    }
    children = [Node(tag, {}, data) for tag, data in parts.items()]
    return puppet.iq("set", "encrypt", *children, Node("list", {}, list(keys)), signed.node())


def _code(answer: Node) -> str | None:
    error = answer.child("error")
    return error.attr("code") if error else None


async def test_a_batch_is_counted_and_handed_out_once_each(
    sim: Simulator, puppet: Puppet, asker: Puppet
) -> None:
    puppet.device.keys.one_time.clear()
    batch = {500 + number: os.urandom(32) for number in range(3)}
    assert _code(_upload(puppet, *(_key(*item) for item in batch.items()))) is None
    count = puppet.iq("get", "encrypt", Node("count"))
    assert count.required_child("count").attr("value") == "3"
    given = {}
    for _ in batch:
        key = asker.bundle(puppet.device).required_child("key")
        given[int.from_bytes(key.required_child("id").data, "big")] = key.required_child(
            "value"
        ).data
    assert given == batch
    assert asker.bundle(puppet.device).child("key") is None
    assert set(puppet.device.keys.handed_out.values()) == {asker.device.label}


async def test_an_id_is_never_used_again(sim: Simulator, puppet: Puppet, asker: Puppet) -> None:
    first = os.urandom(32)
    puppet.device.keys.one_time.clear()
    assert _code(_upload(puppet, _key(900, first))) is None
    assert _code(_upload(puppet, _key(900, first))) is None, "the same upload again is fine"
    assert _code(_upload(puppet, _key(900, os.urandom(32)))) == "406"
    asker.bundle(puppet.device)
    assert _code(_upload(puppet, _key(900, first))) == "406"
    assert len(sim.ledger.violations) == 2


@pytest.mark.parametrize(
    "change",
    [{"identity": bytes(32)}, {"registration": b"\0\0\0\x01"}, {"type": b"\x04"}],
    ids=["identity", "registration", "type"],
)
async def test_an_upload_is_from_the_linked_identity(
    puppet: Puppet, change: dict[str, bytes]
) -> None:
    assert _code(_upload(puppet, _key(901, os.urandom(32)), **change)) == "406"


async def test_the_signed_key_rotates_when_it_verifies(puppet: Puppet, asker: Puppet) -> None:
    fresh = _signed(puppet, 2)
    answer = puppet.iq("set", "encrypt", Node("rotate", {}, [fresh.node()]))
    assert answer.attr("type") == "result"
    skey = asker.bundle(puppet.device).required_child("skey")
    assert skey.required_child("value").data == fresh.public

    forged = SignedKey(3, fresh.public, bytes(64))
    answer = puppet.iq("set", "encrypt", Node("rotate", {}, [forged.node()]))
    assert _code(answer) == "406"
    other = _signed(puppet, 2)
    answer = puppet.iq("set", "encrypt", Node("rotate", {}, [other.node()]))
    assert _code(answer) == "409"


async def test_the_digest_hashes_what_is_there(puppet: Puppet) -> None:
    digest = puppet.iq("get", "encrypt", Node("digest")).required_child("digest")
    shelf = puppet.device.keys
    assert shelf.signed is not None
    ids = [
        int.from_bytes(each.data, "big") for each in digest.required_child("list").children("id")
    ]
    expected = hashlib.sha1(
        puppet.device.identity_public
        + shelf.signed.public
        + shelf.signed.signature
        + b"".join(shelf.one_time[key_id] for key_id in ids),
        usedforsecurity=False,
    ).digest()
    assert digest.required_child("hash").data == expected
    shelf.uploads = 0
    assert _code(puppet.iq("get", "encrypt", Node("digest"))) == "404"


async def test_a_device_hears_when_its_keys_run_low(puppet: Puppet, asker: Puppet) -> None:
    shelf = puppet.device.keys
    while len(shelf.one_time) > LOW_WATER:
        shelf.take_one_time("somebody")
    puppet.received.clear()
    asker.bundle(puppet.device)
    notice = puppet.last("notification")
    assert notice.attr("type") == "encrypt"
    assert notice.required_child("count").attr("value") == str(LOW_WATER - 1)
    assert notice.jid("from") == Jid("", "s.whatsapp.net")


async def test_unknown_users_and_devices_are_told_apart(ann: Account, asker: Puppet) -> None:
    users = [
        Node("user", {"jid": Jid("15559999999", "s.whatsapp.net")}),
        Node("user", {"jid": ann.pn_jid.with_device(44)}),
        Node("user", {"jid": ann.pn_jid}),
    ]
    answer = asker.iq("get", "encrypt", Node("key", {}, users))
    found = answer.required_child("list").children("user")
    assert [_code(each) for each in found] == ["404", "406", None]


async def test_a_companions_bundle_carries_its_identity(puppet: Puppet, asker: Puppet) -> None:
    bundle = asker.bundle(puppet.device)
    assert bundle.required_child("device-identity").data == puppet.device.device_identity


def _query(asker: Puppet, protocols: list[Node], *users: Node) -> list[Node]:
    usync = Node(
        "usync",
        {"sid": "1", "mode": "query", "context": "message", "last": "true", "index": "0"},
        [Node("query", {}, protocols), Node("list", {}, list(users))],
    )
    answer = asker.iq("get", "usync", usync).required_child("usync")
    return answer.required_child("list").children("user")


async def test_devices_and_lid_are_found_by_either_address(
    ann: Account, puppet: Puppet, asker: Puppet
) -> None:
    for jid in (ann.pn_jid, ann.lid_jid):
        (user,) = _query(
            asker,
            [Node("devices", {"version": "2"}), Node("lid")],
            Node("user", {"jid": jid}),
        )
        assert user.jid("jid") == jid
        assert user.required_child("lid").jid("val") == ann.lid_jid
        devices = user.required_child("devices")
        listed = devices.required_child("device-list").children("device")
        assert [(each.attr("id"), each.attr("key-index")) for each in listed] == [
            ("0", None),
            (str(puppet.device.id), str(puppet.device.key_index)),
        ]
        assert devices.required_child("key-index-list").data == ann.key_index_list


async def test_numbers_are_in_or_out(ann: Account, asker: Puppet) -> None:
    known, unknown = (
        Node("user", {}, [Node("contact", {}, f"+{number}".encode())])
        for number in (ann.number, "15559999999")
    )
    found = _query(asker, [Node("contact"), Node("lid")], known, unknown)
    assert [each.required_child("contact").attr("type") for each in found] == ["in", "out"]
    assert found[0].jid("jid") == ann.pn_jid
    assert found[1].child("lid") is None
