"""What a group is, as the server describes it.

```
<group id subject {s_t s_o} creation {creator} {size} {addressing_mode="lid"} {p_v_id}>
  <participant jid {type="admin|superadmin"} {lid|phone_number} {error}/> ..
  {<description id {t participant}><body>text</body></description>}
  {<announcement/>} {<locked/>} {<ephemeral expiration/>} {<member_add_mode>text</>}
  {<membership_approval_mode><group_join state="on|off"/></>}
  {<parent/>} {<linked_parent jid/>} {<default_sub_group/>} {<suspended/>}
  {<missing_participant_identification/>}
</group>
```
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..errors import AttributeMissing
from ..jid import SERVER_GROUP, Jid
from ..wabinary import Node

# Communities' announcement groups take 5000; more is no group.
MAX_MEMBERS: Final = 10_000
MAX_NAME: Final = 256
MAX_DESCRIPTION: Final = 4096
MAX_ID: Final = 128
MAX_CODE: Final = 64
# The longest timer that there is, and room for one to come: ten years.
MAX_TIMER: Final = 10 * 366 * 24 * 3600


class GroupRole(StrEnum):
    """What a member may do."""

    MEMBER = "member"
    ADMIN = "admin"
    SUPERADMIN = "superadmin"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """A member, bare, in the namespace of the group and, where it is known, in the other.

    `error` is the server's number when a change of this member was refused, and `code`
    what an invitation by message takes instead.
    """

    jid: Jid
    alternate: Jid | None = None
    role: GroupRole = GroupRole.MEMBER
    error: str | None = None
    code: str | None = field(default=None, repr=False)
    code_expires_at: int = 0

    @property
    def is_admin(self) -> bool:
        """Whether the member may change what only admins may."""
        return self.role is not GroupRole.MEMBER

    @property
    def pair(self) -> tuple[Jid, Jid] | None:
        """The phone number and the LID, where both are known."""
        if self.alternate is None:
            return None
        first, second = self.jid, self.alternate
        return (second, first) if first.is_lid else (first, second)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInfo:
    """A group. `by_lid` says in which namespace its members are addressed.

    `incomplete` means that the server did not name all members. `parent` is the
    community that the group belongs to.
    """

    jid: Jid
    name: str = field(repr=False)
    by_lid: bool = False
    members: tuple[GroupMember, ...] = field(default=(), repr=False)
    creator: Jid | None = None
    created_at: int = 0
    description: str | None = field(default=None, repr=False)
    description_id: str | None = None
    only_admins_send: bool = False
    only_admins_edit: bool = False
    only_admins_add: bool = False
    approval: bool = False
    timer: int = 0
    size: int = 0
    is_community: bool = False
    is_announcements: bool = False
    parent: Jid | None = None
    suspended: bool = False
    incomplete: bool = False
    version: str | None = None

    def member(self, *forms: Jid) -> GroupMember | None:
        """Find a member by any of their addresses."""
        wanted = {form.bare for form in forms}
        for member in self.members:
            if member.jid in wanted or member.alternate in wanted:
                return member
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubGroup:
    """A group of a community."""

    jid: Jid
    name: str = field(repr=False)
    is_announcements: bool = False


def parse_group(node: Node) -> GroupInfo:
    """Read a `<group>`; raise `AttributeMissing` when it names no group."""
    description = node.child("description")
    members = parse_members(node)
    return GroupInfo(
        jid=group_jid(node),
        name=(node.attr("subject") or "")[:MAX_NAME],
        by_lid=node.attr("addressing_mode") == "lid",
        members=members,
        creator=_bare(node.jid("creator")),
        created_at=max(node.int_attr("creation", default=0), 0),
        description=None if description is None else body_of(description),
        description_id=None if description is None else _short(description.attr("id")),
        only_admins_send=node.child("announcement") is not None,
        only_admins_edit=node.child("locked") is not None,
        only_admins_add=_text_of(node, "member_add_mode") == "admin_add",
        approval=approval_of(node.child("membership_approval_mode")),
        timer=timer_of(node.child("ephemeral")),
        size=max(node.int_attr("size", default=len(members)), 0),
        is_community=node.child("parent") is not None,
        is_announcements=node.child("default_sub_group") is not None,
        parent=_jid_of(node, "linked_parent"),
        suspended=node.child("suspended") is not None,
        incomplete=node.child("missing_participant_identification") is not None,
        version=_short(node.attr("p_v_id")),
    )


def group_jid(node: Node) -> Jid:
    """Read the address of a `<group>`: whole, or its user part alone."""
    text = node.attr("jid") or node.required_attr("id")
    jid = Jid(text, SERVER_GROUP) if "@" not in text else Jid.parse(text)
    if not jid.is_group or not jid.user or len(jid.user) > MAX_ID:
        raise AttributeMissing("a group without an address")
    return jid


def parse_members(node: Node) -> tuple[GroupMember, ...]:
    """Read the `<participant>`s; one that makes no sense is left out."""
    members = []
    for child in node.children("participant")[:MAX_MEMBERS]:
        try:
            members.append(parse_member(child))
        except AttributeMissing:
            continue
    return tuple(members)


def parse_member(node: Node) -> GroupMember:
    """Read one `<participant>`; raise `AttributeMissing` when it is nobody."""
    jid = node.required_jid("jid").bare
    if not jid.is_user:
        raise AttributeMissing("a member who is no user")
    alternate = node.jid("phone_number" if jid.is_lid else "lid")
    if alternate is not None and (not alternate.is_user or alternate.is_lid == jid.is_lid):
        alternate = None
    role = node.attr("type") or ""
    request = node.child("add_request")
    return GroupMember(
        jid=jid,
        alternate=_bare(alternate),
        role=GroupRole(role) if role in _ADMINS else GroupRole.MEMBER,
        error=_short(node.attr("error")),
        code=None if request is None else (request.attr("code") or "")[:MAX_CODE] or None,
        code_expires_at=0 if request is None else request.int_attr("expiration", default=0),
    )


def body_of(description: Node) -> str | None:
    """Read what a description says; None when it was taken away."""
    body = description.child("body")
    return None if body is None else body.text[:MAX_DESCRIPTION]


def timer_of(node: Node | None) -> int:
    """Read after how many seconds messages disappear; 0 is never."""
    seconds = 0 if node is None else node.int_attr("expiration", default=0)
    return min(max(seconds, 0), MAX_TIMER)


def approval_of(node: Node | None) -> bool:
    """Read whether admins decide on who joins."""
    state = None if node is None else node.child("group_join")
    return state is not None and state.attr("state") == "on"


_ADMINS: Final = (GroupRole.ADMIN, GroupRole.SUPERADMIN)


def _bare(jid: Jid | None) -> Jid | None:
    return None if jid is None else jid.bare


def _short(text: str | None) -> str | None:
    return text[:MAX_ID] if text else None


def _text_of(node: Node, tag: str) -> str:
    child = node.child(tag)
    return "" if child is None else child.text[:MAX_ID]


def _jid_of(node: Node, tag: str) -> Jid | None:
    child = node.child(tag)
    jid = None if child is None else child.jid("jid")
    return jid.bare if jid is not None and jid.is_group else None
