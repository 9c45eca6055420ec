"""Drives one round of linking for the config flow.

A round: codes to scan or one to type, the phone's answer, credentials saved before the
server is told, and a first login. From the moment the credentials are being saved nothing
stops it any more: who closes the dialog then still gets their config entry.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
import qrcode
from qrcode.constants import ERROR_CORRECT_L
from qrcode.image.pil import PilImage

from .adoption import async_adopt, async_first_login, refusal
from .aiowhatsapp import (
    CertificateOutOfDate,
    ClientOutdated,
    Confirming,
    ConnectionFailed,
    Credentials,
    IqError,
    LinkCode,
    LinkCodeEnded,
    LocalProtocolError,
    Pairing,
    PairingEvent,
    PairingExpired,
    PairingFailed,
    PairingPasskeyRequested,
    PasskeyRequired,
    QrCode,
    StoreError,
    WhatsAppError,
    WrongClock,
)
from .connection import async_discard_soon, async_make_pairing
from .const import DOMAIN, LOGGER, PAIRING_TIMEOUT
from .exceptions import cause_of, placeholders_of
from .recipients import parse_recipient
from .server import ServerSettingRefused, async_get_server, async_refresh_version
from .storage import StoredConnection, async_get_storage, new_connection_id

# Modules of white around the code: less, and scanners miss it on a dark page.
QR_MARGIN: Final = 4
# Shown 332 pixels wide, or 142 on a phone, where one scaled down from 5 or 10 is unreadable.
QR_MODULE_PIXELS: Final = 8


# A person who mistyped gets another one; who does so more often begins anew.
CODES_TO_TYPE: Final = 3


class Stage(StrEnum):
    """What the dialog shows while a round goes on; its keys under `progress`."""

    CONNECT = "connect"
    SCAN = "scan"
    TYPE = "type"
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
        self,
        hass: HomeAssistant,
        entry: ConfigEntry | None,
        on_change: Callable[[], None],
        *,
        number: str | None = None,
    ) -> None:
        """Prepare a round that links `entry` again, or a new account.

        With the `number` of a phone, a code to type is shown in place of those to scan.
        """
        self._hass = hass
        self._entry = entry
        self._on_change = on_change
        self._number = number
        self._code_ended = asyncio.Event()
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
                await self._async_run_pairing(pairing)
            except ClientOutdated:
                if not await async_refresh_version(self._hass, refused):
                    raise
                pairing = await async_make_pairing(self._hass, self._async_save)
                await self._async_run_pairing(pairing)

    async def _async_run_pairing(self, pairing: Pairing) -> None:
        """Run an attempt, and ask it for codes to type if such are wanted."""
        if self._number is None:
            await pairing.run(self._on_event)
            return
        running = asyncio.ensure_future(pairing.run(self._on_event))
        asking = asyncio.ensure_future(self._async_ask_for_codes(pairing, self._number))
        try:
            await asyncio.wait({running, asking}, return_when=asyncio.FIRST_COMPLETED)
            # That an attempt has ended is not why it ended.
            if asking.done() and not isinstance(asking.exception(), PairingFailed):
                asking.result()
            await running
        finally:
            running.cancel()
            asking.cancel()
            await asyncio.gather(running, asking, return_exceptions=True)

    async def _async_ask_for_codes(self, pairing: Pairing, number: str) -> None:
        """Ask for a code, and for another when that one is no longer good."""
        for _ in range(CODES_TO_TYPE):
            self._code_ended.clear()
            with suppress(LocalProtocolError):
                # The server may have asked for another one before us.
                await pairing.request_link_code(number)
            await self._code_ended.wait()

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
            case QrCode() if self._number is None:
                previous, self._drawing = (
                    self._drawing,
                    self._hass.async_create_background_task(
                        self._async_show_code(event), f"{DOMAIN} draw code"
                    ),
                )
                if previous is not None:
                    previous.cancel()
            case LinkCode(code=code):
                self._show(Stage.TYPE, {"code": code, "number": self._number or ""})
            case LinkCodeEnded():
                self._code_ended.set()
            case PairingPasskeyRequested():
                self._show(Stage.PASSKEY)
            case Confirming():
                self._show(Stage.CONFIRM)
            case _:
                # A code to scan, where one to type was asked for.
                pass

    async def _async_show_code(self, code: QrCode) -> None:
        image = await self._hass.async_add_executor_job(qr_markdown, code.text)
        placeholders = {"qr": image, "number": str(code.index + 1), "count": str(code.count)}
        self._show(Stage.SCAN, placeholders)

    @callback
    def _show(self, stage: Stage, placeholders: dict[str, str] | None = None) -> None:
        if stage in (Stage.SCAN, Stage.TYPE) and self.stage in (Stage.PASSKEY, Stage.CONFIRM):
            # A code drawn late, or the next one of a round that waits for something else.
            return
        self.stage, self.placeholders = stage, placeholders or {}
        self._on_change()

    def _failure(self, err: WhatsAppError) -> Failed:
        match err:
            case PasskeyRequired():
                cause = cause_of(err)
            case PairingFailed():
                return Failed("pairing_failed", {"stage": err.stage})
            case IqError() if self._number is not None and not self._saved:
                return Failed("code_refused", {"number": self._number, "code": str(err.code)})
            case WrongClock() | CertificateOutOfDate():
                now = dt_util.now().isoformat(sep=" ", timespec="minutes")
                return Failed(cause_of(err), {"time": now})
            case ConnectionFailed() if self.stage is not Stage.CONNECT:
                cause = "connection_ended"
            case _:
                cause = cause_of(err)
        return Failed(cause, placeholders_of(err))


def phone_number_of(text: str) -> str | None:
    """Read the number of a phone, with its country code; None when it is none."""
    try:
        return parse_recipient(text).number
    except ServiceValidationError:
        return None


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
