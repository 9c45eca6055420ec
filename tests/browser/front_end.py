"""The pages of Home Assistant's front end that a person of ours uses, as a person does."""

import asyncio
from pathlib import Path

from .chromium import Chromium, decode_qr
from .home_assistant import HomeAssistant

ADD_DIALOG = "dialog-add-integration"
FLOW = "dialog-data-entry-flow"
CODE = f"{FLOW} step-flow-progress img"


class FrontEnd:
    """One logged-in person at one browser."""

    def __init__(self, browser: Chromium, ha: HomeAssistant, pictures: Path) -> None:
        """Screenshots go to the folder `pictures`."""
        self.browser = browser
        self.ha = ha
        self.pictures = pictures

    async def ask_for_codes(self) -> None:
        """Add the integration, read the form, submit, and wait for the first code."""
        await self.browser.open_home_assistant(self.ha, "/config/integrations/dashboard")
        await self.browser.click(role="button", name="Add integration")
        await self.browser.fill("WhatsApp Web", f"{ADD_DIALOG} input")
        await self.browser.click(f"{ADD_DIALOG} ha-integration-list-item")
        await self.browser.wait(f"{FLOW} step-flow-form", state="attached")
        await self.browser.click(role="button", name="Submit")
        await self.browser.wait(CODE)

    async def code_in_view(self, theme: str, width: int, height: int) -> str:
        """Return what the code on the screen says, in this theme and at this size."""
        await self.browser.theme(theme)
        await self.browser.viewport(width, height)
        name = f"code-{theme}-{width}.png"
        (text,) = await decode_qr(await self.browser.screenshot(self.pictures / name))
        return text

    async def flow_text(self) -> str:
        """Return what a person reads in the dialog of the flow."""
        return await self.browser.text(FLOW)

    async def perform_action(self, yaml: str) -> str:
        """Perform an action from the tools' page; return what the page says then."""
        await self.browser.goto(f"{self.ha.url}/config/tools/action")
        await self.browser.click(text="YAML mode")
        editor = "tools-action ha-yaml-editor .cm-content"
        await self.browser.click(editor)
        await self.browser.press("Control+a")
        await self.browser.paste(yaml)
        await self.browser.click(role="button", name="Perform action")
        await self.browser.wait("tools-action :is(.response, ha-alert)", state="attached")
        return await self.browser.text("tools-action")

    async def listen_to(self, event_type: str) -> None:
        """Begin to listen to events on the tools' page."""
        await self.browser.goto(f"{self.ha.url}/config/tools/event")
        await self.browser.fill(event_type, "event-subscribe-card input >> nth=0")
        await self.browser.click(role="button", name="Start listening")
        await self.browser.wait(role="button", name="Stop listening")

    async def event_with(self, text: str) -> str:
        """Wait until an event on the tools' page has this text; return all that is shown."""
        await self.browser.wait(text=text, within="event-subscribe-card")
        return await self.browser.text("event-subscribe-card")


async def until_entry(ha: HomeAssistant, domain: str, wait: float = 30) -> dict[str, str]:
    """Wait until there is an entry of this domain that has been set up."""
    async with ha.websocket() as api, asyncio.timeout(wait):
        changes = await api.subscribe("config_entries/subscribe", type_filter=["service"])
        while True:
            for change in await changes.queue.get():
                entry: dict[str, str] = change["entry"]
                if entry["domain"] == domain and entry["state"] == "loaded":
                    return entry
