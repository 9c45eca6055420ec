"""`<notification type="w:gp2">`: something changed in a group.

```
<notification type="w:gp2" from=GROUP participant=ACTOR {participant_pn|participant_lid}
              id t {offline}>
  <create {type="new"} {reason}><group ..></create> | <add {v_id prev_v_id}><participant ..>.. |
  <remove ..> | <promote ..> | <demote ..> | <subject subject ..> | <description id>.. |
  <announcement/> <not_announcement/> <locked/> <unlocked/> <ephemeral expiration/> .. | ..
</notification>
```
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..errors import AttributeMissing, DecodeError
from ..jid import Jid
from ..wabinary import Node
from .group import (
    MAX_CODE,
    MAX_ID,
    MAX_NAME,
    GroupInfo,
    GroupMember,
    approval_of,
    body_of,
    parse_group,
    parse_members,
    timer_of,
)
from .message import MAX_TIMESTAMP

# One notification tells of one change; this bounds a hostile one.
MAX_CHANGES: Final = 32


class GroupAction(StrEnum):
    """What happened to a group, in one stable word."""

    CREATED = "created"
    ADDED = "added"
    REMOVED = "removed"
    LEFT = "left"
    PROMOTED = "promoted"
    DEMOTED = "demoted"
    RENAMED = "renamed"
    DESCRIBED = "described"
    PICTURE_CHANGED = "picture_changed"
    ONLY_ADMINS_SEND = "only_admins_send"
    ONLY_ADMINS_EDIT = "only_admins_edit"
    ONLY_ADMINS_ADD = "only_admins_add"
    APPROVAL = "approval"
    TIMER = "timer"
    INVITE_REVOKED = "invite_revoked"
    JOIN_REQUESTED = "join_requested"
    JOIN_REQUEST_ENDED = "join_request_ended"
    NUMBER_CHANGED = "number_changed"
    LINKED = "linked"
    UNLINKED = "unlinked"
    SUSPENDED = "suspended"
    DELETED = "deleted"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """One change; `value` is what the thing is now, or the server's word for the unknown."""

    action: GroupAction
    members: tuple[GroupMember, ...] = ()
    value: str | int | bool | None = field(default=None, repr=False)
    info: GroupInfo | None = None
    description_id: str | None = None
    version: str | None = None
    previous_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNotification:
    """What happened in a group, and who did it."""

    group: Jid
    actor: GroupMember | None
    timestamp: int
    offline: bool
    changes: tuple[GroupChange, ...]


def parse_group_notification(node: Node) -> GroupNotification:
    """Read a notification; a change in it that makes no sense is left out.

    Raises `AttributeMissing` when it is of no group.
    """
    group = node.required_jid("from")
    if not group.is_group or not group.user:
        raise AttributeMissing("a notification of no group")
    actor = _actor(node)
    changes = []
    for child in node.children()[:MAX_CHANGES]:
        try:
            changes.append(_change(child, actor))
        except AttributeMissing, DecodeError:
            continue
    return GroupNotification(
        group=group,
        actor=actor,
        timestamp=_timestamp(node),
        offline=node.attr("offline") is not None,
        changes=tuple(changes),
    )


def parse_group_picture(node: Node) -> GroupNotification | None:
    """Read that a picture was set or removed; None when it is no group's."""
    group, (child, *_) = node.required_jid("from"), (*node.children(), None)
    if not group.is_group or not group.user or child is None:
        return None
    author = child.jid("author")
    picture_id = None if child.tag == "delete" else (child.attr("id") or "")[:MAX_ID] or None
    return GroupNotification(
        group=group,
        actor=GroupMember(jid=author.bare) if author is not None and author.is_user else None,
        timestamp=_timestamp(node),
        offline=node.attr("offline") is not None,
        changes=(GroupChange(action=GroupAction.PICTURE_CHANGED, value=picture_id),),
    )


def _timestamp(node: Node) -> int:
    return min(max(node.int_attr("t", default=0), 0), MAX_TIMESTAMP)


def _actor(node: Node) -> GroupMember | None:
    jid = node.jid("participant")
    if jid is None or not jid.is_user:
        return None
    alternate = node.jid("participant_pn" if jid.is_lid else "participant_lid")
    if alternate is not None and (not alternate.is_user or alternate.is_lid == jid.is_lid):
        alternate = None
    return GroupMember(jid=jid.bare, alternate=alternate and alternate.bare)


def _change(node: Node, actor: GroupMember | None) -> GroupChange:
    if (action := _OF_MEMBERS.get(node.tag)) is not None:
        return _change_of_members(node, action, actor)
    if (setting := _SWITCHES.get(node.tag)) is not None:
        return GroupChange(action=setting[0], value=setting[1])
    read = _READERS.get(node.tag)
    if read is not None:
        return read(node, actor)
    return GroupChange(action=GroupAction.OTHER, value=node.tag[:MAX_ID])


