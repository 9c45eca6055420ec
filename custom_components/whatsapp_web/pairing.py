"""Drives one round of linking for the config flow, and finishes rounds cut short.

A round: codes to scan, the phone's answer, credentials saved before the server is
told, and a first login. From the moment the credentials are being saved nothing
stops it any more: who closes the dialog then still gets their config entry.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO
from typing import Final

from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
import qrcode
from qrcode.constants import ERROR_CORRECT_L
from qrcode.image.pil import PilImage

from .aiowhatsapp import (
    ClientOutdated,
    Confirming,
    ConnectionFailed,
    Credentials,
    NotLinked,
    OwnNameChanged,
    PairingEvent,
    PairingExpired,
    PairingFailed,
    PairingPasskeyRequested,
    PasskeyRequired,
    QrCode,
    StoreError,
    WhatsAppError,
)
from .connection import async_discard_soon, async_make_pairing, async_open_client
from .const import (
    CONF_CONNECTION_ID,
    DOMAIN,
    FIRST_LOGIN_TIMEOUT,
    LOGGER,
    OWN_NAME_TIMEOUT,
    PAIRING_TIMEOUT,
)
from .exceptions import cause_of, placeholders_of
from .server import ServerSettingRefused, async_get_server, async_refresh_version
from .storage import StoredConnection, async_get_storage, new_connection_id

# Modules of white around the code: less, and scanners miss it on a dark page.
QR_MARGIN: Final = 4
# Shown 332 pixels wide, or 142 on a phone, where one scaled down from 5 or 10 is unreadable.
QR_MODULE_PIXELS: Final = 8


class Stage(StrEnum):
    """What the dialog shows while a round goes on; its keys under `progress`."""

    CONNECT = "connect"
    SCAN = "scan"
    PASSKEY = "passkey"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Linked:
    """The round ended well."""

    connection_id: str


@dataclass(frozen=True, slots=True)
class Expired:
    """All codes of the round ran out unscanned, which is no error."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Linked, but not an account that this flow may have; `reason` aborts it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The round ended badly; `cause` is the key of a translated error."""

    cause: str
    placeholders: dict[str, str]


type Outcome = Linked | Expired | Refused | Failed


