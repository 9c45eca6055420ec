"""Files that earlier versions wrote must open for good."""

from collections.abc import AsyncIterator
from pathlib import Path
import shutil

import pytest

from custom_components.whatsapp_web.aiowhatsapp.store import SqliteBackend, Store

from .freeze import ALICE, CHAT, GROUP, KEY, SENDER
from .support import sqlite_backend

VECTORS = Path(__file__).parent.parent / "vectors" / "store"

SESSION_IDENTITY = "caabc367bc7d5fa73f1e3cb210fc3df8d045394355d662c1ccd93373ab3ed706"
SESSION_BASE_KEY = "e91af6371cc19c5decca86f272cfca59f2d25ad8758655de27b2723433fe3647"
PRE_KEY = "892449b24abdc1f578ccb56e52110a0fe285265006b52de4f42f2c621bd4810a"


@pytest.fixture(params=sorted(file.name for file in VECTORS.glob("ours_v*.db")))
async def store(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Store]:
    shutil.copy(VECTORS / request.param, path)
    store = Store(sqlite_backend(path, key=KEY))
    await store.open()
    yield store
    await store.close()


def test_the_first_version_is_among_them() -> None:
    assert (VECTORS / "ours_v1.db").exists()


async def test_keys(store: Store) -> None:
    assert await store.identities.get(None, ALICE) == b"i" * 32
    session = await store.sessions.get(None, ALICE)
    assert session is not None
    assert session.remote_identity == bytes.fromhex(SESSION_IDENTITY)
    assert session.base_key == bytes.fromhex(SESSION_BASE_KEY)
    assert [key.id for key in await store.pre_keys.unoffered(None, 9)] == [3]
    assert await store.pre_keys.count_offered(None) == 2
    assert await store.pre_keys.next_id(None) == 4
    pre_key = await store.pre_keys.get(None, 1)
    assert pre_key is not None
    assert pre_key.key_pair.public == bytes.fromhex(PRE_KEY)
    signed = await store.signed_pre_keys.current(None)
    assert signed is not None
    assert (signed.id, signed.created_at, len(signed.signature)) == (4, 1000, 64)
    sender_key = await store.sender_keys.get(None, GROUP, ALICE)
    assert sender_key is not None
    assert sender_key.iteration == 0
    assert await store.sender_key_targets.get(None, GROUP) == {ALICE}
    assert await store.app_state_keys.get(None, b"\x00\x01") == b"sync key"


async def test_contacts(store: Store) -> None:
    assert await store.lids.lid_of(None, "15551") == "901"
    assert await store.lids.number_of(None, "901") == "15551"
    devices = await store.device_lists.get(None, "901@lid")
    assert devices is not None
    assert [(device.id, device.key_index) for device in devices.devices] == [(7, 2)]
    assert await store.contacts.get(None, "901@lid") == "Alice"


async def test_messages(store: Store) -> None:
    assert await store.message_secrets.get(None, CHAT, SENDER, "ID") == b"s" * 32
    sent = await store.sent_messages.get(None, CHAT, "ID")
    assert sent is not None
    assert sent.message == b"sent"
    assert [key for key, _ in await store.inbox.pending(None)] == ["second", "first"]
    assert await store.seen.contains(None, "seen")
    assert await store.retries.get(None, "retry") == 3
    assert await store.meta.get(None, "name") == b"value"


async def test_expiry(store: Store) -> None:
    assert [await store.prune(now) for now in (1999, 2000, 3000, 4000, 5000, 9999)] == [
        0,
        1,
        1,
        1,
        1,
        0,
    ]


async def test_it_can_be_written_to(store: Store, path: Path) -> None:
    await store.meta.put(None, "name", b"new")
    await store.close()
    backend: SqliteBackend = sqlite_backend(path, key=KEY)
    await backend.open()

    assert await Store(backend).meta.get(None, "name") == b"new"
    await backend.close()
