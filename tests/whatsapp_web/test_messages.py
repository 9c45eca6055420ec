"""What listeners are told of a message."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web.aiowhatsapp import (
    IncomingMessage,
    Jid,
    MessageContent,
    MessageKind,
    MessageReference,
    QuotedMessage,
)
from custom_components.whatsapp_web.const import EVENT_MESSAGE_RECEIVED, EVENT_REACTION
from custom_components.whatsapp_web.messages import MessageOrigin, describe_message

from .fakes import ANN, LID, PHONE, Script, make_message
from .waiting import EventLog

OWN = Jid(LID, "lid")
ORIGIN = MessageOrigin(
    config_entry_id="the entry",
    connection="Casa",
    device_id="the device",
    addresses=frozenset({OWN, Jid.of_number(PHONE)}),
    stale_after=timedelta(minutes=5),
)


def content(kind: MessageKind = MessageKind.TEXT, **more: object) -> MessageContent:
    return MessageContent(kind=kind, **more)  # type: ignore[arg-type]


def test_a_plain_text() -> None:
    described = describe_message(make_message(), ORIGIN)
    assert (described.event_type, described.bus_event) == ("text", EVENT_MESSAGE_RECEIVED)
    assert described.data == {
        "config_entry_id": "the entry",
        "connection": "Casa",
        "device_id": "the device",
        "chat_id": "203000000000008@lid",
        "chat_name": "Ann",
        "chat_type": "user",
        "sender_id": "203000000000008@lid",
        "sender_phone": "+5511987654321",
        "sender_name": "Ann",
        "message_id": "3A01",
        "timestamp": "2027-01-15T08:00:00+00:00",
        "type": "text",
        "text": "Hi",
        "from_me": False,
        "is_group": False,
        "mentioned_me": False,
        "forwarded": False,
        "stale": False,
    }


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (make_message(push_name=None), {"sender_name": "+5511987654321"}),
        (make_message(sender_phone=None), {"sender_phone": None}),
        (make_message(push_name=None, chat_phone=None), {"chat_name": None}),
        (
            make_message(from_me=True, sender=OWN, push_name="Casa"),
            {"from_me": True, "chat_name": "+5511987654321"},
        ),
        (make_message(from_me=True, chat=OWN, sender=OWN), {"chat_name": "Casa"}),
        (
            make_message(chat=Jid("12", "g.us"), is_group=True),
            {"chat_type": "group", "is_group": True, "chat_name": None},
        ),
        (make_message(chat=Jid("status", "broadcast")), {"chat_type": "status"}),
        (make_message(chat=Jid("12", "newsletter")), {"chat_type": "channel"}),
        (make_message(content=content(forwarded=True, text="x")), {"forwarded": True}),
        (make_message(content=content(mentions=(OWN.with_device(2),))), {"mentioned_me": True}),
        (make_message(content=content(mentions=(ANN,))), {"mentioned_me": False}),
        (make_message(content=content(MessageKind.IMAGE)), {"type": "image", "text": None}),
        (
            make_message(
                content=content(
                    quoted=QuotedMessage(
                        id="3A00", author=OWN, chat=None, kind=MessageKind.TEXT, text="Hello?"
                    )
                )
            ),
            {"reply_to": {"message_id": "3A00", "text": "Hello?"}},
        ),
        (
            make_message(
                content=content(
                    quoted=QuotedMessage(
                        id="3A00", author=OWN, chat=None, kind=MessageKind.IMAGE, text=None
                    )
                )
            ),
            {"reply_to": {"message_id": "3A00"}},
        ),
    ],
)
def test_fields_by_message(message: IncomingMessage, expected: dict[str, object]) -> None:
    data = describe_message(message, ORIGIN).data
    assert {key: data.get(key) for key in expected} == expected


def test_a_reaction_names_what_it_is_for() -> None:
    target = MessageReference(id="3EB0", from_me=False, chat=None, participant=None)
    reaction = content(MessageKind.REACTION, reaction="👍", target=target)
    described = describe_message(make_message(content=reaction), ORIGIN)
    assert (described.event_type, described.bus_event) == ("reaction", EVENT_REACTION)
    assert described.data["emoji"] == "👍"
    assert described.data["target_message_id"] == "3EB0"


@pytest.mark.parametrize(
    ("offline", "timestamp", "stale"),
    [
        (True, 1_799_999_000, True),
        (True, 1_799_999_900, False),
        (False, 1_700_000_000, False),
    ],
)
def test_what_waited_long_at_the_server_is_stale(
    freezer: FrozenDateTimeFactory, offline: bool, timestamp: int, stale: bool
) -> None:
    freezer.move_to("2027-01-15T08:00:00+00:00")
    message = make_message(offline=offline, timestamp=timestamp)
    assert describe_message(message, ORIGIN).data["stale"] is stale


@pytest.mark.parametrize("timestamp", [10**30, 2**63, -(10**15)])
def test_a_time_that_no_calendar_has_is_now(freezer: FrozenDateTimeFactory, timestamp: int) -> None:
    freezer.move_to("2027-01-15T08:00:00+00:00")
    described = describe_message(make_message(timestamp=timestamp), ORIGIN)
    assert described.data["timestamp"] == "2027-01-15T08:00:00+00:00"


async def test_only_messages_of_their_own_fire_the_event(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    log = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    script.client.receive(make_message(content=content(MessageKind.REACTION, reaction="👍")))
    entity = hass.states.get("event.casa_message")
    assert entity is not None
    assert entity.attributes["event_type"] == "reaction"
    assert log.data == []
    script.client.receive(make_message(content=content(MessageKind.UNKNOWN)))
    entity = hass.states.get("event.casa_message")
    assert entity is not None
    assert entity.attributes["event_type"] == "other"
    assert [data["type"] for data in log.data] == ["unknown"]
    assert script.client.taken == ["3A01", "3A01"]


async def test_every_message_is_a_new_state(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    script.client.receive(make_message(id="1"))
    first = hass.states.get("event.casa_message")
    script.client.receive(make_message(id="2"))
    second = hass.states.get("event.casa_message")
    assert first is not None
    assert second is not None
    assert first.state != second.state
    assert second.attributes["message_id"] == "2"
