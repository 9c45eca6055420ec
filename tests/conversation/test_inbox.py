"""Messages that come together, and lines that break at the worst moment."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
import os

import aiohttp
import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    AiohttpConnector,
    Client,
    Credentials,
    IncomingMessage,
    MessageReceived,
    Pairing,
    PairingEvent,
    QrCode,
    ServerSettings,
    SystemClock,
)
from custom_components.whatsapp_web.aiowhatsapp.client.router import MAX_TOGETHER
from custom_components.whatsapp_web.aiowhatsapp.store import MemoryBackend, Store, Table, Write
from tests.simulator import Simulator
from tests.simulator.accounts import Account, Device
from tests.simulator.faults import by

PATIENCE = 30


class SlowDisk(MemoryBackend):
    """A backend that counts the commits of messages, and can make them wait once written."""

    def __init__(self) -> None:
        super().__init__()
        self.message_commits = 0
        self.written = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def commit(self, writes: Sequence[Write]) -> None:
        await super().commit(writes)
        if any(write.table is Table.SEEN for write in writes):
            self.message_commits += 1
            self.written.set()
            await self.go_on.wait()


class Listener:
    """Our client over such a disk, and what it handed over."""

    def __init__(self, simulator: Simulator, http: aiohttp.ClientSession) -> None:
        self.disk = SlowDisk()
        self.messages: list[IncomingMessage] = []
        self.account = simulator.add_account("15550001111", "Home")
        self._connector = AiohttpConnector(http)
        self._server = ServerSettings(url=simulator.url, root_key=simulator.root_key)
        self._credentials: Credentials | None = None
        self._client: Client | None = None
        self._arrived = asyncio.Event()

    @property
    def texts(self) -> list[str | None]:
        return [message.text for message in self.messages]

    @property
    def device(self) -> Device:
        return self.account.companions[0]

    async def link(self) -> None:
        scans: list[asyncio.Task[Device]] = []

        def on_event(event: PairingEvent) -> None:
            if isinstance(event, QrCode) and not scans:
                scans.append(asyncio.create_task(self.account.phone.scan(event.text)))

        async def save(credentials: Credentials) -> None:
            self._credentials = credentials

        pairing = Pairing(
            connector=self._connector,
            server=self._server,
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=asyncio.to_thread,
            save=save,
        )
        await pairing.run(on_event)
        await scans[0]

    async def start(self) -> None:
        assert self._credentials is not None
        self._client = Client(
            credentials=self._credentials,
            store=Store(self.disk),
            connector=self._connector,
            server=self._server,
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=asyncio.to_thread,
        )
        self._client.subscribe(MessageReceived, self._on_message)
        await self._client.start()
        await self._client.wait_connected(PATIENCE)

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.stop()

    def _on_message(self, event: MessageReceived) -> None:
        self.messages.append(event.message)
        self._arrived.set()

    async def until(self, found: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not found():
                self._arrived.clear()
                await self._arrived.wait()


@pytest.fixture
async def listener(simulator: Simulator) -> AsyncIterator[Listener]:
    async with aiohttp.ClientSession() as http:
        made = Listener(simulator, http)
        await made.link()
        await made.start()
        yield made
        await made.stop()


@pytest.fixture
def people(simulator: Simulator) -> list[Account]:
    return [simulator.add_account(f"1555000222{index}", f"Person {index}") for index in range(3)]


async def write_while_away(listener: Listener, people: list[Account], count: int) -> list[str]:
    """Have people write in turn while the client is away; give the texts in order."""
    await listener.stop()
    texts = [f"{index} from {index % len(people)}" for index in range(count)]
    for index, text in enumerate(texts):
        await people[index % len(people)].phone.send_text(listener.account, text)
    return texts


async def test_a_backlog_comes_in_order_and_shares_commits(
    simulator: Simulator, listener: Listener, people: list[Account]
) -> None:
    texts = await write_while_away(listener, people, 60)
    before = listener.disk.message_commits
    await listener.start()
    await listener.until(lambda: len(listener.messages) >= len(texts))
    assert listener.texts == texts
    assert listener.disk.message_commits - before <= len(texts) // MAX_TOGETHER * 2
    await simulator.settled()


async def test_one_that_cannot_be_read_keeps_none_of_the_others_back(
    simulator: Simulator, listener: Listener, people: list[Account]
) -> None:
    for person in people:
        await person.phone.send_text(listener.account, f"hello from {person.number}")
    await listener.until(lambda: len(listener.messages) == len(people))
    listener.messages.clear()
    texts = await write_while_away(listener, people, 9)
    simulator.faults.add("spoil", by("message"), device=listener.device)
    await listener.start()
    await listener.until(lambda: len(listener.messages) >= len(texts))
    # Sent again on request, the first one is the last to come.
    assert sorted(map(str, listener.texts)) == sorted(texts)
    assert listener.texts[: len(texts) - 1] == texts[1:]
    await simulator.settled()


async def test_the_same_message_twice_in_a_backlog_is_one(
    simulator: Simulator, listener: Listener, people: list[Account]
) -> None:
    await write_while_away(listener, people[:1], 2)
    first, *_ = (entry.node for entry in listener.device.mailbox.pending())
    simulator.push(listener.device, first)
    await people[0].phone.send_text(listener.account, "last")
    await listener.start()
    await listener.until(lambda: "last" in listener.texts)
    assert listener.texts == ["0 from 0", "1 from 0", "last"]
    await simulator.settled()


async def test_a_line_that_breaks_while_the_disk_is_slow_loses_nothing(
    simulator: Simulator, listener: Listener, people: list[Account]
) -> None:
    listener.disk.written.clear()
    listener.disk.go_on.clear()
    await people[0].phone.send_text(listener.account, "on disk, and then the line breaks")
    await asyncio.wait_for(listener.disk.written.wait(), PATIENCE)
    logins = listener.device.logins
    simulator.faults.cut(listener.device)
    # The same client connects again by itself, and is sent the message again.
    await simulator.ledger.until(lambda: listener.device.logins > logins)
    listener.disk.go_on.set()
    await listener.until(lambda: bool(listener.messages))
    await people[0].phone.send_text(listener.account, "next")
    await listener.until(lambda: "next" in listener.texts)
    assert listener.texts == ["on disk, and then the line breaks", "next"]
    await simulator.settled()
