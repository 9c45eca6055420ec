"""How messages are to be sent: which go first, how long they may wait, what one waits for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .aiowhatsapp import MessageState, Priority, SendOptions
from .const import ATTR_EXPIRE_AFTER, ATTR_PRIORITY, ATTR_TIMEOUT, ATTR_WAIT_FOR

# How long an action waits for the server's word; a short loss of the line is shorter.
SENT_TIMEOUT: Final = 20.0
# What people call the priorities, and what may be waited for.
PRIORITIES: Final = {"normal": Priority.NORMAL, "high": Priority.HIGH}
WAITS: Final = {
    "queued": MessageState.PENDING,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How messages are to be sent, how far one waits for them, and how many seconds."""

    options: SendOptions = field(default_factory=SendOptions)
    until: MessageState = MessageState.SENT
    timeout: float = SENT_TIMEOUT


AS_USUAL: Final = How()


def how_of(data: Mapping[str, Any]) -> How:
    """Read the fields of an action, or of a notification's data, that say how to send."""
    expire_after: timedelta | None = data.get(ATTR_EXPIRE_AFTER)
    timeout: timedelta | None = data.get(ATTR_TIMEOUT)
    return How(
        options=SendOptions(
            priority=PRIORITIES[data.get(ATTR_PRIORITY, "normal")],
            expire_after=None if expire_after is None else expire_after.total_seconds(),
        ),
        until=WAITS[data.get(ATTR_WAIT_FOR, "sent")],
        timeout=SENT_TIMEOUT if timeout is None else timeout.total_seconds(),
    )


# What a message may wait for: its turn, and the line.
QUEUE_FIELDS: Final[dict[vol.Marker, Any]] = {
    vol.Optional(ATTR_PRIORITY): vol.In(PRIORITIES),
    vol.Optional(ATTR_EXPIRE_AFTER): cv.positive_time_period,
}
# What an action waits for before it goes on.
WAIT_FIELDS: Final[dict[vol.Marker, Any]] = {
    vol.Optional(ATTR_WAIT_FOR): vol.In(WAITS),
    vol.Optional(ATTR_TIMEOUT): cv.positive_time_period,
}
