"""Groups: who is in them, what is set, and whom the server tells of changes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
import os
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_GROUP, STATUS_BROADCAST, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device

if TYPE_CHECKING:
    from .server import Simulator

FIRST_GROUP = 120_363_000_000_000_001
ADMIN = "admin"
SUPERADMIN = "superadmin"


@dataclass(frozen=True)
class Description:
    """What a group says of itself."""

    id: str
    body: str
    author: Account
    time: int


@dataclass(eq=False)
class Group:
    """A group; `lid` is the namespace in which its members are addressed."""

    id: str
    subject: str
    creator: Account
    created: int
    lid: bool
    members: dict[Account, str] = field(default_factory=dict)
    former: set[Account] = field(default_factory=set)
    subject_by: Account | None = None
    subject_time: int = 0
    description: Description | None = None
    announce: bool = False
    locked: bool = False
    approval: bool = False
    all_members_add: bool = True
    ephemeral: int = 0
    code: str = ""
    requests: dict[Account, int] = field(default_factory=dict)
    version: int = 1
    picture: bytes | None = None
    community: bool = False
    parent: Group | None = None
    default_of_parent: bool = False

    @property
    def jid(self) -> Jid:
        """The group's address."""
        return Jid(self.id, SERVER_GROUP)

    def is_admin(self, account: Account) -> bool:
        """Whether a member may change what only admins may."""
        return bool(self.members.get(account))

    def devices(self) -> list[Device]:
        """All devices of all members."""
        return [device for member in self.members for device in member.devices.values()]


class Groups:
    """All groups, and the changes that can be made to them."""

    def __init__(self, server: Simulator) -> None:
        self.server = server
        # Which namespace new groups get.
        self.lid_by_default = True
        # So many questions for a group are answered with "rate-overlimit".
        self.overlimit = 0
        self.refuse_to_be_added: set[Account] = set()
        self.asked: Counter[str] = Counter()
        self._by_id: dict[str, Group] = {}

    def all(self) -> list[Group]:
        """List all groups."""
        return list(self._by_id.values())

    def find(self, jid: Jid | None) -> Group | None:
        """Look a group up."""
        return self._by_id.get(jid.user) if jid is not None and jid.is_group else None

    def of(self, account: Account) -> list[Group]:
        """List the groups that an account is in."""
        return [group for group in self._by_id.values() if account in group.members]

    def by_code(self, code: str) -> Group | None:
        """Find the group that a link leads to."""
        return next((group for group in self._by_id.values() if code and group.code == code), None)

    # --- changes

    def create(
        self,
        actor: Account,
        subject: str,
        others: Iterable[Account] = (),
        *,
        lid: bool | None = None,
        tell: bool = True,
    ) -> Group:
        """Make a group; the actor is its superadmin."""
        now = self.server.now()
        group = Group(
            id=str(FIRST_GROUP + len(self._by_id)),
            subject=subject,
            creator=actor,
            created=now,
            lid=self.lid_by_default if lid is None else lid,
            subject_by=actor,
            subject_time=now,
            code=new_code(),
        )
        group.members[actor] = SUPERADMIN
        group.members.update(dict.fromkeys(others, ""))
        self._by_id[group.id] = group
        if tell:
            self.announce_creation(actor, group)
        return group

    def announce_creation(self, actor: Account, group: Group) -> None:
        """Tell all members of a new group."""
        self._tell_of_membership(actor, group, group.members, {"type": "new"})

    def add(
        self, actor: Account, group: Group, accounts: Iterable[Account], reason: str | None = None
    ) -> list[Account]:
        """Add members; return who is new."""
        new = [account for account in accounts if account not in group.members]
        if not new:
            return []
        old = list(group.members)
        group.members.update(dict.fromkeys(new, ""))
        for account in new:
            group.requests.pop(account, None)
            group.former.discard(account)
        why = {} if reason is None else {"reason": reason}
        self.notify(actor, group, self._change("add", group, new, **why), old)
        self._tell_of_membership(actor, group, new, why)
        return new

    def remove(self, actor: Account, group: Group, accounts: Iterable[Account]) -> list[Account]:
        """Remove members, or let the actor leave; they hear of it, and of nothing after."""
        gone = [account for account in accounts if account in group.members]
        if not gone:
            return []
        told = list(group.members)
        for account in gone:
            del group.members[account]
            group.former.add(account)
        self.notify(actor, group, self._change("remove", group, gone), told)
        if group.members and not any(group.members.values()):
            # Somebody has to have a say.
            self.set_role(actor, group, [next(iter(group.members))], ADMIN)
        return gone

    def set_role(
        self, actor: Account, group: Group, accounts: Iterable[Account], role: str
    ) -> list[Account]:
        """Make members admins, or take that back."""
        changed = [account for account in accounts if account in group.members]
        for account in changed:
            group.members[account] = role
        if changed:
            tag = "promote" if role else "demote"
            self.notify(actor, group, self._change(tag, group, changed))
        return changed

    def rename(self, actor: Account, group: Group, subject: str) -> None:
        """Give the group another name."""
        group.subject, group.subject_by = subject, actor
        group.subject_time = self.server.now()
        attributes: dict[str, str | Jid] = {
            "subject": subject,
            "s_o": actor.jid(lid=group.lid),
            "s_t": str(group.subject_time),
        }
        self.notify(actor, group, Node("subject", attributes))

    def describe(self, actor: Account, group: Group, description_id: str, body: str | None) -> None:
        """Give the group a description, or take it away."""
        if body is None:
            group.description = None
            child = Node("delete")
        else:
            group.description = Description(description_id, body, actor, self.server.now())
            child = Node("body", {}, body.encode())
        self.notify(actor, group, Node("description", {"id": description_id}, [child]))

    def ask_to_join(self, account: Account, group: Group) -> None:
        """Note a request; the admins hear of it."""
        group.requests[account] = self.server.now()
        admins = [member for member in group.members if group.is_admin(member)]
        requested: dict[str, str | Jid] = {"jid": account.jid(lid=group.lid)}
        if group.lid:
            requested["phone_number"] = account.pn_jid
        child = Node(
            "created_membership_requests",
            {"request_method": "invite_link"},
            [Node("requested_user", requested)],
        )
        self.notify(account, group, child, admins)

    def reject(self, actor: Account, group: Group, account: Account) -> None:
        """Turn a request down."""
        group.requests.pop(account, None)
        child = Node(
            "revoked_membership_requests",
            {},
            [Node("participant", {"jid": account.jid(lid=group.lid)})],
        )
        self.notify(actor, group, child, [*group.members, account])

    # --- telling

    def notify(
        self,
        actor: Account,
        group: Group,
        child: Node,
        accounts: Iterable[Account] | None = None,
    ) -> None:
        """Queue a notification for every device of the members, or of those named."""
        attributes: dict[str, str | Jid] = {
            "participant": actor.jid(lid=group.lid),
            "notify": actor.name,
        }
        if group.lid:
            attributes |= {"addressing_mode": "lid", "participant_pn": actor.pn_jid}
        for account in group.members if accounts is None else accounts:
            for device in list(account.devices.values()):
                self.server.notices.push(device, "w:gp2", group.jid, child, **attributes)

    def _tell_of_membership(
        self, actor: Account, group: Group, accounts: Iterable[Account], why: dict[str, str]
    ) -> None:
        """Tell new members what they are in: all of it at once."""
        child = Node("create", dict(why), [group_node(group)])
        self.notify(actor, group, child, list(accounts))

    def _change(self, tag: str, group: Group, accounts: list[Account], **attributes: str) -> Node:
        before, group.version = group.version, group.version + 1
        versions = {"v_id": str(group.version), "prev_v_id": str(before)}
        people = [participant_node(group, account) for account in accounts]
        return Node(tag, {**versions, **attributes}, people)


