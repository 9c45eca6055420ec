"""Device lists: asked for once, forgotten when told, and hashed as the server does."""

import base64
import hashlib

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.devices import (
    CACHE_SECONDS,
    USERS_PER_QUERY,
    participant_hash,
)
from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.errors import IqError, NotOnWhatsApp
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Person, benched, refusal, result


def queried(bench: Bench) -> list[list[Jid]]:
    """Name the users of each query for devices."""
    return [
        [
            user.required_jid("jid")
            for user in node.required_child("usync").required_child("list").children("user")
        ]
        for node in bench.server.asked("usync")
    ]


def answer_with(bench: Bench, *users: Node) -> None:
    """Have the server answer look-ups with just that."""
    usync = Node("usync", {}, [Node("list", {}, list(users))])
    bench.server.script["usync"] = lambda node: result(node, usync)


@benched
async def test_a_list_is_asked_for_once(bench: Bench) -> None:
    devices = bench.client._devices
    expected = {bench.ann.lid: (bench.ann.lid, bench.ann.devices[1].lid)}
    assert await devices.of([bench.ann.lid, bench.ann.lid]) == expected
    await bench.restart()
    assert await bench.client._devices.of([bench.ann.lid]) == expected
    assert queried(bench) == [[bench.ann.lid]]


@benched
async def test_a_list_is_asked_for_anew_after_a_day(bench: Bench) -> None:
    devices = bench.client._devices
    await devices.of([bench.ann.lid])
    bench.clock.skew = CACHE_SECONDS - 1
    await devices.of([bench.ann.lid])
    assert len(queried(bench)) == 1
    bench.clock.skew = CACHE_SECONDS
    tablet = bench.ann.link(8)
    assert tablet.lid in (await devices.of([bench.ann.lid]))[bench.ann.lid]
    assert len(queried(bench)) == 2


@benched
async def test_many_users_are_asked_for_in_batches(bench: Bench) -> None:
    users = [Jid(str(70000 + number), "lid") for number in range(USERS_PER_QUERY + 1)]
    assert await bench.client._devices.of([*users, bench.ann.lid]) == {
        bench.ann.lid: (bench.ann.lid, bench.ann.devices[1].lid)
    }
    assert [len(batch) for batch in queried(bench)] == [USERS_PER_QUERY, 2]


@benched
async def test_forgetting_means_both_names(bench: Bench) -> None:
    devices = bench.client._devices
    await devices.of([bench.ann.phone, bench.ann.lid, bench.bob.lid])
    await devices.forget([bench.ann.devices[1].lid])
    await devices.of([bench.ann.phone, bench.ann.lid, bench.bob.lid])
    assert queried(bench)[1:] == [[bench.ann.phone, bench.ann.lid]]


@benched
async def test_each_name_has_devices_under_that_name(bench: Bench) -> None:
    found = await bench.client._devices.of([bench.ann.phone])
    assert found[bench.ann.phone] == tuple(peer.phone for peer in bench.ann.devices)
    # And the LID came along.
    assert bench.context.canonical(bench.ann.phone) == bench.ann.lid


@pytest.mark.parametrize(
    ("server", "hosted"), [("lid", "hosted.lid"), ("s.whatsapp.net", "hosted")]
)
@benched
async def test_hosted_devices_have_a_server_of_their_own(
    bench: Bench, server: str, hosted: str
) -> None:
    jid = Jid("4004", server)
    listed = [
        Node("device", {"id": "0"}),
        Node("device", {"id": "99", "key-index": "2"}),
        Node("device", {"id": "5", "key-index": "3", "is_hosted": "true"}),
    ]
    lists = Node("devices", {}, [Node("device-list", {}, listed)])
    answer_with(bench, Node("user", {"jid": jid}, [lists]))
    assert await bench.client._devices.of([jid]) == {
        jid: (jid, Jid("4004", hosted, 99), Jid("4004", hosted, 5))
    }


@benched
async def test_a_user_nobody_asked_for_is_ignored(bench: Bench) -> None:
    listed = Node("device-list", {}, [Node("device", {"id": "0"})])
    answer_with(bench, Node("user", {"jid": bench.bob.lid}, [Node("devices", {}, [listed])]))
    assert await bench.client._devices.of([bench.ann.lid]) == {}
    bench.server.script.clear()
    await bench.client._devices.of([bench.bob.lid])
    assert queried(bench)[-1] == [bench.bob.lid]


@benched
async def test_a_refused_query_is_the_callers(bench: Bench) -> None:
    bench.server.script["usync"] = refusal(429)
    with pytest.raises(IqError):
        await bench.client._devices.of([bench.ann.lid])


# --- LIDs and numbers


@benched
async def test_a_lid_is_looked_up_once(bench: Bench) -> None:
    devices = bench.client._devices
    assert await devices.lid_of(bench.ann.phone) == bench.ann.lid
    assert await devices.lid_of(bench.ann.phone) == bench.ann.lid
    assert await devices.lid_of(bench.me.phone) == bench.me.lid
    # The list of devices came with it.
    await devices.of([bench.ann.phone])
    assert queried(bench) == [[bench.ann.phone]]


@benched
async def test_a_number_without_a_lid_has_none(bench: Bench) -> None:
    listed = Node("device-list", {}, [Node("device", {"id": "0"})])
    answer_with(bench, Node("user", {"jid": bench.ann.phone}, [Node("devices", {}, [listed])]))
    assert await bench.client._devices.lid_of(bench.ann.phone) is None


@benched
async def test_an_answer_about_someone_else_is_no_answer(bench: Bench) -> None:
    listed = Node("device-list", {}, [Node("device", {"id": "0"})])
    answer_with(bench, Node("user", {"jid": bench.bob.phone}, [Node("devices", {}, [listed])]))
    with pytest.raises(NotOnWhatsApp):
        await bench.client._devices.lid_of(bench.ann.phone)


