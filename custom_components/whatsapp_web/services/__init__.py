"""The integration's own actions: a module for each area, its actions in `ACTIONS`."""

from homeassistant.core import HomeAssistant, callback

from . import addons, contents, messages, people

ACTIONS = (*addons.ACTIONS, *contents.ACTIONS, *messages.ACTIONS, *people.ACTIONS)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for action in ACTIONS:
        action.register(hass)
