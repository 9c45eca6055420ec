"""The disk is full, read-only or damaged: clear errors, nothing lost, nobody new."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
import resource
import sqlite3
from typing import Final

import pytest

from custom_components.whatsapp_web.aiowhatsapp import (
    Status,
    StatusChanged,
    StoreCorrupt,
    StoreError,
)
from custom_components.whatsapp_web.aiowhatsapp.client.client import ROOM_NEEDED
from custom_components.whatsapp_web.aiowhatsapp.store.database import Database
from tests.conversation.alone import (  # noqa: F401 - fixtures, used by their names
    SEED,
    Folders,
    _folders,
    _quick,
)
from tests.conversation.world import THEIRS, World, make_world
from tests.virtual_time import run

HOUR: Final = 3600.0
# The longest wait of a client whose store fails, and what comes on top.
SOON: Final = 70.0

type Ailment = Callable[[Path], None]


class Disk:
    """What the file system does to every database that is open or gets opened."""

    def __init__(self) -> None:
        self.databases: list[Database] = []
        # What is damaged as soon as nobody has it open.
        self.damages: Path | None = None
        self._limits: list[str] = []
        self._sizes = resource.getrlimit(resource.RLIMIT_FSIZE)

    def opened(self, database: Database) -> None:
        self.databases.append(database)
        self._apply(database)

    def fill(self, path: Path) -> None:
        """Leave no room, not even within the pages that are there."""
        self._limit("max_page_count = 1")
        for database in self.databases:
            for size in (ROOM_NEEDED, 4000, 200, 1):
                number = 0
                with suppress(sqlite3.OperationalError):
                    while True:
                        number += 1
                        database._connection.execute(
                            "INSERT INTO entry (kind, key, value) VALUES ('filler', ?, ?)",
                            (f"{size}/{number}", bytes(size)),
                        )

    def fill_file_system(self, path: Path) -> None:
        """Let nothing be written to any file."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, self._sizes[1]))

    def protect(self, path: Path) -> None:
        """Let nothing be written."""
        self._limit("query_only = ON")

    def heal(self) -> None:
        """Be a good disk again."""
        resource.setrlimit(resource.RLIMIT_FSIZE, self._sizes)
        self._limits.clear()
        self._apply_all(["max_page_count = 1073741823", "query_only = OFF"])
        for database in self.databases:
            database._connection.execute("DELETE FROM entry WHERE kind = 'filler'")

    def _limit(self, pragma: str) -> None:
        self._limits.append(pragma)
        self._apply_all([pragma])

    def _apply_all(self, pragmas: list[str]) -> None:
        for database in self.databases:
            for pragma in pragmas:
                database._connection.execute(f"PRAGMA {pragma}").fetchall()

    def _apply(self, database: Database) -> None:
        for pragma in self._limits:
            database._connection.execute(f"PRAGMA {pragma}")


