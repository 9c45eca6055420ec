"""Composing texts."""

from collections.abc import Sequence
from typing import Final, cast

from ...errors import InvalidDraft
from ...jid import Jid
from ...proto import wire
from ..drafts import LinkPreview, StatusText
from .context import Extras, Quote, add_extras

# What the official clients let a person type.
MAX_TEXT: Final = 65_536
# Bounds of what a preview shows.
MAX_TITLE: Final = 512
MAX_DESCRIPTION: Final = 2048
MAX_THUMBNAIL: Final = 64 * 1024


def compose_text(
    text: str,
    *,
    reply_to: Quote | None = None,
    mentions: Sequence[Jid] = (),
    preview: LinkPreview | None = None,
) -> wire.Message:
    """Compose a text, with the people that it mentions by `@` and their user part.

    Raises `InvalidDraft` when it is longer than `MAX_TEXT`.
    """
    text = encodable(text, MAX_TEXT)
    message = wire.Message(conversation=text)
    if preview is not None:
        message = wire.Message()
        message.extendedTextMessage.text = text
        _add_preview(message.extendedTextMessage, preview)
    add_extras(message, Extras(quote=reply_to, mentions=mentions))
    return message


def compose_status_text(status: StatusText) -> wire.Message:
    """Compose a text for a status update, with its colours as 0xAARRGGBB."""
    message = wire.Message()
    content = message.extendedTextMessage
    content.text = encodable(status.text, MAX_TEXT)
    content.textArgb = status.color & 0xFFFFFFFF
    content.backgroundArgb = status.background & 0xFFFFFFFF
    try:
        content.font = cast("wire.Message.ExtendedTextMessage.FontType", status.font)
    except ValueError as err:
        raise InvalidDraft("No such font") from err
    return message


def encodable(text: str, limit: int) -> str:
    """Join halves of characters that JSON may have torn apart; replace single ones.

    Raises `InvalidDraft` when it is longer than `limit`.
    """
    if len(text) > limit:
        raise InvalidDraft("Text too long")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _add_preview(content: wire.Message.ExtendedTextMessage, preview: LinkPreview) -> None:
    content.matchedText = encodable(preview.url, MAX_DESCRIPTION)
    content.title = encodable(preview.title[:MAX_TITLE], MAX_TITLE)
    content.description = encodable(preview.description[:MAX_DESCRIPTION], MAX_DESCRIPTION)
    content.previewType = wire.Message.ExtendedTextMessage.PreviewType.NONE
    if preview.thumbnail:
        if len(preview.thumbnail) > MAX_THUMBNAIL:
            raise InvalidDraft("Thumbnail too large")
        content.jpegThumbnail = preview.thumbnail
    large = preview.large_thumbnail
    if large is not None:
        content.thumbnailDirectPath = large.direct_path
        content.thumbnailSha256 = large.sha256
        content.thumbnailEncSha256 = large.encrypted_sha256
        content.mediaKey = large.media_key
        content.mediaKeyTimestamp = large.media_key_timestamp
        content.thumbnailWidth = large.width
        content.thumbnailHeight = large.height
