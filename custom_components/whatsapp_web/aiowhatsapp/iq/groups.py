"""Groups: what they are, and changing them.

```
<iq xmlns="w:g2" type="get" to=GROUP><query request="interactive"/></iq>   -> <group ..>
<iq xmlns="w:g2" type="get" to="@g.us"><participating>..</participating></iq>
   -> <groups><group ..>..</groups>
<iq xmlns="w:g2" type="set" to="@g.us"><create subject>..</create></iq>    -> <group ..>
<iq xmlns="w:g2" type="set" to=GROUP><add><participant jid/>..</add></iq>
   -> <add><participant jid {error}/>..</add>
```
and so on: docs/protocol.md names the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..errors import AttributeMissing, DecodeError
from ..jid import GROUP_SERVER_JID, Jid
from ..stanza.group import (
    MAX_CODE,
    MAX_MEMBERS,
    GroupInfo,
    GroupMember,
    SubGroup,
    group_jid,
    parse_group,
    parse_members,
)
from ..wabinary import Node
from .spec import CommandSpec, IqSpec

NAMESPACE: Final = "w:g2"
MAX_GROUPS: Final = 10_000


class MemberChange(StrEnum):
    """What can be done to members; the values are the wire's."""

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"
    DEMOTE = "demote"


class RequestDecision(StrEnum):
    """What admins answer to those who ask to join."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """Somebody who asks to join; `requested_at` is in unix seconds."""

    member: GroupMember
    requested_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The group that an invitation led to; `pending` while its admins decide."""

    group: Jid
    pending: bool


@dataclass(frozen=True, slots=True)
class GetGroup(IqSpec[GroupInfo]):
    """All about one group that we are in."""

    namespace = NAMESPACE

    group: Jid

    @property
    def to(self) -> Jid:
        """The group itself."""
        return self.group

    def build(self) -> list[Node]:
        """`<query request/>`."""
        return [Node("query", {"request": "interactive"})]

    def parse(self, node: Node) -> GroupInfo:
        """Read the group; a community has a name of its own for it."""
        return parse_group(node.child("group") or node.required_child("community"))


