"""Which server the client talks to, and the web version that it names there.

That is the real WhatsApp, unless the environment variable `WHATSAPP_WEB_SERVER`
names a file that points at a server on this machine, for development and tests.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import ipaddress
import json
import os
from pathlib import Path
import re
from typing import Any, Final

import aiohttp
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from yarl import URL

from .aiowhatsapp import ServerSettings, fetch_web_version
from .const import DOMAIN, LOGGER

ENV_SERVER: Final = "WHATSAPP_WEB_SERVER"
ROOT_KEY_LENGTH: Final = 32

_VERSION_FILE: Final = f"{DOMAIN}.version"
_VERSION_TEXT: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,12})")
_VERSION_AGE: Final = 24 * 3600
# The page is some 100 kB; nobody makes us hold more.
_MAX_PAGE: Final = 4 << 20
_CHUNK: Final = 64 << 10
_FETCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)

type Version = tuple[int, int, int]


class ServerSettingRefused(HomeAssistantError):
    """The file that the environment variable names can't be used."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, for the log and the person who set the variable."""
        super().__init__(
            reason,
            translation_domain=DOMAIN,
            translation_key="server_setting_refused",
            translation_placeholders={"variable": ENV_SERVER, "reason": reason},
        )


@dataclass(slots=True)
class _Known:
    """What was found out in this run of Home Assistant.

    `looked_up` holds once the version was asked for, whatever came of it.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    override: ServerSettings | None = None
    version: Version | None = None
    read: bool = False
    looked_up: bool = False


DATA_SERVER: HassKey[_Known] = HassKey(f"{DOMAIN}_server")


@callback
def is_overridden() -> bool:
    """Tell whether the environment variable is set."""
    return bool(os.environ.get(ENV_SERVER))


async def async_get_server(hass: HomeAssistant, *, current: bool = False) -> ServerSettings:
    """Give the settings of the server, with the newest web version that is known.

    With `current`, a version that is missing or a day old is looked up first; without,
    that happens beside, for the next line: no start waits for it. Raises
    `ServerSettingRefused`.
    """
    known = _known(hass)
    if path := os.environ.get(ENV_SERVER):
        async with known.lock:
            return await _async_override(hass, known, path)
    async with known.lock:
        if not known.read:
            known.version, known.looked_up = await _async_cached_version(hass)
            known.read = True
    if current:
        await _async_look_up(hass, known)
    elif not known.looked_up:
        hass.async_create_background_task(
            _async_look_up(hass, known), f"{DOMAIN} look the web version up"
        )
    settings = ServerSettings()
    return replace(settings, version=known.version) if known.version else settings


async def async_refresh_version(hass: HomeAssistant, refused: Version) -> bool:
    """Find another web version than the one the server refused; tell whether there is one.

    Raises `ServerSettingRefused`.
    """
    known = _known(hass)
    if is_overridden():
        known.override = None
    elif known.version in (None, refused):
        async with known.asking:
            if known.version in (None, refused):
                known.version = await _async_fetch_version(hass) or known.version
    return (await async_get_server(hass)).version != refused


async def _async_look_up(hass: HomeAssistant, known: _Known) -> None:
    async with known.asking:
        if not known.looked_up:
            known.version = await _async_fetch_version(hass) or known.version
            known.looked_up = True


@callback
def _known(hass: HomeAssistant) -> _Known:
    return hass.data.setdefault(DATA_SERVER, _Known())


async def _async_override(hass: HomeAssistant, known: _Known, path: str) -> ServerSettings:
    if known.override is None:
        known.override = await hass.async_add_executor_job(_read_override, Path(path))
        LOGGER.warning(
            "%s is set: talking to the test server at %s, not to WhatsApp",
            ENV_SERVER,
            known.override.url,
        )
    return known.override


def _read_override(path: Path) -> ServerSettings:
    """Read the file; raise `ServerSettingRefused` for anything but a loopback server."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        settings = ServerSettings(
            url=_loopback_url(data["url"]),
            root_key=_root_key(data["noise_root"]),
            media_host=_loopback_host(data.get("media_host")),
            ca_file=_optional_text(data.get("ca")),
        )
        version = _optional_text(data.get("version"))
    except OSError as err:
        raise ServerSettingRefused(f"{path} can't be read") from err
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise ServerSettingRefused(f"{path} is not valid: {err}") from err
    return replace(settings, version=_parse_version(version)) if version else settings


def _loopback_url(text: str) -> str:
    url = URL(text)
    if url.scheme not in ("ws", "wss") or not _is_loopback(url.host):
        raise ValueError("the url must be ws:// or wss:// on this machine (127.0.0.1, ::1)")
    return text


def _loopback_host(text: str | None) -> str | None:
    if text is None:
        return None
    if not _is_loopback(URL(f"//{text}").host):
        raise ValueError("media_host must be on this machine")
    return text


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _root_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != ROOT_KEY_LENGTH:
        raise ValueError("noise_root must be 64 hexadecimal digits")
    return key


def _optional_text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError("ca and version must be text")
    return value


def _parse_version(text: str) -> Version:
    match = _VERSION_TEXT.fullmatch(text)
    if match is None:
        raise ServerSettingRefused("version must look like 2.3000.N")
    return int(match[1]), int(match[2]), int(match[3])


async def async_forget_version(hass: HomeAssistant) -> None:
    """Remove what was looked up, when there is no account left to use it."""
    await _version_store(hass).async_remove()


def _version_store(hass: HomeAssistant) -> Store[dict[str, Any]]:
    return Store(hass, 1, _VERSION_FILE)


async def _async_cached_version(hass: HomeAssistant) -> tuple[Version | None, bool]:
    """Give the version found earlier, and whether that is less than a day ago."""
    try:
        data = await _version_store(hass).async_load() or {}
        age = dt_util.utcnow().timestamp() - float(data["fetched_at"])
        version = _parse_version(str(data["version"]))
    except HomeAssistantError, KeyError, TypeError, ValueError:
        return None, False
    return version, 0 <= age < _VERSION_AGE


async def _async_fetch_version(hass: HomeAssistant) -> Version | None:
    """Ask WhatsApp's web page for the version, and keep it; None when that fails."""
    session = async_get_clientsession(hass)

    async def get_text(url: str, headers: Mapping[str, str]) -> str | None:
        try:
            async with session.get(url, headers=headers, timeout=_FETCH_TIMEOUT) as response:
                if response.status != 200:
                    return None
                page = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK):
                    page += chunk[: _MAX_PAGE - len(page)]
        except (aiohttp.ClientError, TimeoutError) as err:
            LOGGER.debug("The web version could not be fetched: %s", err)
            return None
        return page.decode(errors="replace")

    version = await fetch_web_version(get_text)
    if version is not None:
        text = ".".join(str(part) for part in version)
        data = {"version": text, "fetched_at": dt_util.utcnow().timestamp()}
        await _version_store(hass).async_save(data)
    return version
