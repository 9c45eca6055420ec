"""Repair issues: what only a person can mend, shown until it is mended."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .aiowhatsapp import ServiceRefused, Status, WhatsAppError
from .const import DOMAIN
from .exceptions import cause_of, placeholders_of

# The causes that have an issue of their own.
ISSUES = ("client_outdated", "temporarily_banned", "session_replaced", "login_refused")


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
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{cause}_{entry.entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=cause,
        translation_placeholders={"name": entry.title} | placeholders_of(error),
    )


@callback
def async_clear_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take away all issues of an entry."""
    for cause in ISSUES:
        ir.async_delete_issue(hass, DOMAIN, f"{cause}_{entry.entry_id}")
