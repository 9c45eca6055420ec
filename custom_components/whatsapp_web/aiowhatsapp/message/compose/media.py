"""Composing messages that carry a file."""

from typing import Final, NamedTuple

from ...errors import LocalProtocolError, MediaIntegrityError
from ...media.cipher import FileDigests
from ...media.filenames import safe_filename
from ...media.kinds import MediaKind
from ...proto import wire
from ..content import MessageKind
from ..files import MAX_THUMBNAIL, FileMessage, file_field
from ..media_drafts import Media
from ..wrappers import WRAPPERS
from .envelope import view_once
from .text import MAX_TEXT, encodable

WAVEFORM_LENGTH: Final = 64
_LOUDEST: Final = 100
_CAPTIONED: Final = (
    MessageKind.IMAGE,
    MessageKind.VIDEO,
    MessageKind.GIF,
    MessageKind.DOCUMENT,
)
_VIEWED_ONCE: Final = (MessageKind.IMAGE, MessageKind.VIDEO, MessageKind.VOICE)


class _Kind(NamedTuple):
    """The file's kind, its field in the message, and its MIME type unless a draft names one."""

    file: MediaKind
    field: str
    mime_type: str


_KINDS: Final = {
    MessageKind.IMAGE: _Kind(MediaKind.IMAGE, "imageMessage", "image/jpeg"),
    MessageKind.VIDEO: _Kind(MediaKind.VIDEO, "videoMessage", "video/mp4"),
    MessageKind.GIF: _Kind(MediaKind.GIF, "videoMessage", "video/mp4"),
    MessageKind.VIDEO_NOTE: _Kind(MediaKind.VIDEO, "ptvMessage", "video/mp4"),
    MessageKind.AUDIO: _Kind(MediaKind.AUDIO, "audioMessage", "audio/mpeg"),
    # Phones play a voice note of no other type.
    MessageKind.VOICE: _Kind(MediaKind.VOICE, "audioMessage", "audio/ogg; codecs=opus"),
    MessageKind.DOCUMENT: _Kind(MediaKind.DOCUMENT, "documentMessage", "application/octet-stream"),
    MessageKind.STICKER: _Kind(MediaKind.STICKER, "stickerMessage", "image/webp"),
}


def media_kind(draft: Media) -> MediaKind:
    """Say what the file is to the media hosts; raise `LocalProtocolError` if it can't be sent."""
    if draft.kind not in _KINDS:
        raise LocalProtocolError(f"A file can't be sent as {draft.kind}")
    if draft.caption and draft.kind not in _CAPTIONED:
        raise LocalProtocolError(f"There is no caption under {draft.kind}")
    if draft.view_once and draft.kind not in _VIEWED_ONCE:
        raise LocalProtocolError(f"Viewing once is not for {draft.kind}")
    if len(draft.thumbnail) > MAX_THUMBNAIL:
        raise LocalProtocolError("Thumbnail too large")
    if draft.waveform and (
        len(draft.waveform) != WAVEFORM_LENGTH or max(draft.waveform) > _LOUDEST
    ):
        raise LocalProtocolError("A waveform has 64 values from 0 to 100")
    return _KINDS[draft.kind].file


def compose_media(
    draft: Media, *, media_key: bytes, digests: FileDigests, now: int
) -> wire.Message:
    """Compose a message for an encrypted file that is still to be uploaded, in no envelope.

    Raises `LocalProtocolError` for a draft that makes no sense.
    """
    media_kind(draft)
    message = wire.Message()
    part: FileMessage = getattr(message, _KINDS[draft.kind].field)
    part.mimetype = draft.mime_type or _KINDS[draft.kind].mime_type
    part.mediaKey = media_key
    part.mediaKeyTimestamp = now
    part.fileSha256 = digests.plain
    part.fileEncSha256 = digests.encrypted
    part.fileLength = digests.length
    if isinstance(part, wire.Message.AudioMessage):
        _fill_audio(part, draft)
    elif isinstance(part, wire.Message.DocumentMessage):
        _fill_document(part, draft)
    else:
        _fill_picture(part, draft)
    if digests.sidecar and isinstance(part, wire.Message.VideoMessage | wire.Message.AudioMessage):
        part.streamingSidecar = digests.sidecar
    return message


def _fill_audio(part: wire.Message.AudioMessage, draft: Media) -> None:
    part.seconds = draft.seconds or 0
    part.ptt = draft.kind is MessageKind.VOICE
    if draft.waveform:
        part.waveform = draft.waveform


def _fill_document(part: wire.Message.DocumentMessage, draft: Media) -> None:
    part.fileName = safe_filename(draft.filename or draft.path.name)
    part.title = part.fileName
    if draft.caption:
        part.caption = encodable(draft.caption, MAX_TEXT)
    if draft.thumbnail:
        part.jpegThumbnail = draft.thumbnail


def _fill_picture(
    part: wire.Message.ImageMessage | wire.Message.VideoMessage | wire.Message.StickerMessage,
    draft: Media,
) -> None:
    if draft.width and draft.height:
        part.width, part.height = draft.width, draft.height
    if isinstance(part, wire.Message.StickerMessage):
        part.isAnimated = draft.animated
        return
    if draft.caption:
        part.caption = encodable(draft.caption, MAX_TEXT)
    if draft.thumbnail:
        part.jpegThumbnail = draft.thumbnail
    if isinstance(part, wire.Message.VideoMessage):
        part.seconds = draft.seconds or 0
        if draft.kind is MessageKind.GIF:
            part.gifPlayback = True


def wrap_media(message: wire.Message, draft: Media) -> wire.Message:
    """Put a composed message, with all that goes beside its file, into its envelope."""
    if draft.view_once:
        return view_once(message)
    if not (draft.kind is MessageKind.DOCUMENT and draft.caption):
        return message
    wrapped = wire.Message()
    inner = wrapped.documentWithCaptionMessage.message
    inner.CopyFrom(message)
    if message.HasField("messageContextInfo"):
        inner.ClearField("messageContextInfo")
        wrapped.messageContextInfo.CopyFrom(message.messageContextInfo)
    return wrapped


def set_location(message: wire.Message, *, url: str, direct_path: str) -> None:
    """Write into a message, in any envelope, where its file lies now."""
    while (name := next((each for each in WRAPPERS if message.HasField(each)), None)) is not None:
        inner: wire.Message = getattr(message, name).message
        message = inner
    found = file_field(message)
    if found is None:
        raise MediaIntegrityError("The message has no file")
    found[1].url = url
    found[1].directPath = direct_path
