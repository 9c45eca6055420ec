"""Housekeeping of our own account: believed from our own devices, and from nobody else."""

import zlib

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client import history as history_module
from custom_components.whatsapp_web.aiowhatsapp.client.peer import MAX_KEY_ID, MAX_KEYS
from custom_components.whatsapp_web.aiowhatsapp.events import OwnNameChanged
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import Bench, Peer, benched, text

Protocol = wire.Message.ProtocolMessage


def protocol(**fields: object) -> wire.Message:
    message = wire.Message()
    message.protocolMessage.CopyFrom(Protocol(**fields))  # type: ignore[arg-type]
    return message


def key_share(*keys: tuple[bytes, bytes]) -> wire.Message:
    share = wire.Message.AppStateSyncKeyShare()
    for key_id, data in keys:
        key = share.keys.add()
        key.keyId.keyId = key_id
        key.keyData.keyData = data
    return protocol(appStateSyncKeyShare=share)


def history_message(compressed: bytes) -> wire.Message:
    notification = wire.Message.HistorySyncNotification(
        initialHistBootstrapInlinePayload=compressed
    )
    return protocol(historySyncNotification=notification)


def mapping_message(payload: bytes) -> wire.Message:
    mapping = wire.LIDMigrationMappingSyncMessage(encodedMappingPayload=payload)
    return protocol(lidMigrationMappingSyncMessage=mapping)


def history(
    *, lids: list[tuple[str, str]] | None = None, names: list[tuple[str, str]] | None = None
) -> bytes:
    sync = wire.HistorySync(syncType=wire.HistorySync.HistorySyncType.PUSH_NAME)
    for phone, lid in lids or []:
        sync.phoneNumberToLidMappings.add(pnJid=phone, lidJid=lid)
    for user, name in names or []:
        sync.pushnames.add(id=user, pushname=name)
    return zlib.compress(sync.SerializeToString())


def mapping(*pairs: tuple[int, int, int]) -> bytes:
    payload = wire.LIDMigrationMappingSyncPayload()
    for phone, assigned, latest in pairs:
        payload.pnToLidMappings.add(pn=phone, assignedLid=assigned, latestLid=latest)
    return payload.SerializeToString()


async def tell(bench: Bench, sender: Peer, message: wire.Message, **attrs: str | Jid) -> list[Node]:
    """Have a device send us housekeeping; give what we say to it."""
    if sender.record("us") is None:
        await bench.introduce(sender)
    return await bench.receive(bench.message(sender, message, **attrs))


async def from_phone(bench: Bench, message: wire.Message) -> list[Node]:
    return await tell(bench, bench.me.first, message, category="peer")


async def kept_keys(bench: Bench) -> list[str]:
    return [key for key, _ in await bench.disk.scan(Table.APP_STATE_KEY)]


@benched
async def test_sync_keys_of_our_phone_are_kept(bench: Bench) -> None:
    said = await from_phone(bench, key_share((b"\0\1", b"k" * 32), (b"\0\2", b"l" * 32)))
    assert [node.attr("type") for node in said if node.tag == "receipt"] == ["peer_msg"]
    # They are what the app state waited for.
    assert [node.attr("xmlns") for node in said if node.tag == "iq"] == ["w:sync:app:state"] * 5
    stored = await bench.store.app_state_keys.get(None, b"\0\1")
    assert stored is not None
    assert wire.Message.AppStateSyncKeyData.FromString(stored).keyData == b"k" * 32
    assert len(await kept_keys(bench)) == 2


@benched
async def test_keys_that_make_no_sense_are_left_out(bench: Bench) -> None:
    long_id = b"x" * (MAX_KEY_ID + 1)
    await from_phone(bench, key_share((b"", b"k"), (long_id, b"k"), (b"\1", b""), (b"\2", b"k")))
    assert len(await kept_keys(bench)) == 1


@benched
async def test_so_many_keys_are_taken_and_no_more(bench: Bench) -> None:
    keys = [(number.to_bytes(2), b"k") for number in range(MAX_KEYS + 5)]
    await from_phone(bench, key_share(*keys))
    assert len(await kept_keys(bench)) == MAX_KEYS


@benched
async def test_from_anybody_else_nothing_of_it_is_believed(bench: Bench) -> None:
    spoofs = [
        key_share((b"\0\1", b"k" * 32)),
        history_message(history(lids=[("4@s.whatsapp.net", "5@lid")], names=[("4@lid", "Eve")])),
        mapping_message(mapping((4, 5, 0))),
    ]
    for spoof in spoofs:
        # Claiming to be housekeeping does not help.
        for attrs in ({}, {"category": "peer"}):
            for sender in (bench.ann.first, bench.ann.devices[1]):
                said = await tell(bench, sender, spoof, **attrs)
                assert "hist_sync" not in [node.attr("type") for node in said]
    assert await kept_keys(bench) == []
    assert await bench.store.lids.all(None) == {}
    assert await bench.store.contacts.all(None) == {}
    assert bench.events == []


@benched
async def test_in_a_group_someone_else_is_someone_else(bench: Bench) -> None:
    share = key_share((b"\0\1", b"k" * 32))
    await bench.introduce(bench.ann.first)
    message = bench.message(bench.ann.first, share, participant=bench.ann.lid)
    message.attrs["from"] = Jid.parse("1-2@g.us")
    await bench.receive(message)
    assert await kept_keys(bench) == []


