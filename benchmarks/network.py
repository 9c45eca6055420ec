"""A network between client and server that can be taken away, and given back."""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 1 << 16


class Outage(Enum):
    """How a network is gone."""

    REFUSED = "lines break, new ones are refused"
    SILENT = "nothing arrives any more, and nobody is told"


class Network:
    """Hands on what crosses it, unless it is gone."""

    def __init__(self, url: str) -> None:
        """`url` is where the server listens."""
        self._parts = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._port = 0

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._flows.set()
        await self._hang_up()

    @property
    def url(self) -> str:
        """Where clients find the server behind it."""
        return urlunsplit(self._parts._replace(netloc=f"127.0.0.1:{self._port}"))

    async def take_away(self, outage: Outage) -> None:
        """Be gone."""
        if outage is Outage.SILENT:
            self._flows.clear()
        else:
            await self._hang_up()

    async def give_back(self) -> None:
        """Be there again. Lines that were silent are dead by now, as behind a new address."""
        if not self._flows.is_set():
            for writer in list(self._writers):
                writer.transport.abort()
            self._flows.set()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._lines):
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._writers |= {writer, back}
        ways = [
            asyncio.create_task(self._hand_on(reader, back)),
            asyncio.create_task(self._hand_on(there, writer)),
        ]
        self._lines.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._lines.difference_update(ways)
        self._writers -= {writer, back}
        for each in (writer, back):
            each.close()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            return


async def until(condition: Callable[[], bool], pause: float = 0.005) -> None:
    """Look again and again, often enough for what is measured."""
    while not condition():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(pause)
