"""Composing contact cards."""

from typing import Final

from ...errors import InvalidDraft
from ...proto import wire
from ..drafts import Contact, Contacts
from ..vcard import write_card
from .text import encodable

MAX_CONTACTS: Final = 256
MAX_NAME: Final = 256


def compose_contacts(draft: Contacts) -> wire.Message:
    """Compose one card or several.

    Raises `InvalidDraft` when there is none, or one has no name or a bad number.
    """
    if not 0 < len(draft.contacts) <= MAX_CONTACTS:
        raise InvalidDraft("No contacts, or too many")
    message = wire.Message()
    if len(draft.contacts) == 1:
        _fill(message.contactMessage, draft.contacts[0])
        return message
    array = message.contactsArrayMessage
    array.displayName = f"{len(draft.contacts)} contacts"
    for contact in draft.contacts:
        _fill(array.contacts.add(), contact)
    return message


def _fill(content: wire.Message.ContactMessage, contact: Contact) -> None:
    content.displayName = encodable(contact.name.strip(), MAX_NAME)
    content.vcard = write_card(
        contact.name, contact.phones, organization=contact.organization, email=contact.email
    )
