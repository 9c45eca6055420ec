"""Our own prekeys: never offered twice, never too few, and a fresh signed one in time."""

import asyncio

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client import prekeys as prekeys_module
from custom_components.whatsapp_web.aiowhatsapp.client.prekeys import (
    LOW_WATER,
    ROTATE_AFTER_SECONDS,
    UPLOAD_DUE,
)
from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    IqError,
    RequestTimeout,
    StoreError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.signal import MAX_KEY_ID
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Disk, benched, refusal, result, silence, text
from tests.aiowhatsapp.client.pairing_support import settle

DAY = 24 * 3600
# A real batch is large, and takes its time to make.
BATCH = 20


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prekeys_module.BATCH == 812
    monkeypatch.setattr(prekeys_module, "BATCH", BATCH)


def uploads(bench: Bench) -> list[list[int]]:
    """Name the one-time keys of each upload."""
    return [
        [
            int.from_bytes(key.required_child("id").data)
            for key in node.required_child("list").children("key")
        ]
        for node in bench.server.asked("list")
    ]


# --- refilling


@pytest.mark.parametrize(("count", "uploaded"), [(0, 1), (LOW_WATER - 1, 1), (LOW_WATER, 0)])
@benched
async def test_a_login_refills_what_runs_low(bench: Bench, count: int, uploaded: int) -> None:
    bench.server.count = count
    await bench.client._pre_keys.check()
    assert len(uploads(bench)) == uploaded


@benched
async def test_a_count_that_is_missing_counts_as_none(bench: Bench) -> None:
    bench.server.script["count"] = result
    await bench.client._pre_keys.check()
    assert uploads(bench) == [list(range(1, BATCH + 1))]


@benched
async def test_an_upload_carries_all_that_begins_a_session(bench: Bench) -> None:
    await bench.client._pre_keys.refill()
    (upload,) = bench.server.asked("list")
    tags = [child.tag for child in upload.children()]
    assert tags == ["registration", "type", "identity", "list", "skey"]
    registration, kind, identity, listed, signed = upload.children()
    assert int.from_bytes(registration.data) == bench.credentials.registration_id
    assert (kind.data, identity.data) == (b"\x05", bench.credentials.identity_key.public)
    value = signed.required_child("value").required_data(32)
    signature = signed.required_child("signature").required_data(64)
    assert curve25519.verify(identity.data, b"\x05" + value, signature)
    for key in listed.children():
        number = int.from_bytes(key.required_child("id").required_data(3))
        stored = await bench.store.pre_keys.get(None, number)
        assert stored is not None
        assert stored.key_pair.public == key.required_child("value").data


@benched
async def test_a_notice_refills_whatever_the_count(bench: Bench) -> None:
    def notice(number: int) -> Node:
        attrs: dict[str, str | Jid] = {"from": SERVER_JID, "type": "encrypt", "id": f"N{number}"}
        return Node("notification", attrs, [Node("count", {"value": "700"})])

    said = await bench.receive(notice(1))
    assert "ack" in [node.tag for node in said]
    assert uploads(bench) == [list(range(1, BATCH + 1))]
    assert bench.server.asked("count") == []
    # A heap of them is served by one batch.
    for number in range(2, 6):
        bench._deliver(notice(number))
    await settle()
    assert uploads(bench)[1:] == [list(range(BATCH + 1, 2 * BATCH + 1))]


@benched
async def test_a_notice_of_someone_else_is_ignored(bench: Bench) -> None:
    attrs: dict[str, str | Jid] = {"from": bench.ann.lid, "type": "encrypt", "id": "N1"}
    await bench.receive(Node("notification", attrs, [Node("count", {"value": "0"})]))
    assert uploads(bench) == []


@benched
async def test_keys_whose_answer_was_lost_are_not_offered_again(bench: Bench) -> None:
    bench.server.script["list"] = silence
    with pytest.raises(RequestTimeout):
        await bench.client._pre_keys.refill()
    bench.server.script["list"] = refusal(503)
    with pytest.raises(IqError):
        await bench.client._pre_keys.refill()
    bench.server.script.clear()
    await bench.restart()
    await bench.client._pre_keys.refill()
    offered = [key for batch in uploads(bench) for key in batch]
    assert len(offered) == len(set(offered)) == 3 * BATCH
    # The server may have taken them: all of them open messages.
    assert len(await bench.store.pre_keys.get_many(None, offered)) == 3 * BATCH


