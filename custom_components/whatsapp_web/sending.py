"""Sending a text to several recipients: one after another, each with its own outcome."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .aiowhatsapp import Draft, Jid, MessageState, NotLinked, Status, WhatsAppError
from .const import DOMAIN, MAX_MESSAGE_LENGTH
from .coordinator import WhatsAppCoordinator
from .exceptions import action_error, reason_text
from .how import AS_USUAL, How
from .mentions import async_mention
from .targets import Target, async_find_target

STATE_FAILED: Final = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message to one recipient."""

    recipient: str
    name: str
    chat: Jid | None = None
    message_id: str | None = None
    error: HomeAssistantError | None = None
    state: MessageState = MessageState.SENT
    sent_by: str | None = None

    def as_dict(self, hass: HomeAssistant) -> dict[str, Any]:
        """Give it as response data; what is not known is left out."""
        described = {
            "chat_id": None if self.chat is None else str(self.chat),
            "name": self.name,
            "message_id": self.message_id,
            "state": STATE_FAILED if self.error is not None else self.state.value,
            "sent_by": self.sent_by,
            "error": None if self.error is None else reason_text(hass, self.error),
        }
        return {key: value for key, value in described.items() if value is not None}


def compose(message: str, title: str | None) -> str:
    """Put a title as a bold first line above a message.

    Raises `ServiceValidationError` when that is empty or too long.
    """
    headline = " ".join((title or "").split())
    text = f"*{headline}*\n{message}" if headline else message
    if not text.strip():
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="message_empty")
    if len(text) > MAX_MESSAGE_LENGTH:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="message_too_long",
            translation_placeholders={"limit": str(MAX_MESSAGE_LENGTH)},
        )
    return text


async def async_send_draft(
    coordinator: WhatsAppCoordinator,
    recipients: Sequence[str],
    draft: Draft,
    *,
    reply_to: str | None = None,
    mentions: Sequence[str] = (),
    how: How = AS_USUAL,
) -> list[Delivery]:
    """Send a draft to each recipient, in order; one's failure stops no other.

    `reply_to` is the id of a message, or `last`; `mentions` are numbers, or `all`.
    """

    async def send(target: Target) -> str:
        ready, mentioned = await async_mention(coordinator, draft, mentions)
        sent = await coordinator.client.send(
            target.chat, ready, reply_to=reply_to, mentions=mentioned, options=how.options
        )
        return sent.message_id

    return await async_send_each(coordinator, recipients, send, how=how)


async def async_send_each(
    coordinator: WhatsAppCoordinator,
    recipients: Sequence[str],
    send: Callable[[Target], Awaitable[str | None]],
    *,
    how: How = AS_USUAL,
) -> list[Delivery]:
    """Do `send` for each recipient, in order; one's failure stops no other.

    It gives the id of what it sent, and raises `WhatsAppError` or `HomeAssistantError`.
    """
    deliveries: list[Delivery] = []
    for recipient in dict.fromkeys(recipients):
        # Waiting for the line once is enough.
        waited = any(item.state is MessageState.PENDING for item in deliveries)
        try:
            delivery = await _async_send_one(coordinator, recipient, send)
            patience = replace(how, timeout=0.0) if waited else how
            deliveries.append(await _async_follow(coordinator, delivery, patience))
        except WhatsAppError as err:
            deliveries.append(_failed(recipient, action_error(err, recipient)))
        except HomeAssistantError as err:
            deliveries.append(_failed(recipient, err))
    return deliveries


async def async_send_to_chat(
    coordinator: WhatsAppCoordinator, chat: Jid, draft: Draft, *, name: str | None = None
) -> Delivery:
    """Send a draft to a chat that is known already; `name` is what people know it by."""
    recipient = str(chat)
    try:
        sent = await coordinator.client.send(chat, draft)
        delivery = Delivery(
            recipient=recipient, name=name or recipient, chat=sent.chat, message_id=sent.message_id
        )
        return await _async_follow(coordinator, delivery, AS_USUAL)
    except WhatsAppError as err:
        return _failed(name or recipient, action_error(err, name or recipient))


def raise_failures(hass: HomeAssistant, deliveries: Sequence[Delivery]) -> None:
    """Raise one error that names every recipient that got nothing, if there is any."""
    failures = [(item.recipient, item.error) for item in deliveries if item.error is not None]
    if not failures:
        return
    if len(deliveries) == 1:
        raise failures[0][1]
    errors = [error for _, error in failures]
    all_theirs = all(isinstance(error, ServiceValidationError) for error in errors)
    kind = ServiceValidationError if all_theirs else HomeAssistantError
    raise kind(
        translation_domain=DOMAIN,
        translation_key="some_recipients_failed",
        translation_placeholders={
            "failed": str(len(failures)),
            "count": str(len(deliveries)),
            "reasons": "; ".join(
                reason_text(hass, error, recipient=recipient) for recipient, error in failures
            ),
        },
    )


def _failed(recipient: str, error: HomeAssistantError) -> Delivery:
    return Delivery(recipient=recipient, name=recipient, error=error)


async def _async_send_one(
    coordinator: WhatsAppCoordinator,
    recipient: str,
    send: Callable[[Target], Awaitable[str | None]],
) -> Delivery:
    client = coordinator.client
    if client.status is Status.LOGGED_OUT and coordinator.fallback.active is None:
        raise client.last_error or NotLinked("Logged out")
    target = await async_find_target(coordinator, recipient)
    message_id = await send(target)
    return Delivery(
        recipient=target.recipient, chat=target.chat, name=target.name, message_id=message_id
    )


async def _async_follow(coordinator: WhatsAppCoordinator, delivery: Delivery, how: How) -> Delivery:
    """See whether a message leaves soon; what does not is kept. Raises why it failed."""
    if delivery.message_id is None:
        return delivery
    states = coordinator.client.outbox.states
    if await states.get(delivery.message_id) is None:
        # An edit of one that left long ago.
        return delivery
    now = await states.wait(delivery.message_id, how.until, how.timeout)
    if now.error is not None:
        raise now.error
    return replace(
        delivery,
        state=now.state,
        sent_by=coordinator.fallback.sent_by(delivery.message_id),
    )