@benched
async def test_names_and_lids_are_taken_from_an_inline_history(bench: Bench) -> None:
    compressed = history(
        lids=[(str(bench.ann.phone), str(bench.ann.lid))],
        names=[
            (str(bench.ann.phone), "Ann"),
            (str(bench.bob.lid), "Bob"),
            ("15550008888@s.whatsapp.net", "-"),
            ("15550009999@s.whatsapp.net", ""),
        ],
    )
    said = await from_phone(bench, history_message(compressed))
    assert [node.attr("type") for node in said] == ["hist_sync", "peer_msg"]
    assert await bench.store.lids.all(None) == {bench.ann.phone.user: bench.ann.lid.user}
    # Under the LID that the very same history brought.
    assert await bench.store.contacts.all(None) == {
        str(bench.ann.lid): "Ann",
        str(bench.bob.lid): "Bob",
    }
    assert await bench.client.name_of(bench.ann.phone) == "Ann"
    assert bench.events == []


@benched
async def test_a_history_contradicts_no_lid_that_is_known(bench: Bench) -> None:
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    await from_phone(bench, history_message(history(lids=[(str(bench.ann.phone), "99@lid")])))
    assert await bench.store.lids.all(None) == {bench.ann.phone.user: bench.ann.lid.user}


@pytest.mark.parametrize("by_lid", [True, False])
@benched
async def test_our_own_name_is_told(bench: Bench, by_lid: bool) -> None:
    jid = bench.me.lid if by_lid else bench.me.phone
    await from_phone(bench, history_message(history(names=[(str(jid), "Home"), ("7@lid", "X")])))
    assert [event.name for event in bench.events_of(OwnNameChanged)] == ["Home"]
    assert bench.client.push_name == "Home"


@benched
async def test_what_is_malformed_in_a_history_is_left_out_alone(bench: Bench) -> None:
    broken = ["5:99999@lid", "1-2@g.us", "x" * 5000, ""]
    compressed = history(
        lids=[*((each, "5@lid") for each in broken), (str(bench.ann.phone), str(bench.ann.lid))],
        names=[*((each, "X") for each in broken), (str(bench.ann.lid), "Ann")],
    )
    await from_phone(bench, history_message(compressed))
    assert await bench.store.lids.all(None) == {bench.ann.phone.user: bench.ann.lid.user}
    assert await bench.store.contacts.all(None) == {str(bench.ann.lid): "Ann"}


@benched
async def test_text_that_is_not_utf_8_is_no_address_and_no_name(bench: Bench) -> None:
    raw = zlib.decompress(history(names=[("XXXX", "Ann"), ("8@lid", "YYYY"), ("9@lid", "Zoe")]))
    spoiled = raw.replace(b"XXXX", b"\xff\xff\xff\xff").replace(b"YYYY", b"\xff\xff\xff\xff")
    await from_phone(bench, history_message(zlib.compress(spoiled)))
    assert await bench.store.contacts.all(None) == {"9@lid": "Zoe"}


@pytest.mark.parametrize("compressed", [b"no zlib", zlib.compress(b"\xff\xff\xff")])
@benched
async def test_a_history_that_does_not_read_is_dropped(bench: Bench, compressed: bytes) -> None:
    said = await from_phone(bench, history_message(compressed))
    assert [node.attr("type") for node in said] == ["hist_sync", "peer_msg"]
    assert await bench.store.contacts.all(None) == {}
    await from_phone(bench, history_message(history(names=[("9@lid", "Zoe")])))
    assert await bench.store.contacts.all(None) == {"9@lid": "Zoe"}


@benched
async def test_a_history_that_inflates_too_far_is_dropped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = history(names=[("9@lid", "Zoe")])
    monkeypatch.setattr(history_module, "MAX_HISTORY", len(zlib.decompress(fits)))
    await from_phone(bench, history_message(history(names=[("8@lid", "Y" * 100)])))
    assert await bench.store.contacts.all(None) == {}
    await from_phone(bench, history_message(fits))
    assert await bench.store.contacts.all(None) == {"9@lid": "Zoe"}


@benched
async def test_a_history_that_is_elsewhere_is_only_confirmed(bench: Bench) -> None:
    elsewhere = wire.Message.HistorySyncNotification(directPath="/v/t62")
    said = await from_phone(bench, protocol(historySyncNotification=elsewhere))
    assert [node.attr("type") for node in said] == ["hist_sync", "peer_msg"]
    assert await bench.store.contacts.all(None) == {}


@benched
async def test_the_phones_mapping_corrects_what_is_known(bench: Bench) -> None:
    await bench.client._identities.learn([(Jid.of_number("111"), Jid("1", "lid"))])
    pairs = mapping((111, 2, 0), (333, 3, 33), (444, 0, 0), (0, 5, 5))
    await from_phone(bench, mapping_message(pairs))
    assert await bench.store.lids.all(None) == {"111": "2", "333": "33"}


@benched
async def test_a_mapping_that_does_not_read_is_dropped(bench: Bench) -> None:
    await from_phone(bench, mapping_message(b"\xff\xff\xff"))
    assert await bench.store.lids.all(None) == {}


@benched
async def test_other_protocol_messages_are_for_others(bench: Bench) -> None:
    revoke = protocol(type=Protocol.Type.REVOKE)
    said = await from_phone(bench, revoke)
    assert [node.attr("type") for node in said] == ["peer_msg"]
    await tell(bench, bench.ann.first, text("hi"))
    assert bench.texts() == ["hi"]
