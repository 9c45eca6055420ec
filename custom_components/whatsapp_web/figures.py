"""What a connection did today, counted as it happens."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_change
from homeassistant.util import dt as dt_util

from .aiowhatsapp import (
    CaughtUp,
    Client,
    MessageEnqueued,
    MessageReceived,
    MessageState,
    MessageStateChanged,
)


@dataclass(slots=True)
class Counts:
    """Messages of one day, by the day of Home Assistant's time zone."""

    day: date
    sent: int = 0
    received: int = 0
    failed: int = 0


class Figures:
    """Counts for one client; `on_change` is called when there is something new."""

    def __init__(self, hass: HomeAssistant, on_change: Callable[[], None]) -> None:
        """Begin a day without messages."""
        self._hass = hass
        self._on_change = on_change
        self.today = Counts(dt_util.now().date())
        self.last_sync: datetime | None = None

    @callback
    def async_follow(self, client: Client) -> Callable[[], None]:
        """Count what a client tells; return how to stop."""
        following = ExitStack()
        for unsubscribe in (
            client.subscribe(MessageReceived, self._on_received),
            client.subscribe(CaughtUp, self._on_caught_up),
            client.subscribe(MessageStateChanged, self._on_state),
            client.subscribe(MessageEnqueued, lambda _: self._on_change()),
            async_track_time_change(self._hass, self._on_midnight, hour=0, minute=0, second=0),
        ):
            following.callback(unsubscribe)
        return following.close

    @callback
    def async_restore(self, key: str, count: int) -> None:
        """Go on with what was counted before a restart."""
        setattr(self.today, key, getattr(self.today, key) + count)

    @callback
    def _on_received(self, event: MessageReceived) -> None:
        if not event.message.from_me:
            self.today.received += 1
            self._on_change()

    @callback
    def _on_state(self, change: MessageStateChanged) -> None:
        if change.participant is None:
            self.today.sent += change.state is MessageState.SENT
            self.today.failed += change.state is MessageState.FAILED
            self._on_change()

    @callback
    def _on_caught_up(self, _event: CaughtUp) -> None:
        self.last_sync = dt_util.utcnow()
        self._on_change()

    @callback
    def _on_midnight(self, now: datetime) -> None:
        self.today = Counts(now.date())
        self._on_change()
