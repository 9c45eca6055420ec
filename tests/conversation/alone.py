"""What tests of the client alone need: no Home Assistant, no waiting, no chance."""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import random
import tempfile

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client import prekeys
from custom_components.whatsapp_web.aiowhatsapp.store.database import Database

SEED = 20261124
BATCH = 20

type Folders = Callable[[], Path]


@pytest.fixture(autouse=True)
def _integrations() -> None:
    """Leave Home Assistant out of it: here the client is alone."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Upload batches of a handy size, and don't wait for the disk: no power is cut here."""
    configure = Database._configure

    def configure_without_waiting(self: Database) -> None:
        configure(self)
        self._connection.execute("PRAGMA synchronous = OFF")

    monkeypatch.setattr(Database, "_configure", configure_without_waiting)
    monkeypatch.setattr(prekeys, "BATCH", BATCH)


@pytest.fixture(name="folders")
def _folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Folders]:
    """Give each run an empty folder, and the same randomness as every other run."""
    with tempfile.TemporaryDirectory() as root:

        def make() -> Path:
            monkeypatch.setattr(os, "urandom", random.Random(SEED).randbytes)
            return Path(tempfile.mkdtemp(dir=root))

        yield make
