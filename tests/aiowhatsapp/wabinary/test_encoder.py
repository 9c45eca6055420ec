import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import LocalProtocolError
from custom_components.whatsapp_web.aiowhatsapp.jid import GROUP_SERVER_JID, SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode


def value(text: str | Jid) -> str:
    """Give the bytes of an attribute's value: of `<to jid=...>`."""
    head = "00f803110c"
    encoded = encode(Node("to", {"jid": text})).hex()
    assert encoded.startswith(head)
    return encoded.removeprefix(head)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("get", "29"),  # a single-byte token
        ("e", "edeb"),  # tokens of the dictionaries
        ("read-self", "ec00"),
        ("1961", "efff"),
        ("0", "2d"),  # a token wins over packing
        ("123", "ff82123f"),
        ("1234", "ff021234"),
        ("1-2.3", "ff831a2b3f"),
        ("ABC", "fb82abcf"),
        ("ABCDEF", "fb03abcdef"),
        ("12AB", "fb0212ab"),
        ("A-B", "fc03412d42"),  # neither alphabet has all three
        ("abc", "fc03616263"),
        ("١٢٣", "fc06d9a1d9a2d9a3"),  # digits, but not these
        ("12\n", "fc0331320a"),
        ("", "fc00"),
        ("ü", "fc02c3bc"),
    ],
)
def test_text(text: str, encoded: str) -> None:
    assert value(text) == encoded


@pytest.mark.parametrize(
    ("length", "head"), [(126, "ff3f"), (127, "ffc0"), (128, "fc80"), (255, "fcff")]
)
def test_digits_are_packed_up_to_127_characters(length: int, head: str) -> None:
    assert value("7" * length).startswith(head)


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, "fc00"),
        (255, "fcff"),
        (256, "fd000100"),
        ((1 << 20) - 1, "fd0fffff"),
        (1 << 20, "fe00100000"),
    ],
)
def test_binary_lengths(length: int, head: str) -> None:
    node = Node("to", {}, bytes(length))
    encoded = encode(node)
    assert encoded[4 : 4 + len(head) // 2].hex() == head
    assert len(encoded) == 4 + len(head) // 2 + length
    assert decode(encoded) == node


@pytest.mark.parametrize(
    ("jid", "encoded"),
    [
        (SERVER_JID, "fa0003"),
        (GROUP_SERVER_JID, "fa001c"),
        (Jid("1555", "s.whatsapp.net"), "faff02155503"),
        (Jid("1555", "s.whatsapp.net", 12), "f7000cff021555"),
        (Jid("1555", "lid", 255), "f701ffff021555"),
        (Jid("1555", "hosted", 99), "f78063ff021555"),
        (Jid("1555", "hosted.lid", 99), "f78163ff021555"),
        (Jid("1555", "example"), "faff021555fc076578616d706c65"),
        (Jid("1555", "msgr", 258), "f6ff0215550102cc"),
        (Jid("1555", "msgr"), "faff021555cc"),
        (Jid("7-1555", "interop", 258), "f5ff02155501020007fc07696e7465726f70"),
        (Jid("", "msgr", 1), "f6000001cc"),
    ],
)
def test_address(jid: Jid, encoded: str) -> None:
    assert value(jid) == encoded
    assert decode(encode(Node("to", {"jid": jid}))).attrs == {"jid": jid}


@pytest.mark.parametrize(
    "jid",
    [
        Jid("1555", ""),
        Jid("1555", "lid", 256),
        Jid("1555", "lid", -1),
        Jid("1555", "g.us", 1),
        Jid("1555", "msgr", 1 << 16),
        Jid("1555", "interop", 1),
        Jid("65536-1555", "interop", 1),
    ],
)
def test_address_that_cannot_be_said(jid: Jid) -> None:
    with pytest.raises(LocalProtocolError):
        encode(Node("to", {"jid": jid}))


@pytest.mark.parametrize(
    "node",
    [
        Node(""),
        Node("\ud800"),
        Node("list", {}, [Node("item")] * (1 << 16)),
        Node("x", {str(number): "" for number in range(1 << 15)}),
    ],
)
def test_node_that_cannot_be_said(node: Node) -> None:
    with pytest.raises(LocalProtocolError):
        encode(node)


@pytest.mark.parametrize(
    ("count", "head"), [(0, "00"), (1, "f801"), (255, "f8ff"), (256, "f90100"), (65535, "f9ffff")]
)
def test_list_lengths(count: int, head: str) -> None:
    node = Node("to", {}, [Node("to")] * count)
    encoded = encode(node)
    assert encoded.hex() == f"00f80211{head}" + "f80111" * count
    assert decode(encoded) == node


def nested(levels: int) -> Node:
    node = Node("to")
    for _ in range(levels - 1):
        node = Node("to", {}, [node])
    return node


def test_depth() -> None:
    assert decode(encode(nested(128))) == nested(128)
    with pytest.raises(LocalProtocolError, match="deep"):
        encode(nested(129))


def test_a_value_past_the_format() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 1 << 31

    with pytest.raises(LocalProtocolError, match="too long"):
        encode(Node("to", {}, Huge()))