@benched
async def test_keys_are_on_disk_before_they_are_offered(bench: Bench) -> None:
    bench.slow_disk.fault = StoreError("full")
    with pytest.raises(StoreError):
        await bench.client._pre_keys.refill()
    assert bench.server.sent == []


@benched
async def test_an_upload_that_is_due_is_made_whatever_the_count(bench: Bench) -> None:
    await bench.store.meta.put(None, UPLOAD_DUE, b"\x01")
    bench.server.script["list"] = refusal(503)
    with pytest.raises(IqError):
        await bench.client._pre_keys.check()
    bench.server.script.clear()
    await bench.client._pre_keys.check()
    assert len(uploads(bench)) == 2
    await bench.client._pre_keys.check()
    assert len(uploads(bench)) == 2


@benched
async def test_ids_wrap_and_leave_out_zero(bench: Bench) -> None:
    await bench.store.pre_keys.skip_ids(None, MAX_KEY_ID - 3)
    await bench.client._pre_keys.refill()
    (batch,) = uploads(bench)
    assert batch[:5] == [MAX_KEY_ID - 2, MAX_KEY_ID - 1, MAX_KEY_ID, 1, 2]


@benched
async def test_a_key_given_out_by_hand_is_in_no_batch(bench: Bench) -> None:
    pre_keys = bench.client._pre_keys
    by_hand = [await pre_keys.take_one()]
    async with asyncio.TaskGroup() as group:
        refill = group.create_task(pre_keys.refill())
        taken = [group.create_task(pre_keys.take_one()) for _ in range(3)]
    assert refill.done()
    by_hand += [task.result() for task in taken]
    await pre_keys.refill()
    offered = [key for batch in uploads(bench) for key in batch]
    ids = [*offered, *(key.id for key in by_hand)]
    assert len(ids) == len(set(ids)) == 2 * BATCH + 4
    for key in by_hand:
        assert await bench.store.pre_keys.get(None, key.id) == key


@benched
async def test_a_key_by_hand_does_not_wait_for_the_server(bench: Bench) -> None:
    bench.server.script["list"] = silence
    refill = asyncio.create_task(bench.client._pre_keys.refill())
    await settle()
    began = bench.clock.monotonic()
    await bench.client._pre_keys.take_one()
    assert bench.clock.monotonic() == began
    with pytest.raises(RequestTimeout):
        await refill


@benched
async def test_errands_wait_for_each_other(bench: Bench) -> None:
    bench.server.count = 0
    bench.server.script["list"] = silence
    first = asyncio.create_task(bench.client._pre_keys.refill())
    await settle()
    second = asyncio.create_task(bench.client._pre_keys.check())
    await settle()
    assert bench.server.asked("count") == []
    first.cancel()
    await settle()
    assert len(bench.server.asked("count")) == 1
    second.cancel()
    await settle()
    bench.server.script.clear()
    await bench.client._pre_keys.refill()


# --- the digest


@pytest.mark.parametrize(("code", "uploaded"), [(None, 0), (404, 1), (406, 0), (503, 0), (500, 0)])
@benched
async def test_only_a_server_without_a_record_gets_the_keys_anew(
    bench: Bench, code: int | None, uploaded: int
) -> None:
    if code is not None:
        bench.server.script["digest"] = refusal(code)
    await bench.client._pre_keys.check_digest()
    assert len(uploads(bench)) == uploaded


@benched
async def test_a_digest_over_a_break_is_no_answer(bench: Bench) -> None:
    bench.server.script["digest"] = silence
    task = asyncio.create_task(bench.client._pre_keys.check_digest())
    await settle()
    await bench.cut()
    with pytest.raises(Disconnected):
        await task
    assert uploads(bench) == []


@benched
async def test_the_server_may_ask_for_the_digest(bench: Bench) -> None:
    bench.server.script["digest"] = refusal(404)
    attrs: dict[str, str | Jid] = {"from": SERVER_JID, "type": "encrypt", "id": "N1"}
    await bench.receive(Node("notification", attrs, [Node("digest")]))
    assert len(uploads(bench)) == 1


# --- the signed prekey


