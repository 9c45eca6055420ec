import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    MAX_KEY_ID,
    SenderKeyRecord,
    SessionRecord,
    SignalAddress,
    create,
    make_identity_keys,
    make_pre_keys,
    make_signed_pre_key,
)
from custom_components.whatsapp_web.aiowhatsapp.store import Put, Store, Table

from .freeze import make_session

ALICE = SignalAddress("111", 0)
ALICE_WEB = SignalAddress("111", 7)
# Its name begins like Alice's.
BOB = SignalAddress("1112", 0)
ALICE_LID = SignalAddress("111_1", 7)
EVERYBODY = [ALICE, ALICE_WEB, BOB, ALICE_LID]

GROUP = "123@g.us"


def session(seed: int) -> SessionRecord:
    return make_session(random.Random(seed).randbytes)


async def test_identities(store: Store) -> None:
    for number, address in enumerate(EVERYBODY):
        await store.identities.put(None, address, bytes([number]) * 32)

    assert await store.identities.get(None, ALICE_WEB) == b"\x01" * 32
    assert await store.identities.devices(None, "111") == [ALICE, ALICE_WEB]
    await store.identities.delete(None, ALICE)
    assert await store.identities.get(None, ALICE) is None
    await store.identities.delete_user(None, "111")
    assert await store.identities.devices(None, "111") == []
    assert await store.identities.get(None, BOB) == b"\x02" * 32
    assert await store.identities.get(None, ALICE_LID) == b"\x03" * 32


async def test_sessions(store: Store) -> None:
    records = {address: session(number) for number, address in enumerate(EVERYBODY)}
    async with store.transaction() as tx:
        for address, record in records.items():
            await store.sessions.put(tx, address, record)

    found = await store.sessions.get(None, ALICE)
    assert found is not None
    assert found.to_bytes() == records[ALICE].to_bytes()
    assert found.remote_identity == records[ALICE].remote_identity
    many = await store.sessions.get_many(None, [BOB, ALICE_LID, SignalAddress("404", 0)])
    assert {address: record.to_bytes() for address, record in many.items()} == {
        BOB: records[BOB].to_bytes(),
        ALICE_LID: records[ALICE_LID].to_bytes(),
    }
    assert await store.sessions.devices(None, "111_1") == [ALICE_LID]


async def test_sessions_are_deleted_one_by_one_or_by_user(store: Store) -> None:
    for address in EVERYBODY:
        await store.sessions.put(None, address, session(0))
    await store.sessions.delete(None, BOB)
    assert await store.sessions.get(None, BOB) is None
    async with store.transaction() as tx:
        await store.sessions.put(tx, SignalAddress("111", 9), session(0))
        await store.sessions.delete_user(tx, "111")

    assert set(await store.sessions.get_many(None, EVERYBODY)) == {ALICE_LID}
    assert await store.sessions.devices(None, "111") == []


async def test_pre_keys_are_offered_once_and_stay_readable(store: Store) -> None:
    made = make_pre_keys(1, 5, random.Random(1).randbytes)
    await store.pre_keys.put_many(None, made)

    assert await store.pre_keys.unoffered(None, 3) == made[:3]
    await store.pre_keys.mark_offered(None, [1, 2, 3, 404])
    assert await store.pre_keys.unoffered(None, 10) == made[3:]
    assert await store.pre_keys.get(None, 1) == made[0]
    assert await store.pre_keys.get(None, 5) == made[4]
    assert await store.pre_keys.get(None, 404) is None
    assert await store.pre_keys.get_many(None, [2, 5, 404]) == {2: made[1], 5: made[4]}
    assert await store.pre_keys.count(None) == 5
    assert await store.pre_keys.count_offered(None) == 3
    # Asked again, as after a lost answer: nothing changes.
    await store.pre_keys.mark_offered(None, [1, 2, 3])
    assert await store.pre_keys.count_offered(None) == 3


async def test_the_oldest_pre_keys_make_room(store: Store) -> None:
    await store.pre_keys.put_many(None, make_pre_keys(1, 4, random.Random(1).randbytes))
    await store.pre_keys.mark_offered(None, [1, 3])
    async with store.transaction() as tx:
        more = make_pre_keys(5, 2, random.Random(2).randbytes)
        await store.pre_keys.put_many(tx, more, offered=True)
        await store.pre_keys.drop_oldest(tx, keep=3)
    assert await store.pre_keys.count(None) == 3
    # Those that were offered again count from then on.
    assert set(await store.pre_keys.get_many(None, range(1, 7))) == {3, 5, 6}
    await store.pre_keys.drop_oldest(None, keep=3)
    assert await store.pre_keys.count(None) == 3


async def test_a_used_pre_key_is_gone_offered_or_not(store: Store) -> None:
    await store.pre_keys.put_many(None, make_pre_keys(1, 2, random.Random(1).randbytes))
    await store.pre_keys.mark_offered(None, [1])
    async with store.transaction() as tx:
        await store.pre_keys.delete(tx, 1)
        await store.pre_keys.delete(tx, 2)
        assert await store.pre_keys.count(tx) == 0

    assert await store.pre_keys.get_many(None, [1, 2]) == {}
    assert await store.pre_keys.count(None) == 0


