"""Headless Chromium as a person uses it: open, click, fill, read, take a picture."""

import asyncio
from collections.abc import Mapping
import json
import os
from pathlib import Path
import shutil
from types import TracebackType
from typing import Any, Self

from tests.peers.node import find_node

from .home_assistant import HomeAssistant

DRIVER = Path(__file__).with_name("driver.mjs")
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# One step in the front end, its first load on a busy machine with two cores included.
STEP_TIMEOUT = 60.0


def executable() -> str:
    """Return the browser's path; RuntimeError that says how to get one."""
    names = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else NAMES
    for name in names:
        if found := shutil.which(name):
            return found
    raise RuntimeError("No Chromium found: run script/setup browser, or set CHROMIUM to its path")


async def decode_qr(picture: Path) -> list[str]:
    """Return the texts of all QR codes that zbar finds in a picture.

    RuntimeError that says how to get zbar when it is not there.
    """
    if (zbarimg := shutil.which("zbarimg")) is None:
        raise RuntimeError("No zbarimg found: run script/setup browser, or install zbar-tools")
    command = (zbarimg, "--quiet", "--raw", "--set", "*.enable=0", "--set", "qrcode.enable=1")
    process = await asyncio.create_subprocess_exec(
        *command, picture, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    return output.decode().splitlines()


class Chromium:
    """One browser with one page; what it is told goes to driver.mjs, a line each."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            find_node(),
            DRIVER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        await self.tell("launch", executable=executable())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        # At the end of its input the driver closes the browser and exits.
        await self._process.communicate()

    async def tell(self, command: str, **fields: object) -> Any:
        """Give one command of driver.mjs; RuntimeError with Playwright's words when it fails."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        async with self._one_at_a_time:
            process.stdin.write(json.dumps({"do": command, **fields}).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"The browser's driver ended at {command!r}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{command} {fields}: {answer['error']}")
        return answer["ok"]

    async def open(
        self,
        url: str,
        *,
        storage: Mapping[str, str] | None = None,
        width: int = 1280,
        height: int = 900,
        theme: str = "light",
    ) -> None:
        """Open a page in a fresh profile with this localStorage; theme is light or dark."""
        await self.tell(
            "open",
            url=url,
            storage=dict(storage or {}),
            width=width,
            height=height,
            theme=theme,
            timeout=STEP_TIMEOUT * 1000,
        )

    async def open_home_assistant(
        self,
        ha: HomeAssistant,
        path: str = "/",
        *,
        width: int = 1280,
        height: int = 900,
        theme: str = "light",
    ) -> None:
        """Open a page of the front end, logged in."""
        assert ha.tokens is not None
        storage = {"hassTokens": json.dumps(ha.tokens.for_browser())}
        await self.open(ha.url + path, storage=storage, width=width, height=height, theme=theme)

    async def goto(self, url: str) -> None:
        """Go to another address with the same profile."""
        await self.tell("goto", url=url)

    async def theme(self, theme: str) -> None:
        """Switch what the system asks for: light or dark."""
        await self.tell("theme", theme=theme)

    async def viewport(self, width: int, height: int) -> None:
        """Resize the page."""
        await self.tell("viewport", width=width, height=height)

    async def click(self, selector: str | None = None, **target: object) -> None:
        """Click a CSS selector, or what `text`, `label` or `role` with `name` finds."""
        await self.tell("click", selector=selector, **target)

    async def fill(self, value: str, selector: str | None = None, **target: object) -> None:
        """Put a value into a field."""
        await self.tell("fill", value=value, selector=selector, **target)

    async def press(self, key: str) -> None:
        """Press a key, such as Enter or Escape."""
        await self.tell("press", key=key)

    async def type(self, keys: str) -> None:
        """Type into whatever has the focus."""
        await self.tell("type", keys=keys)

    async def paste(self, text: str) -> None:
        """Insert text at once into whatever has the focus, with no key pressed."""
        await self.tell("paste", text=text)

    async def wait(self, selector: str | None = None, **target: object) -> None:
        """Wait until something is visible; `state` may be hidden, attached or detached."""
        await self.tell("wait", selector=selector, **target)

    async def wait_url(self, pattern: str) -> None:
        """Wait until the address matches a regular expression."""
        await self.tell("waitUrl", pattern=pattern)

    async def count(self, selector: str) -> int:
        """Return how many elements a selector finds."""
        return int(await self.tell("count", selector=selector))

    async def attribute(self, attribute: str, selector: str, **target: object) -> str | None:
        """Return an attribute of an element."""
        found: str | None = await self.tell(
            "attribute", attribute=attribute, selector=selector, **target
        )
        return found

    async def text(self, selector: str = "body") -> str:
        """Return the text a person sees, a line per piece."""
        return str(await self.tell("text", selector=selector))

    async def screenshot(self, path: Path, selector: str | None = None) -> Path:
        """Write what is seen, or one element of it, as a PNG."""
        await self.tell("screenshot", path=str(path), selector=selector)
        return path

    async def evaluate(self, expression: str) -> Any:
        """Run JavaScript in the page and return its value."""
        return await self.tell("evaluate", expression=expression)

    async def url(self) -> str:
        """Return the address of the page."""
        return str(await self.tell("url"))

    async def complaints(self) -> list[str]:
        """Return the script errors the page has had."""
        return list(await self.tell("complaints"))
