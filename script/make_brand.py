"""Draw the icon and the logo under custom_components/whatsapp_web/brand/.

Our own drawing: a speech bubble with a house in it, whose window is a piece of
a QR code. Run it with the Python of .venv: `.venv/bin/python script/make_brand.py`.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BRAND = Path(__file__).parents[1] / "custom_components" / "whatsapp_web" / "brand"

BUBBLE = "#0b7285"
HOUSE = "#ffffff"
DARK_TEXT = "#1f2933"
LIGHT_TEXT = "#f1f5f9"
TRANSPARENT = (0, 0, 0, 0)

# Drawn this many times larger and scaled down: Pillow draws without anti-aliasing.
OVERSAMPLING = 4
# The grid in which every coordinate below is given.
GRID = 256
# The modules of the window, a five by five piece that looks like a finder pattern.
WINDOW = ("#####", "#   #", "# # #", "#   #", "#####")


def draw_icon(size: int) -> Image.Image:
    """Return the square icon, `size` pixels wide."""
    pixels = size * OVERSAMPLING
    scale = pixels / GRID
    image = Image.new("RGBA", (pixels, pixels), TRANSPARENT)
    pen = ImageDraw.Draw(image)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * scale, y * scale) for x, y in points]

    pen.rounded_rectangle(at((8, 8), (248, 214)), radius=56 * scale, fill=BUBBLE)
    pen.polygon(at((54, 196), (122, 208), (44, 252)), fill=BUBBLE)

    pen.line(at((56, 112), (128, 48), (200, 112)), fill=HOUSE, width=round(18 * scale))
    for x, y in ((56.0, 112.0), (128.0, 48.0), (200.0, 112.0)):
        pen.ellipse(at((x - 9, y - 9), (x + 9, y + 9)), fill=HOUSE)
    pen.polygon(at((80, 112), (128, 70), (176, 112), (176, 184), (80, 184)), fill=HOUSE)

    module = 11.0
    left, top = 128 - module * 2.5, 113
    for row, modules in enumerate(WINDOW):
        for column, module_set in enumerate(modules):
            if module_set == "#":
                x, y = left + column * module, top + row * module
                pen.rectangle(at((x, y), (x + module, y + module)), fill=BUBBLE)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def draw_logo(height: int, text_colour: str) -> Image.Image:
    """Return the icon with the name beside it, `height` pixels high."""
    pixels = height * OVERSAMPLING
    font = ImageFont.load_default(size=pixels * 0.46)
    left, top, right, bottom = font.getbbox("WhatsApp Web")
    gap = pixels // 8
    width = int(pixels + gap + right - left)
    image = Image.new("RGBA", (width, pixels), TRANSPARENT)
    image.paste(draw_icon(pixels), (0, 0))
    place = (pixels + gap - left, (pixels - (bottom - top)) / 2 - top)
    ImageDraw.Draw(image).text(place, "WhatsApp Web", font=font, fill=text_colour)
    return image.resize((width // OVERSAMPLING, height), Image.Resampling.LANCZOS)


def main() -> None:
    """Write every image that Home Assistant asks for."""
    BRAND.mkdir(exist_ok=True)
    for suffix, factor in (("", 1), ("@2x", 2)):
        draw_icon(256 * factor).save(BRAND / f"icon{suffix}.png", optimize=True)
        for prefix, colour in (("", DARK_TEXT), ("dark_", LIGHT_TEXT)):
            logo = draw_logo(128 * factor, colour)
            logo.save(BRAND / f"{prefix}logo{suffix}.png", optimize=True)


if __name__ == "__main__":
    main()
