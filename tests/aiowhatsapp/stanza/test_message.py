import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.jid import STATUS_BROADCAST, Jid
from custom_components.whatsapp_web.aiowhatsapp.stanza.message import (
    MAX_ENCS,
    MAX_ID,
    MAX_NAME,
    MAX_RETRY_COUNT,
    MAX_TIMESTAMP,
    MessageStanza,
    OwnIds,
    parse_message,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

jid = Jid.parse
OWN = OwnIds(phone=jid("15550001111:7@s.whatsapp.net"), lid=jid("1111:7@lid"))
PHONE, LID = jid("15550002222:3@s.whatsapp.net"), jid("2222:3@lid")
GROUP = jid("120363000000000001@g.us")


def enc(kind: str = "msg", content: bytes = b"sealed", **attrs: str) -> Node:
    return Node("enc", {"v": "2", "type": kind, **attrs}, content)


def message(*children: Node, **attrs: str | Jid) -> Node:
    return Node("message", {"id": "m1", "from": PHONE, "t": "1785000000", **attrs}, list(children))


def parse(*children: Node, **attrs: str | Jid) -> MessageStanza:
    return parse_message(message(*children, **attrs), OWN)


def test_of_a_user() -> None:
    stanza = parse(enc(), notify="Ann", sender_lid=LID.bare)
    assert (stanza.id, stanza.timestamp, stanza.push_name) == ("m1", 1785000000, "Ann")
    assert (stanza.chat, stanza.sender, stanza.from_jid) == (PHONE.bare, PHONE, PHONE)
    assert stanza.sender_alternate == LID
    assert (stanza.participant, stanza.recipient, stanza.recipient_alternate) == (None, None, None)
    assert not stanza.from_me
    assert not stanza.is_group
    assert not stanza.is_peer
    assert not stanza.offline


def test_of_a_user_by_lid() -> None:
    attrs: dict[str, str | Jid] = {"from": LID, "sender_pn": PHONE.bare, "offline": "0"}
    stanza = parse(enc(), **attrs)
    assert (stanza.chat, stanza.sender, stanza.sender_alternate) == (LID.bare, LID, PHONE)
    assert stanza.offline


def test_of_a_member_of_a_group() -> None:
    stanza = parse(
        enc("skmsg"), **{"from": GROUP, "participant": LID, "participant_pn": PHONE.bare}
    )
    assert (stanza.chat, stanza.sender, stanza.participant) == (GROUP, LID, LID)
    assert stanza.sender_alternate == PHONE
    assert stanza.is_group


def test_of_a_member_by_phone_number() -> None:
    stanza = parse(enc(), **{"from": GROUP, "participant": PHONE, "participant_lid": LID.bare})
    assert (stanza.sender, stanza.sender_alternate) == (PHONE, LID)


def test_a_status() -> None:
    stanza = parse(enc("skmsg"), **{"from": STATUS_BROADCAST, "participant": PHONE})
    assert (stanza.chat, stanza.sender, stanza.is_group) == (STATUS_BROADCAST, PHONE, True)


def test_a_participant_outside_of_a_room_means_nothing() -> None:
    stanza = parse(enc(), participant=LID)
    assert (stanza.sender, stanza.participant, stanza.is_group) == (PHONE, None, False)


@pytest.mark.parametrize(
    "phone_of_ours", ["15550001111@s.whatsapp.net", "1111:4@lid", "15550001111:99@hosted"]
)
def test_from_another_device_of_ours(phone_of_ours: str) -> None:
    stanza = parse(
        enc(),
        **{"from": jid(phone_of_ours), "recipient": PHONE, "peer_recipient_lid": LID.bare},
    )
    assert stanza.from_me
    assert (stanza.chat, stanza.recipient) == (PHONE.bare, PHONE)
    assert stanza.recipient_alternate == LID.bare
    assert stanza.sender == jid(phone_of_ours)


def test_our_own_message_in_a_group() -> None:
    stanza = parse(enc(), **{"from": GROUP, "participant": jid("1111@lid")})
    assert (stanza.from_me, stanza.chat) == (True, GROUP)


def test_a_note_to_ourselves() -> None:
    stanza = parse(enc(), **{"from": OWN.phone.bare})
    assert (stanza.from_me, stanza.chat, stanza.recipient) == (True, OWN.phone.bare, None)


def test_housekeeping_of_our_own_devices() -> None:
    attrs: dict[str, str | Jid] = {"from": OWN.phone.bare, "category": "peer"}
    assert parse(enc(), **attrs).is_peer


@pytest.mark.parametrize(
    ("hosted", "plain"),
    [
        ("15550002222:99@hosted", "15550002222@s.whatsapp.net"),
        ("2222:99@hosted.lid", "2222@lid"),
    ],
)
def test_a_hosted_device_writes_in_the_ordinary_chat(hosted: str, plain: str) -> None:
    stanza = parse(enc(), **{"from": jid(hosted)})
    assert (stanza.chat, stanza.sender) == (jid(plain), jid(hosted))


@pytest.mark.parametrize(
    "alternate",
    [
        pytest.param({"sender_lid": PHONE.bare}, id="no lid"),
        pytest.param({"sender_lid": GROUP}, id="a group"),
        pytest.param({"sender_lid": ""}, id="empty"),
        pytest.param({"sender_pn": PHONE.bare}, id="its own form"),
        pytest.param({"participant_lid": LID}, id="that of a room"),
    ],
)
def test_no_alternate(alternate: dict[str, str | Jid]) -> None:
    assert parse(enc(), **alternate).sender_alternate is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"peer_recipient_pn": PHONE}, PHONE.bare),
        ({"recipient_pn": PHONE}, PHONE.bare),
        ({"peer_recipient_pn": LID, "recipient_pn": PHONE}, PHONE.bare),
        ({"peer_recipient_pn": GROUP}, None),
        ({"peer_recipient_lid": LID}, None),
    ],
)
def test_the_other_form_of_a_recipient(given: dict[str, str | Jid], expected: Jid | None) -> None:
    stanza = parse(enc(), **{"from": jid("1111@lid"), "recipient": LID, **given})
    assert stanza.recipient_alternate == expected


