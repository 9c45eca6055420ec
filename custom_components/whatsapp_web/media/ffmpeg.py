"""Sound and moving pictures through Home Assistant's ffmpeg."""

import array
import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path
import re
import sys
from typing import Final

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.core import HomeAssistant

from ..const import LOGGER
from .errors import ABSENT_FFMPEG, MediaUnusable

# Converting a long clip on a small machine takes its time; nothing takes longer.
TIMEOUT: Final = 900.0
PROBE_TIMEOUT: Final = 30.0
# What WhatsApp itself sends a video as.
MAX_VIDEO_SIDE: Final = 1280
WAVEFORM_POINTS: Final = 64
_LOUDEST: Final = 100
# Of each of the 64 parts of a voice note so many samples are looked at.
_SAMPLES_PER_POINT: Final = 2000
_SAMPLE_RATE: Final = 8000
_LOG_TAIL: Final = 400
_MAX_OUTPUT: Final = 1 << 20

_DURATION: Final = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_VIDEO: Final = re.compile(
    r"Stream #.*?Video: (\w+)[^\n]*?,\s*(yuv\w+|\w+)[(,][^\n]*?(\d{2,5})x(\d{2,5})"
)
_AUDIO: Final = re.compile(r"Stream #.*?Audio: (\w+)")
_ROTATION: Final = re.compile(r"rotation of (-?\d+)")
_CONTAINER: Final = re.compile(r"Input #0, ([\w,]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What ffmpeg says of a file."""

    container: str
    seconds: float
    video: str | None
    pixels: str | None
    audio: str | None
    width: int
    height: int

    @property
    def plays_as_video(self) -> bool:
        """Whether every phone plays it as it is."""
        return (
            "mp4" in self.container
            and self.video == "h264"
            and self.pixels in ("yuv420p", "yuvj420p")
            and self.audio in (None, "aac")
        )


async def async_probe(hass: HomeAssistant, source: Path) -> Probe:
    """Find out what is in a file; raise `MediaUnusable` when ffmpeg can't read it."""
    _, said = await _async_run(hass, [*_input(source)], timeout=PROBE_TIMEOUT)
    container, duration = _CONTAINER.search(said), _DURATION.search(said)
    video, audio, rotation = _VIDEO.search(said), _AUDIO.search(said), _ROTATION.search(said)
    if container is None or (video is None and audio is None):
        LOGGER.debug("ffmpeg can't read a file: %s", said[-_LOG_TAIL:])
        raise MediaUnusable("media_unreadable")
    width, height = (int(video[3]), int(video[4])) if video else (0, 0)
    if rotation is not None and int(rotation[1]) % 180:
        width, height = height, width
    return Probe(
        container=container[1],
        seconds=_seconds(duration),
        video=video[1] if video else None,
        pixels=video[2] if video else None,
        audio=audio[1] if audio else None,
        width=width,
        height=height,
    )


async def async_make_video(hass: HomeAssistant, source: Path, target: Path, probe: Probe) -> None:
    """Make an MP4 with H.264 and AAC that begins to play while it loads."""
    if probe.plays_as_video:
        codecs = ["-c", "copy"]
    else:
        codecs = [*_h264(), "-c:a", "aac", "-b:a", "96k", "-ac", "2"]
    arguments = [*_input(source), "-map", "0:v:0", "-map", "0:a:0?", "-sn", "-dn", *codecs]
    await _async_convert(hass, [*arguments, *_mp4(target)])


async def async_make_gif(hass: HomeAssistant, source: Path, target: Path) -> None:
    """Make the silent MP4 that WhatsApp shows as a GIF."""
    await _async_convert(hass, [*_input(source), "-an", *_h264(), *_mp4(target)])


async def async_make_poster(hass: HomeAssistant, source: Path, target: Path) -> None:
    """Take the first picture of a video."""
    arguments = [*_input(source), "-frames:v", "1", "-vf", "scale=320:-2", "-f", "image2"]
    await _async_convert(hass, [*arguments, f"file:{target}"])


async def async_make_voice(hass: HomeAssistant, source: Path, target: Path) -> None:
    """Make Opus in Ogg with one channel, all that phones take as a voice note."""
    sound = ["-ac", "1", "-ar", "48000", "-c:a", "libopus", "-b:a", "32k"]
    arguments = [*_input(source), "-vn", "-map", "0:a:0", "-map_metadata", "-1", *sound]
    await _async_convert(hass, [*arguments, "-application", "voip", "-f", "ogg", f"file:{target}"])


async def async_make_audio(hass: HomeAssistant, source: Path, target: Path) -> None:
    """Make an AAC file in MP4."""
    arguments = [*_input(source), "-vn", "-map", "0:a:0", "-c:a", "aac", "-b:a", "128k"]
    await _async_convert(
        hass, [*arguments, "-movflags", "+faststart", "-f", "ipod", f"file:{target}"]
    )


async def async_waveform(hass: HomeAssistant, source: Path, folder: Path) -> bytes:
    """Say how loud a sound is over its length: 64 values from 0 to 100."""
    samples = folder / "samples"
    arguments = [*_input(source), "-vn", "-map", "0:a:0", "-ac", "1", "-ar", str(_SAMPLE_RATE)]
    await _async_convert(hass, [*arguments, "-f", "s16le", f"file:{samples}"])
    return await hass.async_add_executor_job(read_waveform, samples)


def read_waveform(samples: Path) -> bytes:
    """Reduce 16-bit samples to 64 values; the loudest part has 100."""
    count = samples.stat().st_size // 2
    if count < WAVEFORM_POINTS:
        return bytes(WAVEFORM_POINTS)
    step = count // WAVEFORM_POINTS
    loudness = []
    with samples.open("rb") as file:
        for point in range(WAVEFORM_POINTS):
            file.seek(point * step * 2)
            values = array.array("h", file.read(min(step, _SAMPLES_PER_POINT) * 2))
            if sys.byteorder == "big":
                values.byteswap()
            loudness.append(sum(map(abs, values)) / max(len(values), 1))
    loudest = max(loudness) or 1.0
    return bytes(int(_LOUDEST * each / loudest) for each in loudness)


def _input(source: Path) -> list[str]:
    """Name a file of ours, and let it lead ffmpeg to nothing else."""
    return ["-protocol_whitelist", "file,pipe", "-i", f"file:{source}"]


def _h264() -> list[str]:
    side = MAX_VIDEO_SIDE
    scale = f"scale='min({side},iw)':'min({side},ih)':force_original_aspect_ratio=decrease"
    even = "scale=trunc(iw/2)*2:trunc(ih/2)*2"
    return [
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p"),
        *("-vf", f"{scale},{even}"),
    ]


def _mp4(target: Path) -> list[str]:
    return ["-movflags", "+faststart", "-map_metadata", "-1", "-f", "mp4", f"file:{target}"]


async def _async_convert(hass: HomeAssistant, arguments: list[str]) -> None:
    code, said = await _async_run(hass, arguments, timeout=TIMEOUT)
    if code:
        LOGGER.debug("ffmpeg can't convert a file: %s", said[-_LOG_TAIL:])
        raise MediaUnusable("media_not_converted")


async def _async_run(
    hass: HomeAssistant, arguments: list[str], *, timeout: float
) -> tuple[int, str]:
    """Run ffmpeg; give its exit code and what it said. It never outlives the caller."""
    try:
        process = await asyncio.create_subprocess_exec(
            _binary(hass),
            *("-hide_banner", "-nostdin", "-y"),
            *arguments,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
    except OSError as err:
        raise MediaUnusable(ABSENT_FFMPEG) from err
    said = bytearray()
    try:
        async with asyncio.timeout(timeout):
            while process.stderr is not None and (chunk := await process.stderr.read(4096)):
                said += chunk
                del said[:-_MAX_OUTPUT]
            code = await process.wait()
    except TimeoutError as err:
        raise MediaUnusable("media_not_converted") from err
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return code, said.decode(errors="replace")


def _binary(hass: HomeAssistant) -> str:
    """Name the program that the ffmpeg integration is set to use."""
    try:
        binary: str = get_ffmpeg_manager(hass).binary
    except ValueError:
        # Not set up, which it need not be.
        return "ffmpeg"
    return binary


def _seconds(duration: re.Match[str] | None) -> float:
    if duration is None:
        return 0.0
    return int(duration[1]) * 3600 + int(duration[2]) * 60 + float(duration[3])
