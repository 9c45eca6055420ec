"""Actions that send more than words: places, contacts, polls, invitations."""

from typing import Any, Final

from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_FRIENDLY_NAME,
    ATTR_GPS_ACCURACY,
    ATTR_LATITUDE,
    ATTR_LONGITUDE,
    ATTR_NAME,
)
from homeassistant.core import ServiceCall, ServiceResponse, State, SupportsResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..aiowhatsapp import Contact, Contacts, EventDraft, Location, Poll
from ..const import DOMAIN
from ..recipients import recipient_text
from ..targets import connection_of
from .action import Action
from .outcome import async_send
from .schema import SENDING_FIELDS

ATTR_ADDRESS: Final = "address"
ATTR_DESCRIPTION: Final = "description"
ATTR_END: Final = "end"
ATTR_MULTIPLE: Final = "multiple"
ATTR_OPTIONS: Final = "options"
ATTR_PERSON: Final = "person"
ATTR_PHONE: Final = "phone"
ATTR_PLACE: Final = "place"
ATTR_QUESTION: Final = "question"
ATTR_START: Final = "start"
MAX_OPTIONS: Final = 12

SEND_LOCATION_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **SENDING_FIELDS,
            vol.Inclusive(ATTR_LATITUDE, "coordinates"): cv.latitude,
            vol.Inclusive(ATTR_LONGITUDE, "coordinates"): cv.longitude,
            vol.Exclusive(ATTR_ENTITY_ID, "place"): cv.entity_id,
            vol.Optional(ATTR_NAME): cv.string,
            vol.Optional(ATTR_ADDRESS): cv.string,
        }
    ),
    cv.has_at_least_one_key(ATTR_LATITUDE, ATTR_ENTITY_ID),
)
SEND_CONTACT_SCHEMA: Final = vol.All(
    vol.Schema(
        {
            **SENDING_FIELDS,
            vol.Inclusive(ATTR_NAME, "card"): cv.string,
            vol.Inclusive(ATTR_PHONE, "card"): vol.All(
                cv.ensure_list, vol.Length(min=1), [recipient_text]
            ),
            vol.Optional(ATTR_PERSON): cv.entity_id,
        }
    ),
    cv.has_at_least_one_key(ATTR_NAME, ATTR_PERSON),
)
SEND_POLL_SCHEMA: Final = vol.Schema(
    {
        **SENDING_FIELDS,
        vol.Required(ATTR_QUESTION): cv.string,
        vol.Required(ATTR_OPTIONS): vol.All(
            cv.ensure_list, vol.Length(min=2, max=MAX_OPTIONS), vol.Unique(), [cv.string]
        ),
        vol.Optional(ATTR_MULTIPLE, default=False): cv.boolean,
    }
)
SEND_EVENT_SCHEMA: Final = vol.Schema(
    {
        **SENDING_FIELDS,
        vol.Required(ATTR_NAME): cv.string,
        vol.Required(ATTR_START): cv.datetime,
        vol.Optional(ATTR_END): cv.datetime,
        vol.Optional(ATTR_PLACE): cv.string,
        vol.Optional(ATTR_DESCRIPTION): cv.string,
    }
)


async def _async_send_location(call: ServiceCall) -> ServiceResponse:
    """Send coordinates, or where an entity is."""
    given = dict(call.data)
    accuracy = None
    if ATTR_ENTITY_ID in given:
        state = _state_of(call, given[ATTR_ENTITY_ID])
        given = {**_coordinates_of(state), ATTR_NAME: _name_of(state), **given}
        accuracy = state.attributes.get(ATTR_GPS_ACCURACY)
    draft = Location(
        latitude=given[ATTR_LATITUDE],
        longitude=given[ATTR_LONGITUDE],
        name=given.get(ATTR_NAME, ""),
        address=given.get(ATTR_ADDRESS, ""),
        accuracy=int(accuracy) if isinstance(accuracy, int | float) else None,
    )
    return await async_send(call, draft)


async def _async_send_contact(call: ServiceCall) -> ServiceResponse:
    """Send a card: a name and numbers, or a person whose number is known."""
    name, phones = call.data.get(ATTR_NAME), call.data.get(ATTR_PHONE, [])
    if ATTR_PERSON in call.data:
        person = call.data[ATTR_PERSON]
        name = name or _name_of(_state_of(call, person))
        people = connection_of(call).options.people
        phones = phones or [
            number
            for number, entity_id in people.items()
            if entity_id == person and number.startswith("+")
        ]
        if not phones:
            raise _invalid("person_without_number", entity_id=person)
    card = Contact(name=name or "", phones=tuple(phones))
    return await async_send(call, Contacts(contacts=(card,)))


async def _async_send_poll(call: ServiceCall) -> ServiceResponse:
    """Ask something; the votes come as events."""
    draft = Poll(
        question=call.data[ATTR_QUESTION],
        options=tuple(call.data[ATTR_OPTIONS]),
        choices=0 if call.data[ATTR_MULTIPLE] else 1,
    )
    return await async_send(call, draft)


async def _async_send_event(call: ServiceCall) -> ServiceResponse:
    """Invite to something; the answers come as events."""
    end = call.data.get(ATTR_END)
    draft = EventDraft(
        name=call.data[ATTR_NAME],
        start=int(dt_util.as_timestamp(call.data[ATTR_START])),
        end=None if end is None else int(dt_util.as_timestamp(end)),
        place_name=call.data.get(ATTR_PLACE, ""),
        description=call.data.get(ATTR_DESCRIPTION, ""),
    )
    return await async_send(call, draft)


def _state_of(call: ServiceCall, entity_id: str) -> State:
    state = call.hass.states.get(entity_id)
    if state is None:
        raise _invalid("entity_not_found", entity_id=entity_id)
    return state


def _coordinates_of(state: State) -> dict[str, Any]:
    found = {key: state.attributes.get(key) for key in (ATTR_LATITUDE, ATTR_LONGITUDE)}
    if None in found.values():
        raise _invalid("entity_without_place", entity_id=state.entity_id)
    return found


def _name_of(state: State) -> str:
    return str(state.attributes.get(ATTR_FRIENDLY_NAME, state.object_id))


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


ACTIONS: Final = tuple(
    Action(name=name, handler=handler, schema=schema, response=SupportsResponse.OPTIONAL)
    for name, handler, schema in (
        ("send_contact", _async_send_contact, SEND_CONTACT_SCHEMA),
        ("send_event", _async_send_event, SEND_EVENT_SCHEMA),
        ("send_location", _async_send_location, SEND_LOCATION_SCHEMA),
        ("send_poll", _async_send_poll, SEND_POLL_SCHEMA),
    )
)
