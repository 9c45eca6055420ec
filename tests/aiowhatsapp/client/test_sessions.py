"""Sessions: made from keys that verify, stepped under a lock, written before use."""

import asyncio
from collections.abc import Callable

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.sessions import (
    BUNDLES_PER_REQUEST,
    STEPS_PER_SLICE,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    InvalidKeyId,
    IqError,
    NoSession,
    RequestTimeout,
    StoreError,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    PreKeyBundle,
    SessionRecord,
    SignalAddress,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import (
    Bench,
    Peer,
    Person,
    benched,
    device_error,
    refusal,
    result,
    silence,
    text,
)
from tests.aiowhatsapp.client.pairing_support import settle


async def has_session(bench: Bench, *jids: Jid) -> list[bool]:
    return [
        await bench.store.sessions.get(None, bench.context.address_of(jid)) is not None
        for jid in jids
    ]


def fetched(bench: Bench) -> list[list[Jid]]:
    """Name the devices of each fetch."""
    return [
        [user.required_jid("jid") for user in node.required_child("key").children()]
        for node in bench.server.asked("key")
    ]


# --- locks


@benched
async def test_the_same_address_is_held_by_one_at_a_time(bench: Bench) -> None:
    sessions = bench.client._sessions
    a, b, c = (SignalAddress(name, 0) for name in "abc")
    log: list[str] = []

    async def work(name: str, addresses: list[SignalAddress]) -> None:
        async with sessions.locked(addresses):
            log.append(f"+{name}")
            await asyncio.sleep(1)
            log.append(f"-{name}")

    async with asyncio.TaskGroup() as group:
        # In a ring, were they not taken in order.
        group.create_task(work("ab", [a, b]))
        group.create_task(work("bc", [c, b]))
        group.create_task(work("ca", [c, a, a]))
    assert log == ["+ab", "-ab", "+bc", "-bc", "+ca", "-ca"]
    assert dict(sessions._locks) == {}


@benched
async def test_whoever_is_cancelled_in_the_queue_holds_up_nobody(bench: Bench) -> None:
    sessions, address = bench.client._sessions, SignalAddress("a", 0)
    done = asyncio.Event()

    async def work() -> None:
        async with sessions.locked([address]):
            done.set()

    async with sessions.locked([address]):
        cancelled, last = asyncio.create_task(work()), asyncio.create_task(work())
        await settle()
        cancelled.cancel()
        await settle()
        assert not done.is_set()
    await last
    assert cancelled.cancelled()


# --- beginning sessions


@benched
async def test_only_missing_sessions_are_fetched(bench: Bench) -> None:
    sessions = bench.client._sessions
    jids = [peer.lid for peer in bench.ann.devices]
    await sessions.ensure(jids[:1])
    await sessions.ensure(jids)
    await sessions.ensure(jids)
    assert fetched(bench) == [jids[:1], jids[1:]]
    assert await has_session(bench, *jids) == [True, True]


@benched
async def test_a_refresh_fetches_what_is_there_and_says_why(bench: Bench) -> None:
    ann = bench.ann.first
    await bench.send(bench.ann.lid, "hi")
    ann.reinstall()
    await bench.client._sessions.ensure([ann.lid], refresh=True)
    (user,) = bench.server.asked("key")[-1].required_child("key").children()
    assert user.attr("reason") == "identity"
    assert ann.read_from(await bench.send(bench.ann.lid, "again")).conversation == "again"


@benched
async def test_many_devices_are_fetched_in_batches(bench: Bench) -> None:
    jids = [Jid(str(90000 + number), "lid") for number in range(BUNDLES_PER_REQUEST + 1)]
    assert await bench.client._sessions.ensure(jids) == frozenset()
    assert [len(batch) for batch in fetched(bench)] == [BUNDLES_PER_REQUEST, 1]


@benched
async def test_fetches_of_the_same_device_at_once_become_one(bench: Bench) -> None:
    ensure = bench.client._sessions.ensure
    phone, laptop = (peer.lid for peer in bench.ann.devices)
    await asyncio.gather(ensure([phone]), ensure([laptop, phone]), ensure([phone]))
    assert sorted(jid for batch in fetched(bench) for jid in batch) == sorted([phone, laptop])
    assert await has_session(bench, phone, laptop) == [True, True]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(refusal(503), IqError), (silence, RequestTimeout)],
)
@benched
async def test_a_failed_fetch_is_the_callers_and_the_next_one_goes(
    bench: Bench, answer: Callable[[Node], Node | None], error: type[Exception]
) -> None:
    ensure = bench.client._sessions.ensure
    bench.server.script["key"] = answer
    with pytest.raises(error):
        await ensure([bench.ann.lid])
    bench.server.script.clear()
    await ensure([bench.ann.lid])
    assert await has_session(bench, bench.ann.lid) == [True]


