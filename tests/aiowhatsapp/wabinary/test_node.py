import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

ANN = Jid("15551234567", "s.whatsapp.net", 3)


def test_children() -> None:
    first, second, other = Node("item", {"id": "1"}), Node("item", {"id": "2"}), Node("other")
    node = Node("list", {}, [first, other, second])
    assert node.child("item") is first
    assert node.required_child("other") is other
    assert node.children("item") == [first, second]
    assert node.children() == [first, other, second]
    assert node.children("none") == []


@pytest.mark.parametrize("content", [None, b"item", "item", []])
def test_no_children(content: list[Node] | bytes | str | None) -> None:
    node = Node("list", {}, content)
    assert node.child("item") is None
    assert node.children() == []
    with pytest.raises(AttributeMissing, match="<list> has no <item>"):
        node.required_child("item")


def test_text_attributes() -> None:
    node = Node("iq", {"id": "7", "from": ANN, "empty": ""})
    assert node.attr("id") == "7"
    assert node.attr("from") == "15551234567:3@s.whatsapp.net"
    assert node.attr("empty") == ""
    assert node.attr("none") is None
    assert node.required_attr("id") == "7"


@pytest.mark.parametrize("name", ["empty", "none"])
def test_required_text_attribute(name: str) -> None:
    with pytest.raises(AttributeMissing, match=f"<iq> has no {name}"):
        Node("iq", {"empty": ""}).required_attr(name)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("-1", -1), ("1770000000", 1770000000)])
def test_numbers(text: str, number: int) -> None:
    node = Node("iq", {"t": text})
    assert node.int_attr("t") == number
    assert node.required_int("t") == number


@pytest.mark.parametrize(
    "text", ["x", " 1", "1_0", "+1", "--1", "1.0", "\u0661", "9" * 20, "9" * 5000, "s.whatsapp.net"]
)
def test_no_numbers(text: str) -> None:
    with pytest.raises(AttributeMissing, match="no number in t"):
        Node("iq", {"t": text}).int_attr("t")


def test_absent_numbers() -> None:
    node = Node("iq", {"empty": ""})
    assert node.int_attr("none") is None
    assert node.int_attr("empty", 5) == 5
    with pytest.raises(AttributeMissing, match="<iq> has no empty"):
        node.required_int("empty")


def test_addresses() -> None:
    text = "15551234567:3@s.whatsapp.net"
    node = Node("iq", {"from": ANN, "text": text, "to": "s.whatsapp.net", "empty": ""})
    assert node.jid("from") is ANN
    assert node.jid("text") == ANN
    assert node.required_jid("to") == SERVER_JID
    assert node.jid("none") is None
    assert node.jid("empty") is None
    with pytest.raises(AttributeMissing, match="<iq> has no none"):
        node.required_jid("none")


@pytest.mark.parametrize("text", ["5" * 300, "5:99999@lid", "5\n@lid"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(AttributeMissing, match="no address in from"):
        Node("iq", {"from": text}).jid("from")


@pytest.mark.parametrize(
    ("content", "data", "text"),
    [
        (None, b"", ""),
        ([Node("x")], b"", ""),
        (b"gr\xc3\xbcn", b"gr\xc3\xbcn", "grün"),
        ("grün", b"gr\xc3\xbcn", "grün"),
        (b"\xff", b"\xff", "\ufffd"),
    ],
)
def test_content(content: list[Node] | bytes | str | None, data: bytes, text: str) -> None:
    node = Node("x", {}, content)
    assert node.data == data
    assert node.text == text


def test_required_data() -> None:
    assert Node("key", {}, b"123").required_data() == b"123"
    assert Node("key", {}, "123").required_data(3) == b"123"


@pytest.mark.parametrize(("content", "length"), [(None, None), (b"", None), (b"12", 3), (None, 3)])
def test_lacking_data(content: bytes | None, length: int | None) -> None:
    with pytest.raises(AttributeMissing, match="<key> lacks its content"):
        Node("key", {}, content).required_data(length)


def test_log_form() -> None:
    node = Node(
        "message",
        {"from": ANN, "notify": "A\nB"},
        [Node("enc", {}, b"secret"), Node("body", {}, "hello"), Node("x")],
    )
    assert str(node) == (
        "<message from='15551234567:3@s.whatsapp.net' notify='A\ufffdB'>"
        "<enc>[6]</><body>[5]</><x/></>"
    )
    assert repr(node) == str(node)


@pytest.mark.parametrize(
    "node",
    [
        Node("x" * 5000, {"y" * 5000: "z" * 5000}),
        Node("x", {str(number): "y" * 5000 for number in range(5000)}),
        Node("x", {}, [Node("y" * 5000)] * 5000),
    ],
)
def test_log_form_is_short(node: Node) -> None:
    assert len(str(node)) < 10_000


def test_log_form_of_many_nodes_is_short() -> None:
    node = Node("x")
    for _ in range(100):
        node = Node("x", {}, [node] * 8)
    assert str(node).endswith("<x>…")
    assert len(str(node)) < 10_000
