"""Actions about chats and contacts: what the phone shows, listed and changed."""

from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..aiowhatsapp import (
    LAST,
    MUTED_FOREVER,
    BookEntry,
    Chat,
    DisappearingTimer,
    Jid,
    MessageUnknown,
    WhatsAppError,
)
from ..const import ATTR_MESSAGE_ID, ATTR_RECIPIENT, DOMAIN
from ..coordinator import WhatsAppCoordinator
from ..exceptions import action_error
from ..messages import chat_type, phone_text, time_text
from ..recipients import recipient_text
from ..sending import async_send_to_chat, raise_failures
from ..targets import async_chat_of, async_find_target, connection_of
from .action import Action
from .schema import CHAT_FIELDS, CONNECTION_FIELDS

ATTR_ARCHIVED: Final = "archived"
ATTR_DISAPPEARING: Final = "disappearing"
ATTR_KIND: Final = "kind"
ATTR_LIMIT: Final = "limit"
ATTR_MUTED: Final = "muted"
ATTR_MUTED_UNTIL: Final = "muted_until"
ATTR_ON: Final = "on"
ATTR_PINNED: Final = "pinned"
ATTR_QUERY: Final = "query"
ATTR_UNREAD: Final = "unread"
MAX_LISTED: Final = 1000
DEFAULT_LISTED: Final = 100
# The times after which WhatsApp lets messages disappear.
DISAPPEARING: Final = {
    "off": timedelta(),
    "1_day": timedelta(days=1),
    "7_days": timedelta(days=7),
    "90_days": timedelta(days=90),
}
_CHANGES: Final = (
    ATTR_ARCHIVED,
    ATTR_DISAPPEARING,
    ATTR_MUTED,
    ATTR_MUTED_UNTIL,
    ATTR_PINNED,
    ATTR_UNREAD,
)
_LISTING_FIELDS: Final[dict[vol.Marker, Any]] = {
    **CONNECTION_FIELDS,
    vol.Optional(ATTR_QUERY): cv.string,
    vol.Optional(ATTR_LIMIT, default=DEFAULT_LISTED): vol.All(
        vol.Coerce(int), vol.Range(min=1, max=MAX_LISTED)
    ),
}
GET_CONTACTS_SCHEMA: Final = vol.Schema(_LISTING_FIELDS)
GET_CHATS_SCHEMA: Final = vol.Schema(
    {
        **_LISTING_FIELDS,
        vol.Optional(ATTR_KIND): vol.In(["user", "group"]),
        vol.Optional(ATTR_ARCHIVED): cv.boolean,
    }
)
UPDATE_CHAT_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **CHAT_FIELDS,
            vol.Optional(ATTR_ARCHIVED): cv.boolean,
            vol.Optional(ATTR_DISAPPEARING): vol.In(list(DISAPPEARING)),
            vol.Exclusive(ATTR_MUTED, ATTR_MUTED): cv.boolean,
            vol.Exclusive(ATTR_MUTED_UNTIL, ATTR_MUTED): cv.datetime,
            vol.Optional(ATTR_PINNED): cv.boolean,
            vol.Optional(ATTR_UNREAD): cv.boolean,
        }
    ),
    cv.has_at_least_one_key(*_CHANGES),
)
STAR_MESSAGE_SCHEMA: Final = vol.Schema(
    {
        **CONNECTION_FIELDS,
        vol.Optional(ATTR_RECIPIENT): recipient_text,
        vol.Optional(ATTR_MESSAGE_ID, default=LAST): cv.string,
        vol.Optional(ATTR_ON, default=True): cv.boolean,
    }
)


async def _async_get_chats(call: ServiceCall) -> ServiceResponse:
    """List chats, the one with the newest message first."""
    chats = await connection_of(call).client.chats.all()
    kind, archived = call.data.get(ATTR_KIND), call.data.get(ATTR_ARCHIVED)
    found: list[Any] = [
        described
        for chat in chats
        for described in [_describe_chat(chat)]
        if kind in (None, described["chat_type"])
        and archived in (None, chat.archived)
        and _fits(call, chat.name, described.get("phone"))
    ]
    return {"chats": found[: call.data[ATTR_LIMIT]]}


async def _async_get_contacts(call: ServiceCall) -> ServiceResponse:
    """List the people whose names are known, by name."""
    entries = await connection_of(call).client.chats.contacts()
    found: list[Any] = [
        described
        for entry in sorted(entries, key=lambda entry: (entry.best_name or "").casefold())
        for described in [_describe_contact(entry)]
        if _fits(call, entry.name, entry.push_name, entry.username, described.get("phone"))
    ]
    return {"contacts": found[: call.data[ATTR_LIMIT]]}


