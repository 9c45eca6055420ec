"""The backup connection: another account sends for one that is down for long.

What is to be sent always goes into the outbox of the connection that was asked. While
that one is down, it is handed over to the backup's outbox from there: given away first,
then taken, then forgotten, each on disk before the next. The backup takes a message
whose id it knows only once, so wherever a crash cuts this, only one of the two sends.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .aiowhatsapp import (
    Client,
    Jid,
    MediaFileError,
    MessageEnqueued,
    MessageStateChanged,
    Status,
    WaitingMessage,
    WhatsAppError,
)
from .const import ATTR_CONFIG_ENTRY_ID, DOMAIN, EVENT_CONNECTION, LOGGER
from .issues import ISSUE_BACKUP_IN_USE, async_hide_issue, async_show_issue

if TYPE_CHECKING:
    from .coordinator import WhatsAppCoordinator

# Labels of messages only: who asked for one that another connection sends.
MAX_REMEMBERED: Final = 5000


class Fallback:
    """Watches over one connection, from its set-up to its end."""

    def __init__(self, coordinator: WhatsAppCoordinator) -> None:
        """Begin with a connection that is not open yet, and so far only for now."""
        self._coordinator = coordinator
        self._hass: HomeAssistant = coordinator.hass
        self._entry: ConfigEntry = coordinator.config_entry
        self._backup_id = coordinator.options.backup_entry_id
        self._overdue = False
        self._was_in_use = False
        self._settled = False
        self._handing_over = asyncio.Lock()
        self._cancel_deadline: CALLBACK_TYPE | None = None
        self._sent_by: dict[str, str] = {}

    @property
    def active(self) -> WhatsAppCoordinator | None:
        """The connection that sends in place of this one just now."""
        backup = self._backup
        if not self._overdue or backup is None or backup.data.status is not Status.CONNECTED:
            return None
        return backup

    def sent_by(self, message_id: str) -> str | None:
        """Name the connection that sends a message of ours, if that is another one."""
        return self._sent_by.get(message_id)

    @callback
    def async_start(self, client: Client) -> Callable[[], None]:
        """Begin to watch; return how to stop."""
        watching = ExitStack()
        watching.callback(self._stop)
        watching.callback(
            client.subscribe(
                MessageStateChanged,
                lambda change: async_dispatcher_send(
                    self._hass, _signal(self._entry.entry_id), change
                ),
            )
        )
        if self._backup_id is None:
            return watching.close
        for unsubscribe in (
            client.subscribe(MessageEnqueued, lambda _: self._look()),
            self._hass.bus.async_listen(EVENT_CONNECTION, self._on_connection),
            async_dispatcher_connect(
                self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._on_entry_changed
            ),
            async_dispatcher_connect(self._hass, _signal(self._backup_id), self._on_change_there),
        ):
            watching.callback(unsubscribe)
        self._watch_time()
        return watching.close

    @property
    def _backup(self) -> WhatsAppCoordinator | None:
        if self._backup_id is None:
            return None
        entry = self._hass.config_entries.async_get_entry(self._backup_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        backup: WhatsAppCoordinator = entry.runtime_data
        return backup

    @callback
    def _stop(self) -> None:
        if self._cancel_deadline is not None:
            self._cancel_deadline()
            self._cancel_deadline = None

    @callback
    def _watch_time(self) -> None:
        """Note how long the connection may stay down before the backup is used."""

        @callback
        def overdue(_now: datetime) -> None:
            self._cancel_deadline = None
            self._overdue = True
            self._look()

        match self._coordinator.data.status:
            case Status.CONNECTED:
                self._stop()
                self._overdue = False
            case Status.LOGGED_OUT:
                self._stop()
                self._overdue = True
            case _ if self._cancel_deadline is None and not self._overdue:
                self._cancel_deadline = async_call_later(
                    self._hass, self._coordinator.options.backup_after, overdue
                )
        self._look()

    @callback
    def _on_connection(self, event: Event) -> None:
        if event.data[ATTR_CONFIG_ENTRY_ID] == self._entry.entry_id:
            self._watch_time()
        elif event.data[ATTR_CONFIG_ENTRY_ID] == self._backup_id:
            self._look()

    @callback
    def _on_entry_changed(self, _change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.entry_id == self._backup_id:
            self._look()

    @callback
    def _look(self) -> None:
        """Tell when the backup begins or ends to be used, and give it what waits."""
        active = self.active
        if (active is not None) != self._was_in_use:
            self._was_in_use = active is not None
            self._tell(active)
        if active is not None or not self._settled:
            self._begin_hand_over()

    @callback
    def _tell(self, active: WhatsAppCoordinator | None) -> None:
        if active is None:
            LOGGER.info("%s sends by itself again", self._entry.title)
            async_hide_issue(self._hass, self._entry, ISSUE_BACKUP_IN_USE)
        else:
            LOGGER.warning("%s sends in place of %s", active.name, self._entry.title)
            async_show_issue(self._hass, self._entry, ISSUE_BACKUP_IN_USE, backup=active.name)
        self._coordinator.async_update_listeners()

    @callback
    def _begin_hand_over(self) -> None:
        self._entry.async_create_background_task(
            self._hass, self._async_hand_over(), f"{DOMAIN} hand over to the backup"
        )

    async def _async_hand_over(self) -> None:
        try:
            async with self._handing_over:
                await self._async_hand_over_now()
        except WhatsAppError as err:
            LOGGER.warning("Messages of %s could not be handed over: %s", self._entry.title, err)

    async def _async_hand_over_now(self) -> None:
        """Give the backup what waits here; also end what a crash cut short."""
        backup, active = self._backup, self.active
        if active is None and self._settled:
            return
        if backup is None and self._backup_is_coming:
            # Whether it has taken what was given away is for it to say.
            return
        outbox = self._coordinator.client.outbox
        waiting = await outbox.give_away()
        try:
            if backup is not None:
                taken = await self._async_take(backup, waiting, new=active is not None)
                await outbox.given_away(taken)
                await self._async_discard_files(waiting, taken)
            self._settled = True
        finally:
            await outbox.take_back()

    async def _async_discard_files(self, waiting: list[WaitingMessage], taken: list[str]) -> None:
        """Remove the files that the backup has by now."""
        for message in waiting:
            if message.attachment and message.message_id in taken:
                await self._coordinator.client.media.discard(message.attachment)

    @property
    def _backup_is_coming(self) -> bool:
        """Whether there is a backup, if not yet."""
        if self._backup_id is None:
            return False
        entry = self._hass.config_entries.async_get_entry(self._backup_id)
        return entry is not None and entry.disabled_by is None

    async def _async_take(
        self, backup: WhatsAppCoordinator, waiting: list[WaitingMessage], *, new: bool
    ) -> list[str]:
        """Put messages into the backup's outbox; return the ids that are there then."""
        taken = []
        for message in waiting:
            known = await backup.client.outbox.states.get(message.message_id) is not None
            if not known and not (new and await _may_send(backup, message.chat)):
                continue
            try:
                await backup.client.outbox.enqueue(
                    message.chat,
                    message.message,
                    message_id=message.message_id,
                    priority=message.priority,
                    expire_after=max(message.expires_at - dt_util.utcnow().timestamp(), 1.0),
                    attachment=await backup.client.media.take_over(
                        message.attachment, self._coordinator.client.media
                    ),
                )
            except MediaFileError as err:
                LOGGER.warning("%s can't take a file: %s", backup.name, err)
                continue
            except WhatsAppError as err:
                LOGGER.warning("%s takes no more messages: %s", backup.name, err)
                break
            self._remember(message.message_id, backup)
            taken.append(message.message_id)
        return taken

    def _remember(self, message_id: str, backup: WhatsAppCoordinator) -> None:
        self._sent_by[message_id] = backup.name
        backup.carried[message_id] = self._entry.entry_id
        for labels in (self._sent_by, backup.carried):
            if len(labels) > MAX_REMEMBERED:
                labels.pop(next(iter(labels)))

    @callback
    def _on_change_there(self, change: MessageStateChanged) -> None:
        self._entry.async_create_background_task(
            self._hass, self._async_learn(change), f"{DOMAIN} follow a message of the backup"
        )

    async def _async_learn(self, change: MessageStateChanged) -> None:
        """Note what became of a message of ours that the backup sends."""
        backup = self._backup
        outbox = self._coordinator.client.outbox
        try:
            if await outbox.states.get(change.message_id) is None:
                return
            if backup is not None:
                self._remember(change.message_id, backup)
            await outbox.learn(change)
        except WhatsAppError as err:
            LOGGER.debug("What became of a message could not be noted: %s", err)


async def _may_send(backup: WhatsAppCoordinator, chat: Jid) -> bool:
    """Tell whether the backup can write to a chat: to people, and where it is a member."""
    if not chat.is_group:
        return chat.is_user
    try:
        await backup.client.groups.get(chat)
    except WhatsAppError:
        return False
    return True


def _signal(entry_id: str) -> str:
    return f"{DOMAIN}_message_state_{entry_id}"
