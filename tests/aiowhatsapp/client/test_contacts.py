"""Looking people up, and blocking them."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import override

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.settings import MediaSettings
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    IqError,
    LocalProtocolError,
    MediaRefused,
    MediaTooLarge,
    NotOnWhatsApp,
)
from custom_components.whatsapp_web.aiowhatsapp.events import Event
from custom_components.whatsapp_web.aiowhatsapp.events.people import (
    AboutChanged,
    BlocklistChanged,
    DefaultTimerChanged,
    PictureChanged,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.transport.base import (
    MediaAnswer,
    MediaStream,
    MediaTransport,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from tests.aiowhatsapp.client.bench import NOW, Bench, benched, refusal, result

GROUP = Jid("120363000000000001", "g.us")


def answer_usync(bench: Bench, *users: Node) -> None:
    bench.server.script["usync"] = lambda request: result(
        request, Node("usync", {}, [Node("list", {}, list(users))])
    )


def numbers_asked(bench: Bench) -> list[list[str]]:
    return [
        [
            user.required_child("contact").text
            for user in node.required_child("usync").required_child("list").children("user")
        ]
        for node in bench.server.asked("usync")
    ]


def notification(kind: str, sender: Jid, *children: Node) -> Node:
    return Node("notification", {"type": kind, "from": sender, "id": "1", "t": "1"}, [*children])


# --- numbers


@benched
async def test_numbers_are_asked_for_in_batches_and_remembered(bench: Bench) -> None:
    unknown = [f"1999000{index:04}" for index in range(60)]
    numbers = [bench.ann.number, *unknown, f"+{bench.bob.number}"]
    checked = await bench.client.contacts.check_numbers(numbers)
    assert [each.chat for each in checked] == [bench.ann.lid, *[None] * 60, bench.bob.lid]
    assert checked[0].phone == bench.ann.phone
    assert [len(batch) for batch in numbers_asked(bench)] == [50, 12]
    assert await bench.client.contacts.check_numbers(numbers) == checked
    assert len(numbers_asked(bench)) == 2
    await bench.clock.sleep(2 * 3600)
    await bench.client.contacts.check_numbers(numbers)
    assert [len(batch) for batch in numbers_asked(bench)[2:]] == [50, 10]


@benched
async def test_a_variant_is_what_the_server_says_it_is(bench: Bench) -> None:
    """A Brazilian number with a ninth digit that its account was made without."""
    canonical = Jid.of_number("551187654321")
    answer_usync(
        bench,
        Node(
            "user",
            {"jid": canonical},
            [
                Node("contact", {"type": "in"}, "+5511987654321"),
                Node("lid", {"val": Jid("5005", "lid")}),
            ],
        ),
    )
    assert await bench.client.resolve_number("5511987654321") == Jid("5005", "lid")
    bench.server.script["usync"] = refusal(500)
    await bench.restart()
    assert await bench.client.resolve_number("+5511987654321") == Jid("5005", "lid")
    assert await bench.client.resolve_number("551187654321") == Jid("5005", "lid")
    assert bench.client.phone_of(Jid("5005", "lid")) == canonical


@benched
async def test_what_is_no_number_is_never_asked_for(bench: Bench) -> None:
    with pytest.raises(LocalProtocolError):
        await bench.client.contacts.check_numbers(["+1555", "door"])
    assert numbers_asked(bench) == []


@benched
async def test_a_number_that_nobody_has(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(NotOnWhatsApp):
            await bench.client.resolve_number("19990000000")
    assert len(numbers_asked(bench)) == 1


# --- profiles


def certificate(name: str) -> bytes:
    details = wire.VerifiedNameCertificate.Details(verifiedName=name)
    return wire.VerifiedNameCertificate(details=details.SerializeToString()).SerializeToString()


@benched
async def test_a_profile_is_read_and_kept_a_while(bench: Bench) -> None:
    answer_usync(
        bench,
        Node(
            "user",
            {"jid": bench.ann.lid, "pn_jid": bench.ann.phone},
            [
                Node("status", {"t": "17"}, b"At the door"),
                Node("picture", {"id": "42"}),
                Node("disappearing_mode", {"duration": "86400", "t": "1"}),
                Node("business", {}, [Node("verified_name", {"v": "1"}, certificate("Ann Ltd"))]),
                Node("username", {}, "ann"),
            ],
        ),
    )
    profile = await bench.client.contacts.profile(bench.ann.lid)
    assert (profile.about, profile.about_set_at, profile.picture_id) == ("At the door", 17, "42")
    assert (profile.default_timer, profile.verified_name) == (86400, "Ann Ltd")
    assert profile.username == "ann"
    assert await bench.client.contacts.profile(bench.ann.phone) is profile
    assert await bench.client.name_of(bench.ann.lid) == "Ann Ltd"
    assert len(bench.server.asked("usync")) == 1
    await bench.receive(notification("status", bench.ann.lid, Node("set", {}, "Away")))
    await bench.client.contacts.profile(bench.ann.lid)
    await bench.clock.sleep(3700)
    await bench.client.contacts.profile(bench.ann.lid)
    update = Node("update", {"jid": bench.ann.phone})
    await bench.receive(notification("contacts", bench.ann.phone, update))
    await bench.client.contacts.profile(bench.ann.lid)
    assert len(bench.server.asked("usync")) == 4


@pytest.mark.parametrize(
    "children",
    [
        [],
        [Node("status", {"code": "401"}), Node("picture", {}, [Node("error", {"code": "404"})])],
        [Node("business", {}, [Node("verified_name", {}, b"\xff\xff")])],
        [Node("business", {}, [Node("verified_name", {}, b"\x0a\x03\x22\x01\xff")])],
        [Node("username", {}, [Node("error", {"code": "404"})])],
    ],
)
@benched
async def test_what_is_hidden_or_nonsense_is_nothing(bench: Bench, children: list[Node]) -> None:
    answer_usync(bench, Node("user", {"jid": bench.ann.lid}, children))
    profile = await bench.client.contacts.profile(bench.ann.lid)
    assert profile.about is profile.picture_id is profile.verified_name is profile.username is None


@benched
async def test_a_user_that_nobody_knows(bench: Bench) -> None:
    answer_usync(bench)
    with pytest.raises(NotOnWhatsApp):
        await bench.client.contacts.profile(bench.ann.lid)


# --- pictures


def picture_node(picture_id: str) -> Node:
    return Node("picture", {"id": picture_id, "url": f"https://host/{picture_id}", "type": "image"})


@benched
async def test_a_picture_is_asked_for_with_a_token_once(bench: Bench) -> None:
    bench.server.script["picture"] = lambda request: result(request, picture_node("7"))
    token = Node("token", {"type": "trusted_contact", "t": str(NOW)}, b"permission")
    await bench.receive(notification("privacy_token", bench.ann.lid, Node("tokens", {}, [token])))
    for _ in range(2):
        picture = await bench.client.contacts.picture(bench.ann.lid)
        assert picture is not None
        assert (picture.id, picture.url) == ("7", "https://host/7")
    (asked,) = bench.server.asked("picture")
    assert asked.jid("target") == bench.ann.lid
    assert asked.required_child("picture").required_child("tctoken").data == b"permission"
    await bench.client.contacts.picture(bench.ann.lid, preview=True)
    await bench.client.profile.picture()
    own = bench.server.asked("picture")[-1]
    assert own.required_child("picture").children() == []


@pytest.mark.parametrize("code", [401, 403, 404])
@benched
async def test_no_picture_for_us(bench: Bench, code: int) -> None:
    bench.server.script["picture"] = refusal(code)
    assert await bench.client.contacts.picture(bench.ann.lid) is None


@benched
async def test_another_refusal_is_said(bench: Bench) -> None:
    bench.server.script["picture"] = refusal(429)
    with pytest.raises(IqError):
        await bench.client.contacts.picture(bench.ann.lid)


@benched
async def test_our_picture_is_a_jpeg(bench: Bench) -> None:
    bench.server.script["picture"] = lambda request: result(request, Node("picture", {"id": "9"}))
    assert await bench.client.profile.set_picture(b"\xff\xd8\xff rest") == "9"
    (asked,) = bench.server.asked("picture")
    assert asked.attr("target") is None
    for bad in (b"GIF89a", b"\xff\xd8\xff" + bytes(600_000)):
        with pytest.raises(LocalProtocolError):
            await bench.client.profile.set_picture(bad)
    assert await bench.client.profile.set_picture(None) is None


# --- about


@benched
async def test_about_is_changed_the_newer_way_first(bench: Bench) -> None:
    bench.server.script["query"] = lambda request: result(
        request, Node("result", {}, b'{"data": {"ok": true}}')
    )
    await bench.client.profile.set_about("Hello")
    assert bench.server.asked("status") == []
    refused = b'{"errors": [{"message": "gone", "extensions": {"error_code": 404}}]}'
    bench.server.script["query"] = lambda request: result(request, Node("result", {}, refused))
    await bench.client.profile.set_about("Again")
    (older,) = bench.server.asked("status")
    assert older.required_child("status").text == "Again"


@pytest.mark.parametrize("answer", [b"{", b"[]", b'{"data": 1}', b"[" * 100_000])
@benched
async def test_a_nonsense_answer_leads_to_the_older_way(bench: Bench, answer: bytes) -> None:
    bench.server.script["query"] = lambda request: result(request, Node("result", {}, answer))
    await bench.client.profile.set_about("Again")
    assert len(bench.server.asked("status")) == 1


# --- blocking


@benched
async def test_blocking_names_lid_and_number(bench: Bench) -> None:
    heard: list[Event] = []
    bench.client.subscribe(BlocklistChanged, heard.append)
    bench.server.script["item"] = result
    await bench.client.resolve_number(bench.ann.number)
    await bench.client.contacts.block(bench.ann.phone)
    await bench.client.contacts.unblock(bench.ann.lid)
    items = [node.required_child("item").attrs for node in bench.server.asked("item")]
    assert items == [
        {"action": "block", "jid": bench.ann.lid, "pn_jid": bench.ann.phone},
        {"action": "unblock", "jid": bench.ann.lid},
    ]
    assert heard == [
        BlocklistChanged(user=bench.ann.lid, blocked=True),
        BlocklistChanged(user=bench.ann.lid, blocked=False),
    ]


@benched
async def test_a_number_behind_a_lid_is_found_first(bench: Bench) -> None:
    answer_usync(
        bench, Node("user", {"jid": bench.ann.lid, "pn_jid": bench.ann.phone}, [Node("status")])
    )
    await bench.client.contacts.block(bench.ann.lid)
    (asked,) = bench.server.asked("item")
    assert asked.required_child("item").jid("pn_jid") == bench.ann.phone
    answer_usync(bench, Node("user", {"jid": bench.bob.lid}, [Node("status")]))
    with pytest.raises(NotOnWhatsApp):
        await bench.client.contacts.block(bench.bob.lid)


@benched
async def test_the_list_follows_our_other_devices(bench: Bench) -> None:
    listed = Node("list", {"dhash": "x"}, [Node("item", {"jid": bench.bob.lid}), Node("item")])
    bench.server.answer = lambda node: result(  # type: ignore[method-assign]
        node, *([listed] if node.attr("xmlns") == "blocklist" else [])
    )
    assert await bench.client.contacts.blocked() == {bench.bob.lid}
    change = Node("item", {"jid": bench.ann.lid, "action": "block"})
    await bench.receive(
        notification("account_sync", bench.me.phone, Node("blocklist", {}, [change]))
    )
    assert await bench.client.contacts.blocked() == {bench.bob.lid, bench.ann.lid}
    # From somebody else it is a lie.
    await bench.receive(notification("account_sync", bench.ann.phone, Node("blocklist", {}, [])))
    assert len(await bench.client.contacts.blocked()) == 2
    await bench.receive(notification("account_sync", bench.me.phone, Node("blocklist")))
    assert await bench.client.contacts.blocked() == {bench.bob.lid}
    # A change that builds on one that we missed.
    later = Node("blocklist", {"prev_dhash": "y", "dhash": "z"}, [change])
    await bench.receive(notification("account_sync", bench.me.phone, later))
    assert await bench.client.contacts.blocked() == {bench.bob.lid}


# --- what is told unasked


@benched
async def test_changes_of_others_are_told(bench: Bench) -> None:
    heard: list[Event] = []
    for kind in (PictureChanged, AboutChanged, DefaultTimerChanged):
        bench.client.subscribe(kind, heard.append)
    ann = bench.ann.lid
    timer = Node("disappearing_mode", {"duration": "604800", "t": "1"})
    for stanza in (
        notification("picture", ann, Node("set", {"id": "5", "author": ann})),
        notification("picture", GROUP, Node("delete", {"author": ann})),
        notification("picture", Jid("", "s.whatsapp.net"), Node("set", {"hash": "abc"})),
        notification("status", ann, Node("set", {}, "Away")),
        notification("disappearing_mode", ann, timer),
        notification("account_sync", bench.me.phone, timer),
        notification("business", ann, Node("profile")),
        notification("picture", ann),
        notification("status", ann),
        notification("disappearing_mode", ann),
    ):
        (ack,) = await bench.receive(stanza)
        assert ack.tag == "ack"
    assert heard == [
        PictureChanged(chat=ann, picture_id="5", author=ann),
        PictureChanged(chat=GROUP, picture_id=None, author=ann),
        AboutChanged(user=ann, about="Away"),
        DefaultTimerChanged(user=ann, seconds=604800),
        DefaultTimerChanged(user=bench.me.lid, seconds=604800),
    ]


@pytest.mark.parametrize("name", ["", "@", "x" * 100])
@benched
async def test_what_is_no_username_is_never_asked_for(bench: Bench, name: str) -> None:
    with pytest.raises(LocalProtocolError):
        await bench.client.contacts.find_username(name)
    assert bench.server.asked("usync") == []


@benched
async def test_a_username_that_nobody_has(bench: Bench) -> None:
    answer_usync(bench, Node("user", {}, [Node("contact", {"type": "out"})]))
    with pytest.raises(NotOnWhatsApp):
        await bench.client.contacts.find_username("nobody")


class Host(MediaTransport):
    """A host of pictures."""

    def __init__(self, status: int, chunks: list[bytes]) -> None:
        self.status = status
        self.chunks = chunks
        self.asked: list[str] = []

    @override
    async def post(
        self, url: str, body: AsyncIterable[bytes], *, length: int, timeout: float
    ) -> MediaAnswer:
        raise AssertionError("nothing is uploaded")

    @override
    @asynccontextmanager
    async def get(self, url: str, *, timeout: float) -> AsyncIterator[MediaStream]:
        self.asked.append(url)

        async def chunks() -> AsyncIterator[bytes]:
            for chunk in self.chunks:
                yield chunk

        yield MediaStream(self.status, None, chunks())


@benched
async def test_a_picture_is_fetched(bench: Bench) -> None:
    bench.server.script["picture"] = lambda request: result(request, picture_node("7"))
    with pytest.raises(LocalProtocolError):
        await bench.client.contacts.download_picture(bench.ann.lid)
    host = Host(200, [b"\xff\xd8", b"\xff rest"])
    bench.client.contacts._media = MediaSettings(http=host, folder=Path())
    assert await bench.client.contacts.download_picture(bench.ann.lid) == b"\xff\xd8\xff rest"
    assert host.asked == ["https://host/7"]
    host.chunks = [bytes(1 << 20)] * 5
    with pytest.raises(MediaTooLarge):
        await bench.client.contacts.download_picture(bench.ann.lid)
    host.status = 410
    with pytest.raises(MediaRefused):
        await bench.client.contacts.download_picture(bench.ann.lid)
    assert len(bench.server.asked("picture")) == 1
    bench.server.script["picture"] = refusal(404)
    assert await bench.client.contacts.download_picture(bench.ann.lid) is None


# --- settings that leave somebody out


@pytest.mark.parametrize("conflicts", [0, 1, 2])
@benched
async def test_a_list_that_changed_meanwhile_is_asked_for_once_more(
    bench: Bench, conflicts: int
) -> None:
    left = conflicts
    changes: list[Node] = []

    def answer(request: Node) -> Node:
        nonlocal left
        asked = request.required_child("privacy")
        if asked.child("list") is not None:
            listed = Node("list", {"dhash": "h"}, [Node("user", {"jid": bench.bob.lid})])
            return result(request, Node("privacy", {}, [listed]))
        changes.append(asked.required_child("category"))
        if left:
            left -= 1
            refused = refusal(409)(request)
            assert refused is not None
            return refused
        return result(request, Node("privacy", {}, [Node("category", {"dhash": "new"})]))

    bench.server.script["privacy"] = answer
    await bench.client.resolve_number(bench.ann.number)
    if conflicts == 2:
        with pytest.raises(IqError):
            await bench.client.privacy.exclude("last", [bench.ann.phone])
        return
    await bench.client.privacy.exclude("last", [bench.ann.phone])
    assert len(changes) == 1 + conflicts
    added, removed = changes[-1].children("user")
    assert changes[-1].attrs == {"name": "last", "value": "contact_blacklist", "dhash": "h"}
    assert added.attrs == {
        "action": "add",
        "jid": bench.ann.lid,
        "pn_jid": bench.ann.phone,
    }
    assert removed.attrs == {"action": "remove", "jid": bench.bob.lid}
