"""Notifications: what each changes, and that each is acked."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.prekeys import BATCH
from custom_components.whatsapp_web.aiowhatsapp.client.tokens import (
    BUCKET_SECONDS,
    BUCKETS,
    MAX_TOKEN,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import StoreError
from custom_components.whatsapp_web.aiowhatsapp.events import (
    Event,
    IdentityChanged,
    OwnNameChanged,
    PasskeyRequested,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.stanza.message import MAX_NAME
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, benched, refusal
from tests.aiowhatsapp.client.pairing_support import settle

# The end of the oldest week whose tokens still count.
OLDEST = (NOW // BUCKET_SECONDS - (BUCKETS - 1)) * BUCKET_SECONDS


def notification(kind: str, sender: Jid | str, *children: Node, **attrs: str | Jid) -> Node:
    base: dict[str, str | Jid] = {"id": "N1", "from": sender, "type": kind, "t": str(NOW)}
    return Node("notification", base | attrs, list(children))


def ack(kind: str | None, sender: Jid) -> Node:
    given = {} if kind is None else {"type": kind}
    return Node("ack", {"class": "notification", "id": "N1", "to": sender, **given})


async def tell(bench: Bench, kind: str, sender: Jid, *children: Node, **attrs: str | Jid) -> None:
    """Notify, and see that it is acked and nothing else is said."""
    answers = await bench.receive(notification(kind, sender, *children, **attrs))
    assert answers == [ack(kind, sender)]


@pytest.mark.parametrize(
    "kind",
    [
        "server_sync",
        "w:gp2",
        "picture",
        "status",
        "disappearing_mode",
        "mediaretry",
        "link_code_companion_reg",
        "companion_reg_refresh",
        "crsc_continuation",
        "newsletter",
        "mex",
        "business",
        "hosted",
        "psa",
        "registration",
        "news",
        "",
    ],
)
@benched
async def test_all_others_are_acked(bench: Bench, kind: str) -> None:
    await tell(bench, kind, bench.ann.phone, Node("set"))


# --- encrypt


@benched
async def test_prekeys_that_run_low_are_refilled(bench: Bench) -> None:
    answers = await bench.receive(
        notification("encrypt", SERVER_JID, Node("count", {"value": "30"}))
    )
    # The ack does not wait for the upload, and the server's own level counts.
    assert answers[0] == ack("encrypt", SERVER_JID)
    assert len(bench.server.pre_keys) == BATCH
    assert bench.server.asked("count") == []


@pytest.mark.parametrize(("code", "uploaded"), [(404, BATCH), (406, 0), (503, 0)])
@benched
async def test_a_digest_is_checked(bench: Bench, code: int, uploaded: int) -> None:
    bench.server.script["digest"] = refusal(code)
    await bench.receive(notification("encrypt", SERVER_JID, Node("digest")))
    assert len(bench.server.asked("digest")) == 1
    assert len(bench.server.pre_keys) == uploaded


@benched
async def test_a_good_digest_changes_nothing(bench: Bench) -> None:
    await bench.receive(notification("encrypt", SERVER_JID, Node("digest")))
    assert bench.server.pre_keys == []


@pytest.mark.parametrize("child", ["count", "digest"])
@benched
async def test_only_the_server_speaks_of_our_keys(bench: Bench, child: str) -> None:
    await tell(bench, "encrypt", bench.ann.phone, Node(child, {"value": "0"}))


@benched
async def test_another_word_on_keys_is_acked(bench: Bench) -> None:
    await tell(bench, "encrypt", SERVER_JID, Node("news"))


@benched
async def test_an_identity_changed(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    answers = await bench.receive(notification("encrypt", bench.ann.lid, Node("identity")))
    assert ack(None, bench.ann.lid) in answers
    assert bench.events == [IdentityChanged(user=bench.ann.lid)]
    address = bench.context.address_of(bench.ann.lid)
    assert await bench.store.sessions.get(None, address) is None
    assert await bench.store.identities.get(None, address) is None


@benched
async def test_a_stranger_s_identity_is_no_news(bench: Bench) -> None:
    await bench.receive(notification("encrypt", bench.ann.lid, Node("identity")))
    assert bench.events == []


@benched
async def test_a_companion_or_our_own_account_has_no_identity_to_change(bench: Bench) -> None:
    await bench.acquaint(bench.ann.first)
    for sender in (bench.ann.lid.with_device(3), bench.me.phone, bench.me.lid):
        await bench.receive(notification("encrypt", sender, Node("identity")))
    assert bench.events == []
    assert await bench.store.sessions.get(None, bench.context.address_of(bench.ann.lid))


# --- devices


def devices(change: str, *listed: Jid) -> Node:
    listing = [Node("device", {"jid": jid, "key-index": "1"}) for jid in listed]
    return Node(change, {"device_hash": "2:x"}, [*listing, Node("key-index-list", {"ts": "1"})])


async def asked_for(bench: Bench) -> int:
    """Write to Ann; tell how often her devices were asked for."""
    before = len(bench.server.asked("usync"))
    await bench.send(bench.ann.lid, "hi")
    return len(bench.server.asked("usync")) - before


async def has_session(bench: Bench, device: Jid) -> bool:
    address = bench.context.address_of(device)
    return await bench.store.sessions.get(None, address) is not None


@pytest.mark.parametrize("by_lid", [True, False])
@benched
async def test_an_added_device_is_asked_for(bench: Bench, by_lid: bool) -> None:
    await bench.send(bench.ann.phone, "hi")
    assert await asked_for(bench) == 0
    sender = bench.ann.lid if by_lid else bench.ann.phone
    await tell(bench, "devices", sender, devices("add", sender.with_device(9)))
    assert await asked_for(bench) == 1


@benched
async def test_a_removed_device_loses_its_session(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    second = bench.ann.lid.with_device(3)
    assert await has_session(bench, second)
    await tell(bench, "devices", bench.ann.lid, devices("remove", second))
    assert not await has_session(bench, second)
    assert await has_session(bench, bench.ann.lid)
    assert await asked_for(bench) == 1


@benched
async def test_never_the_phone_nor_somebody_else_s_device(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    await bench.send(bench.bob.lid, "hi")
    change = devices("remove", bench.ann.lid, bench.bob.lid, bench.ann.lid.with_device(3))
    await tell(bench, "devices", bench.bob.lid, change)
    for device in (bench.ann.lid, bench.bob.lid, bench.ann.lid.with_device(3)):
        assert await has_session(bench, device)


@benched
async def test_a_removal_counts_more_than_an_addition(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    second = bench.ann.lid.with_device(3)
    children = devices("add", bench.ann.lid.with_device(9)), devices("remove", second)
    await tell(bench, "devices", bench.ann.lid, *children)
    assert not await has_session(bench, second)


@benched
async def test_an_update_names_nobody(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    await tell(bench, "devices", bench.ann.lid, Node("update", {"hash": "abcd"}))
    assert await asked_for(bench) == 0


@benched
async def test_a_devices_notification_may_bring_a_lid(bench: Bench) -> None:
    await tell(bench, "devices", bench.ann.phone, lid=bench.ann.lid)
    assert bench.context.canonical(bench.ann.phone) == bench.ann.lid
    # It only adds: what is known is corrected by better sources.
    await tell(bench, "devices", bench.ann.phone, lid=bench.bob.lid)
    assert bench.context.canonical(bench.ann.phone) == bench.ann.lid


# --- our own account


@pytest.mark.parametrize(
    ("sender", "child", "expected"),
    [
        ("15550001111@s.whatsapp.net", "devices", True),
        ("1001@lid", "devices", True),
        ("15550002222@s.whatsapp.net", "devices", False),
        ("15550001111@s.whatsapp.net", "privacy", False),
    ],
)
@benched
async def test_our_own_devices_changed(
    bench: Bench, sender: str, child: str, expected: bool
) -> None:
    await bench.send(bench.ann.lid, "hi")
    own = str(bench.me.lid)
    assert await bench.store.device_lists.get(None, own) is not None
    await tell(bench, "account_sync", Jid.parse(sender), Node(child, {"dhash": "2:x"}))
    assert (await bench.store.device_lists.get(None, own) is None) is expected


@benched
async def test_our_own_name_changed(bench: Bench) -> None:
    await tell(bench, "account_sync", bench.me.phone, pushname="Our home")
    await tell(bench, "account_sync", bench.me.lid, pushname="n" * 1000)
    await tell(bench, "account_sync", bench.me.lid, pushname="")
    await tell(bench, "account_sync", bench.ann.phone, pushname="Ann")
    names = [event.name for event in bench.events_of(OwnNameChanged)]
    assert names == ["Our home", "n" * MAX_NAME]


# --- numbers


@benched
async def test_a_changed_number(bench: Bench) -> None:
    new = Jid.of_number("15554444444")
    change = Node(
        "modify",
        {
            "old": bench.ann.phone,
            "new": new,
            "old_lid": bench.ann.lid,
            "new_lid": Jid("4004", "lid"),
        },
    )
    await tell(bench, "contacts", SERVER_JID, change)
    assert bench.context.canonical(bench.ann.phone) == bench.ann.lid
    assert bench.context.canonical(new) == Jid("4004", "lid")
    assert await bench.store.lids.all(None) == {"15550002222": "2002", "15554444444": "4004"}


@pytest.mark.parametrize(
    "child",
    [
        Node("modify", {"old": "1@s.whatsapp.net", "new": "2@s.whatsapp.net"}),
        Node("modify"),
        Node("update", {"hash": "x"}),
        Node("sync", {"after": "1"}),
    ],
)
@benched
async def test_other_changes_of_contacts_teach_nothing(bench: Bench, child: Node) -> None:
    await tell(bench, "contacts", SERVER_JID, child)
    assert await bench.store.lids.all(None) == {}


# --- tokens


def token(value: bytes, t: str, kind: str = "trusted_contact") -> Node:
    return Node("token", {"type": kind, "t": t}, value)


async def give(bench: Bench, *tokens: Node, **attrs: str | Jid) -> None:
    tokens_node = Node("tokens", {}, list(tokens))
    await tell(bench, "privacy_token", bench.ann.phone, tokens_node, **attrs)


async def shown(bench: Bench) -> bytes | None:
    """Tell which token goes along with a message to Ann."""
    node = await bench.client._tokens.node_for(bench.ann.lid)
    return None if node is None else node.data


@benched
async def test_the_newer_token_wins(bench: Bench) -> None:
    for value, at, expected in (
        (b"one", NOW, b"one"),
        (b"older", NOW - 1, b"one"),
        (b"newer", NOW + 1, b"newer"),
        (b"same time", NOW + 1, b"same time"),
    ):
        await give(bench, token(value, str(at)), sender_lid=bench.ann.lid)
        assert await shown(bench) == expected


@benched
async def test_several_tokens_in_one(bench: Bench) -> None:
    tokens = token(b"old", str(NOW - 2)), token(b"new", str(NOW)), token(b"mid", str(NOW - 1))
    await give(bench, *tokens, sender_lid=bench.ann.lid)
    assert await shown(bench) == b"new"


@benched
async def test_a_token_goes_by_the_lid_that_is_known(bench: Bench) -> None:
    bench.context.lids.add(bench.ann.phone.user, bench.ann.lid.user)
    await give(bench, token(b"one", str(NOW)))
    assert await shown(bench) == b"one"


@pytest.mark.parametrize(
    ("at", "expected"), [(OLDEST - 1, None), (OLDEST, b"one")], ids=["expired", "just good"]
)
@benched
async def test_tokens_expire(bench: Bench, at: int, expected: bytes | None) -> None:
    await give(bench, token(b"one", str(at)), sender_lid=bench.ann.lid)
    assert await shown(bench) == expected


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(token(b"x" * (MAX_TOKEN + 1), str(NOW)), id="too long"),
        pytest.param(token(b"", str(NOW)), id="empty"),
        pytest.param(token(b"one", ""), id="without time"),
        pytest.param(token(b"one", "0"), id="of no time"),
        pytest.param(token(b"one", "-5"), id="before time"),
        pytest.param(token(b"one", str(2**40)), id="beyond time"),
        pytest.param(token(b"one", "later"), id="malformed time"),
        pytest.param(token(b"one", str(NOW), "csat"), id="of another kind"),
    ],
)
@benched
async def test_useless_tokens(bench: Bench, useless: Node) -> None:
    await give(bench, useless, sender_lid=bench.ann.lid)
    assert await shown(bench) is None


@benched
async def test_a_token_as_long_as_allowed(bench: Bench) -> None:
    await give(bench, token(b"x" * MAX_TOKEN, str(NOW)), sender_lid=bench.ann.lid)
    assert await shown(bench) == b"x" * MAX_TOKEN


# --- passkey


@pytest.mark.parametrize(("from_server", "expected"), [(True, 1), (False, 0)])
@benched
async def test_a_passkey_is_asked_for(bench: Bench, from_server: bool, expected: int) -> None:
    heard: list[Event] = []
    bench.client.subscribe(PasskeyRequested, heard.append)
    sender = SERVER_JID if from_server else bench.ann.phone
    await tell(bench, "passkey_prologue_request", sender)
    assert heard == [PasskeyRequested()] * expected


# --- what goes wrong


@pytest.mark.parametrize(
    ("kind", "child"),
    [
        ("privacy_token", Node("news")),
        ("contacts", Node("modify", {"old": "5:99999@lid"})),
        ("devices", Node("remove", {}, [Node("device", {"jid": "5:99999@lid"})])),
    ],
)
@benched
async def test_a_malformed_one_is_acked(bench: Bench, kind: str, child: Node) -> None:
    await tell(bench, kind, bench.ann.phone, child)


@benched
async def test_without_sender_nobody_waits_for_an_ack(bench: Bench) -> None:
    for kind in ("encrypt", "devices", "account_sync", "privacy_token", "news"):
        stanza = Node("notification", {"id": "N1", "type": kind}, [Node("devices")])
        assert await bench.receive(stanza) == []


@benched
async def test_what_the_disk_does_not_take_is_not_acked(bench: Bench) -> None:
    await bench.send(bench.ann.lid, "hi")
    await settle()
    bench.server.sent.clear()
    bench.slow_disk.fault = StoreError("full")
    change = devices("add", bench.ann.lid.with_device(9))
    assert await bench.receive(notification("devices", bench.ann.lid, change)) == []
    assert bench._handling is not None
    # It ends the line: the server sends it again on the next one.
    assert isinstance(await bench._handling, StoreError)
    bench.slow_disk.fault = None
