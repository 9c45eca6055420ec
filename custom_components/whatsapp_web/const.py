"""Names and figures that several modules of the integration share."""

from datetime import timedelta
import logging
from typing import Final

DOMAIN: Final = "whatsapp_web"
MANUFACTURER: Final = "WhatsApp"
MODEL: Final = "Linked device"
LOGGER: Final = logging.getLogger(__package__)

# All that an entry keeps itself; credentials live in storage under this id.
CONF_CONNECTION_ID: Final = "connection_id"

ATTR_CONFIG_ENTRY_ID: Final = "config_entry_id"
ATTR_MESSAGE: Final = "message"
ATTR_RECIPIENT: Final = "recipient"
ATTR_TITLE: Final = "title"

SERVICE_SEND_MESSAGE: Final = "send_message"
EVENT_MESSAGE_RECEIVED: Final = "whatsapp_web_message_received"

# The recipient that stands for the linked account itself.
RECIPIENT_ME: Final = "me"

# How long a set-up waits for the line before Home Assistant tries again later.
CONNECT_TIMEOUT: Final = 15.0
# The first login after linking brings keys and history with it.
FIRST_LOGIN_TIMEOUT: Final = 30.0
# How long an account's name may take after that before the number stands in for it.
OWN_NAME_TIMEOUT: Final = 5.0
# The whole of logging a device out, the connection for it included.
LOGOUT_TIMEOUT: Final = 15.0
# Longer than all codes of a round together (60 s, then five times 20 s).
PAIRING_TIMEOUT: Final = 300.0
# An open dialog asks for the next step at once; after this the tab is gone.
FINISH_ALONE_DELAY: Final = 5.0
# Automations attach their triggers when Home Assistant has started, in tasks.
DELIVERY_DELAY: Final = 1.0

# A message that waited longer than this at the server is marked as stale.
STALE_AFTER: Final = timedelta(minutes=5)
# What a message of WhatsApp can hold.
MAX_MESSAGE_LENGTH: Final = 65_536
