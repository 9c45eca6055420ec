"""The phones as a web page, for a person: scan a code, read and write messages."""

from pathlib import Path

from aiohttp import web

from .control import add_control
from .server import Simulator

PAGE = Path(__file__).with_name("phone_page.html")


class PhonePage:
    """Serves the page on a port of its own, on loopback."""

    def __init__(self, sim: Simulator, *, port: int = 0) -> None:
        self._port = port
        # Room for a screenshot as base64.
        self._app = web.Application(client_max_size=32 * 1024 * 1024)
        self._app.router.add_get("/", self._page)
        add_control(self._app, sim)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self._port}/"

    async def start(self) -> None:
        """Listen."""
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(
            PAGE,
            headers={
                "Cache-Control": "no-store",
                "Content-Security-Policy": "default-src 'self' 'unsafe-inline'",
            },
        )
