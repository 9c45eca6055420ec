"""Actions about groups: making, changing, joining and leaving them."""

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..aiowhatsapp import (
    GroupInfo,
    GroupMember,
    IqError,
    LocalProtocolError,
    MemberChange,
    RequestDecision,
    WhatsAppError,
)
from ..const import ATTR_RECIPIENT, DOMAIN
from ..coordinator import WhatsAppCoordinator
from ..exceptions import action_error
from ..media import SOURCE_FIELDS, SOURCES, async_profile_picture, has_source
from ..messages import phone_text
from ..recipients import recipient_text
from ..targets import Target, async_chat_of, async_find_target, connection_of
from .action import Action
from .schema import CHAT_FIELDS, CONNECTION_FIELDS

ATTR_APPROVAL: Final = "approval"
ATTR_DESCRIPTION: Final = "description"
ATTR_LINK: Final = "link"
ATTR_MEMBERS: Final = "members"
ATTR_NAME: Final = "name"
ATTR_ONLY_ADMINS_ADD: Final = "only_admins_add"
ATTR_ONLY_ADMINS_EDIT: Final = "only_admins_edit"
ATTR_ONLY_ADMINS_SEND: Final = "only_admins_send"
ATTR_RESET: Final = "reset"
ATTR_TIMER: Final = "timer"

TIMERS: Final = {"off": 0, "24_hours": 86_400, "7_days": 604_800, "90_days": 7_776_000}
MAX_NAME: Final = 100
MAX_DESCRIPTION: Final = 2048
# More at once is what groups of spammers look like.
MAX_PEOPLE: Final = 256

_PEOPLE: Final = vol.All(cv.ensure_list, vol.Length(min=1, max=MAX_PEOPLE), [recipient_text])
_NAME: Final = vol.All(cv.string, vol.Length(min=1, max=MAX_NAME))
_CHANGES: Final[dict[str, MemberChange | RequestDecision]] = {
    each.value: each for each in (*MemberChange, *RequestDecision)
}
_SETTINGS: Final = (
    ATTR_ONLY_ADMINS_SEND,
    ATTR_ONLY_ADMINS_EDIT,
    ATTR_ONLY_ADMINS_ADD,
    ATTR_APPROVAL,
)

CREATE_GROUP_SCHEMA: Final = vol.Schema(
    {
        **CONNECTION_FIELDS,
        vol.Required(ATTR_NAME): _NAME,
        vol.Required(ATTR_MEMBERS): _PEOPLE,
        vol.Optional(ATTR_DESCRIPTION): vol.All(cv.string, vol.Length(max=MAX_DESCRIPTION)),
        vol.Optional(ATTR_TIMER, default="off"): vol.In(TIMERS),
        **SOURCE_FIELDS,
    }
)
UPDATE_GROUP_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **CHAT_FIELDS,
            vol.Optional(ATTR_NAME): _NAME,
            vol.Optional(ATTR_DESCRIPTION): vol.All(cv.string, vol.Length(max=MAX_DESCRIPTION)),
            **{vol.Optional(setting): cv.boolean for setting in _SETTINGS},
            vol.Optional(ATTR_TIMER): vol.In(TIMERS),
            **SOURCE_FIELDS,
        }
    ),
    cv.has_at_least_one_key(ATTR_NAME, ATTR_DESCRIPTION, *_SETTINGS, ATTR_TIMER, *SOURCES),
)
MANAGE_MEMBERS_SCHEMA: Final = vol.All(
    vol.Schema({**CHAT_FIELDS, **{vol.Optional(change): _PEOPLE for change in _CHANGES}}),
    cv.has_at_least_one_key(*_CHANGES),
)
JOIN_GROUP_SCHEMA: Final = vol.Schema({**CONNECTION_FIELDS, vol.Required(ATTR_LINK): cv.string})
GET_INVITE_LINK_SCHEMA: Final = vol.Schema(
    {**CHAT_FIELDS, vol.Optional(ATTR_RESET, default=False): cv.boolean}
)


