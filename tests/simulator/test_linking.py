import asyncio
from collections.abc import AsyncIterator

import pytest

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import Simulator
from .accounts import SERVER_JID, Account
from .pairing import QR_PREFIX, CouldNotLink
from .rawclient import Closed, RawClient

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as sim:
        yield sim


@pytest.fixture
def ann(sim: Simulator) -> Account:
    return sim.add_account("15550001111", "Ann")


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[RawClient]:
    async with RawClient(sim) as client:
        yield client


async def test_a_linked_device_logs_in(sim: Simulator, ann: Account, client: RawClient) -> None:
    device = await client.link(ann)
    success = await client.log_in()
    assert success.tag == "success"
    assert success.jid("lid") == device.jid(lid=True)
    assert sim.connected(device)
    assert sim.ledger.violations == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda fields: fields[:4], "4 fields"),
        (lambda fields: [*fields[:4], "0"], "client type"),
        (lambda fields: ["2@none", *fields[1:]], "expired"),
        (lambda fields: [fields[0], fields[2], *fields[2:]], "Noise key"),
        (lambda fields: [*fields[:2], fields[1], *fields[3:]], "identity"),
        (lambda fields: [*fields[:3], "????", fields[4]], "base64"),
    ],
)
async def test_a_phone_refuses_a_wrong_code(
    ann: Account, client: RawClient, change: object, why: str
) -> None:
    assert callable(change)
    fields = (await client.show_code()).split(",")
    with pytest.raises(CouldNotLink, match=why):
        await ann.phone.scan(QR_PREFIX + ",".join(change(fields)))


async def test_a_registration_must_be_signed(sim: Simulator, client: RawClient) -> None:
    payload = client.registration()
    payload.devicePairingData.eSkeySig = bytes(64)
    await client.open(payload)
    assert (await client.receive()).attr("reason") == "400"
    assert any("signature" in each for each in sim.ledger.violations)


async def test_the_build_hash_must_fit_the_version(sim: Simulator, client: RawClient) -> None:
    payload = client.registration()
    payload.devicePairingData.buildHash = bytes(16)
    await client.open(payload)
    assert (await client.receive()).attr("reason") == "400"


async def test_an_old_version_is_refused(sim: Simulator, client: RawClient) -> None:
    client.version = (2, 3000, 900_000_000)
    await client.open(client.registration())
    assert (await client.receive()).attr("reason") == "405"


async def test_a_wrong_device_signature_is_refused(
    sim: Simulator, ann: Account, client: RawClient
) -> None:
    code = await client.show_code()
    scan = asyncio.create_task(ann.phone.scan(code))
    offer = await client.until("iq")
    identity = Node("device-identity", {"key-index": "1"}, b"\x0a\x01\x00")
    await client.send(
        Node(
            "iq",
            {"to": SERVER_JID, "type": "result", "id": offer.required_attr("id")},
            [Node("pair-device-sign", {}, [identity])],
        )
    )
    with pytest.raises(CouldNotLink, match="other details"):
        await scan
    assert ann.companions == []


async def test_a_client_may_refuse(ann: Account, client: RawClient) -> None:
    scan = asyncio.create_task(ann.phone.scan(await client.show_code()))
    offer = await client.until("iq")
    error = Node("error", {"code": "401", "text": "hmac-mismatch"})
    await client.send(
        Node(
            "iq",
            {"to": SERVER_JID, "type": "error", "id": offer.required_attr("id")},
            [error],
        )
    )
    with pytest.raises(CouldNotLink, match="hmac-mismatch"):
        await scan


async def test_the_secret_can_be_retired(sim: Simulator, ann: Account, client: RawClient) -> None:
    code = await client.show_code()
    sim.faults.once("refresh_on_scan")
    with pytest.raises(CouldNotLink, match="fresh code"):
        await ann.phone.scan(code)
    notification = await client.until("notification")
    assert notification.attr("type") == "companion_reg_refresh"
    with pytest.raises(CouldNotLink, match="retired"):
        await ann.phone.scan(code)
    client.adv_secret = bytes(range(32))
    fresh = client.code(code.split(",")[0])
    async with asyncio.TaskGroup() as group:
        scan = group.create_task(ann.phone.scan(fresh))
        group.create_task(client.sign())
    assert scan.result().account is ann


async def test_another_noise_key_does_not_log_in(ann: Account, client: RawClient) -> None:
    await client.link(ann)
    client.noise = RawClient(client.sim).noise
    assert (await client.log_in()).attr("reason") == "401"


async def test_the_later_login_wins(sim: Simulator, ann: Account, client: RawClient) -> None:
    device = await client.link(ann)
    await client.log_in()
    async with RawClient(sim) as twin:
        twin.noise, twin.device = client.noise, device
        await twin.log_in()
        ending = await client.until("stream:error")
        assert ending.required_child("conflict").attr("type") == "replaced"
        with pytest.raises(Closed):
            await client.receive()
        assert sim.connected(device)


async def test_unlinking_ends_the_connection_for_good(
    sim: Simulator, ann: Account, client: RawClient
) -> None:
    device = await client.link(ann)
    await client.log_in()
    ann.phone.unlink(device)
    ending = await client.until("stream:error")
    assert ending.attr("code") == "401"
    assert ending.required_child("conflict").attr("type") == "device_removed"
    assert (await client.log_in()).attr("reason") == "401"
    assert device.id in ann.gone


async def test_a_device_removes_itself_and_no_other(
    sim: Simulator, ann: Account, client: RawClient
) -> None:
    device = await client.link(ann)
    await client.log_in()
    other = ann.jid(lid=False).with_device(0)
    answer = await client.iq("set", "md", Node("remove-companion-device", {"jid": other}))
    assert answer.attr("type") == "error"
    own = device.jid(lid=False)
    answer = await client.iq("set", "md", Node("remove-companion-device", {"jid": own}))
    assert answer.attr("type") == "result"
    assert device.removed
