"""Makes pairing codes run out in seconds, so that a test in a browser can watch them do it."""

from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from custom_components.whatsapp_web.aiowhatsapp.client import pairing

DOMAIN = "short_codes"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)
# In the proportion of the real ones, 60 s and 20 s.
FIRST_CODE_LIFETIME = 3.0
CODE_LIFETIME = 1.0


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Shorten them for the life of this Home Assistant."""
    patch.object(pairing, "FIRST_CODE_LIFETIME", FIRST_CODE_LIFETIME).start()
    patch.object(pairing, "CODE_LIFETIME", CODE_LIFETIME).start()
    return True
