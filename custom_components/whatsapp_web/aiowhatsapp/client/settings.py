"""What a client is told from outside: the server to talk to, and the clock."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
import time
from typing import Final, Protocol

from ..noise.certificate import WHATSAPP_ROOT_KEY
from ..pairing.registration import WebVersion
from ..transport.base import MediaTransport

WHATSAPP_URL: Final = "wss://web.whatsapp.com/ws/chat"
# Used until the current one was looked up; the server retires old ones in waves.
DEFAULT_VERSION: Final[WebVersion] = (2, 3000, 1045816814)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """A server to talk to; the real WhatsApp unless said otherwise.

    `root_key` (32 bytes) is whose signature its certificate must go back to; `version`
    is the web version that we name; `media_host` and `ca_file`, when set, replace the
    hosts that the server names for media and the certificates trusted for TLS.
    """

    url: str = WHATSAPP_URL
    root_key: bytes = field(default=WHATSAPP_ROOT_KEY, repr=False)
    version: WebVersion = DEFAULT_VERSION
    media_host: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSettings:
    """How files travel, and the folder where encrypted ones wait to be sent."""

    http: MediaTransport
    folder: Path


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Give the time of day, in unix seconds."""
        ...

    def monotonic(self) -> float:
        """Give a time in seconds that never goes back, for measuring."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Give the time of day, in unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Give a time in seconds that never goes back, for measuring."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""
        await asyncio.sleep(seconds)