async def test_pre_key_ids_are_never_given_twice(store: Store) -> None:
    assert await store.pre_keys.next_id(None) == 1
    await store.pre_keys.put_many(None, make_pre_keys(7, 3, random.Random(1).randbytes))
    await store.pre_keys.put_many(None, [])
    for key_id in (7, 8, 9):
        await store.pre_keys.delete(None, key_id)

    assert await store.pre_keys.next_id(None) == 10


async def test_pre_key_ids_start_over_at_the_end_of_24_bits(store: Store) -> None:
    made = make_pre_keys(MAX_KEY_ID - 1, 2, random.Random(1).randbytes)
    await store.pre_keys.put_many(None, made)

    assert await store.pre_keys.next_id(None) == 1


async def test_a_pre_key_can_be_new_and_offered_at_once(store: Store) -> None:
    made = make_pre_keys(1, 1, random.Random(1).randbytes)
    await store.pre_keys.put_many(None, made, offered=True)

    assert await store.pre_keys.unoffered(None, 10) == []
    assert await store.pre_keys.get(None, 1) == made[0]


async def test_signed_pre_keys(store: Store) -> None:
    random_bytes = random.Random(1).randbytes
    identity = make_identity_keys(random_bytes).key_pair
    old, new = (make_signed_pre_key(identity, key_id, 1000, random_bytes) for key_id in (1, 2))
    assert await store.signed_pre_keys.current(None) is None
    async with store.transaction() as tx:
        await store.signed_pre_keys.put(tx, old)
        await store.signed_pre_keys.set_current(tx, 1)
        await store.signed_pre_keys.put(tx, new)

    assert await store.signed_pre_keys.current(None) == old
    await store.signed_pre_keys.set_current(None, 2)
    assert await store.signed_pre_keys.current(None) == new
    assert await store.signed_pre_keys.all(None) == [old, new]
    await store.signed_pre_keys.delete(None, 1)
    assert await store.signed_pre_keys.get(None, 1) is None
    assert await store.signed_pre_keys.get(None, 2) == new


async def test_sender_keys(store: Store) -> None:
    records = {address: create(random.Random(address.device).randbytes) for address in EVERYBODY}
    for address, record in records.items():
        await store.sender_keys.put(None, GROUP, address, record)
    await store.sender_keys.put(None, "123@g.us.other", ALICE, records[BOB])

    found = await store.sender_keys.get(None, GROUP, ALICE_WEB)
    assert isinstance(found, SenderKeyRecord)
    assert found.to_bytes() == records[ALICE_WEB].to_bytes()
    await store.sender_keys.delete(None, GROUP, ALICE_WEB)
    assert await store.sender_keys.get(None, GROUP, ALICE_WEB) is None
    await store.sender_keys.delete_group(None, GROUP)
    assert await store.sender_keys.get(None, GROUP, ALICE) is None
    assert await store.sender_keys.get(None, "123@g.us.other", ALICE) is not None


async def test_sender_key_targets(store: Store) -> None:
    targets = store.sender_key_targets
    assert await targets.get(None, GROUP) == frozenset()
    await targets.add(None, GROUP, [ALICE, BOB])
    await targets.add(None, GROUP, [ALICE, ALICE_WEB])
    await targets.add(None, "other@g.us", [ALICE, BOB])
    await targets.add(None, "third@g.us", [BOB])

    assert await targets.get(None, GROUP) == {ALICE, ALICE_WEB, BOB}
    await targets.remove(None, GROUP, [BOB, ALICE_LID])
    assert await targets.get(None, GROUP) == {ALICE, ALICE_WEB}
    async with store.transaction() as tx:
        await targets.remove_user(tx, "111")
    assert await targets.get(None, GROUP) == frozenset()
    assert await targets.get(None, "other@g.us") == {BOB}
    await targets.clear(None, "third@g.us")
    assert await targets.get(None, "third@g.us") == frozenset()


async def test_app_state_keys(store: Store) -> None:
    await store.app_state_keys.put(None, b"\x00\x01", b"first")
    await store.app_state_keys.put(None, b"\x00\x02", b"second")

    assert await store.app_state_keys.get(None, b"\x00\x02") == b"second"
    assert await store.app_state_keys.get(None, b"\x00") is None
    assert list((await store.app_state_keys.all(None)).items()) == [
        (b"\x00\x01", b"first"),
        (b"\x00\x02", b"second"),
    ]


async def test_records_that_make_no_sense_are_reported_as_damage(store: Store) -> None:
    entries = [
        (Table.PRE_KEY, "new/1"),
        (Table.SIGNED_PRE_KEY, "1"),
        (Table.SENDER_KEY_TARGET, GROUP),
        (Table.SESSION, str(ALICE)),
        (Table.SENDER_KEY, f"{GROUP}/{ALICE}"),
    ]
    await store.backend.commit([Put(table, key, b"\xff\xff") for table, key in entries])

    for read in (
        store.pre_keys.get(None, 1),
        store.signed_pre_keys.get(None, 1),
        store.sender_key_targets.get(None, GROUP),
        store.sessions.get(None, ALICE),
        store.sender_keys.get(None, GROUP, ALICE),
    ):
        with pytest.raises(StoreCorrupt):
            await read
