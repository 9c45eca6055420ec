"""Repair issues: what only a person can mend, shown until it is mended."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .aiowhatsapp import ServiceRefused, Status, WhatsAppError
from .const import DOMAIN
from .exceptions import cause_of, placeholders_of

ISSUE_PASSKEY: Final = "passkey_requested"
# The causes that have an issue of their own, and what the server asks for by itself.
ISSUES: Final = (
    "client_outdated",
    "temporarily_banned",
    "session_replaced",
    "login_refused",
    ISSUE_PASSKEY,
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
    if not isinstance(error, ServiceRefused) or (cause := cause_of(error)) not in ISSUES:
        return
    async_show_issue(hass, entry, cause, **placeholders_of(error))


@callback
def async_show_issue(hass: HomeAssistant, entry: ConfigEntry, issue: str, **more: str) -> None:
    """Show an issue of an entry; showing it again changes nothing."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{issue}_{entry.entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=issue,
        translation_placeholders={"name": entry.title} | more,
    )


@callback
def async_clear_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take away all issues of an entry."""
    for issue in ISSUES:
        ir.async_delete_issue(hass, DOMAIN, f"{issue}_{entry.entry_id}")
