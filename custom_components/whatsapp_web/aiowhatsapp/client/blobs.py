"""Where the large parts of app state and history are fetched from: the media hosts."""

from typing import Protocol, override

from ..errors import RemoteProtocolError
from ..proto import appstate, wire


class Blobs(Protocol):
    """Fetches and checks; raises `ConnectionFailed` when trying again may help."""

    async def app_state(self, reference: appstate.ExternalBlobReference) -> bytes:
        """Fetch a snapshot, or the mutations of a patch."""

    async def history(self, notification: wire.Message.HistorySyncNotification) -> bytes:
        """Fetch a part of the history, still compressed."""


class NoBlobs(Blobs):
    """Of a client that fetches no files: only what comes inside messages is read."""

    @override
    async def app_state(self, reference: appstate.ExternalBlobReference) -> bytes:
        raise RemoteProtocolError("A part of the app state lies where nothing is fetched from")

    @override
    async def history(self, notification: wire.Message.HistorySyncNotification) -> bytes:
        raise RemoteProtocolError("A part of the history lies where nothing is fetched from")
