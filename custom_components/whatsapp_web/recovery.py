"""What follows when a client has given up: begin anew, ask a person, or look up a version."""

from datetime import datetime
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .aiowhatsapp import (
    ClientOutdated,
    ServiceRefused,
    Status,
    StoreError,
    WhatsAppError,
)
from .const import DOMAIN, LOGGER
from .exceptions import calls_for_linking
from .issues import async_update_issues
from .server import ServerSettingRefused, async_refresh_version

# WhatsApp publishes new versions all day long; nobody is bothered by looking.
VERSION_RETRY: Final = 3600.0
# A fault of ours ended the client; once more soon, but not in a tight loop.
FAULT_RETRY: Final = 60.0


class Recovery:
    """Follows one client's status, from its start to its end.

    `web_version` is the one that the client names to the server.
    """

    web_version: tuple[int, int, int]

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin with nothing to do."""
        self._hass = hass
        self._entry = entry
        self._cancel_retry: CALLBACK_TYPE | None = None

    @callback
    def async_follow(self, status: Status, error: WhatsAppError | None) -> None:
        """Do what a new status calls for."""
        self.async_cancel()
        if not isinstance(error, ClientOutdated):
            async_update_issues(self._hass, self._entry, error, status=status)
        if status is Status.LOGGED_OUT or calls_for_linking(error):
            self._entry.async_start_reauth(self._hass)
        elif status is not Status.ERROR:
            return
        elif isinstance(error, ClientOutdated):
            self._entry.async_create_background_task(
                self._hass, self._async_renew_version(), f"{DOMAIN} renew web version"
            )
        elif not isinstance(error, ServiceRefused | StoreError):
            # What is refused asks for a person, and a failing store is tried by the client.
            LOGGER.warning("%s stopped and is started again soon: %s", self._entry.title, error)
            self._retry(FAULT_RETRY, self._reload)

    @callback
    def async_cancel(self) -> None:
        """Give up what was planned."""
        if self._cancel_retry is not None:
            self._cancel_retry()
            self._cancel_retry = None

    async def _async_renew_version(self) -> None:
        try:
            found = await async_refresh_version(self._hass, self.web_version)
        except ServerSettingRefused as err:
            LOGGER.warning("The test server's file can't be used any more: %s", err)
            found = False
        if found:
            self._reload()
        else:
            async_update_issues(self._hass, self._entry, ClientOutdated())
            self._retry(VERSION_RETRY, self._look_again)

    @callback
    def _retry(self, seconds: float, then: CALLBACK_TYPE) -> None:
        @callback
        def due(_now: datetime) -> None:
            self._cancel_retry = None
            then()

        self._cancel_retry = async_call_later(self._hass, seconds, due)

    @callback
    def _look_again(self) -> None:
        self._entry.async_create_background_task(
            self._hass, self._async_renew_version(), f"{DOMAIN} renew web version"
        )

    @callback
    def _reload(self) -> None:
        self._hass.config_entries.async_schedule_reload(self._entry.entry_id)
