"""Numbers and LIDs of the same people, and identity keys that change."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.identity import PAIRS_PER_COMMIT
from custom_components.whatsapp_web.aiowhatsapp.errors import IdentityUnconfirmed
from custom_components.whatsapp_web.aiowhatsapp.events import IdentityChanged
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.signal import SessionRecord, SignalAddress
from custom_components.whatsapp_web.aiowhatsapp.store import Table
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, Peer, benched, text

OTHER_PHONE = Jid.of_number("15550007777")
OTHER_LID = Jid("7007", "lid")


async def known(bench: Bench) -> dict[str, str]:
    """Give the pairs, which memory and disk must agree on."""
    stored = await bench.store.lids.all(None)
    for phone, lid in stored.items():
        assert bench.context.lids.lid_of(phone) == lid
        assert bench.context.lids.phone_of(lid) == phone
    assert len(bench.context.lids._lids) == len(bench.context.lids._phones) == len(stored)
    return stored


# --- learning LIDs


@benched
async def test_a_long_list_is_learned_in_few_commits(bench: Bench) -> None:
    pairs = [(Jid.of_number(str(1000 + n)), Jid(str(5000 + n), "lid")) for n in range(600)]
    await bench.client._identities.learn(pairs)
    assert len(await known(bench)) == 600
    assert bench.slow_disk.commits_of(Table.LID) == -(-600 // PAIRS_PER_COMMIT)
    await bench.client._identities.learn(pairs)
    assert bench.slow_disk.commits_of(Table.LID) == -(-600 // PAIRS_PER_COMMIT)


@benched
async def test_only_numbers_and_lids_make_a_pair(bench: Bench) -> None:
    pairs = [
        (bench.ann.lid, bench.ann.phone),
        (bench.ann.phone, bench.bob.phone),
        (Jid("1-2", "g.us"), bench.ann.lid),
        (Jid("15550002222", "hosted"), bench.ann.lid),
    ]
    await bench.client._identities.learn(pairs)
    assert await known(bench) == {}


@benched
async def test_a_source_that_may_correct_does(bench: Bench) -> None:
    learn = bench.client._identities.learn
    await learn([(bench.ann.phone, bench.ann.lid), (OTHER_PHONE, OTHER_LID)])
    await learn([(bench.ann.phone, OTHER_LID)])
    # One number, one LID: whatever contradicts the newer pair is gone.
    assert await known(bench) == {bench.ann.phone.user: OTHER_LID.user}
    await bench.restart()
    assert await known(bench) == {bench.ann.phone.user: OTHER_LID.user}


@pytest.mark.parametrize(
    "pair", [(Jid.of_number("15550002222"), OTHER_LID), (OTHER_PHONE, Jid("2002", "lid"))]
)
@benched
async def test_a_source_that_may_only_add_contradicts_nothing(
    bench: Bench, pair: tuple[Jid, Jid]
) -> None:
    learn = bench.client._identities.learn
    await learn([(bench.ann.phone, bench.ann.lid)])
    await learn([pair, (bench.bob.phone, bench.bob.lid)], overwrite=False)
    expected = {
        bench.ann.phone.user: bench.ann.lid.user,
        bench.bob.phone.user: bench.bob.lid.user,
    }
    assert await known(bench) == expected


@benched
async def test_of_a_list_that_contradicts_itself_the_first_pair_stays(bench: Bench) -> None:
    pairs = [
        (bench.ann.phone, bench.ann.lid),
        (bench.ann.phone, OTHER_LID),
        (OTHER_PHONE, bench.ann.lid),
    ]
    await bench.client._identities.learn(pairs, overwrite=False)
    assert await known(bench) == {bench.ann.phone.user: bench.ann.lid.user}


@benched
async def test_a_message_names_its_sender_twice(bench: Bench) -> None:
    await bench.introduce(bench.ann.first, bench.bob.first)
    await bench.receive(bench.message(bench.ann.first, text("a"), sender_pn=bench.ann.phone))
    by_number = bench.message(bench.bob.first, text("b"), sender_lid=bench.bob.lid)
    by_number.attrs["from"] = bench.bob.phone
    await bench.receive(by_number)
    assert await known(bench) == {
        bench.ann.phone.user: bench.ann.lid.user,
        bench.bob.phone.user: bench.bob.lid.user,
    }
    assert bench.texts() == ["a", "b"]


@benched
async def test_a_copy_of_our_own_names_the_chat_twice(bench: Bench) -> None:
    await bench.introduce(bench.me.first)
    message = bench.message(
        bench.me.first,
        text("x"),
        recipient=bench.ann.lid,
        peer_recipient_pn=bench.ann.phone,
    )
    await bench.receive(message)
    assert await known(bench) == {bench.ann.phone.user: bench.ann.lid.user}


# --- sessions move with the number


async def begin_by_number(bench: Bench, peer: Peer) -> None:
    """Begin a session under a device's number."""
    await bench.client._sessions.ensure([peer.phone])


