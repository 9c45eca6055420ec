"""From a draft to a message."""

from typing import assert_never

from ...errors import InvalidDraft
from ...proto import wire
from ..drafts import (
    Addon,
    Album,
    Contacts,
    Content,
    Delete,
    DisappearingTimer,
    Edit,
    EventDraft,
    EventResponse,
    Keep,
    LiveLocation,
    Location,
    Pin,
    Poll,
    PollVote,
    Reaction,
    StatusText,
    Text,
)
from .addon import (
    Sealer,
    compose_delete,
    compose_edit,
    compose_event_response,
    compose_keep,
    compose_pin,
    compose_reaction,
    compose_vote,
)
from .contacts import compose_contacts
from .place import compose_live_location, compose_location
from .poll import compose_event, compose_poll
from .text import compose_status_text, compose_text

__all__ = ["Sealer", "compose", "compose_addon", "compose_timer"]

# What the official clients offer; they ignore others.
TIMERS = (0, 86_400, 604_800, 7_776_000)
MAX_ALBUM = 30


def compose(draft: Content) -> wire.Message:
    """Compose what stands alone; raise `InvalidDraft` when it makes no sense."""
    match draft:
        case Text():
            message = compose_text(draft.text, preview=draft.preview)
        case StatusText():
            message = compose_status_text(draft)
        case Location():
            message = compose_location(draft)
        case LiveLocation():
            message = compose_live_location(draft)
        case Contacts():
            message = compose_contacts(draft)
        case Poll():
            message = compose_poll(draft)
        case EventDraft():
            message = compose_event(draft)
        case Album():
            message = _compose_album(draft)
        case _:
            assert_never(draft)
    return message


def compose_addon(
    draft: Addon,
    key: wire.MessageKey,
    *,
    original: wire.Message | None,
    sealer: Sealer,
    now_ms: int,
) -> wire.Message:
    """Compose what is about the message that `key` names.

    `original` is that message, where we have it; `sealer` encrypts under its secret and
    raises what the caller is to see when there is none.
    """
    match draft:
        case Reaction():
            message = compose_reaction(key, draft.emoji, now_ms=now_ms)
        case Edit():
            message = compose_edit(key, draft.text, original=original, now_ms=now_ms)
        case Delete():
            message = compose_delete(key)
        case Pin():
            message = compose_pin(key, draft.seconds, now_ms=now_ms)
        case Keep():
            message = compose_keep(key, keep=draft.keep, now_ms=now_ms)
        case PollVote():
            message = compose_vote(key, draft.options, sealer=sealer, now_ms=now_ms)
        case EventResponse():
            message = compose_event_response(
                key, draft.answer, guests=draft.guests, sealer=sealer, now_ms=now_ms
            )
        case _:
            assert_never(draft)
    return message


def compose_timer(draft: DisappearingTimer, *, now: int) -> wire.Message:
    """Set the timer of a chat with a person."""
    if draft.seconds not in TIMERS:
        raise InvalidDraft("Messages disappear after 1, 7 or 90 days")
    message = wire.Message()
    protocol = message.protocolMessage
    protocol.type = wire.Message.ProtocolMessage.Type.EPHEMERAL_SETTING
    protocol.ephemeralExpiration = draft.seconds
    protocol.ephemeralSettingTimestamp = now
    return message


def _compose_album(draft: Album) -> wire.Message:
    if not 0 < draft.images + draft.videos <= MAX_ALBUM or min(draft.images, draft.videos) < 0:
        raise InvalidDraft("An album holds 1 to 30 pictures and videos")
    message = wire.Message()
    message.albumMessage.expectedImageCount = draft.images
    message.albumMessage.expectedVideoCount = draft.videos
    return message
