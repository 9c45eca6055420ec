"""Chats and contacts by the phone's names: listed, changed, written to."""

from typing import Any

from homeassistant.core import HomeAssistant, ServiceResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
import voluptuous as vol

from custom_components.whatsapp_web.aiowhatsapp import ContactsChanged
from custom_components.whatsapp_web.const import DOMAIN, EVENT_MESSAGE_RECEIVED
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .conftest import OURS, THEIRS

pytestmark = pytest.mark.usefixtures("linked")

LONG_AGO, MUCH_LATER = "2020-01-01 00:00:00+00:00", "2099-01-01T00:00:00+00:00"
MUCH_LATER_MS = 4_070_908_800_000


class Phone:
    """The account's phone, and Home Assistant's actions beside it."""

    def __init__(self, hass: HomeAssistant, simulator: Simulator, account: Account) -> None:
        self.hass = hass
        self.simulator = simulator
        self.account = account
        self.state = account.phone.state
        self.messages = async_capture_events(hass, EVENT_MESSAGE_RECEIVED)
        self._named: set[object] = set()
        client = hass.config_entries.async_entries(DOMAIN)[0].runtime_data.client
        client.subscribe(ContactsChanged, self._on_contacts)

    def _on_contacts(self, event: ContactsChanged) -> None:
        self._named.update(event.users)
        self.simulator.ledger.happened()

    async def save(self, whom: Account, name: str) -> None:
        """Save a contact; return when Home Assistant has it."""
        self._named.clear()
        self.state.save_contact(whom, name)
        await self.simulator.ledger.until(lambda: whom.lid_jid in self._named)

    async def act(self, name: str, *, answer: bool = False, **data: Any) -> ServiceResponse:
        return await self.hass.services.async_call(
            DOMAIN, name, data, blocking=True, return_response=answer
        )

    async def listed(self, what: str, **data: Any) -> list[Any]:
        response: Any = await self.act(f"get_{what}", answer=True, **data)
        found: list[Any] = response[what]
        return found

    async def hear(self, sender: Account, text: str) -> dict[str, Any]:
        """Have somebody write; give the event's data."""
        message_id = await sender.phone.send_text(self.account, text)
        await self.simulator.ledger.until(
            lambda: any(event.data["message_id"] == message_id for event in self.messages)
        )
        return dict(self.messages[-1].data)

    async def shows(self, collection: str, *index: str) -> Any:
        """What the phone has of a record, once it has followed."""
        await self.simulator.settled()
        return self.state.of(collection).values.get(index)


@pytest.fixture
def phone(hass: HomeAssistant, simulator: Simulator, ours: Account) -> Phone:
    return Phone(hass, simulator, ours)


async def test_people_are_called_what_the_phone_calls_them(phone: Phone, theirs: Account) -> None:
    before = await phone.hear(theirs, "Hello")
    assert (before["sender_name"], before["chat_name"]) == (theirs.name, theirs.name)
    await phone.save(theirs, "Ann from next door")
    after = await phone.hear(theirs, "It's me")
    assert (after["sender_name"], after["chat_name"]) == (("Ann from next door",) * 2)
    (contact,) = await phone.listed("contacts")
    assert contact == {
        "chat_id": str(theirs.lid_jid),
        "name": "Ann from next door",
        "phone": f"+{THEIRS}",
        "contact_name": "Ann from next door",
        "push_name": theirs.name,
    }
    assert await phone.listed("contacts", query="NEXT") == [contact]
    assert await phone.listed("contacts", query="nobody") == []
    (chat,) = await phone.listed("chats", kind="user")
    assert (chat["name"], chat["unread_count"], chat["chat_type"]) == (
        "Ann from next door",
        2,
        "user",
    )
    assert await phone.listed("chats", kind="group") == []
    assert await phone.listed("chats", archived=True) == []


@pytest.mark.parametrize("name", ["Ann Example", "  ann   EXAMPLE ", "ann"])
async def test_a_name_is_written_to(phone: Phone, theirs: Account, name: str) -> None:
    await phone.save(theirs, "Ann Example")
    response: Any = await phone.act("send_message", answer=True, recipient=name, message="Hi")
    assert response["chats"][0]["name"] == "Ann Example"
    await theirs.phone.wait_message("Hi")


async def test_a_group_is_written_to_by_its_name(
    phone: Phone, simulator: Simulator, theirs: Account
) -> None:
    group = simulator.groups.create(theirs, "The Family", [phone.account])
    await simulator.settled()
    await phone.act("send_message", recipient="the family", message="Dinner")
    await theirs.phone.wait_message("Dinner")
    await phone.hear(theirs, "Two")
    assert {chat["name"] for chat in await phone.listed("chats")} == {"The Family", theirs.name}
    (chat,) = await phone.listed("chats", kind="group")
    assert chat["chat_id"] == str(group.jid)
    # Whoever is in the address book counts more than a group, whose name others choose.
    await phone.save(theirs, "The Family")
    response: Any = await phone.act(
        "send_message", answer=True, recipient="The Family", message="Only you"
    )
    assert response["chats"][0]["chat_id"] == str(theirs.lid_jid)