def addresses(peer: Peer) -> tuple[SignalAddress, SignalAddress]:
    """Give a device's address by number and by LID."""
    return (
        SignalAddress(peer.phone.signal_name, peer.number),
        SignalAddress(peer.lid.signal_name, peer.number),
    )


async def sessions_of(bench: Bench, peer: Peer) -> list[SessionRecord | None]:
    return [await bench.store.sessions.get(None, address) for address in addresses(peer)]


async def identities_of(bench: Bench, peer: Peer) -> list[bytes | None]:
    return [await bench.store.identities.get(None, address) for address in addresses(peer)]


@benched
async def test_a_numbers_sessions_become_its_lids(bench: Bench) -> None:
    for peer in bench.ann.devices:
        await begin_by_number(bench, peer)
    before = [(await sessions_of(bench, peer))[0] for peer in bench.ann.devices]
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)], overwrite=False)
    for peer, session in zip(bench.ann.devices, before, strict=True):
        assert await sessions_of(bench, peer) == [None, session]
        assert await identities_of(bench, peer) == [None, peer.identity.key_pair.public]
    assert await known(bench) == {bench.ann.phone.user: bench.ann.lid.user}
    fetched = len(bench.server.asked("key"))
    await bench.send(bench.ann.lid, "hi")
    assert len(bench.server.asked("key")) == fetched + 1


@benched
async def test_a_session_of_the_lid_stays(bench: Bench) -> None:
    ann = bench.ann.first
    await begin_by_number(bench, ann)
    await bench.client._sessions.ensure([ann.lid])
    (_, newer) = await sessions_of(bench, ann)
    assert newer is not None
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    assert await sessions_of(bench, ann) == [None, newer]


@benched
async def test_a_session_without_an_identity_moves_too(bench: Bench) -> None:
    ann = bench.ann.first
    await begin_by_number(bench, ann)
    await bench.store.identities.delete(None, addresses(ann)[0])
    await bench.client._identities.learn([(bench.ann.phone, bench.ann.lid)])
    assert (await sessions_of(bench, ann))[0] is None
    assert await identities_of(bench, ann) == [None, None]


@benched
async def test_a_refused_pair_moves_nothing(bench: Bench) -> None:
    ann = bench.ann.first
    await begin_by_number(bench, ann)
    before = await sessions_of(bench, ann)
    pairs = [(OTHER_PHONE, bench.ann.lid), (bench.ann.phone, bench.ann.lid)]
    await bench.client._identities.learn(pairs[:1])
    await bench.client._identities._move_sessions(*pairs[1], overwrite=False)
    assert await sessions_of(bench, ann) == before
    assert await known(bench) == {OTHER_PHONE.user: bench.ann.lid.user}


# --- identity changes by notification


def notification(user: Jid, **attrs: str | Jid) -> Node:
    base: dict[str, str | Jid] = {"from": user, "type": "encrypt", "id": "N1", "t": str(NOW)}
    return Node("notification", base | attrs, [Node("identity")])


async def are_kept(bench: Bench, *peers: Peer) -> list[bool]:
    return [any(await sessions_of(bench, peer)) for peer in peers]


@pytest.mark.parametrize("by_lid", [True, False])
@benched
async def test_a_new_phone_ends_all_sessions_with_its_account(bench: Bench, by_lid: bool) -> None:
    await bench.send(bench.ann.phone, "hi")
    await bench.send(bench.bob.lid, "hi")
    user = bench.ann.lid if by_lid else bench.ann.phone
    said = await bench.receive(notification(user))
    (ack,) = [node for node in said if node.tag == "ack"]
    assert (ack.tag, ack.attr("class"), ack.attr("type")) == ("ack", "notification", None)
    assert await are_kept(bench, *bench.ann.devices, bench.bob.first) == [False, False, True]
    assert await identities_of(bench, bench.ann.first) == [None, None]
    assert [event.user for event in bench.events_of(IdentityChanged)] == [bench.ann.lid]
    asked = len(bench.server.asked("usync"))
    bench.ann.first.reinstall()
    bench.ann.devices[1].proof = bench.ann.vouch(bench.ann.devices[1].identity.key_pair)
    stanza = await bench.send(bench.ann.lid, "again")
    assert bench.ann.first.read_from(stanza).conversation == "again"
    assert len(bench.server.asked("usync")) == asked + 1


@benched
async def test_a_user_we_never_wrote_to_is_no_news(bench: Bench) -> None:
    await bench.receive(notification(bench.ann.lid))
    assert bench.events == []


@benched
async def test_of_a_user_known_by_companions_only_those_are_dropped(bench: Bench) -> None:
    laptop = bench.ann.devices[1]
    await bench.client._sessions.ensure([laptop.lid])
    await bench.receive(notification(bench.ann.lid))
    assert await are_kept(bench, laptop) == [False]
    assert bench.events == []


