"""What is known of groups: kept right by notifications, and asked for with restraint."""

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.group_directory import FIRST_REST
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    AttributeMissing,
    IqError,
    NotInGroup,
)
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.stanza.group import parse_group
from custom_components.whatsapp_web.aiowhatsapp.stanza.group_change import (
    MAX_CHANGES,
    GroupAction,
    parse_group_notification,
    parse_group_picture,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .bench import Bench, benched, refusal

GROUP = Jid("120363000000000001", "g.us")
ANN = Jid("901", "lid")


def group_node(*members: Jid, version: str = "1") -> Node:
    attrs: dict[str, str | Jid] = {
        "id": GROUP.user,
        "subject": "Family",
        "addressing_mode": "lid",
        "p_v_id": version,
    }
    return Node("group", attrs, [Node("participant", {"jid": member}) for member in members])


def told(*children: Node) -> Node:
    attrs: dict[str, str | Jid] = {"type": "w:gp2", "from": GROUP, "id": "1", "participant": ANN}
    return Node("notification", attrs, list(children))


def know(bench: Bench, *members: Jid) -> list[Node]:
    """Have the server answer questions for the group, and note them."""
    asked: list[Node] = []

    def answer(request: Node) -> Node:
        asked.append(request)
        attrs: dict[str, str | Jid] = {"type": "result", "id": request.required_attr("id")}
        return Node("iq", attrs, [group_node(*members)])

    bench.server.script["query"] = answer
    return asked


@benched
async def test_a_group_is_asked_for_once(bench: Bench) -> None:
    asked = know(bench, ANN)
    for _ in range(3):
        assert (await bench.client.groups.get(GROUP)).name == "Family"
    assert len(asked) == 1


@benched
async def test_a_missed_change_is_noticed_by_its_number(bench: Bench) -> None:
    asked = know(bench, ANN)
    await bench.client.groups.get(GROUP)
    change = Node("promote", {"v_id": "2", "prev_v_id": "1"}, [Node("participant", {"jid": ANN})])
    await bench.client.groups.on_notification(told(change))
    assert (await bench.client.groups.get(GROUP)).members[0].is_admin
    assert len(asked) == 1
    later = Node("demote", {"v_id": "9", "prev_v_id": "8"}, [Node("participant", {"jid": ANN})])
    await bench.client.groups.on_notification(told(later))
    await bench.client.groups.get(GROUP)
    assert len(asked) == 2


@benched
async def test_a_server_that_had_enough_is_left_alone(bench: Bench) -> None:
    bench.server.script["query"] = refusal(429)
    with pytest.raises(IqError):
        await bench.client.groups.get(GROUP)
    asked = know(bench, ANN)
    with pytest.raises(IqError) as raised:
        await bench.client.groups.get(GROUP)
    assert (raised.value.code, asked) == (429, [])
    await bench.clock.sleep(FIRST_REST)
    assert (await bench.client.groups.get(GROUP)).name == "Family"


@benched
async def test_what_is_known_serves_while_nothing_may_be_asked(bench: Bench) -> None:
    know(bench, ANN)
    await bench.client.groups.get(GROUP)
    modified = Node("modify", {}, [Node("participant", {"jid": ANN})])
    await bench.client.groups.on_notification(told(modified))
    bench.server.script["query"] = refusal(429)
    assert (await bench.client.groups.get(GROUP)).name == "Family"


@benched
async def test_who_is_not_in_a_group_is_told_so_without_asking_again(bench: Bench) -> None:
    know(bench, ANN)
    await bench.client.groups.get(GROUP)
    assert bench.client.groups.names == {GROUP: "Family"}
    us = Node("participant", {"jid": bench.client.own_lid})
    await bench.client.groups.on_notification(told(Node("remove", {}, [us])))
    asked = know(bench, ANN)
    with pytest.raises(NotInGroup):
        await bench.client.groups.get(GROUP)
    assert (asked, bench.client.groups.names) == ([], {})
    back = Node("create", {"reason": "invite"}, [group_node(ANN, bench.client.own_lid)])
    await bench.client.groups.on_notification(told(back))
    assert len((await bench.client.groups.get(GROUP)).members) == 2


def test_leaving_is_told_from_being_removed() -> None:
    left = Node("remove", {}, [Node("participant", {"jid": ANN})])
    removed = Node("remove", {}, [Node("participant", {"jid": Jid("902", "lid")})])
    notification = parse_group_notification(told(left, removed))
    actions = [change.action for change in notification.changes]
    assert actions == [GroupAction.LEFT, GroupAction.REMOVED]


@pytest.mark.parametrize(
    "child",
    [
        Node("create"),
        Node("create", {}, [Node("group")]),
        Node("create", {}, [Node("group", {"id": "1@s.whatsapp.net"})]),
        Node("subject"),
        Node("add", {}, [Node("participant")]),
        Node("add", {}, [Node("participant", {"jid": Jid("1", "g.us")})]),
        Node("ephemeral", {"expiration": "soon"}),
        Node("invite", {"code": "x" * 5000}),
        Node("something_new", {"x": "y"}),
        Node("x" * 5000),
    ],
    ids=lambda node: node.tag[:20],
)
@benched
async def test_what_makes_no_sense_changes_nothing(bench: Bench, child: Node) -> None:
    know(bench, ANN)
    before = await bench.client.groups.get(GROUP)
    await bench.client.groups.on_notification(told(child))
    assert await bench.client.groups.get(GROUP) == before


def test_a_flood_of_changes_is_cut_off() -> None:
    node = told(*(Node("locked") for _ in range(1000)))
    assert len(parse_group_notification(node).changes) == MAX_CHANGES


def test_a_group_needs_an_address() -> None:
    with pytest.raises(AttributeMissing):
        parse_group(Node("group", {"subject": "Family"}))


def test_of_pictures_only_those_of_groups_are_read_and_within_bounds() -> None:
    def read(source: Jid, *children: Node) -> tuple[object, ...] | None:
        node = Node("notification", {"type": "picture", "from": source, "t": "7"}, list(children))
        found = parse_group_picture(node)
        if found is None:
            return None
        (change,) = found.changes
        assert (change.action, found.timestamp) == (GroupAction.PICTURE_CHANGED, 7)
        return found.actor and found.actor.jid, change.value

    assert read(GROUP, Node("set", {"id": "5", "author": ANN})) == (ANN, "5")
    assert read(GROUP, Node("delete", {"id": "5", "author": GROUP})) == (None, None)
    (_, value) = read(GROUP, Node("set", {"id": "9" * 10_000})) or (None, "")
    assert isinstance(value, str)
    assert len(value) < 1000
    assert read(GROUP) is None
    assert read(ANN, Node("set", {"id": "5"})) is None
    assert read(Jid("", "g.us"), Node("set", {"id": "5"})) is None
