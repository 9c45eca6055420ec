"""Names and figures that several modules of the integration share."""

import logging
from typing import Final

DOMAIN: Final = "whatsapp_web"
MANUFACTURER: Final = "WhatsApp"
MODEL: Final = "Linked device"
LOGGER: Final = logging.getLogger(__package__)

# All that an entry keeps itself; credentials live in storage under this id.
CONF_CONNECTION_ID: Final = "connection_id"

# What a person may choose for an entry; `options.py` gives each its type and default.
CONF_APPEAR_ONLINE: Final = "appear_online"
CONF_BACKUP_AFTER: Final = "backup_after"
CONF_BACKUP_CONNECTION: Final = "backup_connection"
CONF_BLOCK_CHANGED_IDENTITY: Final = "block_changed_identity"
CONF_DEFAULT_RECIPIENT: Final = "default_recipient"
CONF_FOLLOW_PRESENCE: Final = "follow_presence"
CONF_FETCH_MEDIA: Final = "fetch_media"
CONF_MARK_AS_READ: Final = "mark_as_read"
CONF_MESSAGES_PER_MINUTE: Final = "messages_per_minute"
CONF_PEOPLE: Final = "people"
CONF_PERSON: Final = "person"
CONF_PHONE: Final = "phone"
CONF_STALE_AFTER: Final = "stale_after"
CONF_STATUS_UPDATES: Final = "status_updates"

ATTR_CONFIG_ENTRY_ID: Final = "config_entry_id"
ATTR_MESSAGE: Final = "message"
ATTR_MENTIONS: Final = "mentions"
ATTR_MESSAGE_ID: Final = "message_id"
ATTR_RECIPIENT: Final = "recipient"
ATTR_EXPIRE_AFTER: Final = "expire_after"
ATTR_PRIORITY: Final = "priority"
ATTR_TIMEOUT: Final = "timeout"
ATTR_WAIT_FOR: Final = "wait_for"
ATTR_REPLY_TO: Final = "reply_to"
ATTR_TITLE: Final = "title"

SERVICE_DOWNLOAD_MEDIA: Final = "download_media"
SERVICE_SEND_MEDIA: Final = "send_media"
SERVICE_SEND_MESSAGE: Final = "send_message"
SERVICE_SEND_VOICE: Final = "send_voice"
EVENT_CALL: Final = "whatsapp_web_call"
EVENT_CONNECTION: Final = "whatsapp_web_connection"
EVENT_EVENT_RESPONSE: Final = "whatsapp_web_event_response"
EVENT_GROUP_UPDATE: Final = "whatsapp_web_group_update"
EVENT_IDENTITY_CHANGED: Final = "whatsapp_web_identity_changed"
EVENT_MESSAGE_DELETED: Final = "whatsapp_web_message_deleted"
EVENT_MESSAGE_EDITED: Final = "whatsapp_web_message_edited"
EVENT_MESSAGE_STATUS: Final = "whatsapp_web_message_status"
EVENT_MESSAGE_RECEIVED: Final = "whatsapp_web_message_received"
EVENT_MESSAGE_UNREADABLE: Final = "whatsapp_web_message_unreadable"
EVENT_POLL_VOTE: Final = "whatsapp_web_poll_vote"
EVENT_PRESENCE: Final = "whatsapp_web_presence"
EVENT_REACTION: Final = "whatsapp_web_reaction"

# The recipient that stands for the linked account itself.
RECIPIENT_ME: Final = "me"

# The first login after linking brings keys and history with it.
FIRST_LOGIN_TIMEOUT: Final = 30.0
# How long an account's name may take after that before the number stands in for it.
OWN_NAME_TIMEOUT: Final = 5.0
# The whole of logging a device out, the connection for it included.
LOGOUT_TIMEOUT: Final = 15.0
# How long an entry that was linked anew may take to be set up.
HEIR_TIMEOUT: Final = 60.0
# Longer than all codes of a round together (60 s, then five times 20 s).
PAIRING_TIMEOUT: Final = 300.0
# An open dialog asks for the next step at once; after this the tab is gone.
FINISH_ALONE_DELAY: Final = 5.0
# Automations attach their triggers when Home Assistant has started, in tasks.
DELIVERY_DELAY: Final = 1.0

# What a message of WhatsApp can hold.
MAX_MESSAGE_LENGTH: Final = 65_536