@benched
async def test_a_number_is_resolved_to_its_lid(bench: Bench) -> None:
    assert await bench.client.resolve_number("+15550002222") == bench.ann.lid
    assert await bench.client.resolve_number("15550002222") == bench.ann.lid
    assert len(bench.server.asked("usync")) == 1
    assert bench.context.phone_of(bench.ann.lid) == bench.ann.phone


@benched
async def test_a_number_is_resolved_as_the_server_spells_it(bench: Bench) -> None:
    spelled = Jid.of_number("5511987654321")
    contact = Node("contact", {"type": "in"}, "+551187654321")
    answer_with(bench, Node("user", {"jid": spelled}, [contact]))
    assert await bench.client.resolve_number("551187654321") == spelled


@benched
async def test_a_number_without_an_account_is_said_to_be(bench: Bench) -> None:
    with pytest.raises(NotOnWhatsApp):
        await bench.client.resolve_number("19990000000")


@benched
async def test_an_answer_without_any_address_is_no_answer(bench: Bench) -> None:
    answer_with(bench, Node("user", {}, [Node("contact", {"type": "in"}, "+1")]))
    with pytest.raises(NotOnWhatsApp):
        await bench.client.resolve_number("15550002222")


# --- changes that the server tells of


def changed(person: Person, change: str, *, device: Jid | None = None) -> Node:
    devices = [] if device is None else [Node("device", {"jid": device, "key-index": "1"})]
    return Node(
        "notification",
        {"from": person.lid, "type": "devices", "id": "N1"},
        [Node(change, {}, devices)],
    )


@benched
async def test_a_device_linked_meanwhile_gets_the_next_message(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    tablet = bench.ann.link(8)
    await bench.receive(changed(bench.ann, "add", device=tablet.lid))
    assert tablet.read_from(await bench.send(bench.ann.lid, "more")).conversation == "more"


@benched
async def test_a_removed_device_gets_nothing_more(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    laptop = bench.ann.devices.pop()
    await bench.receive(changed(bench.ann, "remove", device=laptop.lid))
    assert laptop.find_enc(await bench.send(bench.ann.lid, "more")) is None
    address = bench.context.address_of(laptop.lid)
    assert await bench.store.sessions.get(None, address) is None


# --- what the account says of its devices


def signed_list(person: Person, *, current: int, valid: list[int], by: Person) -> bytes:
    details = wire.ADVKeyIndexList(
        rawId=1, timestamp=NOW, currentIndex=current, validIndexes=valid
    ).SerializeToString()
    private = by.first.identity.key_pair.private
    return wire.ADVSignedKeyIndexList(
        details=details,
        accountSignature=curve25519.sign(private, b"\x06\x02" + details, bytes(64)),
    ).SerializeToString()


def answer_signed(bench: Bench, signed: bytes) -> None:
    """Have the server list Ann's phone, her laptop and two that nobody linked."""
    indexes = {3: 1, 8: 2, 9: 5}
    devices = [Node("device", {"id": "0"})]
    for number, index in indexes.items():
        devices.append(Node("device", {"id": str(number), "key-index": str(index)}))
    lists: list[Node] = [
        Node("device-list", {}, devices),
        Node("key-index-list", {"ts": str(NOW)}, signed),
    ]
    answer_with(bench, Node("user", {"jid": bench.ann.lid}, [Node("devices", {}, lists)]))


@pytest.mark.parametrize(
    ("current", "valid", "kept"),
    [
        (4, [0, 1], [0, 3, 9]),
        (9, [0, 1], [0, 3]),
        (9, [0, 2, 5], [0, 8, 9]),
        (9, [], [0]),
        (0, [0], [0, 3, 8, 9]),
    ],
)
@benched
async def test_devices_that_the_account_did_not_sign_get_nothing(
    bench: Bench, current: int, valid: list[int], kept: list[int]
) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.client._devices.forget([bench.ann.lid])
    answer_signed(bench, signed_list(bench.ann, current=current, valid=valid, by=bench.ann))
    found = await bench.client._devices.of([bench.ann.lid])
    assert [device.device for device in found[bench.ann.lid]] == kept


@pytest.mark.parametrize("acquainted", [True, False])
@pytest.mark.parametrize("spoiled", [True, False])
@benched
async def test_a_list_that_does_not_verify_says_nothing(
    bench: Bench, *, acquainted: bool, spoiled: bool
) -> None:
    if acquainted:
        await bench.acquaint(bench.ann.first)
        await bench.client._devices.forget([bench.ann.lid])
    signed = signed_list(bench.ann, current=9, valid=[], by=bench.bob)
    answer_signed(bench, b"\xff" * 9 if spoiled else signed)
    found = await bench.client._devices.of([bench.ann.lid])
    assert [device.device for device in found[bench.ann.lid]] == [0, 3, 8, 9]


# --- the hash


def test_the_hash_of_devices_does_not_depend_on_their_order() -> None:
    first, second = Jid("1", "lid", 3), Jid("2", "s.whatsapp.net")
    hashed = participant_hash([first, second])
    assert hashed == participant_hash([second, first])
    assert hashed.startswith("2:")
    assert len(hashed) == 10
    assert hashed != participant_hash([first])


def test_the_hash_of_devices_is_the_servers() -> None:
    devices = [Jid("2", "s.whatsapp.net", 1), Jid("1", "lid")]
    digest = hashlib.sha256(b"1.0:0@lid" + b"2.0:1@s.whatsapp.net").digest()
    assert participant_hash(devices) == "2:" + base64.b64encode(digest[:6]).decode()