def test_ciphertexts() -> None:
    stanza = parse(
        enc("skmsg", b"group"),
        enc("pkmsg", b"pair", count="3", **{"decrypt-fail": "hide"}),
        enc("msg", b"", count="-1"),
        Node("enc"),
    )
    assert [
        (each.kind, each.version, each.ciphertext, each.count, each.hide_failure)
        for each in stanza.encs
    ] == [
        ("pkmsg", "2", b"pair", 3, True),
        ("msg", "2", b"", 0, False),
        ("", "", b"", 0, False),
        ("skmsg", "2", b"group", 0, False),
    ]


def test_ciphertexts_and_counts_are_bounded() -> None:
    stanza = parse(*[enc(count="9999999999999999999")] * 1000)
    assert len(stanza.encs) == MAX_ENCS
    assert {each.count for each in stanza.encs} == {MAX_RETRY_COUNT}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1785000000", 1785000000),
        ("", 0),
        ("-5", 0),
        ("9999999999999999999", MAX_TIMESTAMP),
    ],
)
def test_a_time_is_one_that_can_be_stored(given: str, expected: int) -> None:
    assert parse(enc(), t=given).timestamp == expected


def test_without_time_and_name() -> None:
    stanza = parse_message(Node("message", {"id": "m1", "from": PHONE, "notify": ""}), OWN)
    assert (stanza.timestamp, stanza.push_name, stanza.encs) == (0, None, ())


def test_a_long_name_is_cut() -> None:
    assert parse(enc(), notify="n" * 1000).push_name == "n" * MAX_NAME


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (Node("unavailable", {"type": "view_once"}), "view_once"),
        (Node("unavailable"), "unknown"),
        (Node("enc"), None),
    ],
)
def test_nothing_for_this_device(child: Node, expected: str | None) -> None:
    assert parse(child).unavailable == expected


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (Node("device-identity", {}, b"proof"), b"proof"),
        (Node("device-identity"), None),
        (Node("enc"), None),
    ],
)
def test_the_senders_proof(child: Node, expected: bytes | None) -> None:
    assert parse(child).device_identity == expected


@pytest.mark.parametrize(
    "attrs",
    [
        pytest.param({"from": ""}, id="nobody"),
        pytest.param({"from": "5:99999@s.whatsapp.net"}, id="no address"),
        pytest.param({"id": ""}, id="empty id"),
        pytest.param({"id": "x" * (MAX_ID + 1)}, id="long id"),
        pytest.param({"from": GROUP}, id="group without participant"),
        pytest.param({"from": STATUS_BROADCAST}, id="status without participant"),
        pytest.param({"t": "today"}, id="no time"),
        pytest.param({"recipient": "5:99999@lid"}, id="no recipient"),
        pytest.param({"sender_lid": "5:99999@lid"}, id="no alternate"),
    ],
)
def test_nonsense_is_refused(attrs: dict[str, str | Jid]) -> None:
    with pytest.raises(AttributeMissing):
        parse(enc(), **attrs)


def test_a_count_that_is_none_is_refused() -> None:
    with pytest.raises(AttributeMissing):
        parse(enc(count="many"))


def test_who_we_are() -> None:
    assert OWN.is_self(jid("15550001111@s.whatsapp.net"))
    assert OWN.is_self(jid("1111:99@hosted.lid"))
    assert not OWN.is_self(jid("15550001111@lid"))
    assert not OWN.is_self(PHONE)
    assert OWN.is_this_device(jid("1111:7@lid"))
    assert not OWN.is_this_device(jid("1111@lid"))


def test_what_is_sealed_stays_out_of_logs() -> None:
    assert "sealed" not in repr(parse(enc()))
