"""Composing polls and event messages; both need a secret beside them."""

from typing import Final

from ...errors import InvalidDraft
from ...proto import wire
from ..drafts import EventDraft, Poll
from ..poll import MAX_OPTION, MAX_OPTIONS
from .place import fill_location
from .text import encodable

MAX_QUESTION: Final = 1024
MAX_NAME: Final = 256
MAX_DESCRIPTION: Final = 4096
# The end of the year 9999.
MAX_TIME: Final = 253_402_300_799


def compose_poll(draft: Poll) -> wire.Message:
    """Compose a poll of 2 to 12 different options.

    Raises `InvalidDraft` when it is no poll.
    """
    options = [encodable(option.strip(), MAX_OPTION) for option in draft.options]
    if not 2 <= len(options) <= MAX_OPTIONS or len(set(options)) < len(options):
        raise InvalidDraft("A poll has 2 to 12 different options")
    if not draft.question.strip() or not all(options):
        raise InvalidDraft("A poll's question and options say something")
    if not 0 <= draft.choices <= len(options):
        raise InvalidDraft("More choices than options")
    message = wire.Message()
    content = message.pollCreationMessageV3 if draft.choices == 1 else message.pollCreationMessage
    content.name = encodable(draft.question.strip(), MAX_QUESTION)
    for option in options:
        content.options.add(optionName=option)
    content.selectableOptionsCount = draft.choices
    content.pollContentType = wire.Message.PollContentType.TEXT
    return message


def compose_event(draft: EventDraft) -> wire.Message:
    """Compose an invitation; raise `InvalidDraft` when it has no name or no time."""
    if not draft.name.strip() or not 0 < draft.start <= MAX_TIME:
        raise InvalidDraft("An event has a name and a start")
    if draft.end is not None and not draft.start <= draft.end <= MAX_TIME:
        raise InvalidDraft("An event ends after it began")
    message = wire.Message()
    content = message.eventMessage
    content.name = encodable(draft.name.strip(), MAX_NAME)
    content.isCanceled = draft.canceled
    content.startTime = draft.start
    if draft.end is not None:
        content.endTime = draft.end
    if draft.description:
        content.description = encodable(draft.description, MAX_DESCRIPTION)
    if draft.join_link:
        content.joinLink = encodable(draft.join_link, MAX_NAME)
    if draft.place is not None:
        fill_location(content.location, draft.place)
    elif draft.place_name:
        content.location.name = encodable(draft.place_name, MAX_NAME)
    content.extraGuestsAllowed = draft.guests_allowed
    return message
