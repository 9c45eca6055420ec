"""Recipients as people write them."""

from homeassistant.exceptions import ServiceValidationError
import pytest
import voluptuous as vol

from custom_components.whatsapp_web.aiowhatsapp import Jid
from custom_components.whatsapp_web.recipients import parse_recipient
from custom_components.whatsapp_web.services.schema import RECIPIENTS_SCHEMA


@pytest.mark.parametrize(
    "text",
    [
        "+5511912345678",
        "+55 11 91234-5678",
        "+55 (11) 91234-5678",
        " +55.11.91234.5678 ",
        "+55 11 91234‑5678",  # noqa: RUF001 - the hyphen that doesn't break
        "+55\u00a011\u00a091234\u20135678",
        "\u202a+55 11 91234-5678\u202c",
        "＋５５１１９１２３４５６７８",  # noqa: RUF001 - full width, as some keyboards write
        "005511912345678",
        "00 55 11 91234 5678",
        "tel:+55-11-91234-5678",
        "+55/11/912345678",
    ],
)
def test_any_usual_form_is_the_same_number(text: str) -> None:
    assert parse_recipient(text).number == "+5511912345678"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+1 (555) 010-9999", "+15550109999"),
        ("+49 (0) 30 901820", "+4930901820"),
        ("+6830000", "+6830000"),
    ],
)
def test_forms_of_other_countries(text: str, number: str) -> None:
    assert parse_recipient(text).number == number


@pytest.mark.parametrize(
    "text",
    [
        "11 91234-5678",
        "5511912345678",
        "(11) 91234-5678",
        "011 91234-5678",
        "91234-5678",
        "+",
        "+0551191234567",
        "+55 11",
        "+55 11 91234-5678 ext 3",
        "+1234567890123456",
        "++5511912345678",
        "Ann",
        "+55 11 9123४-5678x",
        "+٥٥١١٩١٢٣٤٥٦٧٨",
        "1" * 500,
    ],
)
def test_what_could_be_another_number_is_refused(text: str) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        parse_recipient(text)
    assert raised.value.translation_key == "invalid_number"
    assert len((raised.value.translation_placeholders or {})["recipient"]) <= 128


@pytest.mark.parametrize("text", ["me", "Me", " ME "])
def test_me_is_ourselves(text: str) -> None:
    assert parse_recipient(text).is_me


@pytest.mark.parametrize(
    ("text", "chat"),
    [
        ("203000000000008@lid", Jid("203000000000008", "lid")),
        ("5511912345678@s.whatsapp.net", Jid("5511912345678", "s.whatsapp.net")),
        ("5511912345678:7@s.whatsapp.net", Jid("5511912345678", "s.whatsapp.net")),
    ],
)
def test_chat_ids_of_events(text: str, chat: Jid) -> None:
    recipient = parse_recipient(text)
    assert (recipient.chat, recipient.is_me) == (chat, False)


@pytest.mark.parametrize(
    "text", ["@g.us", "ann@example.com", "@s.whatsapp.net", "1:99999@lid", "status@broadcast"]
)
def test_other_chat_ids_are_refused(text: str) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        parse_recipient(text)
    assert raised.value.translation_key == "invalid_chat_id"


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("me", ["me"]),
        (5511912345678, ["+5511912345678"]),
        (["me", 5511912345678], ["me", "+5511912345678"]),
    ],
)
def test_numbers_that_lost_their_plus_are_whole_numbers(
    given: object, understood: list[str]
) -> None:
    assert RECIPIENTS_SCHEMA(given) == understood


@pytest.mark.parametrize("given", [[], None, True, 5.5, {"to": "me"}])
def test_other_things_are_no_recipients(given: object) -> None:
    with pytest.raises(vol.Invalid):
        RECIPIENTS_SCHEMA(given)
