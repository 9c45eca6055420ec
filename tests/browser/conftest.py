"""The two processes that these tests share out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .chromium import Chromium
from .home_assistant import HomeAssistant


@pytest.fixture
async def home_assistant(tmp_path: Path, socket_enabled: None) -> AsyncIterator[HomeAssistant]:
    """A fresh Home Assistant, onboarded and logged in."""
    async with HomeAssistant(tmp_path / "config") as ha:
        await ha.onboard()
        yield ha


@pytest.fixture
async def chromium(socket_enabled: None) -> AsyncIterator[Chromium]:
    """A browser with no page open yet."""
    async with Chromium() as browser:
        yield browser
