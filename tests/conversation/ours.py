"""Our client as a linked device of an account at the simulator."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
from typing import Any

import aiohttp

from custom_components.whatsapp_web.aiowhatsapp import (
    MESSAGE_EVENTS,
    AiohttpConnector,
    AiohttpMediaTransport,
    Client,
    Credentials,
    Event,
    GroupChanged,
    IncomingMessage,
    MediaSettings,
    Pairing,
    ReceiptReceived,
    SentMessage,
    ServerSettings,
    SystemClock,
    UndecryptableMessage,
)
from custom_components.whatsapp_web.aiowhatsapp.client.pairing import PairingEvent, QrCode
from custom_components.whatsapp_web.aiowhatsapp.store import SqliteBackend, Store
from tests.simulator import Simulator
from tests.simulator.accounts import Account, Device

PATIENCE = 30


class OurDevice:
    """One installation of our client: its credentials and its database file."""

    def __init__(self, simulator: Simulator, account: Account, folder: Path) -> None:
        self.account = account
        self.device: Device | None = None
        self.messages: list[IncomingMessage] = []
        self.receipts: list[ReceiptReceived] = []
        self.undecryptable: list[UndecryptableMessage] = []
        self.group_changes: list[GroupChanged] = []
        self._simulator = simulator
        self._folder = folder
        self._seen = 0
        self._arrived = asyncio.Condition()
        self._threads = ThreadPoolExecutor(2)
        self._http = aiohttp.ClientSession()
        self.server = ServerSettings(url=simulator.url, root_key=simulator.root_key)
        self.credentials: Credentials | None = None
        self.client: Client | None = None

    @property
    def address(self) -> str:
        """What peers write to.

        By LID, as the official clients do: zapo-js keeps one session for a number and
        another for its LID, and reads an answer to the one only in the other's place.
        """
        return str(self.account.lid_jid)

    @property
    def spool(self) -> Path:
        """Where encrypted files wait to be sent."""
        return self._folder / "spool"

    async def run_blocking[T](self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    async def link(self) -> None:
        """Pair by QR: the account's phone scans what our client shows."""
        scans: list[asyncio.Task[Device]] = []

        def on_event(event: PairingEvent) -> None:
            if isinstance(event, QrCode) and not scans:
                scans.append(asyncio.create_task(self.account.phone.scan(event.text)))

        async def save(credentials: Credentials) -> None:
            self.credentials = credentials

        pairing = Pairing(
            connector=AiohttpConnector(self._http),
            server=self.server,
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=self.run_blocking,
            save=save,
        )
        await pairing.run(on_event)
        self.device = await scans[0]

    def make_store(self) -> Store:
        """Give the store; one at a time can be open."""
        backend = SqliteBackend(
            str(self._folder / "ours.db"),
            key=bytes(32),
            random_bytes=os.urandom,
            run_blocking=self.run_blocking,
        )
        return Store(backend)

    async def start(self, *, online: bool = True, **more: Any) -> Client:
        """Run the client over the stored credentials and state; wait for the line, if wanted."""
        assert self.credentials is not None
        client = Client(
            credentials=self.credentials,
            store=self.make_store(),
            connector=AiohttpConnector(self._http),
            server=self.server,
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=self.run_blocking,
            media=MediaSettings(
                http=AiohttpMediaTransport(
                    self._http, ssl_context=self._simulator.media.client_context()
                ),
                folder=self.spool,
            ),
            **more,
        )
        for kind in MESSAGE_EVENTS:
            client.subscribe(kind, lambda event: self._keep(self.messages, event.message))
        client.subscribe(ReceiptReceived, lambda event: self._keep(self.receipts, event))
        client.subscribe(GroupChanged, lambda event: self._keep(self.group_changes, event))
        client.subscribe(UndecryptableMessage, lambda event: self._keep(self.undecryptable, event))
        self.client = client
        await client.start()
        if online:
            await client.wait_connected(PATIENCE)
        return client

    async def stop(self) -> None:
        if self.client is not None:
            await self.client.stop()
            self.client = None

    async def aclose(self) -> None:
        await self.stop()
        await self._http.close()
        self._threads.shutdown()

    def _keep[T: Event | IncomingMessage](self, kept: list[T], item: T) -> None:
        kept.append(item)
        task = asyncio.ensure_future(self._notify())
        task.add_done_callback(lambda _: None)

    async def _notify(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    async def until[T](self, found: Callable[[], T | None]) -> T:
        """Wait until `found` gives something."""
        result = found()
        async with asyncio.timeout(PATIENCE), self._arrived:
            while not result:
                await self._arrived.wait()
                result = found()
        return result

    async def send(self, number: str, text: str) -> SentMessage:
        assert self.client is not None
        return await self.client.send_text(await self.client.resolve_number(number), text)

    async def text(self, text: str) -> IncomingMessage:
        """Wait for a message with that text."""
        return await self.until(
            lambda: next((message for message in self.messages if message.text == text), None)
        )

    def texts(self) -> list[str | None]:
        return [message.text for message in self.messages]


type Linker = Callable[[str], Awaitable[OurDevice]]
