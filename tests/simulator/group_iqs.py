"""Requests about groups (w:g2)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device
from .groups import ADMIN, Group, approval_node, group_node, new_code, participant_node
from .iqs import IqRefused

if TYPE_CHECKING:
    from .server import Simulator

MAX_SUBJECT = 100
MAX_DESCRIPTION = 2048
TIMERS = (0, 86_400, 604_800, 7_776_000)


def answer(server: Simulator, device: Device, node: Node) -> list[Node]:
    """Answer one request about a group, or about groups at large."""
    children = node.children()
    if len(children) != 1:
        raise IqRefused(400, "bad-request")
    (child,) = children
    to = node.required_jid("to")
    kind = node.required_attr("type")
    server.groups.asked[f"{kind}:{child.tag}"] += 1
    if not to.user:
        handler = AT_LARGE.get((kind, child.tag))
        if handler is None:
            raise IqRefused(400, "bad-request")
        return handler(server, device.account, child)
    group = server.groups.find(to)
    if group is None:
        raise IqRefused(404, "item-not-found")
    if device.account not in group.members:
        raise IqRefused(403, "forbidden")
    handler_of_one = OF_ONE.get((kind, child.tag))
    if handler_of_one is None:
        raise IqRefused(400, "bad-request")
    return handler_of_one(server, device.account, group, child)


# --- at large


def _participating(server: Simulator, account: Account, child: Node) -> list[Node]:
    members = child.child("participants") is not None
    groups = [group_node(group, members=members) for group in server.groups.of(account)]
    return [Node("groups", {}, groups)]


def _create(server: Simulator, account: Account, child: Node) -> list[Node]:
    subject = child.required_attr("subject")
    if len(subject) > MAX_SUBJECT:
        raise IqRefused(406, "not-acceptable")
    asked = child.children("participant")
    found = [server.directory.find(each.required_jid("jid")) for each in asked]
    refusing = server.groups.refuse_to_be_added
    willing = [each for each in found if each is not None and each not in refusing]
    group = server.groups.create(account, subject, willing, tell=False)
    timer = child.child("ephemeral")
    group.ephemeral = timer.required_int("expiration") if timer is not None else 0
    group.announce = child.child("announcement") is not None
    group.locked = child.child("locked") is not None
    group.community = child.child("parent") is not None
    parent = child.child("linked_parent")
    if parent is not None:
        group.parent = server.groups.find(parent.required_jid("jid"))
    add_mode = child.child("member_add_mode")
    group.all_members_add = add_mode is None or add_mode.text == "all_member_add"
    approval = child.child("membership_approval_mode")
    if approval is not None:
        group.approval = approval.required_child("group_join").attr("state") == "on"
    said = child.child("description")
    server.groups.announce_creation(account, group)
    if said is not None:
        server.groups.describe(
            account, group, said.required_attr("id"), said.required_child("body").text
        )
    answer_node = group_node(group)
    for each in found:
        if each is not None and each in refusing:
            answer_node.children().append(participant_node(group, each, error="403"))
    return [answer_node]


def _leave(server: Simulator, account: Account, child: Node) -> list[Node]:
    answers = []
    for each in child.children("group"):
        group = server.groups.find(each.required_jid("id"))
        gone = [] if group is None else server.groups.remove(account, group, [account])
        attributes = each.attrs if gone else {**each.attrs, "error": "404"}
        answers.append(Node("group", dict(attributes)))
    return [Node("leave", {}, answers)]


def _invited_to(server: Simulator, child: Node) -> Group:
    group = server.groups.by_code(child.required_attr("code"))
    if group is None:
        raise IqRefused(410, "gone")
    return group


def _invite_info(server: Simulator, account: Account, child: Node) -> list[Node]:
    return [group_node(_invited_to(server, child))]


def _join(server: Simulator, account: Account, child: Node) -> list[Node]:
    group = _invited_to(server, child)
    if account in group.members:
        raise IqRefused(409, "conflict")
    if group.approval:
        server.groups.ask_to_join(account, group)
        return [Node("membership_approval_request", {"jid": group.jid})]
    server.groups.add(account, group, [account], reason="invite")
    return [Node("group", {"jid": group.jid})]


# --- of one


def _info(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    if server.groups.overlimit:
        server.groups.overlimit -= 1
        raise IqRefused(429, "rate-overlimit")
    return [group_node(group)]


def _invite(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    _require_admin(group, account)
    return [Node("invite", {"code": group.code})]


def _revoke_invite(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    _require_admin(group, account)
    group.code = new_code()
    server.groups.notify(account, group, Node("invite", {"code": group.code}))
    return [Node("invite", {"code": group.code})]


def _subject(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    _require_editor(group, account)
    if not 0 < len(child.text) <= MAX_SUBJECT:
        raise IqRefused(406, "not-acceptable")
    server.groups.rename(account, group, child.text)
    return []


def _description(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    _require_editor(group, account)
    known = group.description
    if known is not None and child.attr("prev") != known.id:
        raise IqRefused(409, "conflict")
    if child.attr("delete") == "true":
        server.groups.describe(account, group, child.attr("id") or new_code(), None)
        return []
    body = child.required_child("body").text
    if len(body) > MAX_DESCRIPTION:
        raise IqRefused(406, "not-acceptable")
    server.groups.describe(account, group, child.required_attr("id"), body)
    return []


def _participants(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    if child.tag != "add" or not group.all_members_add:
        _require_admin(group, account)
    outcomes = []
    changed: list[Account] = []
    for each in child.children("participant"):
        jid = each.required_jid("jid")
        found = server.directory.find(jid)
        error = _why_not(server, group, child.tag, found)
        if error is None and found is not None:
            changed.append(found)
        request = Node(
            "add_request", {"code": new_code(), "expiration": str(server.now() + 86_400)}
        )
        outcomes.append(
            Node(
                "participant",
                {"jid": jid} | ({} if error is None else {"error": error}),
                [request] if error == "403" else None,
            )
        )
    match child.tag:
        case "add":
            server.groups.add(account, group, changed)
        case "remove":
            server.groups.remove(account, group, changed)
        case "promote":
            server.groups.set_role(account, group, changed, ADMIN)
        case _:
            server.groups.set_role(account, group, changed, "")
    return [Node(child.tag, {}, outcomes)]


def _why_not(server: Simulator, group: Group, tag: str, account: Account | None) -> str | None:
    if account is None:
        return "404"
    if tag != "add":
        return None if account in group.members else "404"
    if account in group.members:
        return "409"
    return "403" if account in server.groups.refuse_to_be_added else None


def _setting(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    _require_admin(group, account)
    match child.tag:
        case "announcement" | "not_announcement":
            group.announce = child.tag == "announcement"
        case "locked" | "unlocked":
            group.locked = child.tag == "locked"
        case "ephemeral" | "not_ephemeral":
            group.ephemeral = child.required_int("expiration") if child.tag == "ephemeral" else 0
            if group.ephemeral not in TIMERS:
                raise IqRefused(400, "bad-request")
        case "member_add_mode":
            if child.text not in ("all_member_add", "admin_add"):
                raise IqRefused(400, "bad-request")
            group.all_members_add = child.text == "all_member_add"
        case _:
            group.approval = child.required_child("group_join").attr("state") == "on"
            child = approval_node(on=group.approval)
    server.groups.notify(account, group, Node(child.tag, dict(child.attrs), child.content))
    return []


def _requests(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    _require_admin(group, account)
    waiting = [
        Node(
            "membership_approval_request",
            {
                "jid": each.jid(lid=group.lid),
                "phone_number": each.pn_jid,
                "request_method": "invite_link",
                "request_time": str(time),
            },
        )
        for each, time in group.requests.items()
    ]
    return [Node("membership_approval_requests", {}, waiting)]


def _decide(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    _require_admin(group, account)
    answers = []
    for decision in child.children():
        outcomes = []
        for each in decision.children("participant"):
            jid = each.required_jid("jid")
            found = server.directory.find(jid)
            if found is None or found not in group.requests:
                outcomes.append(Node("participant", {"jid": jid, "error": "404"}))
                continue
            if decision.tag == "approve":
                server.groups.add(account, group, [found], reason="invite")
            else:
                server.groups.reject(account, group, found)
            outcomes.append(Node("participant", {"jid": jid}))
        answers.append(Node(decision.tag, {}, outcomes))
    return [Node("membership_requests_action", {}, answers)]


def _sub_groups(server: Simulator, account: Account, group: Group, child: Node) -> list[Node]:
    if not group.community:
        raise IqRefused(400, "bad-request")
    linked = [
        Node(
            "group",
            {"id": each.id, "subject": each.subject, "s_t": str(each.subject_time)},
            [Node("default_sub_group")] if each.default_of_parent else None,
        )
        for each in server.groups.all()
        if each.parent is group
    ]
    return [Node("sub_groups", {}, linked)]


def _require_admin(group: Group, account: Account) -> None:
    if not group.is_admin(account):
        raise IqRefused(401, "not-authorized")


def _require_editor(group: Group, account: Account) -> None:
    if group.locked:
        _require_admin(group, account)


type _AtLarge = Callable[[Simulator, Account, Node], list[Node]]
type _OfOne = Callable[[Simulator, Account, Group, Node], list[Node]]

AT_LARGE: dict[tuple[str, str], _AtLarge] = {
    ("get", "participating"): _participating,
    ("get", "invite"): _invite_info,
    ("set", "create"): _create,
    ("set", "invite"): _join,
    ("set", "leave"): _leave,
}
OF_ONE: dict[tuple[str, str], _OfOne] = {
    ("get", "query"): _info,
    ("get", "invite"): _invite,
    ("get", "membership_approval_requests"): _requests,
    ("get", "sub_groups"): _sub_groups,
    ("set", "invite"): _revoke_invite,
    ("set", "subject"): _subject,
    ("set", "description"): _description,
    ("set", "membership_requests_action"): _decide,
    **{("set", tag): _participants for tag in ("add", "remove", "promote", "demote")},
    **{
        ("set", tag): _setting
        for tag in (
            "announcement",
            "not_announcement",
            "locked",
            "unlocked",
            "ephemeral",
            "not_ephemeral",
            "member_add_mode",
            "membership_approval_mode",
        )
    },
}
