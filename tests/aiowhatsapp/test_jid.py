import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import DecodeError
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, STATUS_BROADCAST, Jid

PHONE = Jid("15551234567", "s.whatsapp.net")
LID = Jid("99887766554433", "lid", 3)
HOSTED = Jid("15551234567", "hosted", 99)
GROUP = Jid("120363000000000001", "g.us")


@pytest.mark.parametrize(
    ("text", "jid"),
    [
        ("15551234567@s.whatsapp.net", PHONE),
        ("15551234567@c.us", PHONE),
        ("15551234567:0@s.whatsapp.net", PHONE),
        ("15551234567.0:12@s.whatsapp.net", PHONE.with_device(12)),
        ("15551234567_1:12@s.whatsapp.net", PHONE.with_device(12)),
        ("99887766554433:3@lid", LID),
        ("120363000000000001@g.us", GROUP),
        ("1555-1700@g.us", Jid("1555-1700", "g.us")),
        ("status@broadcast", STATUS_BROADCAST),
        ("s.whatsapp.net", SERVER_JID),
        ("@s.whatsapp.net", SERVER_JID),
        ("a@b@g.us", Jid("a@b", "g.us")),
    ],
)
def test_parse(text: str, jid: Jid) -> None:
    assert Jid.parse(text) == jid
    assert Jid.parse(str(jid)) == jid


@pytest.mark.parametrize("text", ["1" * 257, "1555:65536@lid", "1\n5:3@lid", "15\n@s.whatsapp.net"])
def test_no_jid(text: str) -> None:
    with pytest.raises(DecodeError):
        Jid.parse(text)


@pytest.mark.parametrize(
    ("jid", "traits"),
    [
        (PHONE, {"is_user", "is_phone_number"}),
        (LID, {"is_user", "is_lid"}),
        (HOSTED, {"is_user", "is_phone_number", "is_hosted"}),
        (Jid("99887766554433", "hosted.lid", 99), {"is_user", "is_lid", "is_hosted"}),
        (GROUP, {"is_group"}),
        (SERVER_JID, {"is_server"}),
        (STATUS_BROADCAST, set()),
    ],
)
def test_kinds(jid: Jid, traits: set[str]) -> None:
    names = ("is_user", "is_phone_number", "is_lid", "is_hosted", "is_group", "is_server")
    assert {name for name in names if getattr(jid, name)} == traits


def test_devices() -> None:
    assert Jid.of_number("15551234567") == PHONE
    assert LID.bare == Jid("99887766554433", "lid")
    assert PHONE.bare is PHONE
    assert PHONE.with_device(5).device == 5


@pytest.mark.parametrize(
    ("jid", "name"),
    [
        (PHONE, "15551234567"),
        (LID, "99887766554433_1"),
        (HOSTED, "15551234567_128"),
        (GROUP, "120363000000000001"),
    ],
)
def test_signal_name(jid: Jid, name: str) -> None:
    assert jid.signal_name == name


def test_ad_string() -> None:
    assert PHONE.ad_string == "15551234567.0:0@s.whatsapp.net"
    assert LID.ad_string == "99887766554433.0:3@lid"


def test_log_form_shows_no_whole_number() -> None:
    assert PHONE.log_form == "…4567:0@s.whatsapp.net"
