"""Pictures as WhatsApp shows them. Everything here blocks: run it in the executor."""

from dataclasses import dataclass, field
import io
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

# As the official clients send a picture in high quality.
MAX_SIDE: Final = 4096
QUALITY: Final = 88
# The side of the pictures of groups and people.
PROFILE_SIDE: Final = 640
THUMBNAIL_SIDE: Final = 100
THUMBNAIL_QUALITY: Final = 60
STICKER_SIDE: Final = 512
# More pixels than any camera has would fill a small machine's memory.
MAX_PIXELS: Final = 100_000_000
_JPEG: Final = "JPEG"
_ORIENTATION: Final = 0x0112
_UPRIGHT: Final = (None, 0, 1)


class NoPicture(Exception):
    """The file is no picture that can be read here; `too_large` when it is just too much."""

    def __init__(self, *, too_large: bool = False) -> None:
        """Keep why."""
        super().__init__("too large" if too_large else "not readable")
        self.too_large = too_large


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that is ready to be sent."""

    path: Path
    mime_type: str
    width: int
    height: int
    thumbnail: bytes = field(default=b"", repr=False)
    animated: bool = False


def is_animated(source: Path) -> bool:
    """Tell whether a picture moves; what can't be read does not."""
    try:
        with Image.open(source) as image:
            return bool(getattr(image, "is_animated", False))
    except OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError:
        return False


def prepare_picture(source: Path, target: Path) -> Picture:
    """Make an upright JPEG of a picture, or take it as it is when it is one.

    Raises `NoPicture`.
    """
    try:
        with Image.open(source) as image:
            _check(image)
            upright = image.getexif().get(_ORIENTATION) in _UPRIGHT
            as_it_is = image.format == _JPEG and image.mode in ("RGB", "L") and upright
            if as_it_is and max(image.size) <= MAX_SIDE:
                width, height = image.size
                return Picture(
                    path=source,
                    mime_type="image/jpeg",
                    width=width,
                    height=height,
                    thumbnail=_thumbnail(image),
                )
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
            flat = _flat(ImageOps.exif_transpose(image))
        flat.thumbnail((MAX_SIDE, MAX_SIDE))
        flat.save(target, _JPEG, quality=QUALITY, optimize=True)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as err:
        raise NoPicture from err
    width, height = flat.size
    return Picture(
        path=target,
        mime_type="image/jpeg",
        width=width,
        height=height,
        thumbnail=_thumbnail(flat),
    )


def prepare_sticker(source: Path, target: Path) -> Picture:
    """Make a WebP sticker of 512 by 512; one that is that already stays as it is.

    Raises `NoPicture`.
    """
    side = (STICKER_SIDE, STICKER_SIDE)
    try:
        with Image.open(source) as image:
            _check(image)
            animated = bool(getattr(image, "is_animated", False))
            if image.format == "WEBP" and (animated or image.size == side):
                width, height = image.size
                return Picture(
                    path=source,
                    mime_type="image/webp",
                    width=width,
                    height=height,
                    animated=animated,
                )
            drawn = ImageOps.exif_transpose(image).convert("RGBA")
        drawn.thumbnail(side)
        canvas = Image.new("RGBA", side, (0, 0, 0, 0))
        at = ((STICKER_SIDE - drawn.width) // 2, (STICKER_SIDE - drawn.height) // 2)
        canvas.paste(drawn, at)
        canvas.save(target, "WEBP", quality=QUALITY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as err:
        raise NoPicture from err
    return Picture(path=target, mime_type="image/webp", width=STICKER_SIDE, height=STICKER_SIDE)


def prepare_profile_picture(source: Path) -> bytes:
    """Make a square JPEG of the middle of a picture, never larger than that is.

    Raises `NoPicture`.
    """
    buffer = io.BytesIO()
    try:
        with Image.open(source) as image:
            _check(image)
            side = min(*image.size, PROFILE_SIDE)
            image.draft("RGB", (PROFILE_SIDE * 2, PROFILE_SIDE * 2))
            flat = _flat(ImageOps.exif_transpose(image))
        ImageOps.fit(flat, (side, side)).save(buffer, _JPEG, quality=QUALITY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as err:
        raise NoPicture from err
    return buffer.getvalue()


def read_thumbnail(path: Path) -> bytes:
    """Make the small preview out of a picture; empty when that can't be."""
    try:
        with Image.open(path) as image:
            _check(image)
            return _thumbnail(image)
    except OSError, SyntaxError, ValueError, NoPicture, Image.DecompressionBombError:
        return b""


def _check(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise NoPicture(too_large=True)


def _flat(image: Image.Image) -> Image.Image:
    """Put what is transparent on white: JPEG knows no transparency."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layers = image.convert("RGBA")
        background = Image.new("RGBA", layers.size, (255, 255, 255, 255))
        return Image.alpha_composite(background, layers).convert("RGB")
    return image.convert("RGB")


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    _flat(small).save(buffer, _JPEG, quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()
