"""Our client, a phone it is linked to and a phone it talks with, all on one virtual loop."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
import random

from custom_components.whatsapp_web.aiowhatsapp import (
    ChatChange,
    ChatChanged,
    Client,
    ConnectionFailed,
    Credentials,
    Event,
    IncomingMessage,
    MessageReceived,
    NotLinked,
    OwnNameChanged,
    PacingLimits,
    Pairing,
    PairingFailed,
    ServerSettings,
    Status,
    StatusChanged,
    UndecryptableMessage,
)
from custom_components.whatsapp_web.aiowhatsapp.client.pairing import PairingEvent, QrCode
from custom_components.whatsapp_web.aiowhatsapp.errors import RemoteProtocolError
from custom_components.whatsapp_web.aiowhatsapp.store import SqliteBackend, Store
from tests.simulator import Simulator
from tests.simulator.accounts import Device
from tests.simulator.memory import Action, Direction, MemoryNetwork, Trap
from tests.simulator.pairing import CouldNotLink
from tests.virtual_time import VirtualClock

OURS, THEIRS = "15550001111", "15550002222"
# Virtual seconds: enough for every timeout of the client to pass.
PATIENCE = 900.0
ATTEMPTS = 20
TOLD = (StatusChanged, MessageReceived, OwnNameChanged, UndecryptableMessage, ChatChanged)


async def run_at_once[T](job: Callable[[], T], /) -> T:
    """Run a blocking job where it stands, but not in the very same turn of the loop."""
    await asyncio.sleep(0)
    return job()


class World:
    """Everything that a conversation needs. `events` tells in order what the client said."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.clock = VirtualClock()
        self.sim = Simulator(clock=self.clock.now)
        self.network = MemoryNetwork(self.sim)
        self.ours = self.sim.add_account(OURS, "Home")
        self.theirs = self.sim.add_account(THEIRS, "Ann")
        self.random_bytes = random.Random(seed).randbytes
        self.path = folder / "ours.db"
        self.server = ServerSettings(url="ws://memory", root_key=self.sim.root_key)
        self.pacing = PacingLimits(per_minute=None)
        self.saved: Credentials | None = None
        self.client: Client | None = None
        self.messages: list[IncomingMessage] = []
        self.events: list[Event] = []
        self.expected_in: list[str] = []
        self.expected_out: list[str] = []
        self.typed: list[str] = []
        self._starting = asyncio.Lock()
        self._started = asyncio.Event()
        self._happened = asyncio.Event()
        self._logged_in = False
        self._sequence = 0

    # --- our side

    async def link(self) -> None:
        """Link as a person does: scan what is shown, and try again when that fails."""
        for _ in range(ATTEMPTS):
            try:
                await self._pair_once()
            except ConnectionFailed, RemoteProtocolError, PairingFailed:
                continue
            await self.start()
            try:
                await self._running().wait_connected(PATIENCE)
            except NotLinked:
                # The server never heard of our agreement; the dialog says so.
                await self.stop()
                self.path.unlink()
                continue
            return
        raise AssertionError("Never linked")

    async def _pair_once(self) -> None:
        scans: list[asyncio.Task[Device]] = []

        def on_event(event: PairingEvent) -> None:
            if isinstance(event, QrCode) and not scans:
                scans.append(asyncio.create_task(self.ours.phone.scan(event.text)))

        async def save(credentials: Credentials) -> None:
            self.saved = credentials

        pairing = Pairing(
            connector=self.network,
            server=self.server,
            clock=self.clock,
            random_bytes=self.random_bytes,
            run_blocking=run_at_once,
            save=save,
        )
        try:
            await pairing.run(on_event)
        finally:
            # A phone whose scan came to nothing says so, or gives up after a while.
            await asyncio.gather(*scans, return_exceptions=True)
            for scan in scans:
                error = scan.exception()
                assert error is None or isinstance(error, CouldNotLink | TimeoutError)

    def make_client(self) -> Client:
        """Put a client together over what is stored."""
        assert self.saved is not None
        backend = SqliteBackend(
            str(self.path),
            key=bytes(32),
            random_bytes=self.random_bytes,
            run_blocking=run_at_once,
        )
        client = Client(
            credentials=self.saved,
            store=Store(backend),
            connector=self.network,
            server=self.server,
            clock=self.clock,
            random_bytes=self.random_bytes,
            run_blocking=run_at_once,
            pacing=self.pacing,
            fresh=not self._logged_in,
        )
        for kind in TOLD:
            client.subscribe(kind, self._on_event)
        return client

    async def start(self) -> None:
        """Start the client, unless it runs; it connects in the background."""
        async with self._starting:
            if self.client is None:
                self.client = self.make_client()
                await self.client.start()
                self._started.set()

    async def stop(self) -> None:
        async with self._starting:
            if self.client is not None:
                self._started.clear()
                await self.client.stop()
                self.client = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()
        await self.connected()

    async def connected(self) -> None:
        """Wait until both sides agree that the line is up and nothing is under way."""
        await self.until(self.is_connected)
        await self.sim.settled(timeout=PATIENCE)

    def is_connected(self) -> bool:
        if self.client is None or self.client.status is not Status.CONNECTED:
            return False
        return any(
            device.identity_public == self.client.credentials.identity_key.public
            and self.sim.connected(device)
            for device in self.ours.companions
        )

    @property
    def device(self) -> Device:
        """Our linked device, as the server knows it."""
        return self.ours.companions[-1]

    async def send(self, text: str) -> None:
        """Send a text, under the same id until the server has confirmed it."""
        self.expected_out.append(text)
        self._sequence += 1
        message_id = f"3EB0{self._sequence:018X}"
        for _ in range(ATTEMPTS):
            await self._started.wait()
            client = self._running()
            try:
                chat = await client.resolve_number(THEIRS)
                await client.send_text(chat, text, message_id=message_id)
            except ConnectionFailed:
                await asyncio.sleep(1)
            else:
                return
        raise AssertionError("Never sent")

    async def archive(self) -> None:
        """Archive the other's chat, however often it takes."""
        for _ in range(ATTEMPTS):
            await self._started.wait()
            try:
                await self._running().chats.archive(self.theirs.lid_jid)
            except ConnectionFailed:
                await asyncio.sleep(1)
            else:
                return
        raise AssertionError("Never archived")

    def is_archived_and_muted(self) -> bool:
        """Whether our client was told of it, and the phone shows it."""
        chat = self.theirs.lid_jid
        told = {event.change for event in self.of_kind(ChatChanged) if event.chat == chat}
        archived = self.ours.phone.state.of("regular_low").values.get(("archive", str(chat)))
        return archived is not None and {ChatChange.ARCHIVED, ChatChange.MUTED} <= told

    def _running(self) -> Client:
        assert self.client is not None
        return self.client

    def of_kind[E: Event](self, kind: type[E]) -> list[E]:
        """What the client told of that kind."""
        return [event for event in self.events if isinstance(event, kind)]

    # --- their side

    async def write(self, text: str) -> None:
        """Have the other phone write to us."""
        self.expected_in.append(text)
        await self.theirs.phone.send_text(self.ours, text)

    async def type_on_phone(self, text: str) -> None:
        """Have a text typed on our own phone; this device gets its copy."""
        self.expected_out.append(text)
        self.typed.append(text)
        await self.ours.phone.send_text(self.theirs, text)

    async def arrived(self) -> None:
        """Wait until all that was written, both ways, has arrived."""
        await self.until(lambda: set(self.expected_in) <= set(self.texts()))
        await self.until(lambda: set(self.typed) <= set(self.texts(from_me=True)))
        for text in self.expected_out:
            await self.theirs.phone.wait_message(text, timeout=PATIENCE)
        await self.sim.settled(timeout=PATIENCE)

    async def probe(self) -> None:
        """Write one message each way."""
        await self.write(f"probe in {len(self.expected_in)}")
        await self.send(f"probe out {len(self.expected_out)}")
        await self.arrived()

    # --- what must hold in the end

    def texts(self, *, from_me: bool = False) -> list[str]:
        return [each.text or "" for each in self.messages if each.from_me is from_me]

    def check(self) -> None:
        """Nothing lost, nothing doubled, no rule broken."""
        assert Counter(self.texts()) == Counter(self.expected_in)
        assert Counter(self.texts(from_me=True)) == Counter(self.typed)
        assert Counter(
            message.text for message in self.theirs.phone.messages if not message.from_me
        ) == Counter(self.expected_out)
        assert Counter(
            message.text for message in self.ours.phone.messages if message.from_me
        ) == Counter(self.expected_out)
        assert self.sim.ledger.violations == []
        # It came but once, with the history after linking.
        assert self._running().push_name == self.ours.name

    def forgive_garbage(self, trap: Trap) -> None:
        """Strike what the server says of the garbage that the trap fed it."""
        violations = self.sim.ledger.violations
        fed = trap.action in (Action.GARBAGE, Action.ENDLESS)
        if fed and trap.point.direction is Direction.TO_SERVER:
            violations[:] = [text for text in violations if not text.startswith("handshake: ")]

    # --- waiting

    def recovery_after(self, trap: Trap) -> asyncio.Task[float]:
        """Measure the time from when a trap springs to when the account is open again."""

        async def measure() -> float:
            await trap.sprung.wait()
            began = self.clock.monotonic()
            lines = self.network.attempts
            await self.until(lambda: self.network.attempts > lines and self.is_connected())
            return self.clock.monotonic() - began

        return asyncio.create_task(measure())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, looking whenever something happened on either side."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                ours = asyncio.ensure_future(self._happened.wait())
                theirs = asyncio.ensure_future(self.sim.ledger.until(condition, timeout=PATIENCE))
                try:
                    await asyncio.wait({ours, theirs}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in (ours, theirs):
                        each.cancel()
                    await asyncio.gather(ours, theirs, return_exceptions=True)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, StatusChanged) and event.status is Status.CONNECTED:
            self._logged_in = True
        if isinstance(event, MessageReceived):
            self.messages.append(event.message)
        elif isinstance(event, OwnNameChanged) and self.client is not None:
            self.saved = self.client.credentials
        self._happened.set()
        self._happened = asyncio.Event()

    async def close(self) -> None:
        await self.stop()
        await self.network.close()
        await self.sim.stop()


@asynccontextmanager
async def make_world(folder: Path, seed: int = 1) -> AsyncIterator[World]:
    """Make a world in an empty folder, and take it down again."""
    world = World(folder, seed)
    try:
        yield world
    finally:
        await world.close()
