"""What `data` of a notification asks for: answers to choose from, and one message a tag.

Answers are sent as a poll, for these arrive on every phone; a vote fires the event that
the Companion app fires for a button. A message with the tag of an earlier one takes its
place: by an edit, where WhatsApp allows that, else by deleting the earlier.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
import json
import secrets
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .aiowhatsapp import (
    Client,
    Delete,
    Draft,
    Edit,
    Jid,
    MessageEvent,
    Poll,
    PollVoteReceived,
    StoreError,
    Text,
    VoteDetails,
    WhatsAppError,
    new_message_id,
)
from .const import ATTR_MENTIONS, ATTR_REPLY_TO, LOGGER
from .how import AS_USUAL, QUEUE_FIELDS, How, how_of
from .recipients import recipient_text

EVENT_ACTION: Final = "mobile_app_notification_action"
# As the Companion app has it: takes the message with that tag away.
CLEAR: Final = "clear_notification"
KEEP_SECONDS: Final = 30 * 24 * 3600
# WhatsApp edits for 20 minutes; beyond 15 its own apps don't offer it.
EDITABLE_SECONDS: Final = 15 * 60
MAX_ACTIONS: Final = 12
MAX_TITLE: Final = 100
# What phones show of a question.
MAX_QUESTION: Final = 255
# A poll needs two options.
DISMISS: Final = "✖️"
_POLL: Final = "poll/"
_TAG: Final = "tag/"

ACTION_SCHEMA: Final = vol.Schema(
    {
        vol.Required("action"): cv.string,
        vol.Required("title"): vol.All(cv.string, vol.Length(min=1, max=MAX_TITLE)),
    },
    extra=vol.ALLOW_EXTRA,
)
# Keys of others, as the Companion app's, do no harm.
DATA_SCHEMA: Final = vol.Schema(
    {
        **QUEUE_FIELDS,
        vol.Optional(ATTR_REPLY_TO): cv.string,
        vol.Optional(ATTR_MENTIONS): vol.All(cv.ensure_list, [recipient_text]),
        vol.Optional("actions"): vol.All(
            cv.ensure_list, vol.Length(min=1, max=MAX_ACTIONS), [ACTION_SCHEMA]
        ),
        vol.Optional("tag"): vol.All(vol.Coerce(str), vol.Length(min=1, max=128)),
    },
    extra=vol.ALLOW_EXTRA,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationData:
    """`data` of a notification, as far as it is about the message itself."""

    reply_to: str | None = None
    mentions: tuple[str, ...] = ()
    actions: tuple[tuple[str, str], ...] = ()
    tag: str | None = None
    how: How = AS_USUAL

    @classmethod
    def of(cls, data: object) -> NotificationData:
        """Read `data`; raise `vol.Invalid` when it makes no sense."""
        given: dict[str, Any] = DATA_SCHEMA({} if data is None else data)
        actions = tuple((each["action"], each["title"]) for each in given.get("actions", ()))
        if len({title for _, title in actions}) < len(actions):
            raise vol.Invalid("actions have different titles", path=["actions"])
        return cls(
            reply_to=given.get(ATTR_REPLY_TO),
            mentions=tuple(given.get(ATTR_MENTIONS, ())),
            actions=actions,
            tag=given.get("tag"),
            # The Companion app has a `timeout` too, which is another.
            how=how_of({key: given[key] for key in QUEUE_FIELDS if key in given}),
        )


@dataclass(frozen=True, slots=True)
class _Tagged:
    """The message that has a tag now."""

    message_id: str
    sent_at: float
    is_poll: bool


@dataclass(slots=True)
class Notifications:
    """The notifications of one account that something can still happen to."""

    hass: HomeAssistant
    client: Client
    _actions: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def async_load(self) -> None:
        """Read what is to be done when somebody votes; before messages are handed over."""
        try:
            notes = await self.client.notes.all(_POLL)
        except StoreError as err:
            LOGGER.warning("Actions of sent notifications can't be read: %s", err)
            return
        self._actions = {name.removeprefix(_POLL): json.loads(note) for name, note in notes.items()}

    @callback
    def on_message(self, event: MessageEvent, data: dict[str, Any]) -> None:
        """Fire the action that a vote chooses; `data` describes the vote."""
        content = event.message.content
        if not isinstance(event, PollVoteReceived) or event.message.from_me:
            return
        noted = self._actions.get(content.target.id) if content.target else None
        if noted is None or not isinstance(content.details, VoteDetails):
            return
        about = {key: data[key] for key in _TOLD if data.get(key) is not None}
        for choice in content.details.choices or ():
            action = noted["actions"].get(choice)
            if action is None:
                continue
            fired = {"action": action, "title": choice, "tag": noted.get("tag"), **about}
            fired["message_id"] = content.target.id if content.target else None
            self.hass.bus.async_fire(
                EVENT_ACTION, {key: value for key, value in fired.items() if value is not None}
            )

    async def async_send(self, chat: Jid, text: str, data: NotificationData) -> str | None:
        """Send a notification to a chat; give its id, or None when it only cleared one.

        Raises `WhatsAppError`.
        """
        before = await self._tagged(chat, data.tag)
        if text == CLEAR and data.tag is not None:
            await self._clear(chat, data.tag, before)
            return None
        if before is not None and self._is_editable(before) and not data.actions:
            edit = Edit(target=before.message_id, text=text)
            await self.client.send(chat, edit, options=data.how.options)
            return before.message_id
        message_id = await self._send(chat, text, data)
        if data.tag is not None:
            await self._note_tag(chat, data.tag, message_id, is_poll=bool(data.actions))
        if before is not None:
            await self._delete(chat, before)
        return message_id

    async def _send(self, chat: Jid, text: str, data: NotificationData) -> str:
        message_id = new_message_id(
            self.client.own_jid.user,
            now=int(dt_util.utcnow().timestamp()),
            random_bytes=secrets.token_bytes,
        )
        draft: Draft = Text(text=text)
        if data.actions:
            draft, words = _poll_of(text, data.actions)
            if words:
                await self.client.send(
                    chat, Text(text=words), reply_to=data.reply_to, options=data.how.options
                )
            # Before it leaves: the vote may be faster than we are.
            await self._note_actions(message_id, data)
        await self.client.send(
            chat,
            draft,
            reply_to=data.reply_to,
            message_id=message_id,
            options=data.how.options,
        )
        return message_id

    async def _note_actions(self, message_id: str, data: NotificationData) -> None:
        noted = {"actions": {title: action for action, title in data.actions}, "tag": data.tag}
        await self.client.notes.put(
            _POLL + message_id, json.dumps(noted).encode(), keep_for=KEEP_SECONDS
        )
        self._actions[message_id] = noted

    async def _tagged(self, chat: Jid, tag: str | None) -> _Tagged | None:
        note = None if tag is None else await self.client.notes.get(_tag_name(chat, tag))
        return None if note is None else _Tagged(*json.loads(note))

    async def _note_tag(self, chat: Jid, tag: str, message_id: str, *, is_poll: bool) -> None:
        note = json.dumps([message_id, dt_util.utcnow().timestamp(), is_poll])
        await self.client.notes.put(_tag_name(chat, tag), note.encode(), keep_for=KEEP_SECONDS)

    async def _clear(self, chat: Jid, tag: str, before: _Tagged | None) -> None:
        if before is not None:
            await self._delete(chat, before)
            await self.client.notes.delete(_tag_name(chat, tag))

    async def _delete(self, chat: Jid, before: _Tagged) -> None:
        try:
            await self.client.send(chat, Delete(target=before.message_id))
        except WhatsAppError as err:
            # What it should have made room for has arrived.
            LOGGER.debug("An earlier notification was not deleted: %s", err)
        if self._actions.pop(before.message_id, None) is not None:
            await self.client.notes.delete(_POLL + before.message_id)

    def _is_editable(self, before: _Tagged) -> bool:
        age = dt_util.utcnow().timestamp() - before.sent_at
        return not before.is_poll and age < EDITABLE_SECONDS


# What the fired event tells of the vote.
_TOLD: Final = (
    "config_entry_id",
    "connection",
    "device_id",
    "chat_id",
    "sender_id",
    "sender_phone",
    "sender_name",
    "person_entity_id",
)


def _poll_of(text: str, actions: Sequence[tuple[str, str]]) -> tuple[Poll, str]:
    """Make the poll, and the words that go in front when they are too long for a question."""
    titles = [title for _, title in actions]
    options = tuple(titles if len(titles) > 1 else [*titles, DISMISS])
    words = "" if len(text) <= MAX_QUESTION else text
    question = next(line for line in text.splitlines() if line.strip())[:MAX_QUESTION]
    return Poll(question=question if words else text, options=options), words


def _tag_name(chat: Jid, tag: str) -> str:
    return f"{_TAG}{chat}/{tag}"