def _fits(call: ServiceCall, *texts: str | None) -> bool:
    """Whether one of the texts has in it what is searched for, if anything is."""
    query: str = call.data.get(ATTR_QUERY, "").strip().casefold()
    return not query or any(query in text.casefold() for text in texts if text)


def _describe_chat(chat: Chat) -> dict[str, Any]:
    data = {
        "chat_id": str(chat.jid),
        "name": chat.name or phone_text(chat.phone),
        "phone": phone_text(chat.phone),
        "chat_type": chat_type(chat.jid),
        "archived": chat.archived,
        "pinned": chat.pinned,
        "muted": chat.muted_until is not None,
        "muted_until": None
        if chat.muted_until in (None, MUTED_FOREVER)
        else time_text(chat.muted_until),
        "unread": chat.marked_unread or chat.unread > 0,
        "unread_count": chat.unread,
        "locked": chat.locked,
        "labels": list(chat.labels),
        "last_message_at": None
        if chat.last_message_at is None
        else time_text(chat.last_message_at),
    }
    return _known(data)


def _describe_contact(entry: BookEntry) -> dict[str, Any]:
    return _known(
        {
            "chat_id": str(entry.jid),
            "name": entry.best_name,
            "phone": phone_text(entry.phone),
            "contact_name": entry.name,
            "push_name": entry.push_name,
            "username": entry.username,
        }
    )


def _known(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}


async def _async_update_chat(call: ServiceCall) -> None:
    """Change what all devices of the account show of a chat."""
    coordinator, target = await async_chat_of(call)
    chats, chat = coordinator.client.chats, target.chat
    try:
        if (archived := call.data.get(ATTR_ARCHIVED)) is not None:
            await chats.archive(chat, archived=archived)
        if (pinned := call.data.get(ATTR_PINNED)) is not None:
            await chats.pin(chat, pinned=pinned)
        if (unread := call.data.get(ATTR_UNREAD)) is not None:
            await chats.mark_read(chat, read=not unread)
        if (muted := call.data.get(ATTR_MUTED)) is not None:
            await chats.mute(chat, MUTED_FOREVER if muted else None)
        if (until := call.data.get(ATTR_MUTED_UNTIL)) is not None:
            await chats.mute(chat, _future(until))
    except WhatsAppError as err:
        raise action_error(err, target.recipient) from err
    if (timer := call.data.get(ATTR_DISAPPEARING)) is not None:
        draft = DisappearingTimer(seconds=int(DISAPPEARING[timer].total_seconds()))
        delivery = await async_send_to_chat(coordinator, chat, draft, name=target.name)
        raise_failures(call.hass, [delivery])


def _future(until: datetime) -> int:
    """Give a time as unix seconds; raise `ServiceValidationError` unless it is to come."""
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt_util.get_default_time_zone())
    if until <= dt_util.utcnow():
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="time_is_past")
    return int(until.timestamp())


async def _async_star_message(call: ServiceCall) -> None:
    """Star a message on all devices of the account, or take the star away."""
    coordinator = connection_of(call)
    message_id: str = call.data[ATTR_MESSAGE_ID]
    recipient: str = call.data.get(ATTR_RECIPIENT, "")
    try:
        chat, found_id, sender = await _async_find(coordinator, recipient, message_id)
        await coordinator.client.chats.star(
            chat, found_id, sender=sender, starred=call.data[ATTR_ON]
        )
    except WhatsAppError as err:
        raise action_error(err, recipient or message_id) from err


async def _async_find(
    coordinator: WhatsAppCoordinator, recipient: str, message_id: str
) -> tuple[Jid, str, Jid | None]:
    """Find a message that is remembered: its chat, its id, and who else wrote it."""
    log = coordinator.client.log
    chat = (
        (await async_find_target(coordinator, recipient)).chat
        if recipient
        else await log.chat_of(message_id)
    )
    if chat is None:
        raise MessageUnknown
    entry = (
        await log.last(chat, from_me=False)
        if message_id == LAST
        else await log.find(chat, message_id)
    )
    if entry is None:
        raise MessageUnknown
    return chat, entry.id, None if entry.from_me else entry.sender


ACTIONS: Final = (
    Action(
        name="get_chats",
        handler=_async_get_chats,
        schema=GET_CHATS_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="get_contacts",
        handler=_async_get_contacts,
        schema=GET_CONTACTS_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
    Action(name="star_message", handler=_async_star_message, schema=STAR_MESSAGE_SCHEMA),
    Action(name="update_chat", handler=_async_update_chat, schema=UPDATE_CHAT_SCHEMA),
)
