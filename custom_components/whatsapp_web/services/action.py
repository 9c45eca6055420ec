"""What an action of the integration is made of."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse
import voluptuous as vol

from ..const import DOMAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action: its name behind `whatsapp_web.`, what it takes and what it does."""

    name: str
    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse | None]]
    schema: vol.Schema | vol.All
    response: SupportsResponse = SupportsResponse.NONE

    def register(self, hass: HomeAssistant) -> None:
        """Make it known to Home Assistant."""
        hass.services.async_register(
            DOMAIN,
            self.name,
            self.handler,
            schema=self.schema,
            supports_response=self.response,
        )
