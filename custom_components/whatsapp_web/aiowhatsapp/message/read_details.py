"""Reading what messages of some kinds say beyond their text; nothing here raises."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from ..errors import DecodeError
from ..jid import Jid
from ..proto import wire
from .details import (
    AlbumDetails,
    ContactDetails,
    ContactsDetails,
    Details,
    EventDetails,
    InviteDetails,
    LocationDetails,
    Option,
    OptionsDetails,
    PollDetails,
    PreviewDetails,
    ReplyDetails,
)
from .poll import MAX_OPTION, MAX_OPTIONS_READ
from .vcard import read_card

MAX_LINE: Final = 2048
MAX_TEXT: Final = 65_536
MAX_CONTACTS: Final = 256
# Behind name and numbers there may be a photo, which nobody needs.
MAX_CARD: Final = 8192
MAX_TIME: Final = 253_402_300_799
MAX_COUNT: Final = 1000


def read_details(message: wire.Message) -> Details | None:
    """Read the details of a message that is out of its envelopes, if its kind has any."""
    for name, reader in _READERS.items():
        if message.HasField(name):
            return reader(message)
    return None


def line(value: str | bytes, limit: int = MAX_LINE) -> str | None:
    """Read a bounded text; the library gives bytes where the sender's UTF-8 was invalid."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text[:limit] or None


def _time(value: int) -> int | None:
    return value if 0 < value <= MAX_TIME else None


def _jid(value: str | bytes) -> Jid | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        return Jid.parse(value)
    except DecodeError:
        return None


def _place(content: wire.Message.LocationMessage) -> LocationDetails | None:
    found = LocationDetails(
        latitude=content.degreesLatitude,
        longitude=content.degreesLongitude,
        name=line(content.name),
        address=line(content.address),
        url=line(content.url),
        accuracy=content.accuracyInMeters or None,
        live=content.isLive,
    )
    return found if found.makes_sense else None


def _read_location(message: wire.Message) -> Details | None:
    return _place(message.locationMessage)


def _read_live_location(message: wire.Message) -> Details | None:
    content = message.liveLocationMessage
    found = LocationDetails(
        latitude=content.degreesLatitude,
        longitude=content.degreesLongitude,
        name=line(content.caption),
        accuracy=content.accuracyInMeters or None,
        speed=content.speedInMps if content.HasField("speedInMps") else None,
        bearing=content.degreesClockwiseFromMagneticNorth
        if content.HasField("degreesClockwiseFromMagneticNorth")
        else None,
        live=True,
        sequence=content.sequenceNumber if content.HasField("sequenceNumber") else None,
    )
    return found if found.makes_sense else None


def _card(content: wire.Message.ContactMessage) -> ContactDetails:
    card = read_card(line(content.vcard, MAX_CARD) or "")
    return ContactDetails(name=line(content.displayName) or card.name, phones=card.phones)


def _read_contact(message: wire.Message) -> Details:
    return ContactsDetails(contacts=(_card(message.contactMessage),))


def _read_contacts(message: wire.Message) -> Details:
    cards = islice(message.contactsArrayMessage.contacts, MAX_CONTACTS)
    return ContactsDetails(contacts=tuple(_card(card) for card in cards))


def _poll_reader(name: str) -> Callable[[wire.Message], Details]:
    def read(message: wire.Message) -> Details:
        content: wire.Message.PollCreationMessage = getattr(message, name)
        options = islice(content.options, MAX_OPTIONS_READ)
        return PollDetails(
            options=tuple(line(each.optionName, MAX_OPTION) or "" for each in options),
            choices=min(content.selectableOptionsCount, MAX_OPTIONS_READ),
        )

    return read


def _read_event(message: wire.Message) -> Details:
    content = message.eventMessage
    return EventDetails(
        description=line(content.description, MAX_TEXT),
        start=_time(content.startTime),
        end=_time(content.endTime),
        place=_place(content.location) if content.HasField("location") else None,
        join_link=line(content.joinLink),
        canceled=content.isCanceled,
    )


def _read_group_invite(message: wire.Message) -> Details:
    content = message.groupInviteMessage
    return InviteDetails(
        group=_jid(content.groupJid),
        code=line(content.inviteCode),
        name=line(content.groupName),
        expires_at=_time(content.inviteExpiration),
    )


def _read_channel_invite(message: wire.Message) -> Details:
    content = message.newsletterAdminInviteMessage
    return InviteDetails(
        group=_jid(content.newsletterJid),
        code=None,
        name=line(content.newsletterName),
        expires_at=_time(content.inviteExpiration),
    )


def _read_text(message: wire.Message) -> Details | None:
    content = message.extendedTextMessage
    url = line(content.matchedText)
    if url is None:
        return None
    return PreviewDetails(url=url, title=line(content.title), description=line(content.description))


def _read_buttons(message: wire.Message) -> Details:
    content = message.buttonsMessage
    return _options((each.buttonId, each.buttonText.displayText) for each in content.buttons)


def _read_list(message: wire.Message) -> Details:
    content = message.listMessage
    return _options(
        (row.rowId, row.title)
        for section in islice(content.sections, MAX_OPTIONS_READ)
        for row in section.rows
    )


def _read_interactive(message: wire.Message) -> Details:
    content = message.interactiveMessage.nativeFlowMessage
    return _options((each.name, each.buttonParamsJson) for each in content.buttons)


def _options(pairs: Iterable[tuple[str | bytes, str | bytes]]) -> OptionsDetails:
    return OptionsDetails(
        options=tuple(
            Option(id=line(key) or "", text=line(text) or "")
            for key, text in islice(pairs, MAX_OPTIONS_READ)
        )
    )


def _read_interactive_reply(message: wire.Message) -> Details:
    response = message.interactiveResponseMessage.nativeFlowResponseMessage
    return ReplyDetails(parameters=line(response.paramsJson, MAX_TEXT))


def _read_album(message: wire.Message) -> Details:
    content = message.albumMessage
    return AlbumDetails(
        images=min(content.expectedImageCount, MAX_COUNT),
        videos=min(content.expectedVideoCount, MAX_COUNT),
    )


_READERS: Final[dict[str, Callable[[wire.Message], Details | None]]] = {
    "extendedTextMessage": _read_text,
    "locationMessage": _read_location,
    "liveLocationMessage": _read_live_location,
    "contactMessage": _read_contact,
    "contactsArrayMessage": _read_contacts,
    "eventMessage": _read_event,
    "groupInviteMessage": _read_group_invite,
    "newsletterAdminInviteMessage": _read_channel_invite,
    "buttonsMessage": _read_buttons,
    "listMessage": _read_list,
    "interactiveMessage": _read_interactive,
    "interactiveResponseMessage": _read_interactive_reply,
    "albumMessage": _read_album,
} | {
    name: _poll_reader(name)
    for name in (
        "pollCreationMessage",
        "pollCreationMessageV2",
        "pollCreationMessageV3",
        "pollCreationMessageV5",
        "pollCreationMessageV6",
    )
}
