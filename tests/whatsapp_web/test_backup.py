"""Backups of Home Assistant: made while connections are at work, and restored."""

import asyncio
from datetime import timedelta
from pathlib import Path
import sqlite3
import tarfile

from homeassistant.components.backup import DATA_MANAGER, BackupManager
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.whatsapp_web import backup, storage
from custom_components.whatsapp_web.aiowhatsapp.store import Backend, SqliteBackend, Store
from custom_components.whatsapp_web.aiowhatsapp.store.database import Database
from custom_components.whatsapp_web.const import CONF_CONNECTION_ID, DOMAIN, EVENT_MESSAGE_RECEIVED
from custom_components.whatsapp_web.storage import (
    DATA_STORAGE,
    ConnectionStorage,
    async_get_storage,
)
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .conftest import THEIRS
from .fakes import CONNECTION_ID, NAME, Script, add_entry, make_credentials, store_connection
from .waiting import EventLog

OTHER_ID = "f" * 32


@pytest.fixture
async def manager(hass: HomeAssistant) -> BackupManager:
    """Home Assistant's own maker of backups."""
    assert await async_setup_component(hass, "backup", {})
    await hass.async_block_till_done()
    return hass.data[DATA_MANAGER]


def folder_of(hass: HomeAssistant) -> Path:
    return Path(hass.config.path(".storage"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob(f"{DOMAIN}.*"))}


async def backend_of(hass: HomeAssistant, connection_id: str = CONNECTION_ID) -> Backend:
    return await async_get_storage(hass).async_backend(connection_id)


async def make_state(hass: HomeAssistant, connection_id: str = CONNECTION_ID) -> None:
    """Leave a database as a client does that ran once."""
    store = Store(await backend_of(hass, connection_id))
    await store.open()
    await store.meta.put(None, "name", b"value")
    await store.close()


async def is_copy(hass: HomeAssistant, connection_id: str = CONNECTION_ID) -> bool:
    """Tell what a start of Home Assistant would find."""
    store = Store(await ConnectionStorage(hass).async_backend(connection_id))
    await store.open()
    try:
        return await store.is_copy()
    finally:
        await store.close()


async def make_backup(hass: HomeAssistant, manager: BackupManager, to: Path) -> Path:
    """Have Home Assistant make a backup; unpack it and name its `.storage`."""
    await manager.async_create_backup(
        agent_ids=["backup.local"],
        include_addons=None,
        include_all_addons=False,
        include_database=False,
        include_folders=None,
        include_homeassistant=True,
        name="Before the update",
        password=None,
    )
    await hass.async_block_till_done()

    def unpack() -> None:
        (archive,) = Path(hass.config.path("backups")).glob("*.tar")
        with tarfile.open(archive) as outer:
            outer.extractall(to, filter="data")
        with tarfile.open(to / "homeassistant.tar.gz") as inner:
            inner.extractall(to, filter="data")

    await hass.async_add_executor_job(unpack)
    return to / "data" / ".storage"


# --- with a real backup of a real connection


async def say(hass: HomeAssistant, theirs: Account, text: str) -> None:
    await hass.services.async_call(
        DOMAIN, "send_message", {"recipient": f"+{THEIRS}", "message": text}, blocking=True
    )
    await theirs.phone.wait_message(text)


