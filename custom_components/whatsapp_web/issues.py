"""Repair issues: what only a person can mend, shown until it is mended."""

from datetime import timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .aiowhatsapp import Status, TemporarilyBanned, WhatsAppError
from .const import DOMAIN
from .exceptions import cause_of, placeholders_of

ISSUE_BACKUP_IN_USE: Final = "backup_in_use"
ISSUE_NEW_CHATS_HELD: Final = "new_chats_held"
ISSUE_SENDING_HELD: Final = "sending_held"
ISSUE_PASSKEY: Final = "passkey_requested"
ISSUE_STATE_DAMAGED: Final = "state_damaged"
# One for each contact whose security code changed, where sending waits for an answer.
ISSUE_IDENTITY_CHANGED: Final = "identity_changed"
ATTR_CHAT_ID: Final = "chat_id"
ISSUE_OUTDATED: Final = "client_outdated"
# What a click can mend, see `repairs.py`.
FIXABLE: Final = (ISSUE_OUTDATED, "login_refused", "session_replaced", ISSUE_STATE_DAMAGED)
# What ends by itself.
_PASSING: Final = (ISSUE_BACKUP_IN_USE, ISSUE_NEW_CHATS_HELD, ISSUE_SENDING_HELD)
ATTR_ENTRY_ID: Final = "entry_id"
ATTR_ISSUE: Final = "issue"
# When the server names no end of a block, the client asks again after an hour.
DEFAULT_BAN: Final = timedelta(hours=1)
# The causes that have an issue of their own, and what the server asks for by itself.
ISSUES: Final = (
    "account_locked",
    ISSUE_OUTDATED,
    "login_refused",
    "session_replaced",
    "storage_failed",
    "temporarily_banned",
    "wrong_clock",
    ISSUE_BACKUP_IN_USE,
    ISSUE_IDENTITY_CHANGED,
    ISSUE_NEW_CHATS_HELD,
    ISSUE_PASSKEY,
    ISSUE_SENDING_HELD,
    ISSUE_STATE_DAMAGED,
)


@callback
def async_update_issues(
    hass: HomeAssistant,
    entry: ConfigEntry,
    error: WhatsAppError | None,
    *,
    status: Status | None = None,
) -> None:
    """Show the issue that an error stands for; take all away once connected."""
    if status is Status.CONNECTED:
        async_clear_issues(hass, entry)
        return
    if error is None or (cause := cause_of(error)) not in ISSUES:
        return
    more = placeholders_of(error)
    if isinstance(error, TemporarilyBanned):
        length = timedelta(seconds=error.expires_in) if error.expires_in else DEFAULT_BAN
        more["until"] = f"{dt_util.now() + length:%Y-%m-%d %H:%M}"
    async_show_issue(hass, entry, cause, **more)


@callback
def async_show_issue(hass: HomeAssistant, entry: ConfigEntry, issue: str, **more: str) -> None:
    """Show an issue of an entry; showing it again changes nothing."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{issue}_{entry.entry_id}",
        data={ATTR_ENTRY_ID: entry.entry_id, ATTR_ISSUE: issue, **more},
        is_fixable=issue in FIXABLE,
        severity=(ir.IssueSeverity.WARNING if issue in _PASSING else ir.IssueSeverity.ERROR),
        translation_key=issue,
        translation_placeholders={"name": entry.title} | more,
    )


@callback
def async_hide_issue(hass: HomeAssistant, entry: ConfigEntry, issue: str) -> None:
    """Take one issue of an entry away."""
    ir.async_delete_issue(hass, DOMAIN, f"{issue}_{entry.entry_id}")


@callback
def async_ask_about_identity(
    hass: HomeAssistant, entry: ConfigEntry, chat_id: str, contact: str
) -> None:
    """Ask whether a contact's new security code is really theirs."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _identity_issue(entry, chat_id),
        data={ATTR_ENTRY_ID: entry.entry_id, ATTR_CHAT_ID: chat_id},
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=ISSUE_IDENTITY_CHANGED,
        translation_placeholders={"name": entry.title, "contact": contact},
    )


@callback
def async_forget_identities(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take all those questions away."""
    prefix = _identity_issue(entry, "")
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(prefix):
            ir.async_delete_issue(hass, domain, issue_id)


def _identity_issue(entry: ConfigEntry, chat_id: str) -> str:
    return f"{ISSUE_IDENTITY_CHANGED}_{entry.entry_id}_{chat_id}"


@callback
def async_clear_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take away all issues of an entry."""
    for issue in ISSUES:
        ir.async_delete_issue(hass, DOMAIN, f"{issue}_{entry.entry_id}")
