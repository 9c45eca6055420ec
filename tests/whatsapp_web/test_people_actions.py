"""The actions about people, against the simulator: what others see of them."""

import asyncio
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, ServiceResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
import voluptuous as vol

from custom_components.whatsapp_web.const import DOMAIN, EVENT_CALL, EVENT_MESSAGE_RECEIVED
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.simulator.ledger import Seen

from .conftest import OURS, THEIRS

pytestmark = pytest.mark.usefixtures("linked")

RECIPIENT = f"+{THEIRS}"
LITTLE: dict[str, Any] = {"for": 0.1}
LONG: dict[str, Any] = {"for": 3600}


class Hands:
    """Calls actions, and looks at what came of them."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self.messages = async_capture_events(hass, EVENT_MESSAGE_RECEIVED)
        self.calls = async_capture_events(hass, EVENT_CALL)

    async def act(self, name: str, *, answer: bool = False, **data: Any) -> ServiceResponse:
        return await self.hass.services.async_call(
            DOMAIN, name, data, blocking=True, return_response=answer
        )

    async def write(self, simulator: Simulator, sender: Account, to: Account, text: str) -> str:
        """Have somebody write to us; give the id, once the event has fired."""
        message_id = await sender.phone.send_text(to, text)
        await simulator.ledger.until(
            lambda: any(event.data["message_id"] == message_id for event in self.messages)
        )
        return message_id


@pytest.fixture
def hands(hass: HomeAssistant) -> Hands:
    return Hands(hass)


async def test_messages_are_marked_as_read(
    hands: Hands, simulator: Simulator, ours: Account, theirs: Account
) -> None:
    ids = [await hands.write(simulator, theirs, ours, f"message {index}") for index in range(3)]
    await simulator.settled()
    assert all(receipt.type is None for receipt in theirs.phone.receipts)
    assert await hands.act("mark_read", answer=True, message_id=ids[0]) == {"marked": 1}
    await theirs.phone.wait_receipt(ids[0], "read")
    assert await hands.act("mark_read", answer=True, message_id=ids[0]) == {"marked": 0}
    await hands.act("mark_read", recipient=RECIPIENT)
    receipt = await theirs.phone.wait_receipt(ids[2], "read")
    assert receipt.ids == (ids[1], ids[2])
    with pytest.raises(vol.Invalid):
        await hands.act("mark_read")


async def test_typing_is_shown_for_a_while(
    hands: Hands, simulator: Simulator, theirs: Account
) -> None:
    def typing(kind: str) -> Any:
        def fits(seen: Seen) -> bool:
            return seen.node.tag == "chatstate" and seen.node.child(kind) is not None

        return fits

    shown = asyncio.ensure_future(simulator.ledger.wait(typing("composing")))
    stopped = asyncio.ensure_future(simulator.ledger.wait(typing("paused")))
    await asyncio.sleep(0)
    await hands.act("set_typing", recipient=RECIPIENT, state="recording", **LITTLE)
    node = (await shown).node
    assert node.jid("to") == theirs.lid_jid
    assert node.required_child("composing").attr("media") == "audio"
    await stopped
    with pytest.raises(vol.Invalid):
        await hands.act("set_typing", recipient=RECIPIENT, **LONG)


async def test_presence_is_set(hands: Hands, simulator: Simulator, ours: Account) -> None:
    assert not simulator.presence.is_online(ours)
    await hands.act("set_presence", state="available")
    await simulator.ledger.until(lambda: simulator.presence.is_online(ours))
    await hands.act("set_presence", state="unavailable")
    await simulator.ledger.until(lambda: not simulator.presence.is_online(ours))


async def test_without_a_name_the_account_can_not_appear(
    hass: HomeAssistant, hands: Hands, linked: ConfigEntry[Any]
) -> None:
    client = linked.runtime_data.client
    client._context.set_push_name("")
    with pytest.raises(ServiceValidationError, match="name") as caught:
        await hands.act("set_presence", state="available")
    assert caught.value.translation_key == "own_name_unknown"


async def test_numbers_are_checked(hands: Hands, simulator: Simulator, theirs: Account) -> None:
    simulator.people.aliases["5511987654321"] = THEIRS
    response = await hands.act(
        "check_number", answer=True, numbers=[RECIPIENT, "+55 (11) 98765-4321", 15559999999]
    )
    assert response == {
        "numbers": [
            {
                "number": RECIPIENT,
                "on_whatsapp": True,
                "chat_id": str(theirs.lid_jid),
                "phone": RECIPIENT,
            },
            {
                "number": "+5511987654321",
                "on_whatsapp": True,
                "chat_id": str(theirs.lid_jid),
                "phone": RECIPIENT,
            },
            {"number": "+15559999999", "on_whatsapp": False},
        ]
    }
    for bad in ("me", str(theirs.lid_jid)):
        with pytest.raises(ServiceValidationError):
            await hands.act("check_number", answer=True, numbers=[bad])


async def test_contacts_are_blocked_and_unblocked(
    hands: Hands, simulator: Simulator, ours: Account, theirs: Account
) -> None:
    await hands.act("block_contact", recipient=RECIPIENT)
    assert simulator.people.of(ours).blocked == [theirs]
    await hands.act("unblock_contact", recipient=str(theirs.lid_jid))
    assert simulator.people.of(ours).blocked == []
    with pytest.raises(HomeAssistantError):
        await hands.act("block_contact", recipient="+15559999999")


async def test_a_call_is_rejected(
    hands: Hands, simulator: Simulator, ours: Account, theirs: Account
) -> None:
    call_id = theirs.phone.calls.ring(ours, video=True)
    await simulator.ledger.until(lambda: bool(hands.calls))
    data = hands.calls[0].data
    assert (data["call_id"], data["state"], data["video"]) == (call_id, "ringing", True)
    assert (data["caller"], data["caller_phone"]) == (str(theirs.lid_jid), RECIPIENT)
    await hands.act("reject_call", call_id=call_id)
    assert hands.calls[-1].data["state"] == "rejected"
    await simulator.ledger.until(lambda: (call_id, "reject") in theirs.phone.calls.heard)
    with pytest.raises(ServiceValidationError) as caught:
        await hands.act("reject_call", call_id=call_id)
    assert caught.value.translation_key == "call_not_ringing"
    assert ours.number == OURS
