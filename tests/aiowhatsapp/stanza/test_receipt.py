import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.stanza.receipt import (
    MAX_IDS,
    Receipt,
    parse_key_bundle,
    parse_receipt,
    parse_retry,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

jid = Jid.parse
PEER = jid("15550002222:3@s.whatsapp.net")
OTHER = jid("15550003333@s.whatsapp.net")
GROUP = jid("120363000000000001@g.us")


def receipt(*children: Node, **attrs: str | Jid) -> Node:
    return Node("receipt", {"id": "m1", "from": PEER, "t": "5", **attrs}, list(children))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (None, "delivered"),
        ("", "delivered"),
        ("inactive", "delivered"),
        ("delivery", "delivered"),
        ("read", "read"),
        ("read-self", "read"),
        ("played", "played"),
        ("played-self", "played"),
    ],
)
def test_kinds(kind: str | None, expected: str) -> None:
    node = receipt() if kind is None else receipt(type=kind)
    assert parse_receipt(node) == (
        Receipt(
            from_jid=PEER,
            participant=None,
            recipient=None,
            ids=("m1",),
            kind=expected,
            type=kind,
            timestamp=5,
        ),
    )


@pytest.mark.parametrize(
    "kind", ["sender", "peer_msg", "hist_sync", "server-error", "view", "enc_rekey_retry", "new"]
)
def test_others_say_nothing_of_a_message(kind: str) -> None:
    assert parse_receipt(receipt(type=kind)) == ()


def test_a_list_of_messages() -> None:
    items = [Node("item", {"id": f"m{number}"}) for number in (2, 3)]
    (read,) = parse_receipt(
        receipt(Node("list", {}, items), type="read", participant=OTHER, recipient=GROUP)
    )
    assert read.ids == ("m1", "m2", "m3")
    assert (read.participant, read.recipient) == (OTHER, GROUP)


def test_a_list_is_bounded() -> None:
    items = [Node("item", {"id": str(number)}) for number in range(MAX_IDS * 2)]
    (read,) = parse_receipt(receipt(Node("list", {}, items)))
    assert len(read.ids) == MAX_IDS


def test_many_readers_in_one() -> None:
    readers = [
        Node(
            "participants",
            {"key": "m1"},
            [Node("user", {"jid": PEER, "t": "7"}), Node("user", {"jid": OTHER})],
        ),
        Node("participants", {"key": "m2"}, [Node("user", {"jid": OTHER, "t": "9"})]),
        Node("participants", {"key": "m3"}),
    ]
    node = Node("receipt", {"id": "r1", "from": GROUP, "type": "read", "t": "5"}, [*readers])
    assert [
        (each.from_jid, each.participant, each.ids, each.kind, each.timestamp)
        for each in parse_receipt(node)
    ] == [
        (GROUP, PEER, ("m1",), "read", 7),
        (GROUP, OTHER, ("m1",), "read", 5),
        (GROUP, OTHER, ("m2",), "read", 9),
    ]


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(Node("receipt", {"id": "m1"}), id="nobody"),
        pytest.param(Node("receipt", {"from": PEER}), id="no id"),
        pytest.param(receipt(t="now"), id="no time"),
        pytest.param(receipt(participant="5:99999@lid"), id="no participant"),
        pytest.param(receipt(Node("list", {}, [Node("item")])), id="item without id"),
        pytest.param(
            receipt(Node("participants", {}, [Node("user", {"jid": PEER})])), id="without key"
        ),
        pytest.param(
            receipt(Node("participants", {"key": "m1"}, [Node("user")])), id="reader without name"
        ),
    ],
)
def test_nonsense_is_refused(node: Node) -> None:
    with pytest.raises(AttributeMissing):
        parse_receipt(node)


REGISTRATION = Node("registration", {}, b"\x00\x01\x02\x03")


def three(number: int) -> bytes:
    return number.to_bytes(3)


def keys(**changed: Node | None) -> list[Node]:
    """Make the children of `<keys>`, some of them changed or left out."""
    parts: dict[str, Node | None] = {
        "type": Node("type", {}, b"\x05"),
        "identity": Node("identity", {}, b"i" * 32),
        "key": Node("key", {}, [Node("id", {}, three(9)), Node("value", {}, b"k" * 32)]),
        "skey": Node(
            "skey",
            {},
            [
                Node("id", {}, three(4)),
                Node("value", {}, b"s" * 32),
                Node("signature", {}, b"g" * 64),
            ],
        ),
        "device_identity": Node("device-identity", {}, b"proof"),
        **changed,
    }
    return [node for node in parts.values() if node is not None]