@benched
async def test_a_fetch_over_a_break_fails(bench: Bench) -> None:
    bench.server.script["key"] = silence
    task = asyncio.create_task(bench.client._sessions.ensure([bench.ann.lid]))
    await settle()
    await bench.cut()
    with pytest.raises(Disconnected):
        await task


@benched
async def test_a_device_that_is_gone_is_told_from_one_that_has_no_keys_now(bench: Bench) -> None:
    phone, laptop = (peer.lid for peer in bench.ann.devices)
    answer = [device_error(phone, "406"), device_error(laptop, "503")]
    bench.server.script["key"] = lambda node: result(node, Node("list", {}, answer))
    assert await bench.client._sessions.ensure([phone, laptop]) == {phone}
    assert await has_session(bench, phone, laptop) == [False, False]


@benched
async def test_keys_and_errors_nobody_asked_for_are_ignored(bench: Bench) -> None:
    bob = bench.bob.first
    users = [bench.ann.first.node(bench.ann.lid), bob.node(bob.lid)]
    users.append(device_error(bench.me.lid, "406"))
    bench.server.script["key"] = lambda node: result(node, Node("list", {}, users))
    assert await bench.client._sessions.ensure([bench.ann.lid]) == frozenset()
    assert await has_session(bench, bench.ann.lid, bob.lid) == [True, False]


def without(tag: str) -> Callable[[Node], Node]:
    """Leave a part out of a bundle."""
    return lambda user: Node(
        "user", user.attrs, [child for child in user.children() if child.tag != tag]
    )


@pytest.mark.parametrize("part", ["registration", "identity", "skey"])
@benched
async def test_a_bundle_that_lacks_a_part_is_skipped_and_not_the_batch(
    bench: Bench, part: str
) -> None:
    phone, laptop = bench.ann.devices
    users = [without(part)(phone.node(phone.lid)), laptop.node(laptop.lid)]
    bench.server.script["key"] = lambda node: result(node, Node("list", {}, users))
    await bench.client._sessions.ensure([phone.lid, laptop.lid])
    assert await has_session(bench, phone.lid, laptop.lid) == [False, True]


@benched
async def test_keys_without_a_one_time_key_do(bench: Bench) -> None:
    user = without("key")(bench.ann.first.node(bench.ann.lid))
    bench.server.script["key"] = lambda node: result(node, Node("list", {}, [user]))
    await bench.client._sessions.ensure([bench.ann.lid])
    bench.server.script.clear()
    stanza = await bench.send(bench.ann.lid, "hi")
    assert bench.ann.first.read_from(stanza).conversation == "hi"


# --- proofs of linked devices


def forged(bench: Bench, how: str) -> bytes | None:
    """Make a proof for Ann's laptop that does not hold."""
    laptop = bench.ann.devices[1]
    own = laptop.identity.key_pair
    match how:
        case "garbage":
            return b"\xff\xff\xff"
        case "other device":
            return bench.ann.vouch(bench.bob.first.identity.key_pair)
        case "account signature":
            signed = wire.ADVSignedDeviceIdentity.FromString(laptop.proof or b"")
            signed.accountSignature = bytes(64)
        case "device signature":
            signed = wire.ADVSignedDeviceIdentity.FromString(laptop.proof or b"")
            signed.deviceSignature = bytes(64)
        case _:
            # Bob's phone vouches, and no account key says so: Ann's is the one known.
            signed = wire.ADVSignedDeviceIdentity.FromString(bench.bob.vouch(own))
            signed.ClearField("accountSignatureKey")
    return signed.SerializeToString()


