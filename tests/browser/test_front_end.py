"""A person at the front end: links an account, writes, is answered, and links it again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import re
from typing import Any

import pytest

from tests.peers.peer import Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account
from tests.simulator.pairing import CouldNotLink, Scan

from .chromium import Chromium
from .front_end import FLOW, FrontEnd
from .home_assistant import CONFIGURATION, ROOT, HomeAssistant
from .pictures import Album

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

OURS = "15550001111"
THEIRS = "15550002222"
NOBODY = "+1 555-000-9999"
TRANSLATIONS = ROOT / "custom_components" / "whatsapp_web" / "translations"
SHORT_CODES = Path(__file__).parent / "short_codes"

# The card on the page of a device with its status.
ENTITIES = "ha-device-entities-card:has-text('Diagnostic')"

DESK = (1280, 900)
POCKET = (390, 844)
# A person who holds a phone to a screen needs a code of at least this width.
SMALLEST_CODE = 140


@pytest.fixture
async def simulator(socket_enabled: None) -> AsyncIterator[Simulator]:
    """A server with phones that breaks no rule, and that sees none broken."""
    async with Simulator() as server:
        yield server
        assert server.ledger.violations == []


@pytest.fixture
def ours(simulator: Simulator) -> Account:
    return simulator.add_account(OURS, "Alex")


@pytest.fixture
def theirs(simulator: Simulator) -> Account:
    return simulator.add_account(THEIRS, "Sam")


@asynccontextmanager
async def running(server: Simulator, folder: Path, *extra: Path) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant on that server, with `extra` integrations; nothing may go wrong in it."""
    settings = folder / "server.json"
    settings.write_text(server.settings_json())
    config = folder / "config"
    components = config / "custom_components"
    components.mkdir(parents=True)
    for component in extra:
        (components / component.name).symlink_to(component)
    loaded = "".join(f"{component.name}:\n" for component in extra)
    (config / "configuration.yaml").write_text(CONFIGURATION + loaded)
    environment = {"WHATSAPP_WEB_SERVER": str(settings)}
    async with HomeAssistant(config, environment=environment) as home_assistant:
        await home_assistant.onboard()
        try:
            yield home_assistant
        finally:
            (folder / "home-assistant.log").write_text("\n".join(home_assistant.log))
        errors = [line for line in home_assistant.log if " ERROR " in line]
        # What an action answers to a person's mistake, Home Assistant itself logs as an error;
        # so it does when the browser leaves a page while a large frame is on its way there.
        theirs = (NOBODY, "ClientConnectionResetError exception in shielded future")
        assert [line for line in errors if not any(known in line for known in theirs)] == []


@pytest.fixture
async def home_assistant(simulator: Simulator, tmp_path: Path) -> AsyncIterator[HomeAssistant]:
    async with running(simulator, tmp_path) as started:
        yield started


@pytest.fixture
async def person(
    chromium: Chromium, home_assistant: HomeAssistant, tmp_path: Path
) -> AsyncIterator[FrontEnd]:
    """Somebody logged in, in whose browser no script fails."""
    yield FrontEnd(chromium, home_assistant, tmp_path)
    await chromium.screenshot(tmp_path / "last.png")
    assert await chromium.complaints() == []


def texts(language: str) -> dict[str, Any]:
    """Return the texts of the config flow in a language."""
    loaded = json.loads((TRANSLATIONS / f"{language}.json").read_text())
    flow: dict[str, Any] = loaded["config"]
    return flow


def bare(text: str) -> str:
    """Leave out of a text what Markdown and the rendering of it change."""
    return re.sub(r"[\s*`-]", "", text)


async def assert_explained(person: FrontEnd, language: str, step: str, **values: str) -> str:
    """See that a step is explained, word for word; return all that is to be read."""
    wanted = texts(language)["step"][step]
    shown = await person.form_text(wanted["title"])
    assert bare(wanted["description"].format(**values)) in bare(shown)
    return shown


