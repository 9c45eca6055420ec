"""What the client needs of the network: a pipe for bytes, and files over HTTP."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


class Socket(Protocol):
    """An open line to the server; one task reads and one writes."""

    async def send(self, data: bytes) -> None:
        """Send bytes; raise `TransportError` when the line is broken."""

    async def receive(self) -> bytes | None:
        """Return the next bytes, or None once the peer, or we, closed the line.

        Raises `TransportError` when the line broke.
        """

    async def close(self) -> None:
        """Close the line; may be called again, and never raises for the peer's sake."""


class Connector(Protocol):
    """Opens sockets."""

    async def connect(self, url: str) -> Socket:
        """Open a line to a `ws:` or `wss:` URL; raise `TransportError` within 20 s."""


@dataclass(frozen=True, slots=True)
class MediaAnswer:
    """What a media host says to an upload: HTTP status and the beginning of the body."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MediaStream:
    """A file as it comes in; `length` is what the host announces, if it does."""

    status: int
    length: int | None
    chunks: AsyncIterator[bytes] = field(repr=False)


class MediaTransport(Protocol):
    """Moves files to and from media hosts, over `https:` only and without redirects.

    Everything raises `TransportError` for what the network or the host does wrong.
    """

    async def post(
        self, url: str, body: AsyncIterable[bytes], *, length: int, timeout: float
    ) -> MediaAnswer:
        """Upload `length` bytes; take at most `timeout` seconds."""
        ...

    def get(self, url: str, *, timeout: float) -> AbstractAsyncContextManager[MediaStream]:
        """Open a download, which may take `timeout` seconds and never falls silent."""
        ...
