import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.iq.usync import (
    MAX_DEVICES,
    CheckNumbers,
    GetDevices,
    KnownNumber,
    ListedDevice,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

PHONE, LID = Jid.parse("15550002222@s.whatsapp.net"), Jid.parse("2222@lid")
GET = GetDevices(users=[PHONE, LID], session_id="s-1")
CHECK = CheckNumbers(numbers=["+15550002222", "+15550003333"], session_id="s-2")


def request(sid: str, context: str, query: list[Node], users: list[Node]) -> Node:
    return Node(
        "iq",
        {"id": "a-1", "xmlns": "usync", "type": "get", "to": SERVER_JID},
        [
            Node(
                "usync",
                {"sid": sid, "mode": "query", "last": "true", "index": "0", "context": context},
                [Node("query", {}, query), Node("list", {}, users)],
            )
        ],
    )


def result(*users: Node) -> Node:
    answer = Node("usync", {}, [Node("result"), Node("list", {}, list(users))])
    return Node("iq", {"id": "a-1", "type": "result"}, [answer])


def device(number: str | None, **attrs: str) -> Node:
    given = {} if number is None else {"id": number}
    return Node("device", {**given, **attrs})


def user(jid: Jid | str | None, devices: list[Node] | None, *extra: Node) -> Node:
    listed = (
        []
        if devices is None
        else [
            Node(
                "devices",
                {},
                [Node("device-list", {}, devices), Node("key-index-list", {"ts": "1"}, b"signed")],
            )
        ]
    )
    return Node("user", {} if jid is None else {"jid": jid}, [*listed, *extra])


def listed(number: int, key_index: int | None = None, *, hosted: bool = False) -> ListedDevice:
    return ListedDevice(id=number, key_index=key_index, hosted=hosted)


def test_asking_for_devices() -> None:
    query = [Node("devices", {"version": "2"}), Node("lid")]
    users = [Node("user", {"jid": PHONE}), Node("user", {"jid": LID})]
    assert GET.build_iq("a-1") == request("s-1", "message", query, users)
    other = GetDevices(users=[], session_id="s-1", context="background")
    assert other.build_iq("a-1") == request("s-1", "background", query, [])


def test_devices() -> None:
    devices = [
        device("0"),
        device("3", **{"key-index": "2"}),
        device("4", **{"key-index": "5", "is_hosted": "true"}),
        device("99", **{"key-index": "6"}),
    ]
    found = GET.parse_iq(
        result(
            user(PHONE.with_device(3), devices, Node("lid", {"val": LID})),
            user(LID, [*devices[:1]]),
        )
    )
    assert [(each.user, each.lid) for each in found] == [(PHONE, LID), (LID, LID)]
    assert found[0].devices == (
        listed(0),
        listed(3, 2),
        listed(4, 5, hosted=True),
        listed(99, 6, hosted=True),
    )
    assert found[0].key_index_list == b"signed"
    assert "signed" not in repr(found[0])


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(device(None), id="without number"),
        pytest.param(device("3"), id="companion without key index"),
        pytest.param(device("-1", **{"key-index": "1"}), id="below zero"),
        pytest.param(device("256", **{"key-index": "1"}), id="no device number"),
        pytest.param(device("3", **{"key-index": "-1"}), id="negative key index"),
        pytest.param(device("3", **{"key-index": "4294967296"}), id="long key index"),
    ],
)
def test_a_strange_device_is_left_out(strange: Node) -> None:
    (found,) = GET.parse_iq(result(user(PHONE, [device("0"), strange])))
    assert found.devices == (listed(0),)


def test_devices_are_bounded() -> None:
    (found,) = GET.parse_iq(result(user(PHONE, [device("0")] * 1000)))
    assert len(found.devices) == MAX_DEVICES


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(user(None, [device("0")]), id="nobody"),
        pytest.param(user(PHONE, None), id="no devices"),
        pytest.param(user(PHONE, []), id="empty list"),
        pytest.param(Node("user", {"jid": PHONE}, [Node("devices")]), id="no list"),
        pytest.param(
            Node("user", {"jid": PHONE}, [Node("devices", {}, [Node("error", {"code": "404"})])]),
            id="error",
        ),
    ],
)
def test_unknown_users_are_left_out(unknown: Node) -> None:
    assert GET.parse_iq(result(unknown)) == ()


