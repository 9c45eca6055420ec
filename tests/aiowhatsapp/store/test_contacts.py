import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import StoreCorrupt
from custom_components.whatsapp_web.aiowhatsapp.proto import storage
from custom_components.whatsapp_web.aiowhatsapp.store import LidOutcome, Put, Store, Table
from custom_components.whatsapp_web.aiowhatsapp.store.contacts import MAX_NAME


async def test_a_pair_is_found_from_both_sides(store: Store) -> None:
    assert await store.lids.put(None, "15551", "901", overwrite=False) is LidOutcome.ADDED

    assert await store.lids.lid_of(None, "15551") == "901"
    assert await store.lids.number_of(None, "901") == "15551"
    assert await store.lids.lid_of(None, "901") is None
    assert await store.lids.number_of(None, "15551") is None


async def test_many_pairs_are_found_at_once(store: Store) -> None:
    async with store.transaction() as tx:
        await store.lids.put(tx, "15551", "901", overwrite=True)
        await store.lids.put(tx, "15552", "902", overwrite=True)
        assert await store.lids.lids_of(tx, ["15551", "15552", "404"]) == {
            "15551": "901",
            "15552": "902",
        }

    assert await store.lids.numbers_of(None, ["902", "404"]) == {"902": "15552"}
    assert await store.lids.all(None) == {"15551": "901", "15552": "902"}


@pytest.mark.parametrize("overwrite", [True, False])
async def test_a_pair_that_is_known_changes_nothing(store: Store, overwrite: bool) -> None:
    await store.lids.put(None, "15551", "901", overwrite=True)

    outcome = await store.lids.put(None, "15551", "901", overwrite=overwrite)
    assert outcome is LidOutcome.KNOWN


@pytest.mark.parametrize(("number", "lid"), [("15551", "902"), ("15552", "901")])
async def test_a_contradiction_from_a_weak_source_is_only_reported(
    store: Store, number: str, lid: str
) -> None:
    await store.lids.put(None, "15551", "901", overwrite=False)

    assert await store.lids.put(None, number, lid, overwrite=False) is LidOutcome.CONFLICT
    assert await store.lids.lid_of(None, "15551") == "901"
    assert await store.lids.number_of(None, "901") == "15551"


async def test_a_strong_source_replaces_both_sides(store: Store) -> None:
    await store.lids.put(None, "15551", "901", overwrite=True)
    await store.lids.put(None, "15552", "902", overwrite=True)

    assert await store.lids.put(None, "15551", "902", overwrite=True) is LidOutcome.REPLACED
    assert await store.lids.lid_of(None, "15551") == "902"
    assert await store.lids.number_of(None, "902") == "15551"
    assert await store.lids.number_of(None, "901") is None
    assert await store.lids.lid_of(None, "15552") is None


def device_list(*ids: int) -> storage.DeviceListRecord:
    devices = [storage.DeviceListRecord.Device(id=number) for number in ids]
    return storage.DeviceListRecord(devices=devices, fetched_at=1000)


async def test_device_lists(store: Store) -> None:
    await store.device_lists.put(None, "1@lid", device_list(0, 7))
    await store.device_lists.put(None, "2@lid", device_list(0))

    assert await store.device_lists.get(None, "1@lid") == device_list(0, 7)
    assert await store.device_lists.get_many(None, ["2@lid", "3@lid"]) == {"2@lid": device_list(0)}
    await store.device_lists.delete(None, "1@lid")
    assert await store.device_lists.get(None, "1@lid") is None


async def test_a_damaged_device_list_is_reported(store: Store) -> None:
    await store.backend.commit([Put(Table.DEVICE_LIST, "1@lid", b"\xff\xff")])

    with pytest.raises(StoreCorrupt):
        await store.device_lists.get(None, "1@lid")


async def test_names(store: Store) -> None:
    await store.contacts.put(None, "1@lid", "Zoë \U0001f98a")
    await store.contacts.put(None, "2@lid", "x" * 100_000)
    await store.contacts.put(None, "3@lid", "broken \ud800 text")

    assert await store.contacts.get(None, "1@lid") == "Zoë \U0001f98a"
    assert await store.contacts.get(None, "404@lid") is None
    assert await store.contacts.all(None) == {
        "1@lid": "Zoë \U0001f98a",
        "2@lid": "x" * MAX_NAME,
        "3@lid": "broken ? text",
    }