def _change_of_members(node: Node, action: GroupAction, actor: GroupMember | None) -> GroupChange:
    members = parse_members(node)
    if action is GroupAction.REMOVED and _is_about(members, actor):
        action = GroupAction.LEFT
    return GroupChange(
        action=action,
        members=members,
        version=_short(node.attr("v_id")),
        previous_version=_short(node.attr("prev_v_id")),
    )


def _is_about(members: tuple[GroupMember, ...], actor: GroupMember | None) -> bool:
    """Whether the one who did it is the only one it was done to."""
    if actor is None or len(members) != 1:
        return False
    ours = {actor.jid, actor.alternate} - {None}
    return not ours.isdisjoint({members[0].jid, members[0].alternate})


def _created(node: Node, _actor: GroupMember | None) -> GroupChange:
    info = parse_group(node.required_child("group"))
    new = node.attr("type") == "new"
    # Whoever comes to a group that is there already is told all of it, too.
    action = GroupAction.CREATED if new else GroupAction.ADDED
    return GroupChange(action=action, info=info, value=info.name, version=info.version)


def _renamed(node: Node, _actor: GroupMember | None) -> GroupChange:
    name = node.required_attr("subject")[:MAX_NAME]
    return GroupChange(action=GroupAction.RENAMED, value=name)


def _described(node: Node, _actor: GroupMember | None) -> GroupChange:
    return GroupChange(
        action=GroupAction.DESCRIBED,
        value=body_of(node),
        description_id=None if node.child("body") is None else _short(node.attr("id")),
    )


def _timed(node: Node, _actor: GroupMember | None) -> GroupChange:
    return GroupChange(action=GroupAction.TIMER, value=timer_of(node))


def _add_mode(node: Node, _actor: GroupMember | None) -> GroupChange:
    return GroupChange(action=GroupAction.ONLY_ADMINS_ADD, value=node.text == "admin_add")


def _approval(node: Node, _actor: GroupMember | None) -> GroupChange:
    return GroupChange(action=GroupAction.APPROVAL, value=approval_of(node))


def _invite(node: Node, _actor: GroupMember | None) -> GroupChange:
    code = (node.attr("code") or "")[:MAX_CODE] or None
    return GroupChange(action=GroupAction.INVITE_REVOKED, value=code)


def _requested(node: Node, _actor: GroupMember | None) -> GroupChange:
    found = [Node("participant", user.attrs) for user in node.children("requested_user")]
    members = parse_members(Node("requested", {}, found))
    return GroupChange(action=GroupAction.JOIN_REQUESTED, members=members)


def _request_by_actor(_node: Node, actor: GroupMember | None) -> GroupChange:
    members = () if actor is None else (actor,)
    return GroupChange(action=GroupAction.JOIN_REQUESTED, members=members)


def _short(text: str | None) -> str | None:
    return text[:MAX_ID] if text else None


_OF_MEMBERS: Final = {
    "add": GroupAction.ADDED,
    "remove": GroupAction.REMOVED,
    "leave": GroupAction.LEFT,
    "promote": GroupAction.PROMOTED,
    "demote": GroupAction.DEMOTED,
    "modify": GroupAction.NUMBER_CHANGED,
    "revoked_membership_requests": GroupAction.JOIN_REQUEST_ENDED,
}

_SWITCHES: Final[dict[str, tuple[GroupAction, bool]]] = {
    "announcement": (GroupAction.ONLY_ADMINS_SEND, True),
    "not_announcement": (GroupAction.ONLY_ADMINS_SEND, False),
    "locked": (GroupAction.ONLY_ADMINS_EDIT, True),
    "unlocked": (GroupAction.ONLY_ADMINS_EDIT, False),
    "suspended": (GroupAction.SUSPENDED, True),
    "unsuspended": (GroupAction.SUSPENDED, False),
    "delete": (GroupAction.DELETED, True),
    "link": (GroupAction.LINKED, True),
    "unlink": (GroupAction.UNLINKED, True),
}

type _Reader = Callable[[Node, GroupMember | None], GroupChange]

_READERS: Final[dict[str, _Reader]] = {
    "create": _created,
    "subject": _renamed,
    "description": _described,
    "ephemeral": _timed,
    "not_ephemeral": _timed,
    "member_add_mode": _add_mode,
    "membership_approval_mode": _approval,
    "invite": _invite,
    "revoke": _invite,
    "created_membership_requests": _requested,
    "membership_approval_request": _request_by_actor,
}
