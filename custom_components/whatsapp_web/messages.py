"""A message as Home Assistant's listeners get it: plain JSON, nothing of the protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from homeassistant.util import dt as dt_util

from .aiowhatsapp import IncomingMessage, Jid, MessageKind, QuotedMessage
from .const import (
    ATTR_CONFIG_ENTRY_ID,
    EVENT_EVENT_RESPONSE,
    EVENT_MESSAGE_DELETED,
    EVENT_MESSAGE_EDITED,
    EVENT_MESSAGE_RECEIVED,
    EVENT_POLL_VOTE,
    EVENT_REACTION,
)
from .media.received import describe_media
from .message_details import describe_details

# The types of the event entity; a kind without one of its own is `other`.
EVENT_TYPE_OTHER: Final = "other"
_EVENT_TYPES: Final[dict[MessageKind, str]] = {
    MessageKind.TEXT: "text",
    MessageKind.IMAGE: "media",
    MessageKind.VIDEO: "media",
    MessageKind.GIF: "media",
    MessageKind.VIDEO_NOTE: "media",
    MessageKind.AUDIO: "media",
    MessageKind.VOICE: "media",
    MessageKind.DOCUMENT: "media",
    MessageKind.STICKER: "media",
    MessageKind.LOCATION: "location",
    MessageKind.LIVE_LOCATION: "location",
    MessageKind.CONTACT: "contact",
    MessageKind.CONTACTS: "contact",
    MessageKind.POLL: "poll",
    MessageKind.POLL_VOTE: "poll_vote",
    MessageKind.REACTION: "reaction",
    MessageKind.EDIT: "edit",
    MessageKind.DELETE: "delete",
}
EVENT_TYPES: Final = [*dict.fromkeys(_EVENT_TYPES.values()), EVENT_TYPE_OTHER]

# By the server of a chat's address; everything else is a person.
_CHAT_TYPES: Final = {"g.us": "group", "broadcast": "status", "newsletter": "channel"}

# What is about another message, and no message of its own to an automation: what it fires,
# if anything.
_ABOUT_ANOTHER: Final[dict[MessageKind, str | None]] = {
    MessageKind.REACTION: EVENT_REACTION,
    MessageKind.POLL_VOTE: EVENT_POLL_VOTE,
    MessageKind.EVENT_RESPONSE: EVENT_EVENT_RESPONSE,
    MessageKind.EDIT: EVENT_MESSAGE_EDITED,
    MessageKind.DELETE: EVENT_MESSAGE_DELETED,
    MessageKind.PIN: None,
    MessageKind.KEEP: None,
    MessageKind.PROTOCOL: None,
}


_OF_THE_ACCOUNT: Final = (ATTR_CONFIG_ENTRY_ID, "connection", "device_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOrigin:
    """The account that a message came to."""

    config_entry_id: str
    connection: str
    device_id: str | None
    addresses: frozenset[Jid]
    stale_after: timedelta
    people: Mapping[str, str] = field(default_factory=dict)
    # What the phone calls a person or a group, if anything.
    name_of: Callable[[Jid], str | None] = lambda _: None

    def person_of(self, phone: str | None, chat_id: str) -> str | None:
        """Find the person entity that somebody said belongs to a number or chat id."""
        return self.people.get(phone or "") or self.people.get(chat_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message, described; `bus_event` is what it fires, if anything."""

    event_type: str
    bus_event: str | None
    data: dict[str, Any]


def describe_message(message: IncomingMessage, origin: MessageOrigin) -> ReceivedMessage:
    """Describe a message; what does not apply to it is left out."""
    kind = message.content.kind
    data = {
        ATTR_CONFIG_ENTRY_ID: origin.config_entry_id,
        "connection": origin.connection,
        "device_id": origin.device_id,
        **_describe_people(message, origin),
        "message_id": message.id,
        "timestamp": time_text(message.timestamp),
        "type": kind.value,
        "text": message.text,
        "from_me": message.from_me,
        "is_group": message.is_group,
        "mentioned_me": _mentions_me(message, origin),
        "forwarded": message.content.forwarded,
        "stale": _is_stale(message, origin.stale_after),
        "reply_to": _describe_quoted(message.content.quoted),
        "emoji": message.content.reaction,
        "target_message_id": message.content.target.id if message.content.target else None,
        "media": describe_media(message, origin.config_entry_id),
        "choice": message.content.choice,
        "view_once": message.content.view_once or None,
        "unknown_type": message.content.type_name,
        **describe_details(message.content.details),
    }
    # A sender without a known number is said to have none; all else is left out.
    kept = {key: value for key, value in data.items() if value is not None or key == "sender_phone"}
    return ReceivedMessage(
        event_type=_EVENT_TYPES.get(kind, EVENT_TYPE_OTHER),
        bus_event=_ABOUT_ANOTHER.get(kind, EVENT_MESSAGE_RECEIVED),
        data=kept,
    )


def describe_logged(message: IncomingMessage, origin: MessageOrigin) -> dict[str, Any]:
    """Describe a message that is remembered; which account it came to is known."""
    data = describe_message(message, origin).data
    return {key: value for key, value in data.items() if key not in _OF_THE_ACCOUNT}


def chat_type(chat: Jid) -> str:
    """Say what a chat is: user, group, status or channel."""
    return _CHAT_TYPES.get(chat.server, "user")


def phone_text(jid: Jid | None) -> str | None:
    """Write a number as people do."""
    return None if jid is None or not jid.is_phone_number else f"+{jid.user}"


def _describe_people(message: IncomingMessage, origin: MessageOrigin) -> dict[str, Any]:
    sender_phone = phone_text(message.sender_phone)
    return {
        "chat_id": str(message.chat),
        "chat_name": _chat_name(message, origin),
        "chat_type": chat_type(message.chat),
        "sender_id": str(message.sender),
        "sender_phone": sender_phone,
        "sender_name": origin.name_of(message.sender) or message.push_name or sender_phone,
        "person_entity_id": origin.person_of(sender_phone, str(message.sender)),
    }


def _chat_name(message: IncomingMessage, origin: MessageOrigin) -> str | None:
    """Name a chat as the phone does; else by what the person who wrote calls themselves."""
    if message.chat in origin.addresses:
        return origin.connection
    given = origin.name_of(message.chat)
    if given is not None or not message.chat.is_user:
        return given
    name = None if message.from_me else message.push_name
    return name or phone_text(message.chat_phone)


def _mentions_me(message: IncomingMessage, origin: MessageOrigin) -> bool:
    """Whether somebody else names the account, by number or LID, or everybody in the group."""
    content = message.content
    if content.mentions_all and not message.from_me:
        return True
    return any(jid.bare in origin.addresses for jid in content.mentions)


def _describe_quoted(quoted: QuotedMessage | None) -> dict[str, str] | None:
    if quoted is None:
        return None
    described = {"message_id": quoted.id}
    if quoted.text is not None:
        described["text"] = quoted.text
    return described


def time_text(timestamp: int) -> str:
    """Write a time as ISO 8601 in UTC; one that no calendar has becomes now."""
    try:
        return dt_util.utc_from_timestamp(timestamp).isoformat()
    except OverflowError, OSError, ValueError:
        return dt_util.utcnow().isoformat(timespec="seconds")


def _is_stale(message: IncomingMessage, stale_after: timedelta) -> bool:
    age = dt_util.utcnow().timestamp() - message.timestamp
    return message.offline and age > stale_after.total_seconds()
