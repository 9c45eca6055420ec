"""The backup connection, with both accounts on the server's line."""

import asyncio
from datetime import timedelta
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.whatsapp_web import fallback
from custom_components.whatsapp_web.aiowhatsapp import Jid, Media, MessageKind, Text
from custom_components.whatsapp_web.const import DOMAIN
from tests.simulator import Simulator
from tests.simulator.accounts import Account, Device

from .conftest import THEIRS
from .dialog import Dialog
from .linking import add_linked
from .waiting import EventLog, wait_bus, wait_connected, wait_state

STATUS = "sensor.general_status"


class Pair:
    """A connection and its backup."""

    def __init__(
        self, hass: HomeAssistant, simulator: Simulator, entries: list[MockConfigEntry]
    ) -> None:
        self.hass = hass
        self.simulator = simulator
        self.general, self.backup = entries
        self.account = self._account("15550001111")
        self.backup_account = self._account("15550001112")

    def _account(self, number: str) -> Account:
        account = self.simulator.directory.find_number(number)
        assert account is not None
        return account

    @property
    def device(self) -> Device:
        return self.account.companions[0]

    def keep_down(self) -> None:
        """Cut the line, and refuse all logins for now."""
        for _ in range(1000):
            self.simulator.faults.fail_login("503", target=self.device)
        self.simulator.faults.cut(self.device)

    async def let_up(self) -> None:
        self.simulator.faults.clear()
        self.general.runtime_data.async_reconnect()
        await wait_connected(self.hass, self.general)

    async def grow_overdue(self) -> None:
        """Let the time pass that the connection may be down."""
        await wait_state(self.hass, STATUS, "disconnected")
        async_fire_time_changed(self.hass, dt_util.utcnow() + timedelta(minutes=3))

    async def send(self, text: str, chat: Jid | None = None) -> str:
        """Hand a text to the general connection; return its id."""
        client = self.general.runtime_data.client
        queued = await client.send(chat or Jid.of_number(THEIRS), Text(text=text))
        return str(queued.message_id)

    def in_use(self) -> bool:
        state = self.hass.states.get(STATUS)
        assert state is not None
        return bool(state.attributes["backup_in_use"])

    async def until_in_use(self, expected: bool) -> None:
        await wait_bus(self.hass, "state_changed", lambda: self.in_use() is expected)


@pytest.fixture
async def pair(hass: HomeAssistant, simulator: Simulator, theirs: Account) -> Pair:
    """Two connections, side by side, the second the first one's backup."""
    backup = await add_linked(hass, simulator.add_account("15550001112", "Backup"))
    general = await add_linked(
        hass,
        simulator.add_account("15550001111", "General"),
        backup_connection=backup.entry_id,
        backup_after=120,
    )
    made = Pair(hass, simulator, [general, backup])
    assert await async_setup_component(hass, DOMAIN, {})
    for entry in (general, backup):
        await wait_connected(hass, entry)
    return made


async def test_a_logged_out_connection_is_stood_in_for_at_once(
    hass: HomeAssistant, pair: Pair, theirs: Account
) -> None:
    assert pair.in_use() is False
    pair.account.phone.unlink(pair.device)
    await pair.until_in_use(True)
    sent = await pair.send("The door is open")
    message = await theirs.phone.wait_message("The door is open")
    assert message.id == sent
    assert message.sender.account is pair.backup_account
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"backup_in_use_{pair.general.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders == {"name": "General", "backup": "Backup"}


async def test_a_short_loss_of_the_line_is_waited_out(
    hass: HomeAssistant, pair: Pair, theirs: Account
) -> None:
    pair.keep_down()
    await wait_state(hass, STATUS, "disconnected")
    await pair.send("Patience")
    assert pair.in_use() is False
    await pair.let_up()
    message = await theirs.phone.wait_message("Patience")
    assert message.sender.account is pair.account


async def test_what_waits_leaves_by_the_backup_and_once(
    hass: HomeAssistant, pair: Pair, theirs: Account, simulator: Simulator
) -> None:
    pair.keep_down()
    await wait_state(hass, STATUS, "disconnected")
    texts = [f"Number {index}" for index in range(5)]
    for text in texts:
        await pair.send(text)
    await pair.grow_overdue()
    await pair.until_in_use(True)
    for text in texts:
        message = await theirs.phone.wait_message(text)
        assert message.sender.account is pair.backup_account
    await pair.let_up()
    await pair.until_in_use(False)
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"backup_in_use_{pair.general.entry_id}") is (
        None
    )
    await pair.send("By ourselves")
    last = await theirs.phone.wait_message("By ourselves")
    assert last.sender.account is pair.account
    await simulator.settled()
    shown = [message.text for message in theirs.phone.messages]
    assert [text for text in shown if text in texts] == texts


