"""Making the file that is sent: of the right kind, with all that WhatsApp shows of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
import tempfile
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..aiowhatsapp import Media, MessageKind, safe_filename
from . import ffmpeg, picture
from .errors import MediaUnusable
from .mime import UNKNOWN, mime_of
from .source import SourceFile, async_fetch, async_speak

ATTR_CAPTION: Final = "caption"
ATTR_FILENAME: Final = "filename"
ATTR_KIND: Final = "kind"
ATTR_TEXT: Final = "text"
ATTR_TTS_ENTITY: Final = "tts_entity"
ATTR_VIEW_ONCE: Final = "view_once"
KIND_AUTO: Final = "auto"
KIND_VOICE: Final = MessageKind.VOICE.value
KINDS: Final = (
    KIND_AUTO,
    MessageKind.IMAGE.value,
    MessageKind.VIDEO.value,
    MessageKind.GIF.value,
    MessageKind.AUDIO.value,
    KIND_VOICE,
    MessageKind.DOCUMENT.value,
    MessageKind.STICKER.value,
)

# Phones play these as they are.
_AUDIO_AS_IT_IS: Final = {"audio/mpeg": "audio/mpeg", "audio/mp4": "audio/mp4"}
_WITHOUT_CAPTION: Final = (MessageKind.AUDIO, MessageKind.VOICE, MessageKind.STICKER)


@asynccontextmanager
async def async_prepared(
    hass: HomeAssistant, data: Mapping[str, Any], *, caption_apart: bool = False
) -> AsyncIterator[Media]:
    """Get and prepare the medium that an action names; its files live as long as the block.

    With `caption_apart` a kind without captions leaves it out instead of refusing it.
    Raises `MediaUnusable`.
    """
    folder = await hass.async_add_executor_job(tempfile.TemporaryDirectory)
    try:
        draft = await _async_prepare(hass, data, Path(folder.name))
        caption: str = data.get(ATTR_CAPTION, "")
        if caption and draft.kind in _WITHOUT_CAPTION:
            if not caption_apart:
                raise MediaUnusable("media_no_caption", kind=draft.kind.value)
            caption = ""
        yield replace(draft, caption=caption)
    finally:
        await hass.async_add_executor_job(folder.cleanup)


async def async_profile_picture(hass: HomeAssistant, data: Mapping[str, Any]) -> bytes:
    """Get the picture that an action names; make a square JPEG of it. Raises `MediaUnusable`."""
    folder = await hass.async_add_executor_job(tempfile.TemporaryDirectory)
    try:
        source = await async_fetch(hass, data, Path(folder.name))
        return await hass.async_add_executor_job(picture.prepare_profile_picture, source.path)
    except picture.NoPicture as err:
        raise MediaUnusable(
            "media_picture_too_large" if err.too_large else "media_not_a_picture"
        ) from err
    finally:
        await hass.async_add_executor_job(folder.cleanup)


async def _async_prepare(hass: HomeAssistant, data: Mapping[str, Any], folder: Path) -> Media:
    if ATTR_TEXT in data:
        source = await async_speak(hass, data[ATTR_TEXT], data[ATTR_TTS_ENTITY], data, folder)
    else:
        source = await async_fetch(hass, data, folder)
    try:
        mime = await hass.async_add_executor_job(
            mime_of, source.path, source.name, source.mime_type
        )
    except OSError as err:
        raise MediaUnusable("media_no_file", path=source.name) from err
    kind = await _async_kind(hass, data.get(ATTR_KIND, KIND_AUTO), mime, source.path)
    job = _Preparation(hass, data, folder, source, mime)
    match kind:
        case MessageKind.IMAGE:
            return await job.async_image(auto=data.get(ATTR_KIND, KIND_AUTO) == KIND_AUTO)
        case MessageKind.STICKER:
            return await job.async_sticker()
        case MessageKind.VIDEO | MessageKind.GIF:
            return await job.async_video(kind)
        case MessageKind.AUDIO:
            return await job.async_audio()
        case MessageKind.VOICE:
            return await job.async_voice()
        case _:
            return job.document()


async def _async_kind(hass: HomeAssistant, wanted: str, mime: str, path: Path) -> MessageKind:
    """Choose by the file where nobody chose."""
    if wanted != KIND_AUTO:
        return MessageKind(wanted)
    main = mime.partition("/")[0]
    if mime == "image/gif":
        moves = await hass.async_add_executor_job(picture.is_animated, path)
        return MessageKind.GIF if moves else MessageKind.IMAGE
    if main == "image" and mime != "image/svg+xml":
        return MessageKind.IMAGE
    return {"video": MessageKind.VIDEO, "audio": MessageKind.AUDIO}.get(main, MessageKind.DOCUMENT)


class _Preparation:
    """The preparation of one file."""

    def __init__(
        self,
        hass: HomeAssistant,
        data: Mapping[str, Any],
        folder: Path,
        source: SourceFile,
        mime: str,
    ) -> None:
        self._hass = hass
        self._data = data
        self._folder = folder
        self._source = source
        self._mime = mime

    def document(self) -> Media:
        """Send it as it is."""
        name = self._data.get(ATTR_FILENAME) or self._source.name
        return self._media(
            MessageKind.DOCUMENT,
            self._source.path,
            mime_type=self._mime or UNKNOWN,
            filename=safe_filename(name),
        )

    async def async_image(self, *, auto: bool) -> Media:
        """Make a JPEG; what can't be read goes as a document when nobody asked for more."""
        try:
            made = await self._hass.async_add_executor_job(
                picture.prepare_picture, self._source.path, self._folder / "picture.jpg"
            )
        except picture.NoPicture as err:
            if auto and not err.too_large:
                return self.document()
            raise _unreadable(err, self._mime) from err
        return self._media(
            MessageKind.IMAGE,
            made.path,
            mime_type=made.mime_type,
            width=made.width,
            height=made.height,
            thumbnail=made.thumbnail,
        )

    async def async_sticker(self) -> Media:
        """Make a WebP."""
        try:
            made = await self._hass.async_add_executor_job(
                picture.prepare_sticker, self._source.path, self._folder / "sticker.webp"
            )
        except picture.NoPicture as err:
            raise _unreadable(err, self._mime) from err
        return self._media(
            MessageKind.STICKER,
            made.path,
            mime_type=made.mime_type,
            width=made.width,
            height=made.height,
            animated=made.animated,
        )

    async def async_video(self, kind: MessageKind) -> Media:
        """Make an MP4 that every phone plays, with a poster."""
        target, poster = self._folder / "video.mp4", self._folder / "poster.jpg"
        if kind is MessageKind.GIF:
            await ffmpeg.async_make_gif(self._hass, self._source.path, target)
        else:
            probe = await ffmpeg.async_probe(self._hass, self._source.path)
            if probe.video is None:
                raise MediaUnusable("media_unreadable")
            await ffmpeg.async_make_video(self._hass, self._source.path, target, probe)
        made = await ffmpeg.async_probe(self._hass, target)
        await ffmpeg.async_make_poster(self._hass, target, poster)
        thumbnail = await self._hass.async_add_executor_job(picture.read_thumbnail, poster)
        return self._media(
            kind,
            target,
            mime_type="video/mp4",
            seconds=round(made.seconds),
            width=made.width,
            height=made.height,
            thumbnail=thumbnail,
        )

    async def async_audio(self) -> Media:
        """Take MP3 and M4A as they are, and make AAC of all else."""
        path, mime = self._source.path, _AUDIO_AS_IT_IS.get(self._mime)
        probe = await ffmpeg.async_probe(self._hass, path)
        if mime is None:
            path, mime = self._folder / "audio.m4a", "audio/mp4"
            await ffmpeg.async_make_audio(self._hass, self._source.path, path)
        return self._media(MessageKind.AUDIO, path, mime_type=mime, seconds=round(probe.seconds))

    async def async_voice(self) -> Media:
        """Make Opus in Ogg, with the waveform that is shown."""
        target = self._folder / "voice.ogg"
        await ffmpeg.async_make_voice(self._hass, self._source.path, target)
        probe = await ffmpeg.async_probe(self._hass, target)
        waveform = await ffmpeg.async_waveform(self._hass, target, self._folder)
        return self._media(
            MessageKind.VOICE,
            target,
            mime_type="audio/ogg; codecs=opus",
            seconds=max(round(probe.seconds), 1),
            waveform=waveform,
        )

    def _media(self, kind: MessageKind, path: Path, **known: Any) -> Media:
        return Media(
            kind=kind,
            path=path,
            view_once=self._data.get(ATTR_VIEW_ONCE, False),
            **known,
        )


def _unreadable(err: picture.NoPicture, mime: str) -> MediaUnusable:
    return MediaUnusable(
        "media_picture_too_large" if err.too_large else "media_no_picture", mime=mime
    )