async def _async_create_group(call: ServiceCall) -> ServiceResponse:
    """Make a group; with response data, say what became of it."""
    coordinator = connection_of(call)
    name: str = call.data[ATTR_NAME]
    groups = coordinator.client.groups
    # What can't be had is found out before there is a group.
    picture = await _async_picture(call)
    people = await _async_find(coordinator, call.data[ATTR_MEMBERS])
    timer = TIMERS[call.data[ATTR_TIMER]]
    info = await _async_do(
        groups.create(name, [target.chat for target in people], timer=timer), name
    )
    if description := call.data.get(ATTR_DESCRIPTION):
        await _async_do(groups.describe(info.jid, description), name)
    if picture is not None:
        await _async_do(groups.set_picture(info.jid, picture), name)
    if not call.return_response:
        return None
    refused = [member for member in info.members if member.error is not None]
    return {
        "chat_id": str(info.jid),
        "name": info.name,
        "refused": [_describe_member(coordinator, member) for member in refused],
    }


async def _async_update_group(call: ServiceCall) -> None:
    """Change what a group is; each change is one of its own."""
    coordinator, target = await _async_group_of(call)
    groups, data = coordinator.client.groups, call.data
    picture = await _async_picture(call)
    if ATTR_NAME in data:
        await _async_do(groups.rename(target.chat, data[ATTR_NAME]), target.name)
    if ATTR_DESCRIPTION in data:
        await _async_do(groups.describe(target.chat, data[ATTR_DESCRIPTION]), target.name)
    settings = {setting: data[setting] for setting in _SETTINGS if setting in data}
    if ATTR_TIMER in data:
        settings[ATTR_TIMER] = TIMERS[data[ATTR_TIMER]]
    if settings:
        await _async_do(groups.configure(target.chat, **settings), target.name)
    if picture is not None:
        await _async_do(groups.set_picture(target.chat, picture), target.name)


async def _async_manage_members(call: ServiceCall) -> ServiceResponse:
    """Add, remove, promote, demote, approve or reject.

    With response data, those whom it failed for are named in there; else it is an error.
    """
    coordinator, target = await _async_group_of(call)
    groups = coordinator.client.groups
    outcomes: list[Any] = []
    for name, change in _CHANGES.items():
        if name not in call.data:
            continue
        people = [each.chat for each in await _async_find(coordinator, call.data[name])]
        if isinstance(change, MemberChange):
            work = groups.change_members(target.chat, change, people)
        else:
            work = groups.decide(target.chat, change, people)
        members = await _async_do(work, target.name)
        outcomes += [
            {"change": name, **_describe_member(coordinator, member)} for member in members
        ]
    failed = [each for each in outcomes if "error" in each]
    if call.return_response:
        return {"chat_id": str(target.chat), "members": outcomes}
    if failed:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="some_members_failed",
            translation_placeholders={
                "name": target.name,
                "members": ", ".join(
                    f"{each['phone'] or each['id']} ({each['error']})" for each in failed
                ),
            },
        )
    return None


async def _async_join_group(call: ServiceCall) -> ServiceResponse:
    """Join the group that a link leads to."""
    coordinator = connection_of(call)
    link: str = call.data[ATTR_LINK]
    joined = await _async_do(coordinator.client.groups.join(link), link, invitation=True)
    if not call.return_response:
        return None
    return {"chat_id": str(joined.group), "pending": joined.pending}


async def _async_leave_group(call: ServiceCall) -> None:
    """Leave a group."""
    coordinator, target = await _async_group_of(call)
    await _async_do(coordinator.client.groups.leave(target.chat), target.name)


async def _async_get_invite_link(call: ServiceCall) -> ServiceResponse:
    """Give the link that leads into a group, or a new one."""
    coordinator, target = await _async_group_of(call)
    reset: bool = call.data[ATTR_RESET]
    link = await _async_do(
        coordinator.client.groups.invite_link(target.chat, reset=reset), target.name
    )
    return {"chat_id": str(target.chat), "link": link}


