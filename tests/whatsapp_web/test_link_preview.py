"""Looking at pages, of the public internet only."""

import asyncio
from collections.abc import AsyncIterator
import socket
from typing import Any, override

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from homeassistant.core import HomeAssistant
import pytest

from custom_components.whatsapp_web import link_preview
from custom_components.whatsapp_web.aiowhatsapp import LinkPreview
from custom_components.whatsapp_web.link_preview import (
    PublicResolver,
    async_preview_of,
    first_link,
    is_public,
)

JPEG = b"\xff\xd8\xff\xe0picture"
PAGE = """<html><head><title>Plain</title>
<meta property="og:title" content="A &amp; B"><meta name="description" content="Words
 and more"><meta property="og:image" content="/picture.jpg"></head><body>x</body></html>"""


class Response(dict[str, Any]):
    """What a response is made of, each time anew."""


class HomeResolver(AbstractResolver):
    """Sends every name to the test's own server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[str] = []

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(
                hostname=host,
                host=self.address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    @override
    async def close(self) -> None:
        return


class Site:
    """A web server; `pages` by path are text, or where to go instead."""

    def __init__(self) -> None:
        self.pages: dict[str, Response | str] = {}
        self.asked: list[str] = []
        self.over = asyncio.Event()
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        page = self.pages.get(request.path)
        if page == "endless":
            response = web.StreamResponse(headers={"Content-Type": "text/html"})
            await response.prepare(request)
            while True:
                await response.write(b"<p>" * 10_000)
        if page == "silent":
            await self.over.wait()
        if isinstance(page, Response):
            return web.Response(**page)
        if page is None:
            raise web.HTTPNotFound
        return web.Response(text=page, content_type="text/html")


@pytest.fixture
async def site(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    monkeypatch.setattr(link_preview, "_PORTS", (unused_tcp_port, 80, 443))
    monkeypatch.setattr(link_preview, "TIMEOUT", 2.0)
    site.port = unused_tcp_port
    yield site
    site.over.set()
    await runner.cleanup()


def url(site: Site, path: str = "/page") -> str:
    return f"http://example.org:{site.port}{path}"


async def look(
    hass: HomeAssistant, site: Site, monkeypatch: pytest.MonkeyPatch, path: str = "/page"
) -> LinkPreview | None:
    """Look at a page of the site, which for this once counts as public."""
    monkeypatch.setattr(link_preview, "is_public", lambda address: address == "127.0.0.1")
    return await async_preview_of(
        hass, f"See {url(site, path)}.", resolver=HomeResolver("127.0.0.1")
    )


async def test_a_page_is_shown(
    hass: HomeAssistant, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.pages["/page"] = PAGE
    site.pages["/picture.jpg"] = Response(body=JPEG, content_type="image/jpeg")
    assert await look(hass, site, monkeypatch) == LinkPreview(
        url=url(site), title="A & B", description="Words and more", thumbnail=JPEG
    )


async def test_redirects_are_followed_a_little(
    hass: HomeAssistant, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.pages["/page"] = Response(status=302, headers={"Location": "/there"})
    site.pages["/there"] = "<title>There</title>"
    shown = await look(hass, site, monkeypatch)
    assert shown is not None
    assert (shown.url, shown.title) == (url(site), "There")
    site.pages["/there"] = Response(status=302, headers={"Location": "/page"})
    site.asked.clear()
    assert await look(hass, site, monkeypatch) is None
    assert len(site.asked) == 5


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "http://user:secret@example.org/",
        "http://example.org:8123/",
        "",
    ],
)
async def test_no_redirect_leads_into_the_house(
    hass: HomeAssistant, site: Site, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    site.pages["/page"] = Response(status=302, headers={"Location": target})
    assert await look(hass, site, monkeypatch) is None
    assert set(site.asked) == {"/page"}


@pytest.mark.parametrize("page", ["endless", "silent", "<p>no title</p>"])
async def test_what_takes_too_much_is_left(
    hass: HomeAssistant, site: Site, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    site.pages["/page"] = page
    assert await look(hass, site, monkeypatch) is None


@pytest.mark.parametrize(
    "response",
    [
        lambda: Response(status=404),
        lambda: Response(text="<title>x</title>", content_type="application/json"),
        lambda: Response(body=b"\xff\xfe\x00" * 100, content_type="text/html"),
    ],
)
async def test_what_is_no_page_is_left(
    hass: HomeAssistant,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    response: type[Response],
) -> None:
    site.pages["/page"] = response()
    assert await look(hass, site, monkeypatch) is None


async def test_a_picture_that_is_too_large_or_none_is_left_out(
    hass: HomeAssistant, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in (JPEG + bytes(60_000), b"<svg/>"):
        site.pages["/page"] = PAGE
        site.pages["/picture.jpg"] = Response(body=body)
        shown = await look(hass, site, monkeypatch)
        assert shown is not None
        assert shown.thumbnail == b""


async def test_a_name_that_leads_into_the_house_is_not_asked(
    hass: HomeAssistant, site: Site
) -> None:
    site.pages["/page"] = PAGE
    resolver = HomeResolver("127.0.0.1")
    assert await async_preview_of(hass, url(site), resolver=resolver) is None
    assert resolver.asked == ["example.org"]
    assert site.asked == []


async def test_the_resolver_refuses_a_mixed_answer() -> None:
    class Mixed(HomeResolver):
        @override
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            public = await super().resolve(host, port, family)
            self.address = "192.168.0.1"
            return [*public, *await super().resolve(host, port, family)]

    with pytest.raises(OSError, match="public"):
        await PublicResolver(Mixed("93.184.216.34")).resolve("example.org")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address like others
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:192.168.1.1",
        "2002:c0a8:0101::1",
        "ff02::1",
        "not an address",
        "",
    ],
)
def test_addresses_of_the_house_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("no link", None),
        ("see https://example.org/a?b=c#d, please", "https://example.org/a?b=c#d"),
        ("(http://example.org).", "http://example.org"),
        ("*HTTPS://EXAMPLE.ORG*", "HTTPS://EXAMPLE.ORG"),
        ("ftp://example.org file:///etc/passwd", None),
        ("http://a http://b.org", "http://b.org"),
    ],
)
def test_the_first_link_is_found(text: str, link: str | None) -> None:
    assert first_link(text) == link
