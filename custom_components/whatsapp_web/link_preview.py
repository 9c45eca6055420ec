"""Looking at the page behind a link, so that a message can show what it is about.

Whoever wrote the link may have meant a device of this house: only addresses of the public
internet are asked, also after a redirect, and each for little time and few bytes.
"""

import asyncio
from html.parser import HTMLParser
from ipaddress import ip_address
import re
import socket
from typing import Final, override

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from homeassistant.core import HomeAssistant
from homeassistant.util.ssl import get_default_context
from yarl import URL

from .aiowhatsapp import LinkPreview
from .const import LOGGER

TIMEOUT: Final = 8.0
MAX_PAGE: Final = 256 * 1024
MAX_PICTURE: Final = 48 * 1024
MAX_REDIRECTS: Final = 4
MAX_TITLE: Final = 300
MAX_DESCRIPTION: Final = 1000
_LINK: Final = re.compile(r"https?://[^\s<>\"']{3,2000}", re.IGNORECASE)
_BEHIND_LINK: Final = ".,;:!?)]}*_~"
_PORTS: Final = (80, 443)
_JPEG: Final = b"\xff\xd8\xff"
_HEADERS: Final = {
    "Accept": "text/html, image/jpeg;q=0.8",
    "User-Agent": "Mozilla/5.0 (compatible; HomeAssistant link preview)",
}


class _Refused(Exception):
    """A page that must not, or can't, be looked at."""


class PublicResolver(AbstractResolver):
    """Resolves names as `inner` does, but gives addresses of the public internet only."""

    def __init__(self, inner: AbstractResolver) -> None:
        """Resolve through another resolver."""
        self._inner = inner

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name; raise `OSError` when one of its addresses is not public."""
        found = await self._inner.resolve(host, port, family)
        if not found or not all(is_public(each["host"]) for each in found):
            raise OSError(None, "Not a public address")
        return found

    @override
    async def close(self) -> None:
        """Let go of the other resolver."""
        await self._inner.close()


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    found = mapped or found
    return found.is_global and not found.is_multicast and not found.is_reserved


def first_link(text: str) -> str | None:
    """Find the first link in a text, as it stands there."""
    match = _LINK.search(text)
    return None if match is None else match[0].rstrip(_BEHIND_LINK)


async def async_preview_of(
    hass: HomeAssistant, text: str, *, resolver: AbstractResolver | None = None
) -> LinkPreview | None:
    """Look at the page behind the first link of a text; None when there is nothing to show."""
    link = first_link(text)
    if link is None:
        return None
    connector = TCPConnector(
        resolver=PublicResolver(resolver or ThreadedResolver()),
        use_dns_cache=False,
        ssl=get_default_context(),
    )
    session = ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=TIMEOUT),
        trust_env=False,
    )
    try:
        async with asyncio.timeout(TIMEOUT), session:
            return await _async_look(hass, session, link)
    except (ClientError, OSError, TimeoutError, ValueError, _Refused) as err:
        LOGGER.debug("There is no preview of a link: %s", type(err).__name__)
        return None


async def _async_look(hass: HomeAssistant, session: ClientSession, link: str) -> LinkPreview | None:
    url, kind, content = await _async_fetch(session, URL(link), MAX_PAGE)
    if "html" not in kind:
        return None
    page = await hass.async_add_executor_job(_read_page, content)
    if not page.title:
        return None
    picture = b""
    if page.picture:
        picture = await _async_picture(session, url.join(URL(page.picture)))
    return LinkPreview(url=link, title=page.title, description=page.description, thumbnail=picture)


async def _async_picture(session: ClientSession, url: URL) -> bytes:
    try:
        _, _, content = await _async_fetch(session, url, MAX_PICTURE + 1)
    except ClientError, OSError, ValueError, _Refused:
        return b""
    fits = content.startswith(_JPEG) and len(content) <= MAX_PICTURE
    return content if fits else b""


async def _async_fetch(session: ClientSession, url: URL, limit: int) -> tuple[URL, str, bytes]:
    """Fetch at most `limit` bytes; every stop on the way is checked."""
    for _ in range(MAX_REDIRECTS + 1):
        _check(url)
        async with session.get(url, headers=_HEADERS, allow_redirects=False) as response:
            if response.status in (301, 302, 303, 307, 308):
                url = url.join(URL(response.headers.get("Location", "")))
                continue
            response.raise_for_status()
            content = bytearray()
            async for chunk in response.content.iter_chunked(16 * 1024):
                content += chunk
                if len(content) >= limit:
                    break
            return url, response.content_type, bytes(content[:limit])
    raise _Refused("too many redirects")


def _check(url: URL) -> None:
    if url.scheme not in ("http", "https") or not url.host or url.port not in _PORTS:
        raise _Refused("not a page of the web")
    if url.user or url.password:
        raise _Refused("credentials in a link")
    # A name is checked when it is resolved; an address is not resolved.
    if _is_address(url.host) and not is_public(url.host):
        raise _Refused("not a public address")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class _Page(HTMLParser):
    """The title, description and picture that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self._facts: dict[str, str] = {}
        self._in_title = False
        self._title: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        if tag != "meta":
            return
        given = dict(attrs)
        name = (given.get("property") or given.get("name") or "").lower()
        self._facts.setdefault(name, given.get("content") or "")

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    @override
    def handle_data(self, data: str) -> None:
        if self._in_title and len(self._title) < 8:
            self._title.append(data)

    @property
    def title(self) -> str:
        """What it is called."""
        return _line(self._facts.get("og:title") or "".join(self._title), MAX_TITLE)

    @property
    def description(self) -> str:
        """What it says it is about."""
        given = self._facts.get("og:description") or self._facts.get("description") or ""
        return _line(given, MAX_DESCRIPTION)

    @property
    def picture(self) -> str:
        """Where its picture lies."""
        return self._facts.get("og:image", "")[:2000]


def _read_page(content: bytes) -> _Page:
    page = _Page()
    page.feed(content.decode(errors="replace"))
    return page


def _line(text: str, limit: int) -> str:
    return " ".join(text.split())[:limit]
