"""Finding out which version of the web client is current.

The server refuses clients that name a version it has retired, so it is looked up where
browsers get theirs: the service worker, or failing that the page itself.
"""

from collections.abc import Awaitable, Callable, Mapping
import re
from typing import Final

from ..pairing.registration import WebVersion

SERVICE_WORKER_URL: Final = "https://web.whatsapp.com/sw.js"
PAGE_URL: Final = "https://web.whatsapp.com/"

_USER_AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
# Without the headers of a browser an error page comes instead.
_SERVICE_WORKER_HEADERS: Final = {
    "User-Agent": _USER_AGENT,
    "Sec-Fetch-Site": "none",
}
_PAGE_HEADERS: Final = {
    "User-Agent": _USER_AGENT,
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-User": "?1",
}

# In the service worker it stands inside a string, with its quotes escaped.
_REVISION = re.compile(r'\\?"client_revision\\?"\s*:\s*([0-9]{6,10})(?![0-9])', re.ASCII)
_MAX_REVISION: Final = 0xFFFFFFFF
_MAJOR, _MINOR = 2, 3000


def parse_web_version(text: str) -> WebVersion | None:
    """Find the current version in the service worker or the page; None if it isn't there."""
    match = _REVISION.search(text)
    if match is None or int(match[1]) > _MAX_REVISION:
        return None
    return _MAJOR, _MINOR, int(match[1])


async def fetch_web_version(
    get_text: Callable[[str, Mapping[str, str]], Awaitable[str | None]],
) -> WebVersion | None:
    """Look the current version up; None when neither place tells.

    `get_text` gets a URL with headers, and gives the body or, for any trouble, None.
    """
    for url, headers in (
        (SERVICE_WORKER_URL, _SERVICE_WORKER_HEADERS),
        (PAGE_URL, _PAGE_HEADERS),
    ):
        text = await get_text(url, headers)
        version = parse_web_version(text) if text is not None else None
        if version is not None:
            return version
    return None
