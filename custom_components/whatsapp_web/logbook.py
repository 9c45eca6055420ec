"""How the integration's events read in the logbook."""

from collections.abc import Callable

from homeassistant.components.logbook import LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.core import Event, HomeAssistant, callback

from .const import DOMAIN, EVENT_CALL, EVENT_CONNECTION, EVENT_MESSAGE_RECEIVED


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, str]]], None],
) -> None:
    """Describe the events; what people write stays out of it."""

    @callback
    def message(event: Event) -> dict[str, str]:
        who = event.data.get("sender_name") or "somebody"
        what = event.data.get("type", "message")
        verb = "sent" if event.data.get("from_me") else "received"
        with_whom = "" if event.data.get("from_me") else f" from {who}"
        return {
            LOGBOOK_ENTRY_NAME: str(event.data.get("connection")),
            LOGBOOK_ENTRY_MESSAGE: f"{verb} a message ({what}){with_whom}",
        }

    @callback
    def connection(event: Event) -> dict[str, str]:
        reason = f" ({event.data['reason']})" if "reason" in event.data else ""
        return {
            LOGBOOK_ENTRY_NAME: str(event.data.get("connection")),
            LOGBOOK_ENTRY_MESSAGE: f"is {event.data.get('state')}{reason}",
        }

    @callback
    def call(event: Event) -> dict[str, str]:
        who = event.data.get("caller_name") or "somebody"
        kind = "a video call" if event.data.get("video") else "a call"
        return {
            LOGBOOK_ENTRY_NAME: str(event.data.get("connection")),
            LOGBOOK_ENTRY_MESSAGE: f"has {kind} from {who} ({event.data.get('state')})",
        }

    async_describe_event(DOMAIN, EVENT_CALL, call)
    async_describe_event(DOMAIN, EVENT_CONNECTION, connection)
    async_describe_event(DOMAIN, EVENT_MESSAGE_RECEIVED, message)