class PairingRound:
    """One round of codes; `on_change` is called when there is something new to show."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry | None, on_change: Callable[[], None]
    ) -> None:
        """Prepare a round that links `entry` again, or a new account."""
        self._hass = hass
        self._entry = entry
        self._on_change = on_change
        self._connection_id = new_connection_id()
        self._storage = async_get_storage(hass)
        self._work: asyncio.Task[Outcome] | None = None
        self._drawing: asyncio.Task[None] | None = None
        # Set before the first byte is written; from then on the round goes to its end.
        self._saving = False
        self._saved = False
        self._taken = False
        self._released = False
        self.stage = Stage.CONNECT
        self.placeholders: dict[str, str] = {}

    async def async_run(self) -> Outcome:
        """Do the round. Cancelling this closes the socket, unless it is too late."""
        self._work = self._hass.async_create_background_task(
            self._async_work(), f"{DOMAIN} linking", eager_start=True
        )
        try:
            return await asyncio.shield(self._work)
        except asyncio.CancelledError:
            self.async_release()
            raise

    @callback
    def async_taken(self) -> None:
        """Note that the flow makes use of the outcome."""
        self._taken = True

    @callback
    def async_release(self) -> None:
        """Let go: the flow is over. An account nobody took gets its entry alone."""
        if self._released:
            return
        self._released = True
        if self._work is None:
            return
        if not self._saving:
            self._work.cancel()
        self._work.add_done_callback(self._on_released)

    @callback
    def _on_released(self, work: asyncio.Task[Outcome]) -> None:
        self._storage.being_linked.discard(self._connection_id)
        if self._taken or work.cancelled():
            return
        if isinstance(work.result(), Linked):
            self._hass.async_create_background_task(
                async_adopt(self._hass, self._connection_id), f"{DOMAIN} finish linking"
            )

    async def _async_work(self) -> Outcome:
        try:
            return await self._async_link()
        except PairingExpired, TimeoutError:
            return Expired()
        except ServerSettingRefused as err:
            return Failed(err.translation_key or "", err.translation_placeholders or {})
        except WhatsAppError as err:
            LOGGER.debug("Linking failed: %s", err)
            return self._failure(err)
        except Exception as err:  # noqa: BLE001 - the root of a task
            LOGGER.exception("Linking ended unexpectedly")
            return Failed("unexpected_error", {"error": type(err).__name__})
        finally:
            if self._drawing is not None:
                self._drawing.cancel()

    async def _async_link(self) -> Outcome:
        try:
            await self._async_pair()
        except WhatsAppError, TimeoutError:
            # Once saved, the server may have been told just before this: log in and see.
            if not self._saved:
                raise
        self._show(Stage.CONFIRM)
        stored = await self._storage.async_load(self._connection_id)
        if reason := refusal(self._hass, self._entry, stored.credentials):
            self._storage.being_linked.discard(self._connection_id)
            async_discard_soon(self._hass, self._connection_id)
            return Refused(reason)
        await async_first_login(self._hass, self._connection_id)
        return Linked(self._connection_id)

    async def _async_pair(self) -> None:
        async with asyncio.timeout(PAIRING_TIMEOUT):
            refused = (await async_get_server(self._hass, current=True)).version
            pairing = await async_make_pairing(self._hass, self._async_save)
            try:
                await pairing.run(self._on_event)
            except ClientOutdated:
                if not await async_refresh_version(self._hass, refused):
                    raise
                pairing = await async_make_pairing(self._hass, self._async_save)
                await pairing.run(self._on_event)

    async def _async_save(self, credentials: Credentials) -> None:
        if self._hass.is_stopping:
            raise StoreError("Home Assistant is stopping")
        self._saving = True
        self._storage.being_linked.add(self._connection_id)
        connection = StoredConnection(
            connection_id=self._connection_id,
            credentials=credentials,
            entry_id=self._entry.entry_id if self._entry else None,
        )
        try:
            await self._storage.async_save(connection)
        except StoreError:
            self._saving = False
            self._storage.being_linked.discard(self._connection_id)
            raise
        self._saved = True

    @callback
    def _on_event(self, event: PairingEvent) -> None:
        match event:
            case QrCode():
                previous, self._drawing = (
                    self._drawing,
                    self._hass.async_create_background_task(
                        self._async_show_code(event), f"{DOMAIN} draw code"
                    ),
                )
                if previous is not None:
                    previous.cancel()
            case PairingPasskeyRequested():
                self._show(Stage.PASSKEY)
            case Confirming():
                self._show(Stage.CONFIRM)
            case _:
                # Codes to type in are not asked for.
                pass

    async def _async_show_code(self, code: QrCode) -> None:
        image = await self._hass.async_add_executor_job(qr_markdown, code.text)
        placeholders = {"qr": image, "number": str(code.index + 1), "count": str(code.count)}
        self._show(Stage.SCAN, placeholders)

    @callback
    def _show(self, stage: Stage, placeholders: dict[str, str] | None = None) -> None:
        if stage is Stage.SCAN and self.stage in (Stage.PASSKEY, Stage.CONFIRM):
            # A code drawn late, or the next one of a round that waits for more than a scan.
            return
        self.stage, self.placeholders = stage, placeholders or {}
        self._on_change()

    def _failure(self, err: WhatsAppError) -> Failed:
        match err:
            case PasskeyRequired():
                cause = cause_of(err)
            case PairingFailed():
                return Failed("pairing_failed", {"stage": err.stage})
            case ConnectionFailed() if self.stage is not Stage.CONNECT:
                cause = "connection_ended"
            case _:
                cause = cause_of(err)
        return Failed(cause, placeholders_of(err))


def qr_markdown(text: str) -> str:
    """Draw a code as PNG and give it as an image in Markdown. Takes milliseconds."""
    code: qrcode.QRCode[PilImage] = qrcode.QRCode(
        error_correction=ERROR_CORRECT_L,
        border=QR_MARGIN,
        box_size=QR_MODULE_PIXELS,
        image_factory=PilImage,
    )
    code.add_data(text)
    png = BytesIO()
    code.make_image().save(png, format="PNG")
    return f"![QR](data:image/png;base64,{b64encode(png.getvalue()).decode()})"


def unique_id_of(credentials: Credentials) -> str:
    """Give the unique id of an account's entry: its user, by LID where it has one."""
    return credentials.lid.user or credentials.jid.user


def title_of(credentials: Credentials) -> str:
    """Give the title of an account's entry: its name, else its number."""
    return credentials.push_name or f"+{credentials.jid.user}"


