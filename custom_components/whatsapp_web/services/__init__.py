"""The integration's own actions: a module for each area, its actions in `ACTIONS`."""

from homeassistant.core import HomeAssistant, callback

from . import addons, chats, contents, groups, media, messages, people, status

ACTIONS = (
    *addons.ACTIONS,
    *chats.ACTIONS,
    *contents.ACTIONS,
    *groups.ACTIONS,
    *media.ACTIONS,
    *messages.ACTIONS,
    *people.ACTIONS,
    *status.ACTIONS,
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for action in ACTIONS:
        action.register(hass)
