"""Which connection and which chat an action means."""

from dataclasses import dataclass
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError

from .aiowhatsapp import BookEntry, Jid, Status, WhatsAppError
from .const import ATTR_CONFIG_ENTRY_ID, ATTR_RECIPIENT, DOMAIN
from .coordinator import WhatsAppConfigEntry, WhatsAppCoordinator
from .exceptions import action_error
from .messages import phone_text
from .recipients import Recipient, parse_recipient

MAX_NAME: Final = 128
MAX_CANDIDATES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A chat that somebody named; `name` is what people know it by."""

    recipient: str
    chat: Jid
    name: str


@callback
def connection_of(call: ServiceCall) -> WhatsAppCoordinator:
    """Find the connection that a call means; raise `ServiceValidationError`."""
    entry_id = call.data.get(ATTR_CONFIG_ENTRY_ID)
    entry = _only_entry(call.hass) if entry_id is None else _entry(call.hass, entry_id)
    if entry.state is not ConfigEntryState.LOADED:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="entry_not_loaded",
            translation_placeholders={"name": entry.title},
        )
    return entry.runtime_data


async def async_chat_of(call: ServiceCall) -> tuple[WhatsAppCoordinator, Target]:
    """Find the connection and the one chat that a call means; raise `HomeAssistantError`."""
    coordinator = connection_of(call)
    text: str = call.data[ATTR_RECIPIENT]
    try:
        return coordinator, await async_find_target(coordinator, text)
    except WhatsAppError as err:
        raise action_error(err, text) from err


async def async_find_target(coordinator: WhatsAppCoordinator, text: str) -> Target:
    """Find the chat that a text names; raise `WhatsAppError` or `HomeAssistantError`.

    A text that is no number or chat id is a name, as the phone shows it.
    """
    try:
        recipient = parse_recipient(text)
    except ServiceValidationError as err:
        if err.translation_key != "invalid_number" or not any(map(str.isalpha, text)):
            raise
        return await _async_find_by_name(coordinator, text)
    chat = await _async_resolve(coordinator, recipient)
    return Target(
        recipient=recipient.text, chat=chat, name=await _async_name(coordinator, recipient, chat)
    )


async def _async_find_by_name(coordinator: WhatsAppCoordinator, text: str) -> Target:
    """Find the one person or group of a name.

    The phone's address book counts more than what a group is called, which others choose.
    """
    groups = _groups_named(coordinator, text)
    known = coordinator.client.groups.names
    # A group that is called otherwise by now is not meant.
    listed = await coordinator.client.chats.find(text[:MAX_NAME])
    people = [entry for entry in listed if entry.jid.is_user]
    others = [entry for entry in listed if not entry.jid.is_user and entry.jid not in known]
    found = people or others + groups
    if not found:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="unknown_name",
            translation_placeholders={"recipient": text[:MAX_NAME]},
        )
    if len(found) > 1:
        candidates = ", ".join(map(_candidate, found[:MAX_CANDIDATES]))
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="ambiguous_name",
            translation_placeholders={"recipient": text[:MAX_NAME], "candidates": candidates},
        )
    return Target(recipient=text, chat=found[0].jid, name=found[0].best_name or text)


def _candidate(entry: BookEntry) -> str:
    """Tell one of several from the others: by a name and what to write instead."""
    return f"{entry.best_name} ({phone_text(entry.phone) or entry.jid})"


async def _async_resolve(coordinator: WhatsAppCoordinator, recipient: Recipient) -> Jid:
    if recipient.chat is not None:
        return recipient.chat
    if recipient.number is not None:
        client = coordinator.line.client
        if client.status is Status.CONNECTED:
            return await client.resolve_number(recipient.number)
        # Looked up when the message leaves; who is not on WhatsApp is told of then.
        return Jid.of_number(recipient.number.removeprefix("+"))
    return coordinator.client.own_jid


async def _async_name(coordinator: WhatsAppCoordinator, recipient: Recipient, chat: Jid) -> str:
    if recipient.is_me:
        return coordinator.own_name or coordinator.phone
    client = coordinator.client
    if chat.is_group:
        return client.groups.name_of(chat) or recipient.text
    return await client.name_of(chat) or phone_text(client.phone_of(chat)) or recipient.text


def _groups_named(coordinator: WhatsAppCoordinator, text: str) -> list[BookEntry]:
    """Find the groups of a name."""
    wanted = text.strip().casefold()
    return [
        BookEntry(jid=group, phone=None, name=name, push_name=None, username=None)
        for group, name in coordinator.client.groups.names.items()
        if name.strip().casefold() == wanted
    ]


def _entry(hass: HomeAssistant, entry_id: str) -> WhatsAppConfigEntry:
    entry = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="entry_not_found",
            translation_placeholders={"entry_id": entry_id},
        )
    return entry


def _only_entry(hass: HomeAssistant) -> WhatsAppConfigEntry:
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    usable = [entry for entry in entries if not entry.disabled_by] or entries
    if not usable:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_entry")
    if len(usable) > 1:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="several_entries")
    return usable[0]
