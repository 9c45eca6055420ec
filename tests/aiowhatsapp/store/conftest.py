"""The same tests run over both backends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.whatsapp_web.aiowhatsapp.store import Backend, MemoryBackend, Store

from .support import sqlite_backend


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture(params=["memory", "sqlite"])
def closed_backend(request: pytest.FixtureRequest, path: Path) -> Backend:
    return MemoryBackend() if request.param == "memory" else sqlite_backend(path)


@pytest.fixture
async def backend(closed_backend: Backend) -> AsyncIterator[Backend]:
    await closed_backend.open()
    yield closed_backend
    await closed_backend.close()


@pytest.fixture
def store(backend: Backend) -> Store:
    return Store(backend)