def refusal(hass: HomeAssistant, entry: ConfigEntry | None, credentials: Credentials) -> str | None:
    """Say why a flow may not have this account: the key of an abort, or None."""
    accounts = {credentials.lid.user, credentials.jid.user} - {""}
    if entry is not None:
        return None if entry.unique_id in accounts else "wrong_account"
    taken = {known.unique_id for known in hass.config_entries.async_entries(DOMAIN)}
    return "already_configured" if taken & accounts else None


async def async_first_login(hass: HomeAssistant, connection_id: str) -> None:
    """Log in for the first time, to see whether the server took the device.

    Raises `NotLinked`, after removing the credentials, when it did not. Any other
    trouble proves nothing and is left to the entry.
    """
    try:
        async with async_open_client(hass, connection_id) as (client, stored):
            named = asyncio.Event()
            client.subscribe(OwnNameChanged, lambda _event: named.set())
            await client.start()
            await client.wait_connected(FIRST_LOGIN_TIMEOUT)
            if client.push_name is None:
                # The phone sends it soon after the first login; entities are named by it.
                with suppress(TimeoutError):
                    await asyncio.wait_for(named.wait(), OWN_NAME_TIMEOUT)
            if client.credentials != stored.credentials:
                named_now = replace(stored, credentials=client.credentials)
                await async_get_storage(hass).async_save(named_now)
    except NotLinked:
        await async_get_storage(hass).async_remove(connection_id)
        raise
    except (WhatsAppError, ServerSettingRefused) as err:
        LOGGER.info("Linked, but the first login has to wait: %s", err)


async def async_adopt(hass: HomeAssistant, connection_id: str) -> str | None:
    """Finish a linking that was cut short after its credentials were saved.

    They go to the entry they were made for, or get an entry, whose title is returned,
    or, when neither is possible, are logged out and removed.
    """
    storage = async_get_storage(hass)
    storage.being_linked.add(connection_id)
    try:
        return await _async_adopt(hass, await storage.async_load(connection_id))
    except NotLinked:
        LOGGER.info("A linking that was cut short never reached the server")
    except StoreError as err:
        LOGGER.warning("Stored credentials that no entry uses can't be read: %s", err)
    finally:
        storage.being_linked.discard(connection_id)
    return None


async def _async_adopt(hass: HomeAssistant, stored: StoredConnection) -> str | None:
    connection_id = stored.connection_id
    if (entry := _entry_for(hass, stored)) is not None:
        async_use_connection(hass, entry, connection_id)
        return entry.title
    if refusal(hass, None, stored.credentials):
        async_discard_soon(hass, connection_id)
        return None
    await async_first_login(hass, connection_id)
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_IMPORT}, data={CONF_CONNECTION_ID: connection_id}
    )
    if result["type"] is not FlowResultType.CREATE_ENTRY:
        LOGGER.info("No entry was made for a linked account: %s", result.get("reason"))
        return None
    return result["title"]


@callback
def async_use_connection(hass: HomeAssistant, entry: ConfigEntry, connection_id: str) -> None:
    """Let an entry work with another connection from now on, and discard its old one."""
    old = entry.data[CONF_CONNECTION_ID]
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_CONNECTION_ID: connection_id}
    )
    async_discard_soon(hass, old)
    if entry.state is not ConfigEntryState.NOT_LOADED:
        hass.config_entries.async_schedule_reload(entry.entry_id)


async def async_adopt_all(hass: HomeAssistant) -> list[str]:
    """Finish every linking that an end of Home Assistant cut short; give their titles."""
    storage = async_get_storage(hass)
    adopted = []
    for connection_id in await storage.async_list():
        used = {
            entry.data.get(CONF_CONNECTION_ID)
            for entry in hass.config_entries.async_entries(DOMAIN)
        }
        if connection_id not in used | storage.being_linked and (
            title := await async_adopt(hass, connection_id)
        ):
            adopted.append(title)
    return adopted


def _entry_for(hass: HomeAssistant, stored: StoredConnection) -> ConfigEntry | None:
    """Find the entry that these credentials were made for and that lacks them yet."""
    if not stored.pending or stored.entry_id is None:
        return None
    entry = hass.config_entries.async_get_entry(stored.entry_id)
    if entry is None or refusal(hass, entry, stored.credentials):
        return None
    return entry
