"""Files: sent and fetched through the media hosts, never held in memory as a whole."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import (
    LocalProtocolError,
    MediaExpired,
    MediaIntegrityError,
    MediaNotFound,
    StoreCorrupt,
)
from ..jid import Jid
from ..media.cipher import FileEncryptor, encrypted_length
from ..media.keys import KEY_LENGTH, derive_keys
from ..media.kinds import MAX_FILE, MediaKind
from ..media.reference import FileReference
from ..message.compose import compose_media, media_kind, set_location
from ..message.content import MessageKind
from ..message.media_drafts import Media
from ..proto import storage, wire
from ..wabinary import Node
from .context import Context
from .file_jobs import (
    FileSink,
    MemorySink,
    duplicate_file,
    encrypt_file,
    remove_file,
    remove_others,
)
from .media_hosts import MediaHosts
from .media_retry import MediaRetries
from .media_transfer import MediaTransfer
from .settings import MediaSettings

# What is fetched into memory at most: history and app state come in parts of this size.
MAX_IN_MEMORY: Final = 64 << 20
_TOKEN_LENGTH: Final = 8
_SPOOLED: Final = ".enc"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMedia:
    """A file that came with a message, as its sender describes it."""

    message_id: str
    chat: Jid
    kind: MediaKind
    mime_type: str | None
    filename: str | None = field(repr=False)
    size: int | None


class MediaFiles:
    """Uploads and downloads. Without `settings` everything raises `LocalProtocolError`."""

    def __init__(
        self, context: Context, settings: MediaSettings | None, *, host: str | None
    ) -> None:
        """Share the client's context; `host` takes the place of those the server names."""
        self._context = context
        self._settings = settings
        self._retries = MediaRetries(context)
        hosts = MediaHosts(context, host)
        self._moves = None if settings is None else MediaTransfer(context, settings.http, hosts)

    @property
    def transfer(self) -> MediaTransfer:
        """What moves encrypted files."""
        if self._moves is None:
            raise LocalProtocolError("This client was made without media")
        return self._moves

    async def describe(self, message_id: str, *, chat: Jid | None = None) -> StoredMedia:
        """Say what is known of a message's file; raise `MediaNotFound`. Fetches nothing."""
        return _describe(await self._find(message_id, chat))

    async def recent(self, limit: int) -> list[StoredMedia]:
        """Give the files that can be fetched, the latest first."""
        records = await self._context.store.media.latest(None, limit)
        return [_describe(record) for record in records]

    async def download(
        self, message_id: str, path: Path, *, chat: Jid | None = None, limit: int = MAX_FILE
    ) -> StoredMedia:
        """Fetch a message's file to `path`, where it appears whole and checked or not at all.

        Raises `MediaNotFound`, `MediaExpired`, `MediaIntegrityError`, `MediaTooLarge`,
        `MediaRefused`, `MediaFileError`, or `ConnectionFailed`.
        """
        record = await self._find(message_id, chat)
        sink = FileSink(self._context.run_blocking, path, self._token())
        try:
            await self.transfer.download(_reference(record), sink, limit=limit)
        except MediaExpired:
            record.direct_path = await self._retries.ask(record)
            await self.transfer.download(_reference(record), sink, limit=limit)
            await self._context.store.media.put(None, record)
        return _describe(record)

    async def fetch(self, reference: FileReference, *, limit: int = MAX_IN_MEMORY) -> bytes:
        """Fetch something small into memory; see `download` for the errors."""
        sink = MemorySink(self._context.run_blocking)
        await self.transfer.download(reference, sink, limit=limit)
        return sink.content

    async def prepare(self, draft: Media) -> tuple[wire.Message, bytes]:
        """Encrypt a draft's file; give its message, in no envelope yet, and its attachment.

        The encrypted copy stays in a folder of ours until `discard`. Raises
        `LocalProtocolError`, `MediaTooLarge` before anything is read, or `MediaFileError`.
        """
        kind = media_kind(draft)
        media_key = self._context.random_bytes(KEY_LENGTH)
        name = f"{self._token()}{_SPOOLED}"
        sidecar = draft.kind in (MessageKind.VIDEO, MessageKind.AUDIO, MessageKind.VOICE)
        encryptor = FileEncryptor(derive_keys(media_key, kind), sidecar=sidecar)
        digests = await encrypt_file(
            self._context.run_blocking, draft.path, self._spool / name, encryptor, limit=MAX_FILE
        )
        message = compose_media(
            draft, media_key=media_key, digests=digests, now=self._context.now()
        )
        record = storage.AttachmentRecord(
            name=name,
            kind=kind.name,
            encrypted_digest=digests.encrypted,
            length=encrypted_length(digests.length),
        )
        return message, record.SerializeToString()

    async def resolve(self, message: wire.Message, attachment: bytes) -> wire.Message:
        """Upload an attachment, and give the message that says where it is.

        Raises `ConnectionFailed` (later it may work), `MediaRefused`, `MediaTooLarge` or
        `MediaFileError`.
        """
        record = _attachment(attachment)
        uploaded = await self.transfer.upload(
            self._spool / record.name,
            MediaKind[record.kind],
            digest=record.encrypted_digest,
            length=record.length,
        )
        resolved = wire.Message()
        resolved.CopyFrom(message)
        set_location(resolved, url=uploaded.url, direct_path=uploaded.direct_path)
        return resolved

    async def discard(self, attachment: bytes) -> None:
        """Remove an attachment that is sent, or never will be."""
        record = _attachment(attachment)
        await remove_file(self._context.run_blocking, self._spool / record.name)

    async def take_over(self, attachment: bytes, other: MediaFiles) -> bytes:
        """Take an attachment of another connection, to send it in its place.

        The other one's stays, until `discard` or its next start: it may have to be taken
        once more. Raises `MediaFileError`.
        """
        if not attachment:
            return b""
        record = _attachment(attachment)
        source = other.spooled(record.name)
        record.name = f"{self._token()}{_SPOOLED}"
        target = self._spool / record.name
        await duplicate_file(self._context.run_blocking, source, target)
        return record.SerializeToString()

    def spooled(self, name: str) -> Path:
        """Say where an attachment of ours lies."""
        return self._spool / name

    async def sweep(self) -> None:
        """Remove files that no message in the outbox waits for: left over by a crash."""
        if self._settings is None:
            return
        waiting = await self._context.store.outbox.all(None)
        kept = {_attachment(record.attachment).name for _, record in waiting if record.attachment}
        await remove_others(self._context.run_blocking, self._spool, f"*{_SPOOLED}", kept)

    @property
    def _spool(self) -> Path:
        if self._settings is None:
            raise LocalProtocolError("This client was made without media")
        return self._settings.folder

    async def on_notification(self, node: Node) -> None:
        """The phone answers that it uploaded a file again, or why not."""
        await self._retries.on_notification(node)

    def _token(self) -> str:
        return self._context.random_bytes(_TOKEN_LENGTH).hex()

    async def _find(self, message_id: str, chat: Jid | None) -> storage.MediaRecord:
        for form in (None,) if chat is None else self._context.forms_of(chat):
            record = await self._context.store.media.find(None, message_id, form)
            if record is not None:
                return record
        raise MediaNotFound("There is no file under that message id")


def _reference(record: storage.MediaRecord) -> FileReference:
    try:
        kind = MediaKind[record.kind]
    except KeyError as err:
        raise MediaIntegrityError("A file is of a kind that is not known") from err
    return FileReference(
        kind=kind,
        media_key=record.media_key,
        digest=record.digest,
        encrypted_digest=record.encrypted_digest,
        length=record.length if record.HasField("length") else None,
        direct_path=record.direct_path,
        url=record.url,
    )


def _attachment(data: bytes) -> storage.AttachmentRecord:
    try:
        record = storage.AttachmentRecord.FromString(data)
    except ProtobufDecodeError as err:
        raise StoreCorrupt("An attachment does not parse") from err
    if Path(record.name).name != record.name or record.kind not in MediaKind.__members__:
        raise StoreCorrupt("An attachment makes no sense")
    return record


def _describe(record: storage.MediaRecord) -> StoredMedia:
    return StoredMedia(
        message_id=record.id,
        chat=Jid.parse(record.chat),
        kind=_reference(record).kind,
        mime_type=record.mime_type or None,
        filename=record.filename or None,
        size=record.length if record.HasField("length") else None,
    )
