"""The large parts of app state and history: fetched from the media hosts, and checked."""

from typing import Final

from ..errors import AppStateError, DecodeError, LocalProtocolError, MediaError
from ..media.kinds import MediaKind
from ..media.reference import FileReference
from ..proto import appstate, wire
from .media import MediaFiles

# A phone that was used for years has a history of some tens of megabytes.
MAX_BLOB: Final = 64 * 1024 * 1024


class Blobs:
    """Fetches them into memory; raises `ConnectionFailed` when trying again may help."""

    def __init__(self, media: MediaFiles) -> None:
        """Fetch as other files are fetched."""
        self._media = media

    async def app_state(self, reference: appstate.ExternalBlobReference) -> bytes:
        """Fetch a snapshot, or the mutations of a patch; raise `AppStateError`."""
        file = FileReference(
            kind=MediaKind.APP_STATE,
            media_key=reference.mediaKey,
            digest=reference.fileSha256,
            encrypted_digest=reference.fileEncSha256,
            direct_path=_text(reference.directPath),
        )
        try:
            return await self._media.fetch(file, limit=MAX_BLOB)
        except (MediaError, LocalProtocolError) as err:
            raise AppStateError("A part of the app state could not be fetched") from err

    async def history(self, notification: wire.Message.HistorySyncNotification) -> bytes:
        """Fetch a part of the history, still compressed; raise `DecodeError`."""
        file = FileReference(
            kind=MediaKind.HISTORY,
            media_key=notification.mediaKey,
            digest=notification.fileSha256,
            encrypted_digest=notification.fileEncSha256,
            direct_path=_text(notification.directPath),
        )
        try:
            return await self._media.fetch(file, limit=MAX_BLOB)
        except (MediaError, LocalProtocolError) as err:
            raise DecodeError("A part of the history could not be fetched") from err


def _text(text: str | bytes) -> str:
    return text if isinstance(text, str) else ""