async def test_me_stays_the_number_of_the_connection_that_was_asked(
    hass: HomeAssistant, pair: Pair
) -> None:
    pair.account.phone.unlink(pair.device)
    await pair.until_in_use(True)
    await hass.services.async_call("notify", "general", {"message": "Note"}, blocking=True)
    message = await pair.account.phone.wait_message("Note")
    assert message.sender.account is pair.backup_account


async def test_the_states_of_a_message_are_told_as_those_of_the_one_that_was_asked(
    hass: HomeAssistant, pair: Pair, theirs: Account
) -> None:
    log = EventLog(hass, "whatsapp_web_message_status")
    pair.account.phone.unlink(pair.device)
    await pair.until_in_use(True)
    sent = await pair.send("Told")
    await theirs.phone.wait_message("Told")
    await wait_bus(
        hass,
        "whatsapp_web_message_status",
        lambda: "delivered" in {data["state"] for data in log.data},
    )
    told = [data for data in log.data if data["message_id"] == sent]
    assert {data["config_entry_id"] for data in told} == {pair.general.entry_id}
    assert {data["sent_by"] for data in told} == {"Backup"}
    client = pair.general.runtime_data.client
    assert (await client.outbox.states.get(sent)).state in ("delivered", "read")


async def test_each_may_be_the_other_ones_backup(
    hass: HomeAssistant, pair: Pair, theirs: Account, simulator: Simulator
) -> None:
    hass.config_entries.async_update_entry(
        pair.backup, options={"backup_connection": pair.general.entry_id, "backup_after": 120}
    )
    await hass.config_entries.async_reload(pair.backup.entry_id)
    await wait_connected(hass, pair.backup)
    pair.account.phone.unlink(pair.device)
    await pair.until_in_use(True)
    pair.backup_account.phone.unlink(pair.backup_account.companions[0])
    await pair.until_in_use(False)
    await pair.send("Nobody can")
    await simulator.settled()
    for entry in (pair.general, pair.backup):
        assert entry.runtime_data.fallback.active is None
    assert pair.general.runtime_data.client.outbox.waiting == 1


async def test_a_crash_between_giving_and_forgetting_sends_once(
    hass: HomeAssistant, pair: Pair, theirs: Account, simulator: Simulator
) -> None:
    outbox = pair.general.runtime_data.client.outbox
    died = asyncio.Event()

    async def die(ids: list[str]) -> None:
        if ids:
            died.set()
            await asyncio.Event().wait()

    outbox.given_away = die
    pair.account.phone.unlink(pair.device)
    await pair.until_in_use(True)
    await pair.send("Once")
    async with asyncio.timeout(30):
        await died.wait()
    await theirs.phone.wait_message("Once")
    await hass.config_entries.async_unload(pair.general.entry_id)
    # The message is with both now; the connection that was asked starts again.
    await hass.config_entries.async_setup(pair.general.entry_id)
    coordinator = pair.general.runtime_data
    await wait_state(hass, STATUS, "logged_out")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert coordinator.client.outbox.waiting == 0
    await simulator.settled()
    assert [m.text for m in theirs.phone.messages].count("Once") == 1


async def test_a_group_that_the_backup_is_not_in_waits(
    hass: HomeAssistant, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = pair.backup.runtime_data
    assert await fallback._may_send(backup, Jid.of_number(THEIRS))
    assert not await fallback._may_send(backup, Jid("120363000000000001", "g.us"))
    assert not await fallback._may_send(backup, Jid("status", "broadcast"))


async def test_what_waits_survives_linking_anew(
    hass: HomeAssistant, pair: Pair, theirs: Account, codes: dict[str, str]
) -> None:
    hass.config_entries.async_update_entry(pair.general, options={})
    await hass.config_entries.async_reload(pair.general.entry_id)
    await wait_connected(hass, pair.general)
    pair.account.phone.unlink(pair.device)
    await wait_state(hass, STATUS, "logged_out")
    sent = await pair.send("Not lost")
    dialog = Dialog(hass, codes)
    await hass.async_block_till_done()
    dialog.open_started()
    await dialog.submit()
    await pair.account.phone.scan(await dialog.wait_code())
    assert (await dialog.wait_end())["reason"] == "reauth_successful"
    message = await theirs.phone.wait_message("Not lost")
    assert (message.id, message.sender.account) == (sent, pair.account)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_a_file_that_waits_leaves_by_the_backup(
    pair: Pair, theirs: Account, tmp_path: Path
) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7 report")
    pair.keep_down()
    client = pair.general.runtime_data.client
    draft = Media(kind=MessageKind.DOCUMENT, path=path)
    queued = await client.send(Jid.of_number(THEIRS), draft)
    path.unlink()
    await pair.grow_overdue()
    received = await theirs.phone.wait_message(lambda message: message.id == queued.message_id)
    assert received.sender.account is pair.backup_account
    assert received.message.documentMessage.directPath
    assert pair.simulator.media.find(received.message.documentMessage.fileEncSha256) is not None
