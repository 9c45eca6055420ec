"""Owns a connection's client: its state, its life, and what it tells Home Assistant."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from .aiowhatsapp import (
    MESSAGE_EVENTS,
    Client,
    ClientOutdated,
    ConnectionFailed,
    Credentials,
    MessageEvent,
    NotLinked,
    OwnNameChanged,
    PasskeyRequested,
    Status,
    StatusChanged,
    StoreError,
    TemporarilyBanned,
    WhatsAppError,
)
from .connection import async_open_client
from .const import (
    CONF_CONNECTION_ID,
    CONNECT_TIMEOUT,
    DELIVERY_DELAY,
    DOMAIN,
    EVENT_MESSAGE_RECEIVED,
    LOGGER,
    MANUFACTURER,
    MODEL,
)
from .exceptions import entry_error
from .issues import ISSUE_PASSKEY, async_show_issue, async_update_issues
from .messages import MessageOrigin, ReceivedMessage, describe_message
from .options import ConnectionOptions
from .server import ServerSettingRefused, async_refresh_version
from .storage import StoredConnection, async_get_storage

type WhatsAppConfigEntry = ConfigEntry[WhatsAppCoordinator]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    """How a connection stands, and since when."""

    status: Status = Status.CONNECTING
    error: WhatsAppError | None = None
    last_change: datetime = field(default_factory=dt_util.utcnow)


class WhatsAppCoordinator(DataUpdateCoordinator[ConnectionState]):
    """Runs one account's client between set-up and unload of its entry."""

    config_entry: WhatsAppConfigEntry
    client: Client
    stored: StoredConnection

    def __init__(self, hass: HomeAssistant, entry: WhatsAppConfigEntry) -> None:
        """Prepare; `async_start` does the rest."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title, update_interval=None)
        self.data = ConnectionState()
        self.connection_id: str = entry.data[CONF_CONNECTION_ID]
        self.options = ConnectionOptions.of(entry)
        self._resources = AsyncExitStack()
        self._listeners_of_messages: list[Callable[[ReceivedMessage], None]] = []
        self._version_refreshed = False
        self._device_id: str | None = None

    @property
    def credentials(self) -> Credentials:
        """The credentials as they are now."""
        return self.stored.credentials

    @property
    def own_name(self) -> str | None:
        """The name that the account shows to others."""
        return self.client.push_name

    @property
    def phone(self) -> str:
        """The account's number, as people write it."""
        return f"+{self.credentials.jid.user}"

    @property
    def device_info(self) -> DeviceInfo:
        """The device that stands for the account."""
        return DeviceInfo(
            identifiers={(DOMAIN, str(self.config_entry.unique_id))},
            entry_type=DeviceEntryType.SERVICE,
            name=self.config_entry.title,
            manufacturer=MANUFACTURER,
            model=MODEL,
            configuration_url="https://web.whatsapp.com",
        )

    async def async_start(self) -> None:
        """Open the connection.

        Raises `ConfigEntryAuthFailed`, `ConfigEntryNotReady` or `ConfigEntryError`.
        """
        try:
            await self._async_connect_with_current_version()
            self.stored = await async_get_storage(self.hass).async_settle(self.stored)
        except ServerSettingRefused as err:
            raise ConfigEntryError(
                translation_domain=DOMAIN,
                translation_key=err.translation_key,
                translation_placeholders=err.translation_placeholders,
            ) from err
        except WhatsAppError as err:
            await self.async_stop()
            async_update_issues(self.hass, self.config_entry, err)
            raise entry_error(err) from err
        except BaseException:
            await self.async_stop()
            raise
        self.config_entry.async_on_unload(self.async_stop)
        self.config_entry.async_on_unload(
            self.hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._async_on_stop)
        )
        self._register_device()
        async_update_issues(self.hass, self.config_entry, self.data.error, status=self.data.status)

    async def async_stop(self) -> None:
        """Close the connection and let go of it; safe to call again."""
        await self._resources.aclose()

    @callback
    def async_deliver(self) -> None:
        """Let messages come, once automations had their chance to attach triggers."""

        @callback
        def deliver(_now: datetime | None = None) -> None:
            self.config_entry.async_create_background_task(
                self.hass, self._async_release_messages(), f"{DOMAIN} deliver messages"
            )

        @callback
        def on_started(_hass: HomeAssistant) -> None:
            self.config_entry.async_on_unload(async_call_later(self.hass, DELIVERY_DELAY, deliver))

        if self.hass.is_running:
            deliver()
        else:
            self.config_entry.async_on_unload(async_at_started(self.hass, on_started))

    @callback
    def async_subscribe_messages(
        self, listener: Callable[[ReceivedMessage], None]
    ) -> CALLBACK_TYPE:
        """Call `listener` for every message that arrives; return how to stop."""
        self._listeners_of_messages.append(listener)

        def unsubscribe() -> None:
            self._listeners_of_messages.remove(listener)

        return unsubscribe

    @override
    async def _async_update_data(self) -> ConnectionState:
        """Give the state again; there is nothing to poll."""
        return self.data

    async def _async_connect_with_current_version(self) -> None:
        """Connect; when the server finds our web version too old, look it up and retry."""
        try:
            await self._async_connect()
        except ClientOutdated:
            await self._resources.aclose()
            await async_refresh_version(self.hass)
            self._version_refreshed = True
            await self._async_connect()

    async def _async_connect(self) -> None:
        """Start the client and give it some time; afterwards it goes on by itself.

        Raises the error that stopped it, or `ConnectionFailed`.
        """
        self.client, self.stored = await self._resources.enter_async_context(
            async_open_client(self.hass, self.connection_id)
        )
        for unsubscribe in (
            self.client.subscribe(StatusChanged, self._on_status),
            *(self.client.subscribe(kind, self._on_message) for kind in MESSAGE_EVENTS),
            self.client.subscribe(OwnNameChanged, self._on_own_name),
            self.client.subscribe(PasskeyRequested, self._on_passkey_requested),
        ):
            self._resources.callback(unsubscribe)
        await self.client.start()
        try:
            await self.client.wait_connected(CONNECT_TIMEOUT)
        except ConnectionFailed, TemporarilyBanned:
            # A banned account comes back by itself, and its client waits for that.
            if not isinstance(self.client.last_error, TemporarilyBanned):
                raise
        if self.client.status is not Status.CONNECTED:
            self._on_status(StatusChanged(status=self.client.status, error=self.client.last_error))

    @callback
    def _on_status(self, event: StatusChanged) -> None:
        before = self.data.status
        if event.status is not before:
            self._log_status(before, event)
        self.async_set_updated_data(
            replace(self.data, error=event.error)
            if event.status is before
            else ConnectionState(status=event.status, error=event.error)
        )
        if not self._is_set_up:
            return
        if isinstance(event.error, ClientOutdated) and not self._version_refreshed:
            self._renew_version()
            return
        async_update_issues(self.hass, self.config_entry, event.error, status=event.status)
        if event.status is Status.LOGGED_OUT or isinstance(event.error, NotLinked):
            self.config_entry.async_start_reauth(self.hass)

    @property
    def _is_set_up(self) -> bool:
        """Whether what goes wrong is no longer the business of `async_start`."""
        return getattr(self.config_entry, "runtime_data", None) is self

    @callback
    def _log_status(self, before: Status, event: StatusChanged) -> None:
        if event.status is Status.CONNECTED:
            LOGGER.info("%s is connected", self.name)
        elif before is Status.CONNECTED:
            LOGGER.info("%s lost its connection: %s", self.name, event.error or event.status)

    @callback
    def _renew_version(self) -> None:
        """Heal a refused web version: look it up and set up again, once."""
        self._version_refreshed = True

        async def renew() -> None:
            await async_refresh_version(self.hass)
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)

        self.config_entry.async_create_background_task(
            self.hass, renew(), f"{DOMAIN} renew web version"
        )

    @callback
    def _on_message(self, event: MessageEvent) -> None:
        message = describe_message(event.message, self._origin())
        # From here on a crash must not tell it again.
        event.take()
        if message.stands_alone:
            self.hass.bus.async_fire(EVENT_MESSAGE_RECEIVED, message.data)
        for listener in tuple(self._listeners_of_messages):
            listener(message)

    @callback
    def _origin(self) -> MessageOrigin:
        return MessageOrigin(
            config_entry_id=self.config_entry.entry_id,
            connection=self.config_entry.title,
            device_id=self._device_id,
            addresses=frozenset({self.client.own_jid, self.client.own_lid}),
            stale_after=self.options.stale_after,
        )

    @callback
    def _on_own_name(self, _event: OwnNameChanged) -> None:
        self.stored = replace(self.stored, credentials=self.client.credentials)
        self.async_update_listeners()
        # Not bound to the entry: what was learned must not get lost by a reload.
        self.hass.async_create_task(self._async_save(self.stored), f"{DOMAIN} save credentials")

    @callback
    def _on_passkey_requested(self, _event: PasskeyRequested) -> None:
        async_show_issue(self.hass, self.config_entry, ISSUE_PASSKEY)

    async def _async_release_messages(self) -> None:
        try:
            await self.client.release_messages()
        except StoreError as err:
            LOGGER.warning("Waiting messages of %s can't be read: %s", self.name, err)

    async def _async_save(self, stored: StoredConnection) -> None:
        try:
            await async_get_storage(self.hass).async_save(stored)
        except StoreError as err:
            LOGGER.warning("Changed credentials of %s were not saved: %s", self.name, err)

    async def _async_on_stop(self, _event: Event) -> None:
        await self.async_stop()

    @callback
    def _register_device(self) -> None:
        device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=self.config_entry.entry_id, **self.device_info
        )
        self._device_id = device.id