@benched
async def test_the_notification_may_name_the_lid(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    await bench.receive(notification(bench.ann.phone, lid=bench.ann.lid))
    assert await are_kept(bench, *bench.ann.devices) == [False, False]
    assert await known(bench) == {bench.ann.phone.user: bench.ann.lid.user}
    assert len(bench.events_of(IdentityChanged)) == 1


@benched
async def test_companions_and_ourselves_are_ignored(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    for user in (bench.ann.devices[1].lid, bench.me.lid, bench.me.phone):
        await bench.receive(notification(user))
    peers = [*bench.ann.devices, bench.me.first]
    assert await are_kept(bench, *peers) == [True, True, True]
    assert bench.events == []


# --- identity changes in messages


@benched
async def test_a_new_phone_that_writes_first_drops_its_companions(bench: Bench) -> None:
    ann, laptop = bench.ann.devices
    await bench.acquaint(ann)
    assert await are_kept(bench, ann, laptop) == [True, True]
    ann.reinstall()
    await bench.introduce(ann)
    await bench.receive(bench.message(ann, text("new phone")))
    assert bench.texts() == ["new phone"]
    assert [event.user for event in bench.events_of(IdentityChanged)] == [bench.ann.lid]
    assert await are_kept(bench, ann, laptop) == [True, False]
    assert (await identities_of(bench, ann))[1] == ann.identity.key_pair.public
    # The list of devices is asked for anew.
    laptop.proof = bench.ann.vouch(laptop.identity.key_pair)
    asked = len(bench.server.asked("usync"))
    stanza = await bench.send(bench.ann.lid, "hi")
    assert len(bench.server.asked("usync")) == asked + 1
    assert ann.read_from(stanza).conversation == "hi"


@benched
async def test_a_companion_with_new_keys_leaves_the_others_alone(bench: Bench) -> None:
    ann, laptop = bench.ann.devices
    await bench.acquaint(laptop)
    laptop.reinstall()
    await bench.introduce(laptop)
    await bench.receive(bench.message(laptop, text("hi")))
    assert bench.texts() == ["hi"]
    assert await are_kept(bench, ann, laptop) == [True, True]
    assert len(bench.events_of(IdentityChanged)) == 1


@benched
async def test_a_first_message_changes_no_identity(bench: Bench) -> None:
    await bench.introduce(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("hi")))
    await bench.introduce(bench.ann.first)
    await bench.receive(bench.message(bench.ann.first, text("again")))
    assert bench.texts() == ["hi", "again"]
    assert bench.events_of(IdentityChanged) == []


# --- the policy


@benched
async def test_by_itself_a_changed_identity_blocks_nothing(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    await bench.receive(notification(bench.ann.lid))
    assert await bench.client.security.changed() == [bench.ann.lid]
    await bench.send(bench.ann.lid, "hi")


@pytest.mark.parametrize("by", ["notification", "message", "keys"])
@benched
async def test_nothing_is_encrypted_for_a_changed_identity_until_confirmed(
    bench: Bench, by: str
) -> None:
    ann = bench.ann.first
    bench.client.security.block_changed = True
    await bench.acquaint(ann)
    await bench.send(bench.ann.lid, "kept")
    kept = bench.server.messages[-1].required_attr("id")
    ann.reinstall()
    bench.ann.devices[1].proof = bench.ann.vouch(bench.ann.devices[1].identity.key_pair)
    match by:
        case "notification":
            await bench.receive(notification(bench.ann.phone, lid=bench.ann.lid))
        case "message":
            await bench.introduce(ann)
            await bench.receive(bench.message(ann, text("new phone")))
        case "keys":
            await bench.client._sessions.ensure([ann.lid], refresh=True)
    left = len(bench.server.messages)
    await bench.restart()
    bench.client.security.block_changed = True
    for address in (bench.ann.lid, bench.ann.phone):
        with pytest.raises(IdentityUnconfirmed):
            await bench.client.send_text(address, "no")
    # Nor is it given what it asks for again.
    retry = Node("retry", {"count": "1", "id": kept, "t": "1", "v": "1"})
    registration = Node("registration", {}, ann.identity.registration_id.to_bytes(4))
    asks = Node("receipt", {"from": ann.lid, "id": kept, "type": "retry"}, [retry, registration])
    await bench.receive(asks)
    assert len(bench.server.messages) == left
    assert await bench.client.security.changed() == [bench.ann.lid]
    await bench.client.security.confirm(bench.ann.phone)
    stanza = await bench.send(bench.ann.lid, "yes")
    assert ann.read_from(stanza).conversation == "yes"


@benched
async def test_a_linked_device_of_its_account_and_ourselves_need_no_confirmation(
    bench: Bench,
) -> None:
    laptop, phone = bench.ann.devices[1], bench.me.first
    await bench.acquaint(laptop)
    for device in (laptop, phone):
        device.reinstall()
        await bench.introduce(device)
        await bench.receive(bench.message(device, text("hi")))
    assert await bench.client.security.changed() == []