def rotations(bench: Bench) -> list[tuple[int, bytes]]:
    """Give id and public key of each rotation."""
    keys = [
        node.required_child("rotate").required_child("skey")
        for node in bench.server.asked("rotate")
    ]
    for key in keys:
        value = key.required_child("value").required_data(32)
        signature = key.required_child("signature").required_data(64)
        assert curve25519.verify(bench.credentials.identity_key.public, b"\x05" + value, signature)
    return [
        (int.from_bytes(key.required_child("id").data), key.required_child("value").data)
        for key in keys
    ]


async def current(bench: Bench) -> int:
    return (await bench.client._pre_keys.signed()).id


@benched
async def test_the_signed_key_is_replaced_after_27_days(bench: Bench) -> None:
    check = bench.client._pre_keys.check
    bench.clock.skew = ROTATE_AFTER_SECONDS - 1
    await check()
    assert rotations(bench) == []
    bench.clock.skew += 1
    await check()
    await check()
    assert [number for number, _ in rotations(bench)] == [2]
    assert await current(bench) == 2
    bench.clock.skew += ROTATE_AFTER_SECONDS
    await check()
    assert await current(bench) == 3
    kept = [key.id for key in await bench.store.signed_pre_keys.all(None)]
    assert kept == [1, 2, 3]


@benched
async def test_what_was_written_to_an_older_signed_key_is_read(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    bench.clock.skew = ROTATE_AFTER_SECONDS
    await bench.client._pre_keys.check()
    await bench.receive(bench.message(bench.ann.first, text("old key")))
    await bench.introduce(bench.bob.first)
    await bench.receive(bench.message(bench.bob.first, text("new key")))
    assert bench.texts() == ["old key", "new key"]


@pytest.mark.parametrize("code", [406, 409])
@benched
async def test_a_refused_key_is_thrown_away_until_the_next_time(bench: Bench, code: int) -> None:
    check = bench.client._pre_keys.check
    bench.server.script["rotate"] = refusal(code)
    bench.clock.skew = ROTATE_AFTER_SECONDS
    await check()
    assert [key.id for key in await bench.store.signed_pre_keys.all(None)] == [1]
    bench.server.script.clear()
    bench.clock.skew += ROTATE_AFTER_SECONDS - 1
    await check()
    assert len(rotations(bench)) == 1
    bench.clock.skew += 1
    await check()
    (refused, taken) = rotations(bench)
    assert refused[1] != taken[1]
    assert await current(bench) == 2


@pytest.mark.parametrize(("code", "wait"), [(400, ROTATE_AFTER_SECONDS), (500, DAY), (503, DAY)])
@benched
async def test_a_failed_rotation_keeps_the_key_and_waits(
    bench: Bench, code: int, wait: int
) -> None:
    check = bench.client._pre_keys.check
    bench.server.script["rotate"] = refusal(code)
    bench.clock.skew = ROTATE_AFTER_SECONDS
    await check()
    assert await current(bench) == 1
    bench.server.script.clear()
    await bench.restart()
    check = bench.client._pre_keys.check
    bench.clock.skew += wait - 1
    await check()
    assert len(rotations(bench)) == 1
    bench.clock.skew += 1
    await check()
    first, second = rotations(bench)
    assert first == second
    assert await current(bench) == 2


@benched
async def test_a_rotation_without_an_answer_sends_the_same_key_at_the_next_login(
    bench: Bench,
) -> None:
    bench.server.script["rotate"] = silence
    bench.clock.skew = ROTATE_AFTER_SECONDS
    with pytest.raises(RequestTimeout):
        await bench.client._pre_keys.check()
    assert await current(bench) == 1
    bench.server.script.clear()
    await bench.restart()
    await bench.client._pre_keys.check()
    first, second = rotations(bench)
    assert first == second
    assert await current(bench) == 2


@benched
async def test_the_new_key_is_on_disk_before_it_leaves(bench: Bench) -> None:
    bench.clock.skew = ROTATE_AFTER_SECONDS
    bench.slow_disk.fault = StoreError("full")
    with pytest.raises(StoreError):
        await bench.client._pre_keys.check()
    assert rotations(bench) == []
    bench.slow_disk.fault = None
    await bench.client._pre_keys.check()
    assert len(rotations(bench)) == 1


@benched
async def test_a_store_without_a_signed_key_has_that_of_the_pairing(bench: Bench) -> None:
    await bench.cut()
    bench.disk = Disk()
    bench.client = bench._make_client()
    await bench.store.open()
    assert await bench.client._pre_keys.signed() == bench.credentials.signed_pre_key
    assert bench.credentials.signed_pre_key.created_at == NOW
    bench.connect()