async def _async_get_group(call: ServiceCall) -> ServiceResponse:
    """Tell all about a group."""
    coordinator, target = await _async_group_of(call)
    info = await _async_do(coordinator.client.groups.get(target.chat), target.name)
    return {
        "chat_id": str(info.jid),
        "name": info.name,
        "description": info.description,
        "created_at": dt_util.utc_from_timestamp(info.created_at).isoformat(),
        "creator": None if info.creator is None else str(info.creator),
        ATTR_ONLY_ADMINS_SEND: info.only_admins_send,
        ATTR_ONLY_ADMINS_EDIT: info.only_admins_edit,
        ATTR_ONLY_ADMINS_ADD: info.only_admins_add,
        ATTR_APPROVAL: info.approval,
        ATTR_TIMER: _timer_text(info),
        "is_community": info.is_community,
        "community": None if info.parent is None else str(info.parent),
        ATTR_MEMBERS: [_describe_member(coordinator, member) for member in info.members],
    }


async def _async_picture(call: ServiceCall) -> bytes | None:
    """Get the picture that a call names, if it names one."""
    return await async_profile_picture(call.hass, call.data) if has_source(call.data) else None


def _timer_text(info: GroupInfo) -> str | int:
    return next((name for name, seconds in TIMERS.items() if seconds == info.timer), info.timer)


def _describe_member(coordinator: WhatsAppCoordinator, member: GroupMember) -> dict[str, Any]:
    phones = [coordinator.client.phone_of(jid) for jid in (member.jid, member.alternate) if jid]
    described: dict[str, Any] = {
        "id": str(member.jid),
        "phone": next((phone_text(phone) for phone in phones if phone is not None), None),
        "role": member.role.value,
    }
    if member.error is not None:
        described["error"] = member.error
    return described


async def _async_find(coordinator: WhatsAppCoordinator, texts: Sequence[str]) -> list[Target]:
    """Find people; raise `HomeAssistantError` for the first who can't be."""
    return [await _async_do(async_find_target(coordinator, text), text) for text in texts]


async def _async_group_of(call: ServiceCall) -> tuple[WhatsAppCoordinator, Target]:
    """Find the group that a call means."""
    coordinator, target = await async_chat_of(call)
    if not target.chat.is_group:
        raise _invalid("not_a_group", recipient=call.data[ATTR_RECIPIENT])
    return coordinator, target


async def _async_do[R](work: Awaitable[R], name: str, *, invitation: bool = False) -> R:
    """Do something; raise `HomeAssistantError` when it fails."""
    try:
        return await work
    except IqError as err:
        key = _INVITATION_ERRORS.get(err.code) if invitation else None
        key = key or _ERRORS.get(err.code)
        if key is None:
            raise action_error(err, name) from err
        raise _invalid(key, recipient=name) from err
    except LocalProtocolError as err:
        if invitation:
            raise _invalid("invitation_invalid", recipient=name) from err
        raise action_error(err, name) from err
    except WhatsAppError as err:
        raise action_error(err, name) from err


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


_ERRORS: Final = {
    401: "not_group_admin",
    403: "not_group_admin",
    404: "not_in_group",
    429: "too_many_questions",
}
_INVITATION_ERRORS: Final = {
    409: "already_in_group",
    **dict.fromkeys((400, 401, 403, 404, 406, 410), "invitation_invalid"),
}

ACTIONS: Final = (
    Action(
        name="create_group",
        handler=_async_create_group,
        schema=CREATE_GROUP_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(
        name="get_group",
        handler=_async_get_group,
        schema=vol.Schema(CHAT_FIELDS),
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="get_invite_link",
        handler=_async_get_invite_link,
        schema=GET_INVITE_LINK_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="join_group",
        handler=_async_join_group,
        schema=JOIN_GROUP_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(name="leave_group", handler=_async_leave_group, schema=vol.Schema(CHAT_FIELDS)),
    Action(
        name="manage_members",
        handler=_async_manage_members,
        schema=MANAGE_MEMBERS_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(name="update_group", handler=_async_update_group, schema=UPDATE_GROUP_SCHEMA),
)
