"""Requests about people: their wire form, and answers good and bad."""

from collections.abc import Callable
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing, IqError
from custom_components.whatsapp_web.aiowhatsapp.iq.blocklist import ChangeBlocklist, GetBlocklist
from custom_components.whatsapp_web.aiowhatsapp.iq.mex import MexQuery
from custom_components.whatsapp_web.aiowhatsapp.iq.newsletter import FollowLive, GetPosts
from custom_components.whatsapp_web.aiowhatsapp.iq.privacy import (
    AudienceKind,
    GetPrivacy,
    GetStatusAudience,
    SetDefaultTimer,
    SetPrivacy,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.profile import (
    GetBusinessProfile,
    GetProfiles,
    SetAbout,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.profile_picture import (
    GetProfilePicture,
    PictureUnchanged,
    SetProfilePicture,
)
from custom_components.whatsapp_web.aiowhatsapp.iq.spec import IqSpec
from custom_components.whatsapp_web.aiowhatsapp.iq.usync import FindUsername
from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_JID, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

ANN, PHONE = Jid("2002", "lid"), Jid.of_number("15550002222")
GROUP = Jid("120363000000000001", "g.us")
CHANNEL = Jid("120363400000000001", "newsletter")


def answer(*children: Node) -> Node:
    return Node("iq", {"type": "result", "id": "1"}, list(children))


def error(code: int) -> Node:
    return Node("iq", {"type": "error", "id": "1"}, [Node("error", {"code": str(code)})])


@pytest.mark.parametrize(
    ("spec", "namespace", "kind", "to"),
    [
        (GetPrivacy(), "privacy", "get", SERVER_JID),
        (SetPrivacy("last", "none"), "privacy", "set", SERVER_JID),
        (SetDefaultTimer(86400), "disappearing_mode", "set", SERVER_JID),
        (GetStatusAudience(), "status", "get", SERVER_JID),
        (SetAbout("hi"), "status", "set", SERVER_JID),
        (GetBlocklist(), "blocklist", "get", SERVER_JID),
        (ChangeBlocklist(lid=ANN, phone=PHONE, block=True), "blocklist", "set", SERVER_JID),
        (GetProfilePicture(target=ANN), "w:profile:picture", "get", SERVER_JID),
        (SetProfilePicture(jpeg=b"x"), "w:profile:picture", "set", SERVER_JID),
        (GetBusinessProfile(ANN), "w:biz", "get", SERVER_JID),
        (GetProfiles(users=[ANN], session_id="s"), "usync", "get", SERVER_JID),
        (FindUsername(username="ann", pin=None, session_id="s"), "usync", "get", SERVER_JID),
        (GetPosts(channel=CHANNEL, count=5), "newsletter", "get", SERVER_JID),
        (FollowLive(CHANNEL), "newsletter", "set", CHANNEL),
        (MexQuery(query_id="1"), "w:mex", "get", SERVER_JID),
    ],
)
def test_where_a_request_goes(spec: IqSpec[Any], namespace: str, kind: str, to: Jid) -> None:
    node = spec.build_iq("7")
    assert (node.attr("xmlns"), node.attr("type"), node.jid("to")) == (namespace, kind, to)


def test_whose_picture_is_asked_for() -> None:
    asked = GetProfilePicture(target=ANN, preview=True, known_id="5", token=Node("tctoken"))
    node = asked.build_iq("7")
    assert node.jid("target") == ANN
    picture = node.required_child("picture")
    assert picture.attrs == {"type": "preview", "query": "url", "id": "5"}
    assert picture.child("tctoken") is not None
    assert SetProfilePicture(jpeg=None, group=GROUP).build_iq("7").jid("target") == GROUP
    assert SetProfilePicture(jpeg=None).build_iq("7").content is None


def test_unblocking_names_no_number() -> None:
    (item,) = ChangeBlocklist(lid=ANN, phone=PHONE, block=False).build()
    assert item.attrs == {"action": "unblock", "jid": ANN}


def picture(**attrs: str) -> Node:
    return Node("picture", {"id": "5", "url": "https://host/5", **attrs})


def test_a_picture_is_read() -> None:
    spec = GetProfilePicture(target=ANN)
    found = spec.parse_iq(answer(picture(direct_path="/5?a")))
    assert found is not None
    assert (found.id, found.url, found.direct_path) == ("5", "https://host/5", "/5?a")
    assert "host" not in repr(found)


@pytest.mark.parametrize(
    "node",
    [
        answer(),
        answer(Node("picture", {"status": "204"})),
        answer(Node("picture", {}, [Node("error", {"code": "404"})])),
        answer(Node("picture", {"id": "5"})),
        error(404),
    ],
)
def test_no_picture(node: Node) -> None:
    assert GetProfilePicture(target=ANN).parse_iq(node) is None


@pytest.mark.parametrize("node", [answer(), answer(Node("picture", {"status": "304"}))])
def test_the_same_picture(node: Node) -> None:
    with pytest.raises(PictureUnchanged):
        GetProfilePicture(target=ANN, known_id="5").parse_iq(node)


@pytest.mark.parametrize(
    "node", [error(401), answer(Node("picture", {}, [Node("error", {"code": "401"})]))]
)
def test_a_hidden_picture(node: Node) -> None:
    with pytest.raises(IqError) as caught:
        GetProfilePicture(target=ANN).parse_iq(node)
    assert caught.value.code == 401


def test_settings_are_read_and_bounded() -> None:
    categories = [
        Node("category", {"name": f"n{index}", "value": "v" * 999}) for index in range(99)
    ]
    nameless = [Node("category", {"value": "all"}), Node("category", {"name": "last"})]
    found = GetPrivacy().parse(answer(Node("privacy", {}, nameless + categories)))
    assert len(found) == 62
    assert set(map(len, found.values())) == {64}


def audience(kind: str, *users: Jid, **attrs: str) -> Node:
    return Node("list", {"type": kind, **attrs}, [Node("user", {"jid": user}) for user in users])


def test_the_audience_of_a_status() -> None:
    def parse(*lists: Node) -> Any:
        return GetStatusAudience().parse(answer(Node("privacy", {}, list(lists))))

    assert parse().kind is AudienceKind.CONTACTS
    found = parse(audience("blacklist", PHONE), audience("whitelist", ANN, default="true"))
    assert (found.kind, found.users) == (AudienceKind.ONLY, (ANN,))
    assert parse(audience("blacklist", PHONE)).kind is AudienceKind.ALL_BUT
    with pytest.raises(AttributeMissing):
        parse(audience("everybody"))


@pytest.mark.parametrize("wrap", [lambda items: [Node("list", {"dhash": "h"}, items)], list])
def test_the_blocklist_is_read_with_or_without_a_list(
    wrap: Callable[[list[Node]], list[Node]],
) -> None:
    items = [Node("item", {"jid": ANN.with_device(3)}), Node("item")]
    assert GetBlocklist().parse(answer(*wrap(items))).users == {ANN}


def test_a_business_without_anything() -> None:
    business = GetBusinessProfile(ANN).parse(
        answer(Node("business_profile", {}, [Node("profile", {"jid": ANN})]))
    )
    assert business is not None
    assert (business.address, business.websites, business.hours) == (None, (), ())
    assert GetBusinessProfile(ANN).parse(answer()) is None


@pytest.mark.parametrize(
    "node",
    [
        answer(),
        answer(Node("result")),
        answer(Node("result", {}, b"\xff")),
        answer(Node("result", {}, b'{"data": null}')),
        answer(Node("result", {}, b" " * (2 << 20))),
    ],
)
def test_a_stored_query_answered_with_nonsense(node: Node) -> None:
    with pytest.raises(AttributeMissing):
        MexQuery(query_id="1").parse(node)


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ('[{"message": "no", "extensions": {"error_code": 403}}]', 403),
        ('[{"message": 5}]', 0),
        ('["no"]', 0),
        ('[{"extensions": {"error_code": "x"}}]', 0),
    ],
)
def test_a_stored_query_that_is_refused(errors: str, code: int) -> None:
    data = f'{{"data": {{}}, "errors": {errors}}}'.encode()
    with pytest.raises(IqError) as caught:
        MexQuery(query_id="1").parse(answer(Node("result", {}, data)))
    assert caught.value.code == code
