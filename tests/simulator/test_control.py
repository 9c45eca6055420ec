import asyncio
import base64
from collections.abc import AsyncIterator
from io import BytesIO
import json
from pathlib import Path
import sys

import aiohttp
import pytest
import qrcode
from qrcode.image.pil import PilImage

from . import Simulator
from .control import Control, ControlFailed
from .phone_page import PhonePage
from .rawclient import RawClient

pytestmark = pytest.mark.usefixtures("socket_enabled")

ANN, BOB = "15550001111", "15550002222"
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as sim:
        yield sim


@pytest.fixture
async def control(sim: Simulator) -> AsyncIterator[Control]:
    async with Control(sim.port) as control:
        yield control


async def test_phones_talk_on_command(sim: Simulator, control: Control) -> None:
    await control("add_account", number=ANN, name="Ann")
    await control("add_account", number=BOB, name="Bob")
    sent = await control("send_text", number=ANN, to=BOB, text="hello")
    seen = await control("wait_message", number=BOB, text="hello")
    assert (seen["id"], seen["sender"], seen["from_me"]) == (sent["id"], ANN, False)
    await control("mark_read", number=BOB, stanza_id=sent["id"])
    types = [one["type"] for one in await control("receipts", number=ANN)]
    assert "read" in types
    assert [one["text"] for one in await control("messages", number=ANN)] == ["hello"]
    assert (await control("ledger"))["violations"] == []


async def test_a_client_is_linked_watched_and_unlinked(sim: Simulator, control: Control) -> None:
    await control("add_account", number=ANN)
    async with RawClient(sim) as client:
        code = await client.show_code()
        assert await control("codes") == 1
        async with asyncio.TaskGroup() as group:
            scan = group.create_task(control("scan", number=ANN, qr=code))
            group.create_task(client.sign())
        device = scan.result()["device"]
        client.device = sim.directory.find_number(ANN).devices[device]  # type: ignore[union-attr]
        await client.close()
        await client.log_in()
        await control("wait_connected", number=ANN, device=device)
        await control("prekeys_low", number=ANN, device=device)
        notice = await client.until("notification")
        assert {"tag": "notification", "id": notice.attr("id")} in await control(
            "unacked", number=ANN, device=device
        )
        await control("fault", action="drop", tag="notification", device=[ANN, device])
        await control("prekeys_low", number=ANN, device=device)
        await control("close", number=ANN, device=device, code="503")
        assert (await client.receive()).attr("code") == "503"
        await control("unlink", number=ANN, device=device)
        (account,) = await control("accounts")
        assert [one["id"] for one in account["devices"]] == [0]


async def test_people_call_and_appear_on_command(sim: Simulator, control: Control) -> None:
    await control("add_account", number=ANN, name="Ann")
    await control("add_account", number=BOB, name="Bob")
    bob = sim.directory.find_number(BOB)
    assert bob is not None
    call = await control("call", number=ANN, to=BOB, video=True)
    await sim.ledger.until(lambda: (call["call_id"], "offer") in bob.phone.calls.heard)
    await control("hang_up_call", number=ANN, to=BOB, call_id=call["call_id"])
    await sim.ledger.until(lambda: (call["call_id"], "terminate") in bob.phone.calls.heard)
    await control("appear", number=BOB)
    assert sim.presence.is_online(bob)
    await control("appear", number=BOB, online=False)
    assert not sim.presence.is_online(bob)
    await control("set_about", number=BOB, text="Away")
    assert sim.people.of(bob).about == "Away"


async def test_a_picture_is_scanned(sim: Simulator, control: Control) -> None:
    await control("add_account", number=ANN)
    async with RawClient(sim) as client:
        code = qrcode.QRCode(image_factory=PilImage)
        code.add_data(await client.show_code())
        out = BytesIO()
        code.make_image().save(out)
        picture = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
        async with asyncio.TaskGroup() as group:
            scan = group.create_task(control("scan_picture", number=ANN, picture=picture))
            group.create_task(client.sign())
        assert scan.result()["device"] == 1


async def test_errors_are_told(sim: Simulator, control: Control) -> None:
    with pytest.raises(ControlFailed, match="no account"):
        await control("messages", number="1")
    with pytest.raises(ControlFailed, match="UnknownCommand"):
        await control("nonsense")
    with pytest.raises(ControlFailed, match="known faults"):
        await control("chain", nonsense=True)


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/plain"}, {"Host": "evil.example"}], ids=["type", "host"]
)
async def test_other_web_pages_have_no_say(sim: Simulator, headers: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{sim.port}/control/accounts"
    given = {"Content-Type": "application/json", **headers}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data="{}", headers=given) as response,
    ):
        assert response.status == 403


async def test_the_phone_page_is_served(sim: Simulator) -> None:
    page = PhonePage(sim)
    await page.start()
    try:
        async with aiohttp.ClientSession() as http, http.get(page.url) as response:
            text = await response.text()
        assert "Simulated phones" in text
        assert "src=" not in text, "nothing is loaded from elsewhere"
    finally:
        await page.stop()


async def test_it_runs_as_a_command(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.simulator", "--server-file", str(file)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        lines = [(await process.stdout.readline()).decode().split() for _ in range(2)]
        assert [words[0] for words in lines] == ["server", "phone"]
        port = int(lines[1][1].rstrip("/").rpartition(":")[2])
        async with Control(port) as control:
            assert [one["name"] for one in await control("accounts")] == ["You", "Ann"]
            settings = await control("settings")
            while not file.exists():
                await control("codes")
            assert json.loads(file.read_text()) == settings
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0