@pytest.mark.parametrize("lid", [Node("lid"), Node("lid", {"val": PHONE})])
def test_a_lid_that_is_none(lid: Node) -> None:
    (found,) = GET.parse_iq(result(user(PHONE, [device("0")], lid)))
    assert found.lid is None


@pytest.mark.parametrize(
    "key_index_list", [[], [Node("key-index-list", {"ts": "1"})]], ids=["missing", "empty"]
)
def test_without_a_key_index_list(key_index_list: list[Node]) -> None:
    devices = Node("devices", {}, [Node("device-list", {}, [device("0")]), *key_index_list])
    (found,) = GET.parse_iq(result(Node("user", {"jid": PHONE}, [devices])))
    assert found.key_index_list is None


def test_asking_for_numbers() -> None:
    users = [
        Node("user", {}, [Node("contact", {}, "+15550002222")]),
        Node("user", {}, [Node("contact", {}, "+15550003333")]),
    ]
    assert CHECK.build_iq("a-1") == request(
        "s-2", "interactive", [Node("contact"), Node("lid")], users
    )


def contact(kind: str, number: str = "+15550002222") -> Node:
    return Node("contact", {"type": kind}, number.encode())


def known(*, registered: bool = True, **forms: Jid | None) -> KnownNumber:
    return KnownNumber(
        query="+15550002222",
        registered=registered,
        jid=forms.get("jid"),
        phone=forms.get("phone"),
        lid=forms.get("lid"),
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            Node("user", {"jid": PHONE}, [contact("in"), Node("lid", {"val": LID})]),
            known(jid=PHONE, phone=PHONE, lid=LID),
            id="by number",
        ),
        pytest.param(
            Node("user", {"jid": LID, "pn_jid": PHONE}, [contact("in")]),
            known(jid=LID, phone=PHONE, lid=LID),
            id="by lid",
        ),
        pytest.param(
            Node("user", {"jid": PHONE}, [contact("in")]),
            known(jid=PHONE, phone=PHONE),
            id="without lid",
        ),
        pytest.param(Node("user", {}, [contact("out")]), known(registered=False), id="not there"),
        pytest.param(
            Node("user", {"jid": PHONE}, [contact("invalid")]),
            known(registered=False, jid=PHONE, phone=PHONE),
            id="no number",
        ),
    ],
)
def test_numbers(answer: Node, expected: KnownNumber) -> None:
    assert CHECK.parse_iq(result(answer)) == (expected,)


def test_an_answer_to_another_question_is_left_out() -> None:
    assert CHECK.parse_iq(result(Node("user", {"jid": PHONE}))) == ()


@pytest.mark.parametrize(
    "children", [[], [Node("usync")], [Node("usync", {}, [Node("result")])]], ids=str
)
def test_malformed_answers(children: list[Node]) -> None:
    for spec in (GET, CHECK):
        with pytest.raises(AttributeMissing):
            spec.parse_iq(Node("iq", {"id": "a-1", "type": "result"}, children))


def test_one_user_that_makes_no_sense_is_left_out() -> None:
    strange = [user(PHONE, [device("first")]), user("1:99999@lid", [device("0")])]
    (found,) = GET.parse_iq(result(*strange, user(LID, [device("0")])))
    assert found.user == LID
    (number,) = CHECK.parse_iq(
        result(
            Node("user", {"jid": "1:99999@lid"}, [contact("in")]),
            Node("user", {"jid": LID}, [contact("in")]),
        )
    )
    assert number.lid == LID


def test_who_was_asked_for_by_number_is_found_by_lid() -> None:
    answer = user(LID, [device("0")])
    answer.attrs["pn_jid"] = PHONE
    (found,) = GET.parse_iq(result(answer))
    assert (found.user, found.lid, found.phone) == (LID, LID, PHONE)
    assert found.is_of(PHONE)
    assert found.is_of(LID)
    assert not found.is_of(Jid.of_number("15550009999"))
