"""Fields that several actions have in common."""

from typing import Any, Final

from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import ATTR_CONFIG_ENTRY_ID, ATTR_RECIPIENT, ATTR_REPLY_TO
from ..how import QUEUE_FIELDS, WAIT_FIELDS
from ..recipients import recipient_text

RECIPIENTS_SCHEMA: Final = vol.All(cv.ensure_list, vol.Length(min=1), [recipient_text])

# Which connection; may be left out when there is only one.
CONNECTION_FIELDS: Final[dict[vol.Marker, Any]] = {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}
# One chat, or several that each get their own.
CHAT_FIELDS: Final[dict[vol.Marker, Any]] = {
    **CONNECTION_FIELDS,
    vol.Required(ATTR_RECIPIENT): recipient_text,
}
RECIPIENT_FIELDS: Final[dict[vol.Marker, Any]] = {
    **CONNECTION_FIELDS,
    vol.Required(ATTR_RECIPIENT): RECIPIENTS_SCHEMA,
}
# How a message goes out: what it answers, how long it may take, and what is waited for.
SENDING_FIELDS: Final[dict[vol.Marker, Any]] = {
    **RECIPIENT_FIELDS,
    **QUEUE_FIELDS,
    vol.Optional(ATTR_REPLY_TO): cv.string,
    **WAIT_FIELDS,
}
