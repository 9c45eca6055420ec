"""Actions about people: ticks, typing, presence, look-ups, blocking, calls."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Final

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..aiowhatsapp import ChatState, Jid, WhatsAppError
from ..const import ATTR_RECIPIENT, DOMAIN
from ..coordinator import WhatsAppCoordinator
from ..exceptions import action_error
from ..messages import phone_text
from ..recipients import parse_recipient, recipient_text
from ..targets import async_chat_of, async_find_target, connection_of
from .action import Action
from .schema import CHAT_FIELDS, CONNECTION_FIELDS

ATTR_CALL_ID: Final = "call_id"
ATTR_FOR: Final = "for"
ATTR_MESSAGE_ID: Final = "message_id"
ATTR_NUMBERS: Final = "numbers"
ATTR_PLAYED: Final = "played"
ATTR_STATE: Final = "state"
AVAILABLE: Final = "available"
DEFAULT_TYPING: Final = timedelta(seconds=10)
LONGEST_TYPING: Final = timedelta(minutes=5)
# More at once is what accounts are banned for.
MAX_NUMBERS: Final = 50

MARK_READ_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **CONNECTION_FIELDS,
            vol.Optional(ATTR_RECIPIENT): recipient_text,
            vol.Optional(ATTR_MESSAGE_ID): vol.All(cv.ensure_list, [cv.string]),
            vol.Optional(ATTR_PLAYED, default=False): cv.boolean,
        }
    ),
    cv.has_at_least_one_key(ATTR_RECIPIENT, ATTR_MESSAGE_ID),
)
SET_TYPING_SCHEMA: Final = vol.Schema(
    {
        **CHAT_FIELDS,
        vol.Optional(ATTR_STATE, default=ChatState.TYPING.value): vol.In(
            [state.value for state in ChatState]
        ),
        vol.Optional(ATTR_FOR, default=DEFAULT_TYPING): vol.All(
            cv.positive_time_period, vol.Range(max=LONGEST_TYPING)
        ),
    }
)
SET_PRESENCE_SCHEMA: Final = vol.Schema(
    {**CONNECTION_FIELDS, vol.Required(ATTR_STATE): vol.In([AVAILABLE, "unavailable"])}
)
CHECK_NUMBER_SCHEMA: Final = vol.Schema(
    {
        **CONNECTION_FIELDS,
        vol.Required(ATTR_NUMBERS): vol.All(
            cv.ensure_list, vol.Length(min=1, max=MAX_NUMBERS), [recipient_text]
        ),
    }
)
REJECT_CALL_SCHEMA: Final = vol.Schema({**CONNECTION_FIELDS, vol.Required(ATTR_CALL_ID): cv.string})


async def _async_do[R](work: Awaitable[R], recipient: str) -> R:
    """Do something; raise `HomeAssistantError` when it fails."""
    try:
        return await work
    except WhatsAppError as err:
        raise action_error(err, recipient) from err


async def _async_mark_read(call: ServiceCall) -> ServiceResponse:
    """Show the blue ticks for messages, or for all of a chat."""
    coordinator = connection_of(call)
    message_ids: list[str] | None = call.data.get(ATTR_MESSAGE_ID)
    recipient: str = call.data.get(ATTR_RECIPIENT, "")
    if recipient:
        target = await _async_do(async_find_target(coordinator, recipient), recipient)
        chats: dict[Jid, list[str] | None] = {target.chat: message_ids}
    else:
        chats = await _async_do(_async_chats_of(coordinator, message_ids or []), recipient)
    reading, count = coordinator.client.reading, 0
    for chat, ids in chats.items():
        if call.data[ATTR_PLAYED] and ids is not None:
            count += await _async_do(reading.mark_played(chat, ids), recipient)
        else:
            count += await _async_do(reading.mark_read(chat, ids), recipient)
    return {"marked": count} if call.return_response else None


async def _async_chats_of(
    coordinator: WhatsAppCoordinator, message_ids: list[str]
) -> dict[Jid, list[str] | None]:
    """Find the chats of messages; what was read before is in none."""
    chats: dict[Jid, list[str]] = {}
    for message_id in message_ids:
        chat = await coordinator.client.reading.chat_of(message_id)
        if chat is not None:
            chats.setdefault(chat, []).append(message_id)
    return dict(chats)


async def _async_set_typing(call: ServiceCall) -> None:
    """Show that we type or record, for a while."""
    coordinator, target = await async_chat_of(call)
    seconds = call.data[ATTR_FOR].total_seconds()
    state = ChatState(call.data[ATTR_STATE])
    await _async_do(
        coordinator.client.presence.show(target.chat, state, seconds=seconds), target.recipient
    )


async def _async_set_presence(call: ServiceCall) -> None:
    """Come online or go."""
    coordinator = connection_of(call)
    available = call.data[ATTR_STATE] == AVAILABLE
    if coordinator.own_name is None:
        # It comes with the first contact with the phone.
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="own_name_unknown")
    await _async_do(coordinator.client.presence.set(available=available), "")


async def _async_check_number(call: ServiceCall) -> ServiceResponse:
    """Say which numbers are on WhatsApp, and under which number and chat id."""
    coordinator = connection_of(call)
    asked: list[str] = call.data[ATTR_NUMBERS]
    digits = []
    for text in asked:
        number = parse_recipient(text).number
        if number is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="invalid_number",
                translation_placeholders={"recipient": text},
            )
        digits.append(number)
    checked = await _async_do(coordinator.client.contacts.check_numbers(digits), asked[0])
    found: list[Any] = []
    for number, each in zip(digits, checked, strict=True):
        row = {"number": number, "on_whatsapp": each.chat is not None}
        if each.chat is not None:
            phone = each.phone or coordinator.client.phone_of(each.chat)
            row |= {"chat_id": str(each.chat), "phone": phone_text(phone) or number}
        found.append(row)
    return {"numbers": found}


async def _async_block_contact(call: ServiceCall) -> None:
    """Block somebody."""
    coordinator, target = await async_chat_of(call)
    await _async_do(coordinator.client.contacts.block(target.chat), target.recipient)


async def _async_unblock_contact(call: ServiceCall) -> None:
    """Unblock somebody."""
    coordinator, target = await async_chat_of(call)
    await _async_do(coordinator.client.contacts.unblock(target.chat), target.recipient)


async def _async_reject_call(call: ServiceCall) -> None:
    """Refuse a call that rings."""
    coordinator = connection_of(call)
    call_id: str = call.data[ATTR_CALL_ID]
    if call_id not in coordinator.client.calls.ringing:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="call_not_ringing")
    await _async_do(coordinator.client.calls.reject(call_id), "")


ACTIONS: Final = (
    Action(name="block_contact", handler=_async_block_contact, schema=vol.Schema(CHAT_FIELDS)),
    Action(
        name="check_number",
        handler=_async_check_number,
        schema=CHECK_NUMBER_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="mark_read",
        handler=_async_mark_read,
        schema=MARK_READ_SCHEMA,
        response=SupportsResponse.OPTIONAL,
    ),
    Action(name="reject_call", handler=_async_reject_call, schema=REJECT_CALL_SCHEMA),
    Action(name="set_presence", handler=_async_set_presence, schema=SET_PRESENCE_SCHEMA),
    Action(name="set_typing", handler=_async_set_typing, schema=SET_TYPING_SCHEMA),
    Action(name="unblock_contact", handler=_async_unblock_contact, schema=vol.Schema(CHAT_FIELDS)),
)
