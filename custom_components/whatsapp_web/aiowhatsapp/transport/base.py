"""What the client needs of a socket: a pipe for bytes that knows nothing of frames."""

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
