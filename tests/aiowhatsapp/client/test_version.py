from collections.abc import Mapping

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.version import (
    PAGE_URL,
    SERVICE_WORKER_URL,
    fetch_web_version,
    parse_web_version,
)

SERVICE_WORKER = r'self.x = JSON.parse("{\"server_revision\":1,\"client_revision\":1045816814,}")'
PAGE = '<script>{"server_revision":1,"client_revision":1026131876,"tier":""}</script>'


@pytest.mark.parametrize(("text", "revision"), [(SERVICE_WORKER, 1045816814), (PAGE, 1026131876)])
def test_version_is_found_where_browsers_find_it(text: str, revision: int) -> None:
    assert parse_web_version(text) == (2, 3000, revision)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>Update your browser</html>",
        '"client_revision":',
        '"client_revision":12',
        '"client_revision":99999999999',
        '"client_revision":9999999999',
        '"client_revision":"1045816814"',
        "client_revision: 1045816814",
        '"client_revision":١٠٤٥٨١٦٨١٤',
    ],
)
def test_page_without_a_version_has_none(text: str) -> None:
    assert parse_web_version(text) is None


class Web:
    """Pages by URL, and what was asked for."""

    def __init__(self, pages: Mapping[str, str | None]) -> None:
        self._pages = pages
        self.asked: dict[str, Mapping[str, str]] = {}

    async def get_text(self, url: str, headers: Mapping[str, str]) -> str | None:
        self.asked[url] = headers
        return self._pages.get(url)


async def test_service_worker_is_asked_first_and_alone() -> None:
    web = Web({SERVICE_WORKER_URL: SERVICE_WORKER, PAGE_URL: PAGE})
    assert await fetch_web_version(web.get_text) == (2, 3000, 1045816814)
    (headers,) = web.asked.values()
    assert headers["Sec-Fetch-Site"] == "none"
    assert headers["User-Agent"].startswith("Mozilla/5.0")


@pytest.mark.parametrize("service_worker", [None, "", "an error page"])
async def test_page_is_asked_when_the_service_worker_does_not_tell(
    service_worker: str | None,
) -> None:
    web = Web({SERVICE_WORKER_URL: service_worker, PAGE_URL: PAGE})
    assert await fetch_web_version(web.get_text) == (2, 3000, 1026131876)
    headers = web.asked[PAGE_URL]
    assert headers["Sec-Fetch-Mode"] == "navigate"
    assert headers["Sec-Fetch-Dest"] == "document"
    assert headers["Sec-Fetch-User"] == "?1"
    assert "text/html" in headers["Accept"]


async def test_nothing_found_is_none() -> None:
    web = Web({})
    assert await fetch_web_version(web.get_text) is None
    assert list(web.asked) == [SERVICE_WORKER_URL, PAGE_URL]
