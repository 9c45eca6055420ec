"""Notifications with answers to choose from, and one message a tag."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.whatsapp_web.aiowhatsapp import (
    Delete,
    Edit,
    Jid,
    MessageContent,
    MessageKind,
    MessageReference,
    Poll,
    Rejected,
    Text,
    VoteDetails,
)

from .fakes import ANN, Script, make_message
from .waiting import EventLog

ACTION = "mobile_app_notification_action"
NUMBER = "+5511987654321"
YES_NO = [{"action": "OPEN", "title": "Open"}, {"action": "LEAVE", "title": "Leave closed"}]


async def notify(hass: HomeAssistant, message: str, **data: Any) -> None:
    await hass.services.async_call(
        "notify", "casa", {"message": message, "target": NUMBER, "data": data}, blocking=True
    )


def drafts(script: Script) -> list[Any]:
    return [draft for draft, *_ in script.client.drafts]


def vote(poll_id: str, *choices: str, **more: Any) -> Any:
    target = MessageReference(id=poll_id, from_me=False, chat=None, participant=None)
    details = VoteDetails(question="?", choices=choices, tally=())
    content = MessageContent(kind=MessageKind.POLL_VOTE, target=target, details=details)
    return make_message(content=content, **more)


def poll_id(script: Script) -> str:
    (name,) = [name for name in script.notes if name.startswith("poll/")]
    return name.removeprefix("poll/")


async def test_reply_and_mentions(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await notify(hass, "Yes", reply_to="last", mentions=NUMBER, ttl=0, priority="high")
    assert script.client.drafts == [(Text(text=f"Yes @{ANN.user}"), "last", [ANN])]


async def test_a_vote_fires_the_action_also_after_a_restart(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    log = EventLog(hass, ACTION)
    await notify(hass, "Somebody rings", actions=YES_NO, tag="door")
    assert drafts(script) == [Poll(question="Somebody rings", options=("Open", "Leave closed"))]
    assert await hass.config_entries.async_reload(entry.entry_id)
    script.client.receive(vote(poll_id(script), "Open"))
    assert [(data["action"], data["title"], data["tag"]) for data in log.data] == [
        ("OPEN", "Open", "door")
    ]
    assert log.data[0]["sender_phone"] == NUMBER
    assert log.data[0]["message_id"] == poll_id(script)


@pytest.mark.parametrize(
    "message",
    [
        vote("another", "Open"),
        vote("POLL"),
        vote("POLL", "Something else"),
        vote("POLL", "Open", from_me=True),
    ],
)
async def test_other_votes_fire_nothing(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, message: Any
) -> None:
    log = EventLog(hass, ACTION)
    await notify(hass, "Somebody rings", actions=YES_NO)
    assert message.content.target is not None
    if message.content.target.id == "POLL":
        choices = message.content.details.choices
        message = vote(poll_id(script), *choices, from_me=message.from_me)
    script.client.receive(message)
    assert log.data == []


async def test_one_answer_has_a_way_out_beside_it(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await notify(hass, "Done", actions={"action": "OK", "title": "Thanks"})
    assert drafts(script) == [Poll(question="Done", options=("Thanks", "✖️"))]


async def test_a_long_text_goes_in_front_of_its_question(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    text = "First line\n" + "x" * 300
    await notify(hass, text, actions=YES_NO)
    assert drafts(script) == [
        Text(text=text),
        Poll(question="First line", options=("Open", "Leave closed")),
    ]


async def test_the_same_tag_edits_for_a_while_then_replaces(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    await notify(hass, "10 %", tag="wash")
    await notify(hass, "Other", tag="other")
    first = json_id(script, ANN, "wash")
    freezer.tick(14 * 60)
    await notify(hass, "50 %", tag="wash")
    freezer.tick(2 * 60)
    await notify(hass, "100 %", tag="wash")
    assert drafts(script) == [
        Text(text="10 %"),
        Text(text="Other"),
        Edit(target=first, text="50 %"),
        Text(text="100 %"),
        Delete(target=first),
    ]
    assert json_id(script, ANN, "wash") != first


def json_id(script: Script, chat: Jid, tag: str) -> str:
    return script.notes[f"tag/{chat}/{tag}"].decode().split('"')[1]


async def test_a_tag_is_cleared(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    log = EventLog(hass, ACTION)
    await notify(hass, "Somebody rings", tag="door", actions=YES_NO)
    sent = poll_id(script)
    await notify(hass, "clear_notification", tag="door")
    assert drafts(script)[1:] == [Delete(target=sent)]
    assert script.notes == {}
    script.client.receive(vote(sent, "Open"))
    assert log.data == []
    await notify(hass, "clear_notification", tag="door")
    assert len(script.client.drafts) == 2


async def test_a_poll_is_replaced_not_edited(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await notify(hass, "Somebody rings", tag="door", actions=YES_NO)
    sent = poll_id(script)
    await notify(hass, "Too late", tag="door")
    assert drafts(script)[1:] == [Text(text="Too late"), Delete(target=sent)]


async def test_what_can_not_be_deleted_does_not_fail_the_new_one(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry
) -> None:
    await notify(hass, "Somebody rings", tag="door", actions=YES_NO)
    script.send_errors = [None, Rejected("401")]
    await notify(hass, "Too late", tag="door")
    assert drafts(script)[-1] == Text(text="Too late")


@pytest.mark.parametrize(
    "data",
    [
        {"actions": []},
        {"actions": [{"title": "Open"}]},
        {"actions": [{"action": "A", "title": ""}]},
        {"actions": [{"action": "A", "title": "x"}, {"action": "B", "title": "x"}]},
        {"actions": [{"action": str(n), "title": str(n)} for n in range(13)]},
        {"tag": ""},
        {"mentions": [None]},
    ],
)
async def test_nonsense_is_refused(
    hass: HomeAssistant, script: Script, entry: MockConfigEntry, data: dict[str, Any]
) -> None:
    with pytest.raises(ServiceValidationError, match="makes no sense"):
        await notify(hass, "x", **data)
    assert script.client.drafts == []