@pytest.fixture
def disk(_quick: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:  # noqa: F811
    """The disk under all databases."""
    disk = Disk()
    check_key, close = Database._check_key, Database.close

    def opened(self: Database, nonce: bytes) -> None:
        check_key(self, nonce)
        disk.opened(self)

    def closed(self: Database) -> None:
        disk.databases.remove(self)
        close(self)
        if disk.damages is not None:
            damage(disk.damages)

    monkeypatch.setattr(Database, "_check_key", opened)
    monkeypatch.setattr(Database, "close", closed)
    yield disk
    disk.heal()


@pytest.fixture(params=["fill", "fill_file_system", "protect"])
def ailment(request: pytest.FixtureRequest, disk: Disk) -> Ailment:
    found: Ailment = getattr(disk, request.param)
    return found


async def acquainted(world: World) -> None:
    await world.link()
    await world.connected()
    await world.probe()


async def fails(world: World) -> StoreError:
    """Wait until the client says that its store fails."""
    client = world.client
    assert client is not None
    await world.until(lambda: client.status is Status.ERROR)
    assert isinstance(client.last_error, StoreError)
    return client.last_error


def test_what_comes_in_on_a_failing_disk_waits_at_the_server(
    disk: Disk, ailment: Ailment, folders: Folders
) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await acquainted(world)
            ailment(world.path)
            events, device = len(world.messages), world.device
            await world.write("while the disk is full")
            assert not isinstance(await fails(world), StoreCorrupt)
            attempts = world.network.attempts
            receipts = world.sim.ledger.counts["in:receipt"]
            await world.clock.sleep(HOUR)
            # It tries its disk, not the server's patience.
            assert world.network.attempts == attempts
            assert world.sim.ledger.counts["in:receipt"] == receipts
            assert len(device.mailbox) == 1
            assert len(world.messages) == events
            disk.heal()
            await world.clock.sleep(SOON)
            assert world.is_connected()
            await world.arrived()
            await world.probe()
            world.check()

    run(main())


def test_what_goes_out_on_a_failing_disk_is_refused(
    disk: Disk, ailment: Ailment, folders: Folders
) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await acquainted(world)
            client = world.client
            assert client is not None
            chat = await client.resolve_number(THEIRS)
            ailment(world.path)
            sent = world.sim.ledger.counts["in:message"]
            with pytest.raises(StoreError):
                await client.send_text(chat, "never to leave")
            await fails(world)
            began = world.clock.monotonic()
            with pytest.raises(StoreError):
                await client.send_text(chat, "refused at once")
            assert world.clock.monotonic() == began
            assert world.sim.ledger.counts["in:message"] == sent
            disk.heal()
            await world.clock.sleep(SOON)
            await world.probe()
            world.check()

    run(main())


def test_client_stops_cleanly_on_a_failing_disk_and_starts_again(
    disk: Disk, ailment: Ailment, folders: Folders
) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await acquainted(world)
            ailment(world.path)
            await world.write("while the disk is full")
            await fails(world)
            await world.stop()
            disk.heal()
            await world.start()
            await world.connected()
            await world.arrived()
            await world.probe()
            world.check()

    run(main())


def test_messages_that_were_held_come_once_the_disk_works(disk: Disk, folders: Folders) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await acquainted(world)
            disk.protect(world.path)
            await world.write("in between")
            await fails(world)
            # Each attempt that fails is told as one, not as another error.
            await world.clock.sleep(HOUR)
            told = [event.status for event in world.of_kind(StatusChanged)]
            assert told[-1] is Status.ERROR
            assert told.count(Status.ERROR) == 1
            disk.heal()
            await world.connected()
            await world.arrived()
            world.check()

    run(main())


def damage(path: Path) -> None:
    """Overwrite what lies behind the first page."""
    data = bytearray(path.read_bytes())
    for position in range(4096, len(data), 64):
        data[position : position + 16] = b"\xa5" * 16
    path.write_bytes(data)


def test_damaged_database_is_an_error_and_stays_where_it_is(folders: Folders, disk: Disk) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await acquainted(world)
            await world.stop()
            damage(world.path)
            before = world.path.read_bytes()
            logins = world.device.logins
            with pytest.raises(StoreCorrupt):
                await world.start()
            assert world.path.read_bytes() == before
            assert world.device.logins == logins
            # Whoever starts it again anyway gets the same answer.
            with pytest.raises(StoreCorrupt):
                await world.make_client().start()

    run(main())


def test_database_that_gets_damaged_ends_all_trying(folders: Folders, disk: Disk) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await acquainted(world)
            client = world.client
            assert client is not None
            disk.protect(world.path)
            await world.write("read by nobody")
            await fails(world)
            disk.heal()
            disk.damages = world.path
            await world.until(lambda: isinstance(client.last_error, StoreCorrupt))
            attempts = world.network.attempts
            await world.clock.sleep(HOUR)
            assert client.status is Status.ERROR
            assert world.network.attempts == attempts
            with pytest.raises(StoreCorrupt):
                await client.send_text(client.own_jid, "no")
            with pytest.raises(StoreCorrupt):
                await client.wait_connected(1)

    run(main())


def test_database_that_is_gone_costs_sessions_but_no_identity(folders: Folders) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await acquainted(world)
            identity = world.device.identity_public
            await world.stop()
            for path in world.path.parent.glob(f"{world.path.name}*"):
                path.unlink()
            await world.write("on a session that is gone")
            await world.start()
            await world.connected()
            await world.arrived()
            await world.probe()
            assert world.device.identity_public == identity
            assert len(world.ours.companions) == 1
            world.check()

    run(main())


def test_room_that_is_asked_for_is_more_than_a_page() -> None:
    assert ROOM_NEEDED > 4096