async def test_a_restored_backup_goes_on(
    hass: HomeAssistant,
    simulator: Simulator,
    ours: Account,
    theirs: Account,
    linked: ConfigEntry,
    manager: BackupManager,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    received = EventLog(hass, EVENT_MESSAGE_RECEIVED)
    await say(hass, theirs, "Before the backup")
    restored = await make_backup(hass, manager, tmp_path / "unpacked")
    await say(hass, theirs, "After the backup")
    await theirs.phone.send_text(ours, "An answer")
    await received.wait(1)
    assert await hass.config_entries.async_unload(linked.entry_id)
    assert "restored or shared" not in caplog.text

    def restore() -> None:
        for path in folder_of(hass).glob(f"{DOMAIN}.*"):
            path.unlink()
        for name, data in files_of(restored).items():
            (folder_of(hass) / name).write_bytes(data)

    await hass.async_add_executor_job(restore)
    # As after a restart: nothing is known but what is on the disk.
    del hass.data[DATA_STORAGE]
    assert await hass.config_entries.async_setup(linked.entry_id)
    await say(hass, theirs, "After the restore")
    await theirs.phone.send_text(ours, "Still there?")
    assert [data["text"] for data in await received.wait(2)] == ["An answer", "Still there?"]
    assert caplog.text.count("This state was restored or shared") == 1
    # And from then on it is an original like any other.
    assert await hass.config_entries.async_reload(linked.entry_id)
    await say(hass, theirs, "For good")
    assert caplog.text.count("This state was restored or shared") == 1


async def test_reloading_during_a_backup_changes_nothing_that_is_read(
    hass: HomeAssistant,
    theirs: Account,
    linked: ConfigEntry,
    manager: BackupManager,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection_id = linked.data[CONF_CONNECTION_ID]
    name = Path(async_get_storage(hass).state_path(connection_id)).name
    await say(hass, theirs, "Before")
    await manager.async_pre_backup_actions()
    before = files_of(folder_of(hass))
    await say(hass, theirs, "During")
    assert await hass.config_entries.async_reload(linked.entry_id)
    await say(hass, theirs, "During, reloaded")
    assert await hass.config_entries.async_unload(linked.entry_id)
    during = files_of(folder_of(hass))
    assert during[name] == before[name]
    assert set(during) == set(before)
    assert await is_copy(hass, connection_id)
    await manager.async_post_backup_actions()
    assert not await is_copy(hass, connection_id)
    assert await hass.config_entries.async_setup(linked.entry_id)
    await say(hass, theirs, "After")
    assert "This state was restored" not in caplog.text


# --- the hooks


async def test_connections_that_do_not_run_are_marked_as_well(hass: HomeAssistant) -> None:
    await store_connection(hass)
    await make_state(hass)
    await backup.async_pre_backup(hass)
    assert await is_copy(hass)
    await backup.async_post_backup(hass)
    assert not await is_copy(hass)


async def test_without_a_connection_there_is_nothing_to_do(hass: HomeAssistant) -> None:
    await backup.async_pre_backup(hass)
    await backup.async_post_backup(hass)
    assert files_of(folder_of(hass)) == {}


async def test_a_connection_that_never_ran_leaves_no_file(hass: HomeAssistant) -> None:
    await store_connection(hass)
    before = files_of(folder_of(hass))
    await backup.async_pre_backup(hass)
    await backup.async_post_backup(hass)
    assert files_of(folder_of(hass)) == before


async def test_a_connection_linked_during_a_backup_is_marked(hass: HomeAssistant) -> None:
    await backup.async_pre_backup(hass)
    await store_connection(hass)
    await make_state(hass)
    assert await is_copy(hass)
    await backup.async_post_backup(hass)
    assert not await is_copy(hass)


async def test_a_connection_removed_during_a_backup_is_gone(hass: HomeAssistant) -> None:
    await store_connection(hass)
    await make_state(hass)
    await backup.async_pre_backup(hass)
    await async_get_storage(hass).async_remove(CONNECTION_ID)
    await backup.async_post_backup(hass)
    assert files_of(folder_of(hass)) == {}


async def test_one_that_fails_stops_neither_the_backup_nor_the_others(
    hass: HomeAssistant,
    script: Script,
    manager: BackupManager,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await add_entry(hass)
    await add_entry(hass, OTHER_ID, make_credentials(), title="Other")
    assert await async_setup_component(hass, DOMAIN, {})
    await make_state(hass, OTHER_ID)
    damaged = Path(async_get_storage(hass).state_path(CONNECTION_ID))
    await hass.async_add_executor_job(damaged.write_bytes, b"no database" * 1000)
    restored = await make_backup(hass, manager, tmp_path / "unpacked")
    assert damaged.name in files_of(restored)
    assert f"The backup may hold {NAME} in a state" in caplog.text
    assert f"{NAME} could not go on after the backup as before" in caplog.text
    assert "hold Other" not in caplog.text
    # What was restored of the other is marked, and what stays here isn't.
    assert not await is_copy(hass, OTHER_ID)
    for name, data in files_of(restored).items():
        (folder_of(hass) / name).write_bytes(data)
    assert await is_copy(hass, OTHER_ID)


async def test_a_disk_that_hangs_is_not_waited_for(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hang(_self: SqliteBackend) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(storage, "COPY_TIMEOUT", 0)
    monkeypatch.setattr(SqliteBackend, "begin_copy", hang)
    monkeypatch.setattr(SqliteBackend, "end_copy", hang)
    await backup.async_pre_backup(hass)
    assert f"{NAME} in a state that a restore can't take over safely (TimeoutError)" in caplog.text
    await backup.async_post_backup(hass)
    assert "begins new sessions at its next start: TimeoutError" in caplog.text


async def test_without_an_entry_the_connection_has_its_id(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await store_connection(hass)
    await make_state(hass)

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Database, "write", refuse)
    await backup.async_pre_backup(hass)
    assert f"The backup may hold {CONNECTION_ID} in a state" in caplog.text
    assert "disk is full" in caplog.text


async def test_a_backup_whose_end_is_not_told_ends_all_the_same(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    await store_connection(hass)
    await make_state(hass)
    await backup.async_pre_backup(hass)
    # The second one takes the place of the first.
    await backup.async_pre_backup(hass)
    assert await is_copy(hass)
    async_fire_time_changed(hass, dt_util.utcnow() + backup.LONGEST_BACKUP + timedelta(seconds=1))
    await hass.async_block_till_done()
    assert not await is_copy(hass)
    assert caplog.text.count("The end of a backup was not announced") == 1
    await backup.async_post_backup(hass)
