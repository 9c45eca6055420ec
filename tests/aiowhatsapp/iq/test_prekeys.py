import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing, IqError
from custom_components.whatsapp_web.aiowhatsapp.iq.prekeys import (
    CheckKeyDigest,
    FetchBundles,
    GetPreKeyCount,
    PublicPreKey,
    PublicSignedPreKey,
    RotateSignedPreKey,
    UploadPreKeys,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

SIGNED = PublicSignedPreKey(id=0x010203, public=b"s" * 32, signature=b"g" * 64)
SKEY = Node(
    "skey",
    {},
    [
        Node("id", {}, b"\x01\x02\x03"),
        Node("value", {}, b"s" * 32),
        Node("signature", {}, b"g" * 64),
    ],
)
ONE, TWO = Jid.parse("15550002222@s.whatsapp.net"), Jid.parse("2222:3@lid")


def request(kind: str, *children: Node) -> Node:
    return Node(
        "iq", {"id": "a-1", "xmlns": "encrypt", "type": kind, "to": SERVER_JID}, list(children)
    )


def result(*children: Node) -> Node:
    return Node("iq", {"id": "a-1", "type": "result"}, list(children))


def test_asking_for_the_count() -> None:
    assert GetPreKeyCount().build_iq("a-1") == request("get", Node("count"))


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (result(Node("count", {"value": "812"})), 812),
        (result(Node("count", {"value": "0"})), 0),
        (result(Node("count", {"value": ""})), 0),
        (result(Node("count")), 0),
        (result(), 0),
    ],
)
def test_the_count(answer: Node, count: int) -> None:
    assert GetPreKeyCount().parse_iq(answer) == count


def test_a_count_that_is_none() -> None:
    with pytest.raises(AttributeMissing):
        GetPreKeyCount().parse_iq(result(Node("count", {"value": "plenty"})))


def test_uploading() -> None:
    spec = UploadPreKeys(
        registration_id=0x3F21,
        identity=b"i" * 32,
        pre_keys=[
            PublicPreKey(id=1, public=b"a" * 32),
            PublicPreKey(id=0xFFFFFF, public=b"b" * 32),
        ],
        signed_pre_key=SIGNED,
    )
    keys = [
        Node("key", {}, [Node("id", {}, b"\x00\x00\x01"), Node("value", {}, b"a" * 32)]),
        Node("key", {}, [Node("id", {}, b"\xff\xff\xff"), Node("value", {}, b"b" * 32)]),
    ]
    assert spec.build_iq("a-1") == request(
        "set",
        Node("registration", {}, b"\x00\x00\x3f\x21"),
        Node("type", {}, b"\x05"),
        Node("identity", {}, b"i" * 32),
        Node("list", {}, keys),
        SKEY,
    )
    spec.parse_iq(result())


def test_rotating() -> None:
    spec = RotateSignedPreKey(signed_pre_key=SIGNED)
    assert spec.build_iq("a-1") == request("set", Node("rotate", {}, [SKEY]))
    spec.parse_iq(result())


def test_the_digest() -> None:
    assert CheckKeyDigest().build_iq("a-1") == request("get", Node("digest"))
    CheckKeyDigest().parse_iq(result(Node("digest")))
    with pytest.raises(IqError) as raised:
        CheckKeyDigest().parse_iq(
            Node("iq", {"id": "a-1", "type": "error"}, [Node("error", {"code": "404"})])
        )
    assert raised.value.code == 404


def test_signatures_stay_out_of_logs() -> None:
    assert "ggg" not in repr(SIGNED)


def user(jid: Jid | None, *extra: Node, without: str = "") -> Node:
    children = [
        Node("registration", {}, b"\x00\x00\x00\x07"),
        Node("type", {}, b"\x05"),
        Node("identity", {}, b"i" * 32),
        SKEY,
        *extra,
    ]
    return Node(
        "user",
        {} if jid is None else {"jid": jid},
        [child for child in children if child.tag != without],
    )


ONE_TIME = Node("key", {}, [Node("id", {}, b"\x00\x00\x09"), Node("value", {}, b"k" * 32)])
FETCH = FetchBundles(devices=[ONE, TWO])


def test_fetching() -> None:
    assert FETCH.build_iq("a-1") == request(
        "get", Node("key", {}, [Node("user", {"jid": ONE}), Node("user", {"jid": TWO})])
    )
    again = FetchBundles(devices=[ONE], reason="identity")
    assert again.build_iq("a-1") == request(
        "get", Node("key", {}, [Node("user", {"jid": ONE, "reason": "identity"})])
    )


def test_the_bundles() -> None:
    proof = Node("device-identity", {}, b"proof")
    fetched = FETCH.parse_iq(result(Node("list", {}, [user(ONE), user(TWO, ONE_TIME, proof)])))
    assert fetched.unregistered == frozenset()
    assert set(fetched.bundles) == {ONE, TWO}
    assert (fetched.bundles[ONE].pre_key_id, fetched.bundles[ONE].device_identity) == (None, None)
    bundle = fetched.bundles[TWO]
    assert (bundle.registration_id, bundle.pre_key_id, bundle.pre_key) == (7, 9, b"k" * 32)
    assert (bundle.signed_pre_key_id, bundle.device_identity) == (0x010203, b"proof")


def test_devices_that_are_gone() -> None:
    gone = Node("user", {"jid": ONE}, [Node("error", {"code": "406", "text": "gone"})])
    busy = Node("user", {"jid": TWO}, [Node("error", {"code": "503"})])
    fetched = FETCH.parse_iq(result(Node("list", {}, [gone, busy])))
    assert fetched.bundles == {}
    assert fetched.unregistered == frozenset({ONE})


@pytest.mark.parametrize(
    "malformed",
    [
        pytest.param(user(None), id="nobody"),
        pytest.param(user(ONE, without="registration"), id="no registration"),
        pytest.param(user(ONE, without="identity"), id="no identity"),
        pytest.param(user(ONE, without="skey"), id="no signed key"),
        pytest.param(user(ONE, Node("key")), id="empty key"),
        pytest.param(Node("user", {"jid": "5:99999@lid"}), id="no address"),
        pytest.param(
            Node("user", {"jid": ONE}, [Node("registration", {}, b"\x07")]), id="short registration"
        ),
    ],
)
def test_a_malformed_one_spoils_no_other(malformed: Node) -> None:
    fetched = FETCH.parse_iq(result(Node("list", {}, [malformed, user(TWO)])))
    assert set(fetched.bundles) == {TWO}


@pytest.mark.parametrize("answer", [result(), result(Node("list"))])
def test_no_bundles(answer: Node) -> None:
    assert FETCH.parse_iq(answer).bundles == {}