@dataclass(frozen=True, slots=True)
class GetAllGroups(IqSpec[tuple[GroupInfo, ...]]):
    """All about all groups that we are in."""

    namespace = NAMESPACE

    @property
    def to(self) -> Jid:
        """Groups at large."""
        return GROUP_SERVER_JID

    def build(self) -> list[Node]:
        """`<participating>`, with members and descriptions."""
        return [Node("participating", {}, [Node("participants"), Node("description")])]

    def parse(self, node: Node) -> tuple[GroupInfo, ...]:
        """Leave out groups that make no sense."""
        groups = []
        for child in node.required_child("groups").children("group")[:MAX_GROUPS]:
            try:
                groups.append(parse_group(child))
            except AttributeMissing, DecodeError:
                continue
        return tuple(groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroup(IqSpec[GroupInfo]):
    """Make a group of ourselves and others; `members` are phone numbers or LIDs."""

    namespace = NAMESPACE
    type = "set"

    name: str = field(repr=False)
    members: Sequence[GroupMember]
    timer: int = 0
    community: bool = False
    parent: Jid | None = None

    @property
    def to(self) -> Jid:
        """Groups at large."""
        return GROUP_SERVER_JID

    def build(self) -> list[Node]:
        """`<create subject>` with the members and what is set from the start."""
        children = [_participant(member) for member in self.members]
        if self.parent is not None:
            children.append(Node("linked_parent", {"jid": self.parent}))
        if self.community:
            mode = {"default_membership_approval_mode": "request_required"}
            children.append(Node("parent", dict(mode)))
        if self.timer:
            children.append(Node("ephemeral", {"expiration": str(self.timer)}))
        return [Node("create", {"subject": self.name}, children)]

    def parse(self, node: Node) -> GroupInfo:
        """Read the new group; members that were refused carry an error."""
        return parse_group(node.required_child("group"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMembers(IqSpec[tuple[GroupMember, ...]]):
    """Add, remove, promote or demote; each member has an outcome of their own."""

    namespace = NAMESPACE
    type = "set"

    group: Jid
    change: MemberChange
    members: Sequence[GroupMember]

    @property
    def to(self) -> Jid:
        """The group itself."""
        return self.group

    def build(self) -> list[Node]:
        """`<add><participant/>..</add>` and the like."""
        adding = self.change is MemberChange.ADD
        people = [
            _participant(member) if adding else Node("participant", {"jid": member.jid})
            for member in self.members
        ]
        return [Node(self.change.value, {}, people)]

    def parse(self, node: Node) -> tuple[GroupMember, ...]:
        """Read who was refused, by `error`."""
        return parse_members(node.required_child(self.change.value))


@dataclass(frozen=True, slots=True)
class LeaveGroup(CommandSpec):
    """Leave a group."""

    namespace = NAMESPACE

    group: Jid

    @property
    def to(self) -> Jid:
        """Groups at large."""
        return GROUP_SERVER_JID

    def build(self) -> list[Node]:
        """`<leave><group id/></leave>`."""
        return [Node("leave", {}, [Node("group", {"id": self.group})])]


@dataclass(frozen=True, slots=True)
class ChangeGroup(CommandSpec):
    """Change what a group is: name, description or a setting, as one child says."""

    namespace = NAMESPACE

    group: Jid
    change: Node = field(repr=False)

    @property
    def to(self) -> Jid:
        """The group itself."""
        return self.group

    def build(self) -> list[Node]:
        """The change."""
        return [self.change]


@dataclass(frozen=True, slots=True)
class GetInvite(IqSpec[str]):
    """The code of the link that leads into a group; `reset` makes the old one worthless."""

    namespace = NAMESPACE

    group: Jid
    reset: bool = False

    @property
    def to(self) -> Jid:
        """The group itself."""
        return self.group

    def build_iq(self, request_id: str) -> Node:
        """Ask for it, or set a new one."""
        kind = "set" if self.reset else "get"
        attrs: dict[str, str | Jid] = {"id": request_id, "xmlns": NAMESPACE, "type": kind}
        return Node("iq", {**attrs, "to": self.to}, self.build())

    def build(self) -> list[Node]:
        """`<invite/>`."""
        return [Node("invite")]

    def parse(self, node: Node) -> str:
        """Read the code."""
        code = node.required_child("invite").required_attr("code")
        if len(code) > MAX_CODE:
            raise AttributeMissing("an invitation that is too long")
        return code


@dataclass(frozen=True, slots=True)
class GetInvitedGroup(IqSpec[GroupInfo]):
    """All about the group that a link leads to, without joining it."""

    namespace = NAMESPACE

    code: str = field(repr=False)

    @property
    def to(self) -> Jid:
        """Groups at large."""
        return GROUP_SERVER_JID

    def build(self) -> list[Node]:
        """`<invite code/>`."""
        return [Node("invite", {"code": self.code})]

    def parse(self, node: Node) -> GroupInfo:
        """Read the group."""
        return parse_group(node.required_child("group"))


@dataclass(frozen=True, slots=True)
class JoinGroup(IqSpec[Joined]):
    """Join the group that a link leads to."""

    namespace = NAMESPACE
    type = "set"

    code: str = field(repr=False)

    @property
    def to(self) -> Jid:
        """Groups at large."""
        return GROUP_SERVER_JID

    def build(self) -> list[Node]:
        """`<invite code/>`."""
        return [Node("invite", {"code": self.code})]

    def parse(self, node: Node) -> Joined:
        """Read which group it is, and whether its admins have to agree first."""
        waiting = node.child("membership_approval_request")
        found = waiting or node.required_child("group")
        return Joined(group=group_jid(found), pending=waiting is not None)


@dataclass(frozen=True, slots=True)
class GetJoinRequests(IqSpec[tuple[JoinRequest, ...]]):
    """Who asks to join."""

    namespace = NAMESPACE

    group: Jid

    @property
    def to(self) -> Jid:
        """The group itself."""
        return self.group

    def build(self) -> list[Node]:
        """`<membership_approval_requests/>`."""
        return [Node("membership_approval_requests")]

    def parse(self, node: Node) -> tuple[JoinRequest, ...]:
        """Leave out requests that make no sense."""
        listed = node.required_child("membership_approval_requests")
        requests = []
        for child in listed.children("membership_approval_request")[:MAX_MEMBERS]:
            (member,) = parse_members(Node("of", {}, [Node("participant", child.attrs)])) or (None,)
            if member is not None:
                time = child.int_attr("request_time", default=0)
                requests.append(JoinRequest(member=member, requested_at=time))
        return tuple(requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideOnRequests(IqSpec[tuple[GroupMember, ...]]):
    """Approve or reject those who ask to join."""

    namespace = NAMESPACE
    type = "set"

    group: Jid
    decision: RequestDecision
    members: Sequence[GroupMember]

    @property
    def to(self) -> Jid:
        """The group itself."""
        return self.group

    def build(self) -> list[Node]:
        """`<membership_requests_action><approve|reject>..`."""
        people = [Node("participant", {"jid": member.jid}) for member in self.members]
        decided = Node(self.decision.value, {}, people)
        return [Node("membership_requests_action", {}, [decided])]

    def parse(self, node: Node) -> tuple[GroupMember, ...]:
        """Read who was refused, by `error`."""
        action = node.required_child("membership_requests_action")
        return parse_members(action.required_child(self.decision.value))


@dataclass(frozen=True, slots=True)
class GetSubGroups(IqSpec[tuple[SubGroup, ...]]):
    """The groups of a community."""

    namespace = NAMESPACE

    community: Jid

    @property
    def to(self) -> Jid:
        """The community itself."""
        return self.community

    def build(self) -> list[Node]:
        """`<sub_groups/>`."""
        return [Node("sub_groups")]

    def parse(self, node: Node) -> tuple[SubGroup, ...]:
        """Leave out groups that make no sense."""
        groups = []
        for child in node.required_child("sub_groups").children("group")[:MAX_GROUPS]:
            try:
                info = parse_group(child)
            except AttributeMissing, DecodeError:
                continue
            groups.append(
                SubGroup(jid=info.jid, name=info.name, is_announcements=info.is_announcements)
            )
        return tuple(groups)


def _participant(member: GroupMember) -> Node:
    attrs: dict[str, str | Jid] = {"jid": member.jid}
    if member.jid.is_lid and member.alternate is not None:
        attrs["phone_number"] = member.alternate
    return Node("participant", attrs)
