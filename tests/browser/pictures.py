"""Pictures of the front end, as the documentation shows them.

`WHATSAPP_WEB_PICTURES=docs/images script/test tests/browser/test_front_end.py` takes
them anew.
"""

import os
from pathlib import Path

from PIL import Image

from .chromium import Chromium

WIDTH = 1280
COLOURS = 64


class Album:
    """Takes pictures into the folder that `WHATSAPP_WEB_PICTURES` names, or another one."""

    def __init__(self, browser: Chromium, folder: Path) -> None:
        """`folder` is where they go when nobody wants to keep them."""
        self._browser = browser
        self._folder = Path(os.environ.get("WHATSAPP_WEB_PICTURES", folder))

    async def take(self, name: str, selector: str | None = None, *, height: int = 900) -> None:
        """Take a picture of the page or of one element, with few enough colours to be small."""
        await self._browser.viewport(WIDTH, height)
        picture = self._folder / f"{name}.png"
        await self._browser.screenshot(picture, selector)
        with Image.open(picture) as image:
            small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(picture, optimize=True)
