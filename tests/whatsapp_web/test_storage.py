"""Credentials in storage: sealed, private, and never silently another identity."""

from collections.abc import Callable
import json
from pathlib import Path
import stat
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.whatsapp_web.aiowhatsapp import StoreCorrupt, StoreError
from custom_components.whatsapp_web.storage import (
    ConnectionStorage,
    CredentialsDamaged,
    CredentialsMissing,
    MasterKeyLost,
    StorageTooNew,
    StoredConnection,
    async_get_storage,
    new_connection_id,
)

from .fakes import CONNECTION_ID, PHONE, make_credentials, store_connection


def file(hass: HomeAssistant, name: str) -> Path:
    return Path(hass.config.path(".storage", f"whatsapp_web.{name}"))


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def after_restart(hass: HomeAssistant) -> ConnectionStorage:
    """Give storage that knows nothing but what is on the disk."""
    return ConnectionStorage(hass)


async def test_what_is_saved_is_loaded(hass: HomeAssistant) -> None:
    stored = await store_connection(hass, entry_id="some")
    loaded = await after_restart(hass).async_load(CONNECTION_ID)
    assert loaded == stored
    assert (loaded.pending, loaded.entry_id) == (True, "some")


async def test_files_are_private_and_sealed(hass: HomeAssistant) -> None:
    await store_connection(hass)
    for name in ("key", CONNECTION_ID):
        assert stat.S_IMODE(file(hass, name).stat().st_mode) == 0o600
    content = file(hass, CONNECTION_ID).read_text()
    assert PHONE not in content
    assert "noise_key" not in content


async def test_each_save_has_its_own_nonce(hass: HomeAssistant) -> None:
    stored = await store_connection(hass)
    first = file(hass, CONNECTION_ID).read_text()
    await async_get_storage(hass).async_save(stored)
    assert file(hass, CONNECTION_ID).read_text() != first


async def test_connections_have_keys_of_their_own(hass: HomeAssistant) -> None:
    await store_connection(hass)
    other = new_connection_id()
    await store_connection(hass, other)
    storage = async_get_storage(hass)
    assert await storage.async_state_key(CONNECTION_ID) != await storage.async_state_key(other)
    # A file put in another one's place does not open.
    file(hass, CONNECTION_ID).replace(file(hass, other))
    with pytest.raises(StoreCorrupt):
        await after_restart(hass).async_load(other)


async def test_settling_is_written_once(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await store_connection(hass)
    storage = async_get_storage(hass)
    settled = await storage.async_settle(stored)
    assert settled.pending is False
    assert (await after_restart(hass).async_load(CONNECTION_ID)).pending is False

    async def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(storage, "async_save", fail)
    assert await storage.async_settle(settled) is settled


async def test_a_missing_file_is_told(hass: HomeAssistant) -> None:
    with pytest.raises(CredentialsMissing):
        await async_get_storage(hass).async_load(CONNECTION_ID)


async def test_a_lost_key_is_told_and_not_replaced(hass: HomeAssistant) -> None:
    await store_connection(hass)
    file(hass, "key").unlink()
    with pytest.raises(MasterKeyLost):
        await after_restart(hass).async_load(CONNECTION_ID)
    with pytest.raises(MasterKeyLost):
        await after_restart(hass).async_state_key(CONNECTION_ID)
    assert not file(hass, "key").exists()


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content["data"].clear(),
        lambda content: content["data"].update(key="AAAA"),
        lambda content: content["data"].update(key="no base64"),
    ],
)
async def test_a_damaged_key_counts_as_lost(
    hass: HomeAssistant, edit: Callable[[dict[str, Any]], object]
) -> None:
    await store_connection(hass)
    change(file(hass, "key"), edit)
    with pytest.raises(MasterKeyLost):
        await after_restart(hass).async_load(CONNECTION_ID)


async def test_another_key_is_told_apart_from_damage(hass: HomeAssistant) -> None:
    await store_connection(hass)
    file(hass, "key").unlink()
    fresh = after_restart(hass)
    await fresh.async_save(
        StoredConnection(connection_id=new_connection_id(), credentials=make_credentials())
    )
    with pytest.raises(MasterKeyLost):
        await fresh.async_load(CONNECTION_ID)


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content["data"].pop("sealed"),
        lambda content: content["data"].update(sealed="no base64"),
        lambda content: content["data"].update(sealed=""),
        lambda content: content["data"].update(sealed="A" * 400),
        lambda content: content["data"].update(sealed=content["data"]["sealed"].swapcase()),
        lambda content: content.update(data=[1]),
    ],
)
async def test_damaged_credentials_are_told(
    hass: HomeAssistant, edit: Callable[[dict[str, Any]], object]
) -> None:
    await store_connection(hass)
    change(file(hass, CONNECTION_ID), edit)
    with pytest.raises(CredentialsDamaged):
        await after_restart(hass).async_load(CONNECTION_ID)


async def test_files_of_a_newer_version_are_not_touched(hass: HomeAssistant) -> None:
    await store_connection(hass)
    change(file(hass, CONNECTION_ID), lambda content: content.update(version=2))
    before = file(hass, CONNECTION_ID).read_text()
    with pytest.raises(StorageTooNew):
        await after_restart(hass).async_load(CONNECTION_ID)
    assert file(hass, CONNECTION_ID).read_text() == before


async def test_a_file_without_its_frame_can_not_be_read(hass: HomeAssistant) -> None:
    await store_connection(hass)
    change(file(hass, CONNECTION_ID), lambda content: content.pop("version"))
    with pytest.raises(StoreError):
        await after_restart(hass).async_load(CONNECTION_ID)


async def test_a_write_that_fails_is_told(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await store_connection(hass)
    path = file(hass, CONNECTION_ID)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError):
        await store_connection(hass)


async def test_removing_takes_all_files_and_the_key_with_the_last(hass: HomeAssistant) -> None:
    other = new_connection_id()
    await store_connection(hass)
    await store_connection(hass, other)
    for name in (f"{CONNECTION_ID}.db", f"{CONNECTION_ID}.db-wal", f"{CONNECTION_ID}.corrupt.1"):
        file(hass, name).touch()
    storage = async_get_storage(hass)
    await storage.async_remove(CONNECTION_ID)
    assert await storage.async_list() == [other]
    assert file(hass, "key").exists()
    await storage.async_remove(other)
    assert sorted(file(hass, "key").parent.glob("whatsapp_web.*")) == []


async def test_without_a_folder_there_are_no_connections(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    hass.config.config_dir = str(tmp_path / "empty")
    assert await ConnectionStorage(hass).async_list() == []


async def test_credentials_of_the_first_version_still_open(hass: HomeAssistant) -> None:
    """Files as version 1 wrote them, frozen here."""
    frozen = Path(__file__).parent / "fixtures" / "storage_v1"
    folder = file(hass, "key").parent
    folder.mkdir(exist_ok=True)
    for path in frozen.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    loaded = await after_restart(hass).async_load(CONNECTION_ID)
    assert loaded.credentials == make_credentials()
    assert (loaded.pending, loaded.entry_id) == (False, None)
    key = await after_restart(hass).async_state_key(CONNECTION_ID)
    assert key.hex() == (frozen / "state_key.txt").read_text().strip()
