from io import BytesIO

from PIL import Image
import pytest
import qrcode
from qrcode.image.pil import PilImage

from .qr_image import NoCode, read_qr

TEXT = (
    "https://wa.me/settings/linked_devices#2@AbC+/xyz0123456789012345678901234567890123456789"
    "012345678901234,0123456789ABCDEFGHIJabcdefghij0123456789abc=,"
    "0123456789ABCDEFGHIJabcdefghij0123456789abc=,0123456789ABCDEFGHIJabcdefghij0123456789abc=,1"
)


def _draw(text: str, *, box: int = 6, level: int = qrcode.ERROR_CORRECT_L) -> Image.Image:
    code = qrcode.QRCode(box_size=box, border=4, error_correction=level, image_factory=PilImage)
    code.add_data(text)
    image: Image.Image = code.make_image().get_image()
    return image


def _png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("box", [2, 3, 6, 11])
def test_a_drawn_code_is_read(box: int) -> None:
    assert read_qr(_png(_draw(TEXT, box=box))) == TEXT


@pytest.mark.parametrize(
    "level",
    [
        qrcode.ERROR_CORRECT_L,
        qrcode.ERROR_CORRECT_M,
        qrcode.ERROR_CORRECT_Q,
        qrcode.ERROR_CORRECT_H,
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("12345678901", id="digits"),
        pytest.param("HELLO WORLD 42", id="alphanumeric"),
        pytest.param("plain text", id="bytes"),
        pytest.param(TEXT, id="link"),
        pytest.param("x" * 900, id="long"),
    ],
)
def test_every_level_and_kind_of_content(text: str, level: int) -> None:
    assert read_qr(_png(_draw(text, level=level))) == text


@pytest.mark.parametrize("scale", [0.75, 1.0, 1.25, 1.5])
@pytest.mark.parametrize("background", ["white", "#111111", "#03a9f4"])
def test_a_screenshot_is_read(scale: float, background: str) -> None:
    code = _draw(TEXT).convert("RGB")
    size = round(code.width * scale)
    page = Image.new("RGB", (1280, 900), background)
    page.paste(code.resize((size, size), Image.Resampling.BILINEAR), (311, 97))
    assert read_qr(_png(page)) == TEXT


def test_transparent_is_white() -> None:
    code = _draw(TEXT).convert("RGBA")
    clear = Image.new("RGBA", code.size, (0, 0, 0, 0))
    dark = code.convert("L").point(lambda value: 255 - value)
    clear.paste((0, 0, 0, 255), mask=dark)
    assert read_qr(_png(clear)) == TEXT


@pytest.mark.parametrize("data", [b"", b"not a picture", _png(Image.new("L", (300, 300), "white"))])
def test_without_a_code_it_says_so(data: bytes) -> None:
    with pytest.raises(NoCode):
        read_qr(data)
