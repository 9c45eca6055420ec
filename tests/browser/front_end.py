"""The pages of Home Assistant's front end that a person of ours uses, as a person does."""

import asyncio
from pathlib import Path

from PIL import Image

from .chromium import Chromium, decode_qr
from .home_assistant import HomeAssistant

ADD_DIALOG = "dialog-add-integration"
FLOW = "dialog-data-entry-flow"
ADD_BUTTON = "ha-config-integrations-dashboard ha-button[slot=fab]"
# Drawn a moment after the form itself.
EXPLANATION = f"{FLOW} :is(step-flow-form, step-flow-menu) ha-markdown-element p >> nth=0"
WAY = f"{FLOW} step-flow-menu ha-list-item"
SUBMIT = f"{FLOW} ha-dialog-footer ha-button[slot=primaryAction]"
CODE = f"{FLOW} step-flow-progress img"
TYPED_CODE = f"{FLOW} step-flow-progress h1"
PICKER = "tools-action ha-picker-combo-box"
# Seconds in which what is on the screen has to become what was asked for.
LOOK_AGAIN = 20
# Of 255. A white page dimmed behind a dialog has about 170, a dark one less than 40.
DARK = 100
CODE_BOX = """(() => {
  const all = (root, name) => [...root.querySelectorAll("*")].flatMap((node) => [
    ...(node.localName === name ? [node] : []),
    ...(node.shadowRoot ? all(node.shadowRoot, name) : []),
  ]);
  const [step] = all(document, "step-flow-progress");
  const { left, top, right, bottom } = all(step.shadowRoot, "img")[0].getBoundingClientRect();
  return [left, top, right, bottom];
})()"""


class FrontEnd:
    """One logged-in person at one browser."""

    def __init__(self, browser: Chromium, ha: HomeAssistant, pictures: Path) -> None:
        """Screenshots go to the folder `pictures`."""
        self.browser = browser
        self.ha = ha
        self.pictures = pictures

    async def ask_for_codes(self) -> None:
        """Add the integration, choose to scan, and wait for the first code."""
        await self.add_integration()
        await self.choose_to_scan()
        await self.browser.wait(CODE)

    async def add_integration(self) -> None:
        """Look the integration up and open its form; in whatever language."""
        await self.browser.open_home_assistant(self.ha, "/config/integrations/dashboard")
        await self.browser.click(ADD_BUTTON)
        await self.browser.fill("WhatsApp Web", f"{ADD_DIALOG} input")
        await self.browser.click(f"{ADD_DIALOG} ha-integration-list-item")
        await self.browser.wait(EXPLANATION)

    async def choose_to_scan(self) -> None:
        """Choose the first way of linking."""
        await self.browser.click(f"{WAY} >> nth=0")

    async def choose_to_type(self, number: str) -> None:
        """Choose the second way, and say which phone it is; in whatever language."""
        await self.browser.click(f"{WAY} >> nth=1")
        await self.browser.fill(number, f"{FLOW} step-flow-form input")
        await self.submit()

    async def typed_code(self) -> str:
        """Wait for a code to type; return it as a person reads it."""
        return (await self.browser.text(TYPED_CODE)).strip()

    async def submit(self) -> None:
        """Press the main button of the flow's dialog."""
        await self.browser.click(SUBMIT)

    async def code_in_view(self, theme: str, width: int, height: int) -> str:
        """Return what the code on the screen says, in this theme and at this size."""
        await self.browser.theme(theme)
        await self.browser.viewport(width, height)
        picture = self.pictures / f"code-{theme}-{width}.png"
        async with asyncio.timeout(LOOK_AGAIN):
            # A theme or a code that was just changed may be painted a moment later.
            while True:
                await self.browser.screenshot(picture)
                codes = await decode_qr(picture)
                if len(codes) == 1 and is_dark(picture) == (theme == "dark"):
                    return codes[0]

    async def next_code(self, shown: str) -> str:
        """Wait until another picture than `shown` stands there; return what is shown then."""
        await self.browser.wait(f"{CODE}:not([src='{shown}'])")
        return await self.code_picture()

    async def code_picture(self) -> str:
        """Return the picture of the code, as a data URI."""
        return await self.browser.attribute("src", CODE) or ""

    async def code_box(self) -> tuple[float, float, float, float]:
        """Return where the code stands on the screen: left, top, right, bottom."""
        left, top, right, bottom = await self.browser.evaluate(CODE_BOX)
        return left, top, right, bottom

    async def form_text(self, title: str) -> str:
        """Wait for a form of the flow by its title; return what a person reads in it."""
        await self.browser.wait(f"{FLOW}:has-text('{title}')", state="attached")
        await self.browser.wait(EXPLANATION)
        return await self.flow_text()

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

    async def choose_action(self, action: str) -> None:
        """Look an action up on the tools' page; its form is there then."""
        await self.browser.goto(f"{self.ha.url}/config/tools/action")
        await self.browser.click("tools-action ha-service-picker")
        await self.browser.fill(action, f"{PICKER} input")
        await self.browser.click(f"{PICKER} ha-list-item-option:has-text('{action}')")
        await self.browser.wait("tools-action ha-selector >> nth=0")

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


def is_dark(picture: Path) -> bool:
    """Tell whether a page has a dark background: its corner has nothing on it."""
    with Image.open(picture) as image:
        (shade,) = image.convert("L").crop((2, 2, 3, 3)).tobytes()
    return shade < DARK


async def until_entry(ha: HomeAssistant, domain: str, wait: float = 30) -> dict[str, str]:
    """Wait until there is an entry of this domain that has been set up."""
    async with ha.websocket() as api, asyncio.timeout(wait):
        changes = await api.subscribe("config_entries/subscribe", type_filter=["service"])
        while True:
            for change in await changes.queue.get():
                entry: dict[str, str] = change["entry"]
                if entry["domain"] == domain and entry["state"] == "loaded":
                    return entry
