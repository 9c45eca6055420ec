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
    STATUS_BROADCAST,
    Client,
    Credentials,
    Jid,
    MessageEvent,
    OwnNameChanged,
    PasskeyRequested,
    Status,
    StatusChanged,
    StoreError,
    WhatsAppError,
)
from .connection import async_open_client
from .const import (
    ATTR_CONFIG_ENTRY_ID,
    CONF_CONNECTION_ID,
    DELIVERY_DELAY,
    DOMAIN,
    EVENT_CONNECTION,
    LOGGER,
    MANUFACTURER,
    MODEL,
)
from .exceptions import cause_of, entry_error
from .fallback import Fallback
from .figures import Figures
from .group_events import async_follow_groups
from .issues import ISSUE_PASSKEY, async_show_issue, async_update_issues
from .media.received import async_fetch_soon
from .message_status import async_tell_states
from .messages import MessageOrigin, ReceivedMessage, describe_message
from .notification_data import Notifications
from .options import ConnectionOptions
from .pacing_watch import async_follow_pacing
from .people import async_follow_people
from .recovery import Recovery
from .security import SecurityWatch
from .server import ServerSettingRefused, async_get_server
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
    notifications: Notifications
    stored: StoredConnection

    def __init__(self, hass: HomeAssistant, entry: WhatsAppConfigEntry) -> None:
        """Prepare; `async_start` does the rest."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title, update_interval=None)
        self.data = ConnectionState()
        self.connection_id: str = entry.data[CONF_CONNECTION_ID]
        self.options = ConnectionOptions.of(entry)
        self._resources = AsyncExitStack()
        self._listeners_of_messages: list[Callable[[ReceivedMessage], None]] = []
        self._recovery = Recovery(hass, entry)
        self.fallback = Fallback(self)
        # Messages that are sent here for other connections, with whose they are.
        self.carried: dict[str, str] = {}
        self.figures = Figures(hass, self.async_update_listeners)
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
    def line(self) -> WhatsAppCoordinator:
        """The connection whose line to use for asking: the backup's while that one sends."""
        return self.fallback.active or self

    @property
    def web_version(self) -> tuple[int, int, int]:
        """The version that the client names to the server."""
        return self._recovery.web_version

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
        """Begin to connect; how that goes is told by the status, and waited for by nobody.

        Raises `ConfigEntryAuthFailed`, `ConfigEntryNotReady` or `ConfigEntryError` for
        what is stored and can't be used.
        """
        self._register_device()
        try:
            await self._async_open()
        except ServerSettingRefused as err:
            await self.async_stop()
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

    async def _async_open(self) -> None:
        """Open the store and start the client, which connects by itself."""
        self._recovery.web_version = (await async_get_server(self.hass)).version
        self.client, stored = await self._resources.enter_async_context(
            async_open_client(self.hass, self.connection_id)
        )
        self.stored = await async_get_storage(self.hass).async_settle(stored)
        self.notifications = Notifications(self.hass, self.client)
        for unsubscribe in (
            self.client.subscribe(StatusChanged, self._on_status),
            *(self.client.subscribe(kind, self._on_message) for kind in MESSAGE_EVENTS),
            self.client.subscribe(OwnNameChanged, self._on_own_name),
            self.client.subscribe(PasskeyRequested, self._on_passkey_requested),
        ):
            self._resources.callback(unsubscribe)
        self._resources.callback(self.figures.async_follow(self.client))
        self._resources.callback(self._recovery.async_cancel)
        self._resources.callback(async_follow_people(self))
        self._resources.callback(async_tell_states(self))
        self._resources.callback(async_follow_groups(self))
        self._resources.callback(async_follow_pacing(self))
        security = SecurityWatch(self)
        self._resources.callback(security.async_listen())
        await self.client.start()
        self._resources.callback(self.fallback.async_start(self.client))
        await self.notifications.async_load()
        await security.async_ask()

    @callback
    def async_reconnect(self) -> None:
        """Try to connect now; begin anew where the line is up or was given up."""
        if self.data.status in (Status.CONNECTING, Status.DISCONNECTED):
            self.client.reconnect()
        else:
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)

    @callback
    def _on_status(self, event: StatusChanged) -> None:
        before = self.data.status
        status = event.status
        if status is Status.CONNECTING and before is Status.DISCONNECTED:
            # Every try to get back is no news to anybody, and a row in the database.
            return
        changed = status is not before
        self.async_set_updated_data(
            ConnectionState(status=status, error=event.error)
            if changed
            else replace(self.data, error=event.error)
        )
        if changed:
            self._log_status(before, event)
            self._fire_status(event)
        self._recovery.async_follow(status, event.error)

    @callback
    def _log_status(self, before: Status, event: StatusChanged) -> None:
        if event.status is Status.CONNECTED:
            LOGGER.info("%s is connected", self.name)
        elif before is Status.CONNECTED:
            LOGGER.info("%s lost its connection: %s", self.name, event.error or event.status)

    @callback
    def _fire_status(self, event: StatusChanged) -> None:
        """Tell automations; a reason is given where there is one."""
        data = {
            ATTR_CONFIG_ENTRY_ID: self.config_entry.entry_id,
            "connection": self.config_entry.title,
            "device_id": self._device_id,
            "state": event.status.value,
        }
        if event.error is not None:
            data["reason"] = cause_of(event.error)
        self.hass.bus.async_fire(EVENT_CONNECTION, data)

    @callback
    def _on_message(self, event: MessageEvent) -> None:
        if event.message.chat == STATUS_BROADCAST and not self.options.status_updates:
            event.take()
            return
        message = describe_message(event.message, self.origin())
        # From here on a crash must not tell it again.
        event.take()
        if message.bus_event is not None:
            self.hass.bus.async_fire(message.bus_event, message.data)
        self.notifications.on_message(event, message.data)
        if self.options.fetch_media:
            async_fetch_soon(self.hass, self.config_entry, event.message)
        for listener in tuple(self._listeners_of_messages):
            listener(message)

    @callback
    def _name_of(self, chat: Jid) -> str | None:
        """Name a chat as the phone does; a group as it is called by now."""
        if chat.is_group and (name := self.client.groups.name_of(chat)) is not None:
            return name
        return self.client.chats.given_name(chat)

    @callback
    def origin(self) -> MessageOrigin:
        """Say whose account it is that something came to."""
        return MessageOrigin(
            config_entry_id=self.config_entry.entry_id,
            connection=self.config_entry.title,
            device_id=self._device_id,
            addresses=frozenset({self.client.own_jid, self.client.own_lid}),
            stale_after=self.options.stale_after,
            people=self.options.people,
            name_of=self._name_of,
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