def new_code() -> str:
    """Make the secret part of an invite link."""
    return os.urandom(11).hex()


def participant_node(group: Group, account: Account, **attributes: str) -> Node:
    """Name a member in the group's namespace, and in the other one."""
    named: dict[str, str | Jid] = {"jid": account.jid(lid=group.lid)}
    named["phone_number" if group.lid else "lid"] = account.jid(lid=not group.lid)
    if role := group.members.get(account):
        named["type"] = role
    return Node("participant", {**named, **attributes})


def group_node(group: Group, *, members: bool = True) -> Node:
    """Describe a group as the wire does."""
    subject_by = group.subject_by or group.creator
    attributes: dict[str, str | Jid] = {
        "id": group.id,
        "subject": group.subject,
        "s_t": str(group.subject_time),
        "s_o": subject_by.jid(lid=group.lid),
        "creation": str(group.created),
        "creator": group.creator.jid(lid=group.lid),
        "size": str(len(group.members)),
        "addressing_mode": "lid" if group.lid else "pn",
        "p_v_id": str(group.version),
    }
    if group.lid:
        attributes |= {"s_o_pn": subject_by.pn_jid, "creator_pn": group.creator.pn_jid}
    children = [participant_node(group, account) for account in group.members if members]
    return Node("group", attributes, [*children, *_settings(group)])


def _settings(group: Group) -> list[Node]:
    mode = b"all_member_add" if group.all_members_add else b"admin_add"
    children = [Node("member_add_mode", {}, mode)]
    if group.description is not None:
        said = group.description
        attributes: dict[str, str | Jid] = {
            "id": said.id,
            "t": str(said.time),
            "participant": said.author.jid(lid=group.lid),
        }
        children.append(Node("description", attributes, [Node("body", {}, said.body.encode())]))
    if group.announce:
        children.append(Node("announcement"))
    if group.locked:
        children.append(Node("locked"))
    if group.ephemeral:
        children.append(Node("ephemeral", {"expiration": str(group.ephemeral), "trigger": "1"}))
    if group.approval:
        children.append(approval_node(on=True))
    if group.community:
        children.append(Node("parent", {"default_membership_approval_mode": "request_required"}))
    if group.parent is not None:
        children.append(Node("linked_parent", {"jid": group.parent.jid}))
    if group.default_of_parent:
        children.append(Node("default_sub_group"))
    return children


def approval_node(*, on: bool) -> Node:
    """Say whether admins decide on who joins."""
    state = Node("group_join", {"state": "on" if on else "off"})
    return Node("membership_approval_mode", {}, [state])


def is_room(chat: Jid) -> bool:
    """Whether many read what is written there."""
    return chat.is_group or chat == STATUS_BROADCAST
