"""Frames as bytes: each rule of the format broken once, and each limit met and passed."""

import time
import zlib

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import DecodeError
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode
from custom_components.whatsapp_web.aiowhatsapp.wabinary.tags import MAX_INFLATED, MAX_NODES

ATTRIBUTE = "f803110c"  # <to jid=
NODE = "f80111"  # <to/>


def read(encoded: str) -> Node:
    return decode(b"\0" + bytes.fromhex(encoded))


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", ""),
        ("29", "get"),
        ("ed01", "dirty"),
        ("ff82123f", "123"),
        ("ff021a2b", "1-2."),
        ("ff00", ""),
        ("ff80", ""),
        ("ff811c", "1"),  # the half that is dropped may be anything
        ("fb82abcf", "ABC"),
        ("fb0212ab", "12AB"),
        ("fc02c3bc", "ü"),
        ("fc01ff", "\ufffd"),
        ("fd00000141", "A"),
        ("fdf0000141", "A"),  # only 20 bits are the length
        ("fe0000000141", "A"),
        ("fa0003", Jid("", "s.whatsapp.net")),
        ("faff02155503", Jid("1555", "s.whatsapp.net")),
        ("faff021555fc0165", Jid("1555", "e")),
        ("fafc046162636403", Jid("abcd", "s.whatsapp.net")),
        ("fafc06313535353a3576", Jid("1555", "lid", 5)),
        ("f7000cff021555", Jid("1555", "s.whatsapp.net", 12)),
        ("f70100ff021555", Jid("1555", "lid")),
        ("f78263ff021555", Jid("1555", "hosted", 99)),
        ("f70105fc0161", Jid("a", "lid", 5)),
        ("f6ff0215550102cc", Jid("1555", "msgr", 258)),
        ("f5ff02155501020007fc07696e7465726f70", Jid("7-1555", "interop", 258)),
    ],
)
def test_value(encoded: str, value: str | Jid) -> None:
    assert read(ATTRIBUTE + encoded).attrs == {"jid": value}


@pytest.mark.parametrize(
    "encoded",
    [
        "f0",  # no value begins so
        "f4",
        "f801",  # nor does a list here
        "ff0212",  # too short
        "ff021a",
        "ff011c",  # no nibble
        "ff01f1",
        "fb0212",
        "fc0241",
        "fd00000241",
        "fe0000000241",
        "fe00",
        "fa0000",  # no server
        "fafa000303",  # an address in an address
        "faf7000cff02155503",
        "f700ff",  # no user
        "f7000c00",
        "f70205ff021555",  # no such domain
        "f78305ff021555",
        "f70105fc01ff00",
        "f6ff021555010203",  # another server
        "f5ff02155501020007cc",
        "f6ff02155501",
        "fafc05" + b"9:256".hex() + "76",  # a device number that no device has
        "fafc03" + b" :5".hex() + "76",
        "fafc02" + b":5".hex() + "76",
        "fafd000100" + "61" * 256 + "1c",  # no address is that long
        "f70105fd000100" + "61" * 256,
        "f6fd000100" + "61" * 256 + "0001cc",
    ],
)
def test_malformed_value(encoded: str) -> None:
    with pytest.raises(DecodeError):
        read(ATTRIBUTE + encoded)


@pytest.mark.parametrize(
    ("encoded", "content"),
    [
        ("00", []),
        ("f800", []),
        ("f90000", []),
        ("f801" + NODE, [Node("to")]),
        ("f90001" + NODE, [Node("to")]),
        ("29", "get"),
        ("ec00", "read-self"),
        ("ff021234", "1234"),
        ("fc0131", b"1"),
        ("fd00000131", b"1"),
        ("fe0000000131", b"1"),
        ("faff02155503", "1555@s.whatsapp.net"),
    ],
)
def test_content(encoded: str, content: list[Node] | bytes | str) -> None:
    assert read("f80211" + encoded) == Node("to", {}, content)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "f8",
        "f801",
        "f800",  # nothing, not even a tag
        "f80011",
        "f90111",
        "11",  # no list
        "00",
        "f80100",  # empty tags
        "f801fc00",
        "f801fa0003",  # an address for a tag
        "f8030003",  # no name of an attribute
        "f80311fa000303",
        "f80311",
        "f80311fc0003",
        "f8031103",
        NODE + "00",  # something behind it
        NODE + NODE,
        "f80211f802" + NODE,
        "f80211f9ffff" + NODE,
        "f80211f80129",
    ],
)
def test_malformed_node(encoded: str) -> None:
    with pytest.raises(DecodeError):
        read(encoded)