@pytest.mark.parametrize(
    "how",
    ["garbage", "other device", "account signature", "device signature", "someone else's"],
)
@benched
async def test_a_proof_that_does_not_hold_refuses_the_keys(bench: Bench, how: str) -> None:
    phone, laptop = bench.ann.devices
    await bench.client._sessions.ensure([phone.lid])
    laptop.proof = forged(bench, how)
    await bench.client._sessions.ensure([laptop.lid, bench.bob.lid])
    assert await has_session(bench, laptop.lid, bench.bob.lid) == [False, True]
    assert await bench.store.identities.get(None, bench.context.address_of(laptop.lid)) is None


@pytest.mark.parametrize("known", [True, False])
@benched
async def test_a_proof_without_a_key_is_checked_against_the_one_known(
    bench: Bench, known: bool
) -> None:
    phone, laptop = bench.ann.devices
    if known:
        await bench.client._sessions.ensure([phone.lid])
    signed = wire.ADVSignedDeviceIdentity.FromString(laptop.proof or b"")
    signed.ClearField("accountSignatureKey")
    laptop.proof = signed.SerializeToString()
    await bench.client._sessions.ensure([laptop.lid])
    assert await has_session(bench, laptop.lid) == [True]


@benched
async def test_keys_without_a_proof_do(bench: Bench) -> None:
    laptop = bench.ann.devices[1]
    laptop.proof = None
    await bench.client._sessions.ensure([laptop.lid])
    assert await has_session(bench, laptop.lid) == [True]


@benched
async def test_a_bundle_that_cannot_be_written_begins_nothing(bench: Bench) -> None:
    bench.slow_disk.fault = StoreError("full")
    with pytest.raises(StoreError):
        await bench.client._sessions.ensure([bench.ann.lid])
    assert await has_session(bench, bench.ann.lid) == [False]


