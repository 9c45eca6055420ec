"""The control port: commands as JSON over HTTP, on loopback, and a client for it."""

import json
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web

from .commands import Commands

if TYPE_CHECKING:
    from .server import Simulator

CONTROL_PATH = "/control"
LOCAL_NAMES = ("127.0.0.1", "localhost")


class ControlFailed(Exception):
    """The simulator answered a command with an error."""


def add_control(app: web.Application, sim: Simulator) -> None:
    """Serve commands under `/control/<name>`."""
    commands = Commands(sim)

    async def handle(request: web.Request) -> web.Response:
        # A web page of another origin can neither name JSON nor this host.
        if request.content_type != "application/json" or request.url.host not in LOCAL_NAMES:
            return web.json_response({"ok": False, "error": "refused"}, status=403)
        try:
            result = await commands.run(request.match_info["name"], await request.json())
        except Exception as err:  # noqa: BLE001 - the caller gets to see every failure
            text = f"{type(err).__name__}: {err}"
            return web.json_response({"ok": False, "error": text}, status=400)
        return web.json_response({"ok": True, "result": result})

    app.router.add_post(f"{CONTROL_PATH}/{{name}}", handle)


class Control:
    """A simulator in another process: `await control("scan", number=..., qr=...)`."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}{CONTROL_PATH}"
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def __call__(self, command: str, /, **arguments: Any) -> Any:
        """Carry out a command; raises `ControlFailed` with its error."""
        assert self._http is not None
        async with self._http.post(
            f"{self._base}/{command}",
            data=json.dumps(arguments),
            headers={"Content-Type": "application/json"},
        ) as response:
            answer = await response.json()
        if not answer["ok"]:
            raise ControlFailed(answer["error"])
        return answer["result"]
