"""What messages of some kinds say beyond a text, as plain JSON."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from .aiowhatsapp import (
    AlbumDetails,
    ContactsDetails,
    Details,
    EventDetails,
    InviteDetails,
    LocationDetails,
    OptionsDetails,
    OptionTally,
    PollDetails,
    PreviewDetails,
    ReplyDetails,
    ResponseDetails,
    VoteDetails,
)


def describe_details(details: Details | None) -> dict[str, Any]:
    """Describe the details of a message, under the names that they have in events."""
    write = _WRITERS.get(type(details))
    return {} if write is None else _known(write(details))


def describe_location(details: LocationDetails) -> dict[str, Any]:
    """Describe a place."""
    return _known(
        {
            "latitude": details.latitude,
            "longitude": details.longitude,
            "name": details.name,
            "address": details.address,
            "url": details.url,
            "accuracy": details.accuracy,
            "speed": details.speed,
            "bearing": details.bearing,
            "live": details.live,
            "sequence": details.sequence,
        }
    )


def _describe_contacts(details: ContactsDetails) -> dict[str, Any]:
    cards = [_known({"name": card.name, "phones": list(card.phones)}) for card in details.contacts]
    return {"contacts": cards}


def _describe_response(details: ResponseDetails) -> dict[str, Any]:
    answer = details.answer
    return {"answer": None if answer is None else answer.name.lower(), "guests": details.guests}


def _describe_preview(details: PreviewDetails) -> dict[str, Any]:
    facts = {"url": details.url, "title": details.title, "description": details.description}
    return {"link_preview": _known(facts)}


def _describe_options(details: OptionsDetails) -> dict[str, Any]:
    return {"options": [{"id": option.id, "text": option.text} for option in details.options]}


def _describe_vote(details: VoteDetails) -> dict[str, Any]:
    choices, tally = details.choices, details.tally
    return {
        "question": details.question,
        "choices": None if choices is None else list(choices),
        "tally": None if tally is None else [_describe_tally(option) for option in tally],
    }


def _describe_tally(option: OptionTally) -> dict[str, Any]:
    return {
        "option": option.option,
        "votes": option.votes,
        "voters": [str(voter) for voter in option.voters],
    }


def _describe_event(details: EventDetails) -> dict[str, Any]:
    return _known(
        {
            "description": details.description,
            "start": _time_text(details.start),
            "end": _time_text(details.end),
            "location": None if details.place is None else describe_location(details.place),
            "join_link": details.join_link,
            "canceled": details.canceled,
        }
    )


def _describe_invite(details: InviteDetails) -> dict[str, Any]:
    return _known(
        {
            "chat_id": None if details.group is None else str(details.group),
            "code": details.code,
            "name": details.name,
            "expires_at": _time_text(details.expires_at),
        }
    )


def _time_text(timestamp: int | None) -> str | None:
    """Write a time as ISO 8601 in UTC; one that no calendar has is left out."""
    if timestamp is None:
        return None
    try:
        return datetime.fromtimestamp(timestamp, UTC).isoformat()
    except OverflowError, OSError, ValueError:
        return None


def _known(described: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not known."""
    return {key: value for key, value in described.items() if value is not None}


_WRITERS: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    LocationDetails: lambda place: {"location": describe_location(place)},
    ContactsDetails: _describe_contacts,
    PollDetails: lambda poll: {"poll": {"options": list(poll.options), "choices": poll.choices}},
    VoteDetails: _describe_vote,
    EventDetails: lambda event: {"event": _describe_event(event)},
    ResponseDetails: _describe_response,
    InviteDetails: lambda invite: {"invite": _describe_invite(invite)},
    PreviewDetails: _describe_preview,
    OptionsDetails: _describe_options,
    ReplyDetails: lambda reply: {"parameters": reply.parameters},
    AlbumDetails: lambda album: {"album": {"images": album.images, "videos": album.videos}},
}