def test_the_last_of_equal_names_counts() -> None:
    assert read("f805110c030c04") == Node("to", {"jid": "type"})


def test_long_header() -> None:
    assert read("f9000311" + "0c03") == Node("to", {"jid": "s.whatsapp.net"})


def test_empty_frame() -> None:
    with pytest.raises(DecodeError, match="Empty"):
        decode(b"")


def test_every_cut_of_a_frame() -> None:
    jids = {str(device): Jid("1555", "lid", device) for device in range(3)}
    content = [Node("enc", {"v": "2"}, bytes(300)), Node("x", {}, "read-self")]
    frame = encode(Node("message", {"id": "3EB0C0FFEE", "t": "17", **jids}, content))
    for length in range(len(frame)):
        with pytest.raises(DecodeError):
            decode(frame[:length])


def test_depth() -> None:
    levels = "f80211f801" * 127
    assert read(levels + NODE).tag == "to"
    with pytest.raises(DecodeError, match="deep"):
        read("f80211f801" + levels + NODE)


def test_deeper_than_the_interpreter_goes() -> None:
    for opening in ("f80211f801", "f80211f90001", "f80211fa", "fa"):
        with pytest.raises(DecodeError):
            read(opening * 100_000)


def compress(encoded: bytes, flag: int = 2) -> bytes:
    return bytes((flag,)) + zlib.compress(encoded)


@pytest.mark.parametrize("flag", [0x02, 0x06, 0xFF])
def test_compressed(flag: int) -> None:
    assert decode(compress(bytes.fromhex(NODE), flag)) == Node("to")


@pytest.mark.parametrize(
    "frame",
    [
        b"\2",
        b"\2x",
        b"\2" + bytes.fromhex(NODE),
        compress(bytes.fromhex(NODE))[:-1],
        compress(bytes.fromhex(NODE)) + b"\0",
        compress(b""),
        compress(bytes.fromhex(NODE) + b"\0"),
    ],
)
def test_damaged_compressed(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(frame)


def test_inflated_size() -> None:
    head = bytes.fromhex("f80211fe")
    fits = MAX_INFLATED - len(head) - 4 - 1
    assert len(decode(compress(head + fits.to_bytes(4) + bytes(fits))).data) == fits
    with pytest.raises(DecodeError, match="too large"):
        decode(compress(bytes(MAX_INFLATED + 1)))


def test_number_of_nodes() -> None:
    children = bytes.fromhex("f9ffff") + bytes.fromhex(NODE) * 0xFFFF
    group = bytes.fromhex("f80211") + children
    fits = MAX_NODES // 0x10000 - 1
    node = decode(b"\0" + bytes.fromhex("f80211f8") + bytes((fits,)) + group * fits)
    assert len(node.children()) == fits
    with pytest.raises(DecodeError, match="too many"):
        decode(b"\0" + bytes.fromhex("f80211f8") + bytes((fits + 2,)) + group * (fits + 2))


def test_a_large_blob_is_not_taken_for_nodes() -> None:
    blob = bytes(range(256)) * (1 << 15)
    assert decode(encode(Node("to", {}, blob))).data == blob


def test_hostile_frames_cost_little() -> None:
    frames = [
        compress(bytes(64 << 20)),
        b"\0" + b"\xf8" * (1 << 20),
        b"\0" + b"\xf9" * (1 << 20),
        b"\0" + b"\xfa" * (1 << 20),
        b"\0" + b"\xff" * (1 << 20),
        b"\0\xf9\xff\xff\x11" + b"\x0c\x03" * 32767,
        b"\0" + bytes.fromhex("f80211f8ff") * 100_000,
    ]
    begin = time.process_time()
    for frame in frames:
        with pytest.raises(DecodeError):
            decode(frame[:-1])
    assert time.process_time() - begin < 5
