"""Actions about groups, and what happens in groups as events."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.whatsapp_web.aiowhatsapp import (
    STATUS_BROADCAST,
    GroupAction,
    GroupChanged,
    GroupInfo,
    GroupMember,
    GroupRole,
    IqError,
    Jid,
    Joined,
    LocalProtocolError,
    MemberChange,
    MessageContent,
    MessageKind,
    NotInGroup,
    StatusText,
)
from custom_components.whatsapp_web.const import (
    CONF_STATUS_UPDATES,
    DOMAIN,
    EVENT_GROUP_UPDATE,
    EVENT_MESSAGE_RECEIVED,
)

from .fakes import ANN, ANN_PHONE, LID, Script, add_entry, make_message

GROUP = Jid("120363000000000001", "g.us")
FAMILY = GroupInfo(
    jid=GROUP,
    name="Family",
    by_lid=True,
    members=(
        GroupMember(jid=Jid(LID, "lid"), role=GroupRole.SUPERADMIN),
        GroupMember(jid=ANN, alternate=ANN_PHONE),
    ),
    created_at=1_700_000_000,
    timer=86_400,
)


async def set_up(hass: HomeAssistant, script: Script, **options: Any) -> None:
    entry = await add_entry(hass)
    hass.config_entries.async_update_entry(entry, options=options)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    script.client.groups.names[GROUP] = "Family"


async def act(
    hass: HomeAssistant, action: str, *, respond: bool = False, **data: Any
) -> dict[str, Any]:
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=respond
    )
    return dict(answer or {})


async def test_a_change_in_a_group_is_told(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    events = async_capture_events(hass, EVENT_GROUP_UPDATE)
    script.client.emit(
        GroupChanged(
            group=GROUP,
            name="Family",
            action=GroupAction.REMOVED,
            by=ANN,
            by_phone=ANN_PHONE,
            members=(Jid(LID, "lid"),),
            value=None,
            timestamp=1_800_000_000,
            offline=False,
        )
    )
    await hass.async_block_till_done()
    (event,) = events
    told = {key: event.data[key] for key in ("chat_id", "chat_name", "action", "by", "by_phone")}
    assert told == {
        "chat_id": str(GROUP),
        "chat_name": "Family",
        "action": "removed",
        "by": str(ANN),
        "by_phone": f"+{ANN_PHONE.user}",
    }
    assert (event.data["members"], event.data["includes_me"]) == ([f"{LID}@lid"], True)
    assert "value" not in event.data


@pytest.mark.parametrize("recipient", ["Family", " family ", str(GROUP)])
async def test_a_group_is_written_to_by_name_or_id(
    hass: HomeAssistant, script: Script, recipient: str
) -> None:
    await set_up(hass, script)
    await act(hass, "send_message", recipient=recipient, message="Hello")
    assert script.client.sent == [(GROUP, "Hello")]


async def test_two_groups_of_one_name_are_told_apart_by_id(
    hass: HomeAssistant, script: Script
) -> None:
    await set_up(hass, script)
    script.client.groups.names[Jid("2", "g.us")] = "Family"
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "leave_group", recipient="Family")
    assert raised.value.translation_key == "ambiguous_name"


async def test_messages_of_groups_name_them(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    events = async_capture_events(hass, EVENT_MESSAGE_RECEIVED)
    everybody = MessageContent(kind=MessageKind.TEXT, text="@all", mentions_all=True)
    script.client.receive(make_message(chat=GROUP, is_group=True, content=everybody))
    await hass.async_block_till_done()
    (event,) = events
    assert (event.data["chat_name"], event.data["mentioned_me"]) == ("Family", True)


@pytest.mark.parametrize("wanted", [False, True])
async def test_status_updates_are_told_only_when_asked_for(
    hass: HomeAssistant, script: Script, wanted: bool
) -> None:
    await set_up(hass, script, **{CONF_STATUS_UPDATES: wanted})
    events = async_capture_events(hass, EVENT_MESSAGE_RECEIVED)
    script.client.receive(make_message(chat=STATUS_BROADCAST))
    await hass.async_block_till_done()
    assert len(events) == int(wanted)
    assert script.client.taken == ["3A01"]


async def test_creating_a_group(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    groups = script.client.groups
    refused = GroupMember(jid=ANN, alternate=ANN_PHONE, error="403")
    groups.answers["create"] = GroupInfo(jid=GROUP, name="Family", members=(refused,))
    answer = await act(
        hass,
        "create_group",
        respond=True,
        name="Family",
        members=[str(ANN)],
        description="Us",
        timer="24_hours",
    )
    assert [each[0] for each in groups.asked] == ["create", "describe"]
    assert groups.asked[0][1:] == (("Family", [ANN]), {"timer": 86_400})
    assert answer["chat_id"] == str(GROUP)
    assert [each["error"] for each in answer["refused"]] == ["403"]


async def test_changing_a_group(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    await act(
        hass,
        "update_group",
        recipient="Family",
        name="New",
        description="",
        only_admins_send=True,
        timer="off",
    )
    assert script.client.groups.asked == [
        ("rename", (GROUP, "New"), {}),
        ("describe", (GROUP, ""), {}),
        ("configure", (GROUP,), {"only_admins_send": True, "timer": 0}),
    ]


async def test_managing_members(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    groups = script.client.groups
    groups.answers["change_members"] = (GroupMember(jid=ANN, alternate=ANN_PHONE, error="409"),)
    data: dict[str, Any] = {"recipient": "Family", "add": [str(ANN)]}
    answer = await act(hass, "manage_members", respond=True, **data)
    assert groups.asked == [("change_members", (GROUP, MemberChange.ADD, [ANN]), {})]
    assert [(each["change"], each["error"]) for each in answer["members"]] == [("add", "409")]
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "manage_members", **data)
    assert raised.value.translation_key == "some_members_failed"


async def test_joining_leaving_and_inviting(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    groups = script.client.groups
    groups.answers |= {
        "join": Joined(group=GROUP, pending=True),
        "invite_link": "https://chat.whatsapp.com/X",
        "get": FAMILY,
    }
    joined = await act(hass, "join_group", respond=True, link="https://chat.whatsapp.com/X")
    assert joined == {"chat_id": str(GROUP), "pending": True}
    link = await act(hass, "get_invite_link", respond=True, recipient="Family", reset=True)
    assert link["link"] == "https://chat.whatsapp.com/X"
    told = await act(hass, "get_group", respond=True, recipient="Family")
    assert (told["name"], told["timer"]) == ("Family", "24_hours")
    assert [each["role"] for each in told["members"]] == ["superadmin", "member"]
    await act(hass, "leave_group", recipient="Family")
    assert groups.asked[-1] == ("leave", (GROUP,), {})


@pytest.mark.parametrize(
    ("action", "error", "key"),
    [
        ("leave", IqError(404, "item-not-found"), "not_in_group"),
        ("leave", IqError(403, "forbidden"), "not_group_admin"),
        ("leave", IqError(429, "rate-overlimit"), "too_many_questions"),
        ("leave", NotInGroup("gone"), "not_in_group"),
        ("leave", IqError(500, "internal"), "unexpected_error"),
        ("join", IqError(410, "gone"), "invitation_invalid"),
        ("join", IqError(409, "conflict"), "already_in_group"),
        ("join", LocalProtocolError("no link"), "invitation_invalid"),
    ],
)
async def test_what_the_server_refuses_is_said(
    hass: HomeAssistant, script: Script, action: str, error: Exception, key: str
) -> None:
    await set_up(hass, script)
    script.client.groups.answers[action] = error
    data: dict[str, Any] = {"link": "X"} if action == "join" else {"recipient": "Family"}
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, f"{action}_group", **data)
    assert raised.value.translation_key == key


async def test_a_person_is_no_group(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "leave_group", recipient=str(ANN))
    assert raised.value.translation_key == "not_a_group"


async def test_sending_a_status(hass: HomeAssistant, script: Script) -> None:
    await set_up(hass, script)
    await act(hass, "send_status", message="Sunny", background=[49, 85, 117], font="handwriting")
    ((draft, _, _),) = script.client.drafts
    assert draft == StatusText(text="Sunny", background=0xFF315575, font=2)
