"""Actions about messages that are there already."""

from datetime import timedelta
from typing import Any, Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..aiowhatsapp import (
    LAST,
    LAST_SENT,
    Delete,
    Draft,
    Edit,
    Forward,
    Jid,
    MessageUnknown,
    Pin,
    PollVote,
    Reaction,
    WhatsAppError,
)
from ..const import ATTR_MESSAGE, ATTR_MESSAGE_ID, ATTR_RECIPIENT
from ..exceptions import action_error
from ..messages import describe_logged
from ..recipients import recipient_text
from ..sending import async_send_to_chat, raise_failures
from ..targets import async_chat_of, async_find_target, connection_of
from .action import Action
from .outcome import async_send
from .schema import CHAT_FIELDS, CONNECTION_FIELDS, RECIPIENT_FIELDS

ATTR_EMOJI: Final = "emoji"
ATTR_FOR: Final = "for"
ATTR_FROM: Final = "from"
ATTR_LIMIT: Final = "limit"
ATTR_OPTIONS: Final = "options"
ATTR_SINCE: Final = "since"
MAX_LISTED: Final = 100
# The days that WhatsApp pins for.
PIN_FOR: Final = (timedelta(), timedelta(days=1), timedelta(days=7), timedelta(days=30))


def _about(default: str | None) -> dict[vol.Marker, Any]:
    """Fields that name a message; its chat may be left out where the id tells it."""
    message_id: vol.Marker = (
        vol.Required(ATTR_MESSAGE_ID)
        if default is None
        else vol.Optional(ATTR_MESSAGE_ID, default=default)
    )
    return {
        **CONNECTION_FIELDS,
        vol.Optional(ATTR_RECIPIENT): recipient_text,
        message_id: cv.string,
    }


REACT_SCHEMA: Final = vol.Schema({**_about(LAST), vol.Optional(ATTR_EMOJI, default=""): cv.string})
EDIT_SCHEMA: Final = vol.Schema({**_about(LAST_SENT), vol.Required(ATTR_MESSAGE): cv.string})
DELETE_SCHEMA: Final = vol.Schema(_about(LAST_SENT))
PIN_SCHEMA: Final = vol.Schema(
    {
        **_about(LAST),
        vol.Optional(ATTR_FOR, default=PIN_FOR[2]): vol.All(cv.time_period, vol.In(PIN_FOR)),
    }
)
VOTE_SCHEMA: Final = vol.Schema(
    {
        **_about(None),
        vol.Optional(ATTR_OPTIONS, default=list): vol.All(cv.ensure_list, [cv.string]),
    }
)
FORWARD_SCHEMA: Final = vol.Schema(
    {
        **RECIPIENT_FIELDS,
        vol.Required(ATTR_MESSAGE_ID): cv.string,
        vol.Optional(ATTR_FROM): recipient_text,
    }
)
GET_SCHEMA: Final = vol.Schema(
    {
        **CHAT_FIELDS,
        vol.Optional(ATTR_LIMIT, default=20): vol.All(
            vol.Coerce(int), vol.Range(min=1, max=MAX_LISTED)
        ),
        vol.Optional(ATTR_SINCE): cv.datetime,
    }
)


async def _async_say(call: ServiceCall, draft: Draft) -> ServiceResponse:
    """Say something about a message, in the chat that it is in."""
    coordinator = connection_of(call)
    recipient: str | None = call.data.get(ATTR_RECIPIENT)
    if recipient is None:
        chat = await _async_chat_with(call, call.data[ATTR_MESSAGE_ID])
        delivery = await async_send_to_chat(coordinator, chat, draft)
    else:
        _, target = await async_chat_of(call)
        delivery = await async_send_to_chat(coordinator, target.chat, draft, name=target.name)
    raise_failures(call.hass, [delivery])
    return {"chats": [delivery.as_dict(call.hass)]} if call.return_response else None


async def _async_chat_with(call: ServiceCall, message_id: str) -> Jid:
    """Find the chat that a message is in."""
    coordinator = connection_of(call)
    try:
        chat = await coordinator.client.log.chat_of(message_id)
        if chat is None:
            raise MessageUnknown
    except WhatsAppError as err:
        raise action_error(err, message_id) from err
    return chat


async def _async_react(call: ServiceCall) -> ServiceResponse:
    """Put an emoji under a message; an empty one takes it back."""
    draft = Reaction(target=call.data[ATTR_MESSAGE_ID], emoji=call.data[ATTR_EMOJI])
    return await _async_say(call, draft)


async def _async_edit(call: ServiceCall) -> ServiceResponse:
    """Change the text of a message of our own."""
    draft = Edit(target=call.data[ATTR_MESSAGE_ID], text=call.data[ATTR_MESSAGE])
    return await _async_say(call, draft)


async def _async_delete(call: ServiceCall) -> ServiceResponse:
    """Take a message away from everybody."""
    return await _async_say(call, Delete(target=call.data[ATTR_MESSAGE_ID]))


async def _async_pin(call: ServiceCall) -> ServiceResponse:
    """Pin a message for everybody, or take it off."""
    seconds = int(call.data[ATTR_FOR].total_seconds())
    return await _async_say(call, Pin(target=call.data[ATTR_MESSAGE_ID], seconds=seconds))


async def _async_vote(call: ServiceCall) -> ServiceResponse:
    """Vote in a poll, instead of whatever was chosen before."""
    options = tuple(call.data[ATTR_OPTIONS])
    return await _async_say(call, PollVote(target=call.data[ATTR_MESSAGE_ID], options=options))


async def _async_forward(call: ServiceCall) -> ServiceResponse:
    """Pass a message on to others."""
    message_id, source = call.data[ATTR_MESSAGE_ID], call.data.get(ATTR_FROM)
    if source is None:
        chat = await _async_chat_with(call, message_id)
    else:
        try:
            chat = (await async_find_target(connection_of(call), source)).chat
        except WhatsAppError as err:
            raise action_error(err, source) from err
    return await async_send(call, Forward(chat=chat, target=message_id))


async def _async_get(call: ServiceCall) -> ServiceResponse:
    """List the last messages of a chat, oldest first, as far as they are remembered."""
    coordinator, target = await async_chat_of(call)
    since = call.data.get(ATTR_SINCE)
    try:
        messages = await coordinator.client.log.messages(
            target.chat,
            limit=call.data[ATTR_LIMIT],
            since=0 if since is None else int(dt_util.as_timestamp(since)),
        )
    except WhatsAppError as err:
        raise action_error(err, target.recipient) from err
    origin = coordinator.origin()
    return {"messages": [describe_logged(message, origin) for message in messages]}


ACTIONS: Final = (
    *(
        Action(name=name, handler=handler, schema=schema, response=SupportsResponse.OPTIONAL)
        for name, handler, schema in (
            ("delete_message", _async_delete, DELETE_SCHEMA),
            ("edit_message", _async_edit, EDIT_SCHEMA),
            ("forward_message", _async_forward, FORWARD_SCHEMA),
            ("pin_message", _async_pin, PIN_SCHEMA),
            ("react", _async_react, REACT_SCHEMA),
            ("vote_poll", _async_vote, VOTE_SCHEMA),
        )
    ),
    Action(
        name="get_messages",
        handler=_async_get,
        schema=GET_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
)