async def link(person: FrontEnd, account: Account) -> str:
    """Link an account in the dialog; return the path of its device's page."""
    await person.ask_for_codes()
    await account.phone.scan(await person.code_in_view("light", *DESK))
    return await finish(person)


async def finish(person: FrontEnd) -> str:
    """See that the entry has been made with no click; go on to the device's page."""
    browser = person.browser
    await browser.wait(f"{FLOW} step-flow-create-entry", state="attached")
    await browser.click(role="button", name="Skip and finish")
    await browser.wait_url("/config/devices/device/")
    await browser.wait(ENTITIES)
    return (await browser.url()).removeprefix(person.ha.url)


async def assert_code_fits(person: FrontEnd, width: int, height: int) -> None:
    """See that the code is whole, square, in the middle, and large enough."""
    left, top, right, bottom = await person.code_box()
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert abs((right - left) - (bottom - top)) < 1
    assert abs((left + right) / 2 - width / 2) < 2
    assert right - left >= SMALLEST_CODE


async def use_language(home_assistant: HomeAssistant, language: str) -> None:
    """Choose a language in the person's profile."""
    async with home_assistant.websocket() as api:
        await api.command("frontend/set_user_data", key="language", value={"language": language})


@pytest.mark.peers
async def test_person_links_writes_and_is_answered(
    simulator: Simulator, person: FrontEnd, ours: Account, theirs: Account, tmp_path: Path
) -> None:
    browser = person.browser
    async with Peer.baileys(simulator, tmp_path / "peer") as peer:
        await theirs.phone.scan(await peer.wait_qr())
        album = Album(browser, tmp_path)
        await person.add_integration()
        await assert_explained(person, "en", "user")
        await album.take("form", f"{FLOW} dialog")
        await person.choose_to_scan()

        # The code can be read in every look of the page.
        old = await person.code_in_view("light", *DESK)
        assert old.startswith("https://wa.me/settings/linked_devices#2@")
        await assert_code_fits(person, *DESK)
        await album.take("code", f"{FLOW} dialog")
        assert await person.code_in_view("dark", *DESK) == old
        assert await person.code_in_view("dark", *POCKET) == old
        assert await person.code_in_view("light", *POCKET) == old
        await assert_code_fits(person, *POCKET)

        # The server wants another one: it appears by itself, and the old one is of no use.
        shown = await person.code_picture()
        (registration,) = simulator.pairing.registrations
        secret = Scan.parse(old).adv_secret
        simulator.faults.companion_reg_refresh(registration.session, secret)
        await person.next_code(shown)
        new = await person.code_in_view("light", *DESK)
        assert new != old
        with pytest.raises(CouldNotLink, match="retired"):
            await ours.phone.scan(old)

        await ours.phone.scan(new)
        device_page = await finish(person)
        await peer.wait_open()

        # A number that nobody has is named; the right one is written to.
        await person.choose_action("whatsapp_web.send_message")
        await browser.click(role="button", name="Add", exact=True)
        await browser.fill(NOBODY, "tools-action ha-input-multi input")
        await browser.fill("The washing machine is done.", "tools-action textarea")
        await browser.click(role="button", name="Perform action")
        await browser.wait(text=f"{NOBODY} is not on WhatsApp", within="tools-action ha-alert")
        await browser.fill("+1 555-000-2222", "tools-action ha-input-multi input")
        await browser.click(role="button", name="Perform action")
        message = await peer.next_text("The washing machine is done.")
        await browser.wait(text=message.id, within="tools-action .response")
        await album.take("action", height=1250)

        await person.listen_to("whatsapp_web_message_received")
        answer = await peer.send_text(message.chat, "Thanks, I am on my way")
        event = await person.event_with("Thanks, I am on my way")
        for value in (answer, "Sam", f"+{THEIRS}", "text"):
            assert value in event
        await album.take("event", "event-subscribe-card", height=1500)

        await browser.goto(person.ha.url + device_page)
        await browser.wait(ENTITIES)
        await album.take("device", height=640)


