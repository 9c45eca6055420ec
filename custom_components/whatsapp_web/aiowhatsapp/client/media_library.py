"""What is kept of the files that come in, so that they can be fetched when asked for."""

from typing import Final

from ..message.files import file_of
from ..message.parse import decode
from ..proto import storage
from ..store import Transaction
from .context import Context

# So long the media hosts keep files.
KEPT_SECONDS: Final = 30 * 24 * 3600


async def keep_file(context: Context, tx: Transaction, record: storage.InboxRecord) -> None:
    """Keep what it takes to fetch the file of a message; nothing is fetched."""
    found = file_of(decode(record.message))
    if found is None or found.reference is None:
        return
    reference, content = found.reference, found.content
    await context.store.media.put(
        tx,
        storage.MediaRecord(
            id=record.id,
            chat=record.chat,
            sender=record.sender,
            from_me=record.from_me,
            kind=reference.kind.name,
            media_key=reference.media_key,
            digest=reference.digest,
            encrypted_digest=reference.encrypted_digest,
            length=reference.length,
            direct_path=reference.direct_path,
            url=reference.url,
            mime_type=content.mime_type or "",
            filename=content.filename or "",
            expires_at=context.now() + KEPT_SECONDS,
        ),
    )
