"""Contact cards, written and read."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import InvalidDraft
from custom_components.whatsapp_web.aiowhatsapp.message.vcard import (
    MAX_FIELD,
    MAX_PHONES,
    read_card,
    write_card,
)


def test_a_card_is_written() -> None:
    assert write_card("Ann", ("+55 (11) 98765-4321",), organization="Bees", email="a@b.c") == (
        "BEGIN:VCARD\n"
        "VERSION:3.0\n"
        "N:;Ann;;;\n"
        "FN:Ann\n"
        "ORG:Bees;\n"
        "TEL;type=CELL;type=VOICE;waid=5511987654321:+5511987654321\n"
        "EMAIL;type=INTERNET:a@b.c\n"
        "END:VCARD"
    )


@pytest.mark.parametrize(
    "name",
    [
        "Ann\nTEL:+666",
        "Ann\r\nEND:VCARD\r\nBEGIN:VCARD",
        "Ann\u2028FN:Eve",
        "Ann\x00\x1b",
        "a;b,c\\d",
        "\ud83d",
    ],
)
def test_a_name_can_not_break_out_of_its_line(name: str) -> None:
    card = write_card(name, ("+15551234567",))
    assert [line.partition(":")[0].partition(";")[0] for line in card.splitlines()] == [
        "BEGIN",
        "VERSION",
        "N",
        "FN",
        "TEL",
        "END",
    ]
    read = read_card(card)
    assert read.phones == ("+15551234567",)
    assert read.name is not None


def test_what_is_written_is_read() -> None:
    card = read_card(write_card("Ann; Bee, C\\D", ("+15551234567", "4930123456")))
    assert (card.name, card.phones) == ("Ann; Bee, C\\D", ("+15551234567", "+4930123456"))


@pytest.mark.parametrize("phone", ["", "abc", "+12", "1" * 20, "+1555;123", "tel:+15551234567"])
def test_what_is_no_number_is_refused(phone: str) -> None:
    with pytest.raises(InvalidDraft):
        write_card("Ann", (phone,))


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_a_card_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidDraft):
        write_card(name, ("+15551234567",))


@pytest.mark.parametrize(
    ("text", "name", "phones"),
    [
        ("", None, ()),
        ("no card at all", None, ()),
        (
            "BEGIN:VCARD\r\nFN:Bob\r\nitem1.TEL;waid=123456:+12 34 56\r\nEND:VCARD",
            "Bob",
            ("+123456",),
        ),
        ("FN:Long\n  name\nTEL:+1 555", "Long name", ("+1 555",)),
        ("fn:Bob\ntel:1\ntel:1\nTEL:2", "Bob", ("1", "2")),
        ("FN:First\nFN:Second", "First", ()),
        ("FN;CHARSET=UTF-8:Zoë\\, MD", "Zoë, MD", ()),
    ],
)
def test_cards_of_others_are_read(text: str, name: str | None, phones: tuple[str, ...]) -> None:
    card = read_card(text)
    assert (card.name, card.phones) == (name, phones)


def test_what_is_read_is_bounded() -> None:
    text = "FN:" + "x" * 100_000 + "\n" + "\n".join(f"TEL:{number}" for number in range(1000))
    assert len(read_card(text).name or "") <= MAX_FIELD
    text = "FN:Bob\n" + "\n".join(f"TEL:{number}" for number in range(1000))
    assert len(read_card(text).phones) == MAX_PHONES