async def test_account_unlinked_on_the_phone_is_linked_again(
    simulator: Simulator, person: FrontEnd, ours: Account
) -> None:
    browser = person.browser
    device_page = await link(person, ours)
    await browser.wait(f"{ENTITIES} >> text=Connected")
    (first,) = ours.companions

    ours.phone.unlink(first)
    await browser.wait(f"{ENTITIES} >> text=Logged out")

    await browser.goto(f"{person.ha.url}/config/integrations/dashboard")
    await browser.click(role="button", name="Reconfigure")
    await assert_explained(person, "en", "reauth_confirm", name="Alex")
    await person.choose_to_scan()
    await ours.phone.scan(await person.code_in_view("light", *DESK))
    await browser.wait(text="successful", within=f"{FLOW} step-flow-abort")
    await browser.click(f"{FLOW} ha-dialog-footer ha-button")

    await browser.wait(role="button", name="Reconfigure", state="hidden")
    await browser.goto(person.ha.url + device_page)
    await browser.wait(f"{ENTITIES} >> text=Connected")
    (second,) = ours.companions
    assert second.id != first.id
    assert simulator.connected(second)


async def test_person_types_the_code_into_the_phone(
    simulator: Simulator, person: FrontEnd, ours: Account, tmp_path: Path
) -> None:
    browser = person.browser
    await person.add_integration()
    await person.choose_to_type(NOBODY)
    refused = texts("en")["error"]["code_refused"].format(number="+15550009999", code="404")
    assert refused in await person.form_text(texts("en")["step"]["failed"]["title"])
    await person.submit()
    await browser.fill("+1 555-000-1111", f"{FLOW} step-flow-form input")
    await person.submit()
    code = await person.typed_code()
    assert bare(texts("en")["progress"]["type"].format(code=code, number=f"+{OURS}")).replace(
        "#", ""
    ) in bare(await person.flow_text())
    await Album(browser, tmp_path).take("typed", f"{FLOW} dialog")
    await ours.phone.enter_code(code)
    await finish(person)
    await browser.wait(f"{ENTITIES} >> text=Connected")


async def test_brazilian_lets_the_codes_run_out_and_closes_the_dialog(
    simulator: Simulator, chromium: Chromium, tmp_path: Path
) -> None:
    async with running(simulator, tmp_path, SHORT_CODES) as home_assistant:
        await use_language(home_assistant, "pt-BR")
        person = FrontEnd(chromium, home_assistant, tmp_path)
        await person.add_integration()
        form = await assert_explained(person, "pt-BR", "user")
        assert "Ler um QR code" in form

        # One code after another, until they have run out.
        await person.choose_to_scan()
        shown = await person.code_picture()
        await chromium.wait(text="Código 1 de 6")
        await person.next_code(shown)
        assert re.search("Código [2-6] de 6", await person.flow_text())
        await assert_explained(person, "pt-BR", "expired")
        await simulator.ledger.until(lambda: not simulator.pairing.registrations, timeout=20)

        # One click, and there are new ones; the server hangs up, and the dialog says so.
        await person.submit()
        await chromium.wait(text="Código 1 de 6")
        (registration,) = simulator.pairing.registrations
        registration.session.close()
        form = await assert_explained(person, "pt-BR", "failed")
        assert texts("pt-BR")["error"]["connection_ended"] in form

        # Once more; whoever closes the dialog closes the line to the server.
        await person.submit()
        await chromium.wait(text="Código 1 de 6")
        (registration,) = simulator.pairing.registrations
        await chromium.click(f"{FLOW} ha-icon-button[data-dialog=close]")
        await asyncio.wait_for(registration.session.closed.wait(), 20)
        await chromium.wait(f"{FLOW} dialog", state="hidden")
    assert await chromium.complaints() == []
