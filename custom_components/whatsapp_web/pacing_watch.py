"""How fast a connection may send: what the options say, and what WhatsApp asks for."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from .aiowhatsapp import PacingChanged, StatusChanged
from .issues import ISSUE_NEW_CHATS_HELD, ISSUE_SENDING_HELD, async_hide_issue, async_show_issue

if TYPE_CHECKING:
    from .coordinator import WhatsAppCoordinator


@callback
def async_follow_pacing(coordinator: WhatsAppCoordinator) -> CALLBACK_TYPE:
    """Set the pace, and show what holds messages back until it is over; return how to stop."""
    coordinator.client.outbox.pacing.set_limits(coordinator.options.pacing)

    @callback
    def show(_event: object = None) -> None:
        state = coordinator.client.outbox.pacing.state(dt_util.utcnow().timestamp())
        for issue, until, code in (
            (ISSUE_SENDING_HELD, state.held_until, state.code),
            (ISSUE_NEW_CHATS_HELD, state.new_chats_held_until, state.new_chats_code),
        ):
            if until is None:
                async_hide_issue(coordinator.hass, coordinator.config_entry, issue)
                continue
            end = dt_util.as_local(dt_util.utc_from_timestamp(until))
            async_show_issue(
                coordinator.hass,
                coordinator.config_entry,
                issue,
                until=f"{end:%Y-%m-%d %H:%M}",
                code=code or "-",
            )
        coordinator.async_update_listeners()

    following = ExitStack()
    following.callback(coordinator.client.subscribe(PacingChanged, show))
    # A line that comes back takes all other issues away.
    following.callback(coordinator.client.subscribe(StatusChanged, show))
    return following.close
