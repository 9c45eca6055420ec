"""Our client as one end of a conversation that is measured.

Times are seconds of the machine's monotonic clock, so that those of two processes
can be compared.
"""

import asyncio
from collections.abc import Callable
import json
import os
from pathlib import Path
import time
from typing import Literal

import aiohttp

from custom_components.whatsapp_web.aiowhatsapp import (
    AiohttpConnector,
    Client,
    Credentials,
    Jid,
    MessageReceived,
    Pairing,
    PairingEvent,
    QrCode,
    ServerSettings,
    SystemClock,
)
from custom_components.whatsapp_web.aiowhatsapp.store import MemoryBackend, SqliteBackend, Store

type StoreKind = Literal["sqlite", "memory"]

PATIENCE = 60.0


class Device:
    """A linked device, or several on one loop; the last one connected is the one that talks."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None
        self._linking: asyncio.Task[None] | None = None
        self._memory = MemoryBackend()
        self._clients: list[Client] = []
        self._opened: list[asyncio.Task[float]] = []
        self._arrived: list[float] = []
        self._arrival = asyncio.Event()

    async def link(
        self, url: str, noise_root: str, auth_dir: str, store: StoreKind = "sqlite"
    ) -> dict[str, str]:
        """Ask for a QR code, and connect once it is scanned."""
        code: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def on_event(event: PairingEvent) -> None:
            if isinstance(event, QrCode) and not code.done():
                code.set_result(event.text)

        async def save(credentials: Credentials) -> None:
            Path(auth_dir).mkdir(parents=True, exist_ok=True)
            _credentials_in(auth_dir).write_text(json.dumps(credentials.to_dict()))

        pairing = Pairing(
            connector=self._connector(),
            server=_server(url, noise_root),
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=_run_blocking,
            save=save,
        )

        async def link() -> None:
            await pairing.run(on_event)
            await self.connect(url, noise_root, auth_dir, store)

        self._linking = asyncio.create_task(link())
        self._linking.add_done_callback(lambda _: code.done() or code.cancel())
        return {"qr": await code}

    async def connect(
        self, url: str, noise_root: str, auth_dir: str, store: StoreKind = "sqlite"
    ) -> dict[str, str]:
        """Begin to connect with the stored credentials."""
        credentials = Credentials.from_dict(json.loads(_credentials_in(auth_dir).read_text()))
        backend = self._memory if store == "memory" else _database_in(auth_dir)
        client = Client(
            credentials=credentials,
            store=Store(backend),
            connector=self._connector(),
            server=_server(url, noise_root),
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=_run_blocking,
        )
        client.subscribe(MessageReceived, self._on_message)
        self._clients.append(client)
        self._opened.append(asyncio.create_task(_open(client)))
        return {}

    async def opened(self) -> dict[str, float]:
        """Wait until every connection is open; give when the last one was."""
        if self._linking is not None:
            await self._linking
        return {"at": max([await opened for opened in self._opened])}

    async def disconnect(self) -> dict[str, float]:
        """Stop, and keep what is stored."""
        for client in self._clients:
            await client.stop()
        self._clients.clear()
        self._opened.clear()
        return {}

    async def send(self, to: str, texts: list[str]) -> dict[str, float]:
        """Send texts, each without waiting for the one before; give when that began and ended."""
        client, chat = self._clients[-1], Jid.parse(to)
        began = time.monotonic()
        await asyncio.gather(*(client.send_text(chat, text) for text in texts))
        return {"began": began, "ended": time.monotonic()}

    async def receive(self, count: int) -> dict[str, list[float]]:
        """Wait for `count` texts, oldest first; give when each arrived."""
        while len(self._arrived) < count:
            self._arrival.clear()
            await self._arrival.wait()
        taken, self._arrived = self._arrived[:count], self._arrived[count:]
        return {"at": taken}

    def _on_message(self, event: MessageReceived) -> None:
        if not event.message.from_me and event.message.text:
            self._arrived.append(time.monotonic())
            self._arrival.set()

    def _connector(self) -> AiohttpConnector:
        if self._http is None:
            self._http = aiohttp.ClientSession()
        return AiohttpConnector(self._http)


async def _open(client: Client) -> float:
    await client.start()
    await client.wait_connected(PATIENCE)
    return time.monotonic()


async def _run_blocking[T](job: Callable[[], T], /) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, job)


def _server(url: str, noise_root: str) -> ServerSettings:
    return ServerSettings(url=url, root_key=bytes.fromhex(noise_root))


def _credentials_in(folder: str) -> Path:
    return Path(folder) / "credentials.json"


def _database_in(folder: str) -> SqliteBackend:
    return SqliteBackend(
        str(Path(folder) / "state.db"),
        key=bytes(32),
        random_bytes=os.urandom,
        run_blocking=_run_blocking,
    )