def retry(*children: Node, **attrs: str | Jid) -> Node:
    return receipt(
        Node("retry", {"count": "2", "id": "m1", "t": "4", "v": "1"}),
        *children,
        type="retry",
        **attrs,
    )


def test_a_retry() -> None:
    request = parse_retry(
        retry(
            REGISTRATION,
            Node("keys", {}, keys()),
            **{"from": GROUP, "participant": OTHER, "recipient": PEER},
        )
    )
    assert (request.id, request.count, request.timestamp) == ("m1", 2, 4)
    assert (request.from_jid, request.participant, request.recipient) == (GROUP, OTHER, PEER)
    assert request.requester == OTHER
    assert request.registration_id == 0x010203
    assert request.keys is not None
    assert request.keys.registration_id == 0x010203
    assert (request.keys.identity, request.keys.device_identity) == (b"i" * 32, b"proof")
    assert (request.keys.pre_key_id, request.keys.pre_key) == (9, b"k" * 32)
    assert (request.keys.signed_pre_key_id, request.keys.signed_pre_key) == (4, b"s" * 32)
    assert request.keys.signature == b"g" * 64


def test_a_retry_without_keys() -> None:
    request = parse_retry(receipt(Node("retry"), type="retry"))
    assert (request.count, request.registration_id, request.timestamp) == (1, 0, None)
    assert request.keys is None
    assert request.requester == PEER


@pytest.mark.parametrize(("given", "count"), [("0", 1), ("-7", 1), ("", 1), ("5", 5)])
def test_retries_are_counted_from_one(given: str, count: int) -> None:
    assert parse_retry(receipt(Node("retry", {"count": given}))).count == count


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(receipt(REGISTRATION), id="no retry"),
        pytest.param(receipt(Node("retry", {"count": "two"})), id="no count"),
        pytest.param(retry(Node("registration", {}, b"\x01")), id="short registration"),
        pytest.param(retry(id=""), id="no id"),
        pytest.param(retry(**{"from": ""}), id="nobody"),
        pytest.param(retry(REGISTRATION, Node("keys")), id="empty keys"),
    ],
)
def test_a_malformed_retry_is_refused(node: Node) -> None:
    with pytest.raises(AttributeMissing):
        parse_retry(node)


def test_one_time_key_and_proof_may_be_missing() -> None:
    parts = parse_key_bundle(Node("user", {}, keys(key=None, device_identity=None)), 0)
    assert (parts.pre_key_id, parts.pre_key, parts.device_identity) == (None, None, None)
    empty = Node("device-identity")
    assert (
        parse_key_bundle(Node("user", {}, keys(device_identity=empty)), 0).device_identity is None
    )


def signed(*children: Node) -> Node:
    return Node("skey", {}, list(children))


SIGNED_ID, SIGNED_VALUE = Node("id", {}, three(4)), Node("value", {}, b"s" * 32)
SIGNATURE = Node("signature", {}, b"g" * 64)


@pytest.mark.parametrize(
    "changed",
    [
        {"identity": None},
        {"identity": Node("identity", {}, b"i" * 33)},
        {"skey": None},
        {"skey": signed(SIGNED_VALUE, SIGNATURE)},
        {"skey": signed(Node("id", {}, b"\x04"), SIGNED_VALUE, SIGNATURE)},
        {"skey": signed(SIGNED_ID, SIGNATURE)},
        {"skey": signed(SIGNED_ID, Node("value", {}, b"s" * 31), SIGNATURE)},
        {"skey": signed(SIGNED_ID, SIGNED_VALUE)},
        {"skey": signed(SIGNED_ID, SIGNED_VALUE, Node("signature", {}, b"g" * 63))},
        {"key": Node("key", {}, [Node("id", {}, three(1))])},
        {"key": Node("key", {}, [Node("value", {}, b"k" * 32)])},
        {"key": Node("key", {}, [Node("id", {}, b"long"), Node("value", {}, b"k" * 32)])},
        {"key": Node("key", {}, [Node("id", {}, three(1)), Node("value", {}, b"k")])},
    ],
)
def test_keys_of_other_lengths_are_refused(changed: dict[str, Node | None]) -> None:
    with pytest.raises(AttributeMissing):
        parse_key_bundle(Node("keys", {}, keys(**changed)), 1)