async def test_a_name_that_several_have_is_refused_and_they_are_named(
    phone: Phone, simulator: Simulator, theirs: Account
) -> None:
    other = simulator.add_account("15550007777", "Other")
    await phone.save(theirs, "Ann")
    await phone.save(other, "Ann")
    with pytest.raises(ServiceValidationError) as raised:
        await phone.act("send_message", recipient="Ann", message="Hi")
    assert raised.value.translation_key == "ambiguous_name"
    candidates = (raised.value.translation_placeholders or {})["candidates"]
    assert f"Ann (+{THEIRS})" in candidates
    assert "Ann (+15550007777)" in candidates
    assert theirs.phone.messages == []


async def test_what_people_call_themselves_is_no_recipient(phone: Phone, theirs: Account) -> None:
    await phone.hear(theirs, "Call me what I say")
    with pytest.raises(ServiceValidationError) as raised:
        await phone.act("send_message", recipient=theirs.name, message="Hi")
    assert raised.value.translation_key == "unknown_name"


async def test_a_name_that_nobody_has_is_refused(phone: Phone) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await phone.act("send_message", recipient="Nobody", message="Hi")
    assert raised.value.translation_key == "unknown_name"


async def test_a_chat_is_changed_on_the_phone_too(phone: Phone, theirs: Account) -> None:
    ann = str(theirs.lid_jid)
    await phone.act(
        "update_chat", recipient=f"+{THEIRS}", pinned=True, unread=True, muted_until=MUCH_LATER
    )
    assert (await phone.shows("regular_low", "pin_v1", ann)).pinAction.pinned
    assert not (await phone.shows("regular_low", "markChatAsRead", ann)).markChatAsReadAction.read
    muted = (await phone.shows("regular_high", "mute", ann)).muteAction
    assert (muted.muted, muted.muteEndTimestamp) == (True, MUCH_LATER_MS)
    (chat,) = await phone.listed("chats")
    assert (chat["pinned"], chat["unread"], chat["muted_until"]) == (True, True, MUCH_LATER)
    await phone.act("update_chat", recipient=ann, archived=True, muted=False, unread=False)
    assert (await phone.shows("regular_low", "archive", ann)).archiveChatAction.archived
    assert not (await phone.shows("regular_low", "pin_v1", ann)).pinAction.pinned
    assert not (await phone.shows("regular_high", "mute", ann)).muteAction.muted
    (chat,) = await phone.listed("chats", archived=True)
    assert (chat["pinned"], chat["unread"], chat["muted"]) == (False, False, False)


async def test_messages_of_a_chat_disappear(phone: Phone, theirs: Account) -> None:
    await phone.act("update_chat", recipient=f"+{THEIRS}", disappearing="7_days")
    await phone.simulator.settled()
    await phone.act("send_message", recipient=f"+{THEIRS}", message="Soon gone")
    sent = await theirs.phone.wait_message("Soon gone")
    assert sent.message.extendedTextMessage.contextInfo.expiration == 7 * 86400


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"muted": True, "muted_until": MUCH_LATER},
        {"disappearing": "3_days"},
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    phone: Phone, change: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await phone.act("update_chat", recipient=f"+{THEIRS}", **change)


@pytest.mark.usefixtures("theirs")
async def test_a_chat_can_not_be_muted_until_a_time_that_is_past(phone: Phone) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await phone.act("update_chat", recipient=f"+{THEIRS}", muted_until=LONG_AGO)
    assert raised.value.translation_key == "time_is_past"


async def test_a_message_is_starred(phone: Phone, theirs: Account) -> None:
    ann = str(theirs.lid_jid)
    heard = await phone.hear(theirs, "Remember this")
    await phone.act("star_message", message_id=heard["message_id"])
    index = ("star", ann, heard["message_id"], "0", "0")
    assert (await phone.shows("regular_high", *index)).starAction.starred
    await phone.act("star_message", recipient=ann, on=False)
    assert not (await phone.shows("regular_high", *index)).starAction.starred
    with pytest.raises(HomeAssistantError):
        await phone.act("star_message", message_id="unknown")


@pytest.mark.usefixtures("theirs")
async def test_what_can_not_be_written_is_said(phone: Phone, simulator: Simulator) -> None:
    """Somebody else always writes first."""
    other = simulator.add_account("15550007777", "Other")
    phone.simulator.app_states.before_patch += [lambda: phone.state.archive(other)] * 10
    with pytest.raises(HomeAssistantError) as raised:
        await phone.act("update_chat", recipient=f"+{THEIRS}", archived=True)
    assert raised.value.translation_key == "not_synchronised"
    phone.simulator.app_states.before_patch.clear()


async def test_our_own_number_is_nobody_elses_contact(phone: Phone) -> None:
    assert [
        each for each in await phone.listed("contacts") if each.get("phone") == f"+{OURS}"
    ] == []