@benched
async def test_forgetting_drops_the_sessions_and_nothing_else(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    phone, laptop = bench.ann.devices
    await bench.client._sessions.forget([laptop.lid])
    assert await has_session(bench, phone.lid, laptop.lid) == [True, False]
    address = bench.context.address_of(laptop.lid)
    assert await bench.store.identities.get(None, address) == laptop.identity.key_pair.public


# --- encrypting


@benched
async def test_a_device_without_a_session_is_skipped(bench: Bench) -> None:
    sessions = bench.client._sessions
    await sessions.ensure([bench.ann.lid])
    async with bench.store.transaction() as tx:
        encrypted = await sessions.encrypt(tx, {bench.ann.lid: b"x\1", bench.bob.lid: b"y\1"})
    assert list(encrypted) == [bench.ann.lid]


@benched
async def test_a_session_that_cannot_encrypt_keeps_nobody_elses_message_back(
    bench: Bench,
) -> None:
    phone, laptop = bench.ann.devices
    await bench.client._sessions.ensure([phone.lid, laptop.lid])
    empty = SessionRecord()
    await bench.store.sessions.put(None, bench.context.address_of(phone.lid), empty)
    stanza = await bench.send(bench.ann.lid, "hi")
    assert phone.find_enc(stanza) is None
    assert laptop.read_from(stanza).conversation == "hi"


@benched
async def test_nothing_is_written_when_the_transaction_fails(bench: Bench) -> None:
    sessions = bench.client._sessions
    await sessions.ensure([bench.ann.lid])
    address = bench.context.address_of(bench.ann.lid)
    before = await bench.store.sessions.get(None, address)

    async def encrypt_and_fail() -> None:
        async with bench.store.transaction() as tx:
            await sessions.encrypt(tx, {bench.ann.lid: b"x\1"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await encrypt_and_fail()
    assert await bench.store.sessions.get(None, address) == before


@benched
async def test_a_large_fan_out_gives_others_their_turn(bench: Bench) -> None:
    crowd = Person("15550005555", "5005", companions=range(1, STEPS_PER_SLICE + 1))
    bench.server.people.append(crowd)
    sessions = bench.client._sessions
    jids = [peer.lid for peer in crowd.devices]
    await sessions.ensure(jids)
    turns = 0
    encrypting = True

    async def watch() -> None:
        nonlocal turns
        while encrypting:
            turns += 1
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    before = turns
    async with bench.store.transaction() as tx:
        encrypted = await sessions.encrypt(tx, dict.fromkeys(jids, b"x\1"))
        assert turns > before
    encrypting = False
    await watching
    assert len(encrypted) == STEPS_PER_SLICE + 1


# --- decrypting


@benched
async def test_without_a_session_a_message_is_not_read(bench: Bench) -> None:
    ann = bench.ann.first
    ann.begin(bench.bob.first)
    sealed = ann.encrypt(bench.bob.first.name, b"x\1")
    ann.begin_from("nobody", bench.bob.first.bundle())
    async with bench.store.transaction() as tx:
        with pytest.raises(NoSession):
            await bench.client._sessions.decrypt(
                tx, ann.lid, "msg", inner_message(sealed.ciphertext)
            )


def inner_message(pre_key_message: bytes) -> bytes:
    return wire.PreKeySignalMessage.FromString(pre_key_message[1:]).message


@benched
async def test_a_used_one_time_key_is_gone_with_the_message(bench: Bench) -> None:
    ann = bench.ann.first
    bundle = await bench.our_bundle()
    ann.begin_from("us", bundle)
    assert bundle.pre_key_id is not None
    await bench.receive(bench.message(ann, text("hi")))
    assert await bench.store.pre_keys.get(None, bundle.pre_key_id) is None
    # What was begun with it goes on.
    await bench.receive(bench.message(ann, text("more")))
    assert bench.texts() == ["hi", "more"]


@benched
async def test_a_one_time_key_stays_until_the_message_is_on_disk(bench: Bench) -> None:
    ann = bench.ann.first
    bundle = await bench.our_bundle()
    ann.begin_from("us", bundle)
    assert bundle.pre_key_id is not None
    message = bench.message(ann, text("hi"))
    bench.slow_disk.fault = StoreError("full")
    assert [node.tag for node in await bench.receive(message)] == []
    bench.slow_disk.fault = None
    assert await bench.store.pre_keys.get(None, bundle.pre_key_id) is not None
    await bench.cut()
    bench.connect()
    await bench.receive(message)
    assert bench.texts() == ["hi"]


@benched
async def test_keys_without_a_one_time_key_begin_a_session_with_us(bench: Bench) -> None:
    ann = bench.ann.first
    full = await bench.our_bundle()
    ann.begin_from(
        "us",
        PreKeyBundle(
            registration_id=full.registration_id,
            identity=full.identity,
            signed_pre_key_id=full.signed_pre_key_id,
            signed_pre_key=full.signed_pre_key,
            signature=full.signature,
        ),
    )
    await bench.receive(bench.message(ann, text("hi")))
    assert bench.texts() == ["hi"]


@pytest.mark.parametrize("which", ["one-time", "signed"])
@benched
async def test_a_key_that_we_don_t_have_is_named_as_the_reason(bench: Bench, which: str) -> None:
    ann: Peer = bench.ann.first
    bundle = await bench.our_bundle()
    ann.begin_from("us", bundle)
    if which == "one-time":
        assert bundle.pre_key_id is not None
        await bench.store.pre_keys.delete(None, bundle.pre_key_id)
    else:
        await bench.store.signed_pre_keys.delete(None, bundle.signed_pre_key_id)
    receipt, _ = await bench.receive(bench.message(ann, text("hi")))
    assert receipt.required_child("retry").attr("error") == "3"
    sealed = ann.encrypt("us", b"x\1")
    async with bench.store.transaction() as tx:
        with pytest.raises(InvalidKeyId):
            await bench.client._sessions.decrypt(tx, ann.lid, sealed.kind, sealed.ciphertext)
