"""Groups: what people do with them, and following what others do."""

from collections.abc import Sequence
from dataclasses import replace
import logging
import re
from typing import Final

from ..errors import IqError, LocalProtocolError
from ..events import GroupChanged
from ..iq.groups import (
    ChangeGroup,
    ChangeMembers,
    CreateGroup,
    DecideOnRequests,
    GetInvite,
    GetInvitedGroup,
    GetJoinRequests,
    GetSubGroups,
    Joined,
    JoinGroup,
    JoinRequest,
    LeaveGroup,
    MemberChange,
    RequestDecision,
)
from ..iq.profile_picture import SetProfilePicture
from ..jid import Jid
from ..message.ids import new_message_id
from ..stanza.group import MAX_CODE, GroupInfo, GroupMember, SubGroup
from ..stanza.group_change import (
    GroupAction,
    GroupChange,
    GroupNotification,
    parse_group_notification,
    parse_group_picture,
)
from ..wabinary import Node
from .context import Context
from .group_directory import GroupDirectory, pairs_of
from .identity import Identities
from .sender_keys import SenderKeys

_LOGGER = logging.getLogger(__name__)

# What the official clients let a person type.
MAX_NAME: Final = 100
MAX_DESCRIPTION: Final = 2048
# 24 hours, 7 days, 90 days: other timers the official apps ignore.
TIMERS: Final = (0, 86_400, 604_800, 7_776_000)
_LINK: Final = re.compile(r"(?:https?://)?(?:chat\.whatsapp\.com/(?:invite/)?)?([A-Za-z0-9_-]+)/?")
_LINK_PREFIX: Final = "https://chat.whatsapp.com/"

_OF_CHANGE: Final = {
    MemberChange.ADD: GroupAction.ADDED,
    MemberChange.REMOVE: GroupAction.REMOVED,
    MemberChange.PROMOTE: GroupAction.PROMOTED,
    MemberChange.DEMOTE: GroupAction.DEMOTED,
}
# Somebody who held our sender key may not read on.
_WHO_READS: Final = (GroupAction.REMOVED, GroupAction.LEFT, GroupAction.NUMBER_CHANGED)


class Groups:
    """All that concerns groups but writing to them."""

    def __init__(
        self,
        context: Context,
        *,
        identities: Identities,
        directory: GroupDirectory,
        sender_keys: SenderKeys,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._identities = identities
        self._directory = directory
        self._keys = sender_keys

    # --- what there is

    def name_of(self, group: Jid) -> str | None:
        """The name of a group, where it is known."""
        return self._directory.name_of(group)

    @property
    def names(self) -> dict[Jid, str]:
        """The names of all groups that we are in, as far as they are known."""
        return self._directory.names

    async def get(self, group: Jid) -> GroupInfo:
        """All about a group that we are in; the server is asked only when it must be.

        Raises `NotInGroup`, or what a request does.
        """
        await self._context.wait_online()
        return await self._directory.require(group)

    async def subgroups(self, community: Jid) -> tuple[SubGroup, ...]:
        """The groups of a community."""
        await self._context.wait_online()
        return await self._context.execute(GetSubGroups(community))

    # --- making and leaving

    async def create(
        self,
        name: str,
        members: Sequence[Jid],
        *,
        timer: int = 0,
        community: bool = False,
        parent: Jid | None = None,
    ) -> GroupInfo:
        """Make a group; members that could not be added carry an `error`.

        Raises `IqError` when the server refuses it as a whole.
        """
        _check_text(name, MAX_NAME)
        _check_timer(timer)
        await self._context.wait_online()
        info = await self._context.execute(
            CreateGroup(
                name=name,
                members=[self._member(member) for member in members],
                timer=timer,
                community=community,
                parent=parent,
            )
        )
        here = tuple(member for member in info.members if member.error is None)
        await self._directory.keep(replace(info, members=here))
        return info

    async def leave(self, group: Jid) -> None:
        """Leave a group."""
        await self._context.wait_online()
        await self._context.execute(LeaveGroup(group))
        await self._keys.drop(group)
        await self._directory.leave(group)

    # --- members

    async def change_members(
        self, group: Jid, change: MemberChange, members: Sequence[Jid]
    ) -> tuple[GroupMember, ...]:
        """Add, remove, promote or demote; those whom it failed for carry an `error`.

        403 is "does not want to be added": `code` then goes into an invitation by message.
        """
        info = await self.get(group)
        asked = [self._named_in(info, member) for member in members]
        outcome = await self._context.execute(
            ChangeMembers(group=group, change=change, members=asked)
        )
        # Whom the server does not name in its answer it has not refused.
        refused = {member.jid for member in outcome if member.error is not None}
        done = tuple(member for member in asked if member.jid not in refused)
        await self._apply(group, GroupChange(action=_OF_CHANGE[change], members=done))
        return outcome

    async def join_requests(self, group: Jid) -> tuple[JoinRequest, ...]:
        """Who asks to join."""
        await self._context.wait_online()
        return await self._context.execute(GetJoinRequests(group))

    async def decide(
        self, group: Jid, decision: RequestDecision, members: Sequence[Jid]
    ) -> tuple[GroupMember, ...]:
        """Approve or reject requests; those that were none carry an `error`."""
        info = await self.get(group)
        asked = [self._named_in(info, member) for member in members]
        return await self._context.execute(
            DecideOnRequests(group=group, decision=decision, members=asked)
        )

    # --- what a group is

    async def rename(self, group: Jid, name: str) -> None:
        """Give a group another name."""
        _check_text(name, MAX_NAME)
        await self._change(group, Node("subject", {}, name.encode()))
        await self._apply(group, GroupChange(action=GroupAction.RENAMED, value=name))

    async def set_picture(self, group: Jid, jpeg: bytes | None) -> None:
        """Give a group a picture, a JPEG of 640 by 640, or take it away."""
        await self._context.wait_online()
        await self._context.execute(SetProfilePicture(jpeg=jpeg, group=group))

    async def describe(self, group: Jid, text: str | None) -> None:
        """Give a group a description, or take it away."""
        if text:
            _check_text(text, MAX_DESCRIPTION)
        try:
            await self._describe(await self.get(group), text or None)
        except IqError as err:
            if err.code != 409:
                raise
            # Somebody else described it just now: what follows on that is asked for anew.
            await self._describe(await self._directory.refresh(group), text or None)

    async def _describe(self, info: GroupInfo, text: str | None) -> None:
        context = self._context
        new_id = new_message_id(
            context.own.phone.user, now=context.now(), random_bytes=context.random_bytes
        )
        attrs: dict[str, str | Jid] = {"id": new_id}
        if info.description_id is not None:
            attrs["prev"] = info.description_id
        if text is None:
            change = Node("description", {**attrs, "delete": "true"})
        else:
            change = Node("description", attrs, [Node("body", {}, text.encode())])
        await self._change(info.jid, change)
        described = GroupChange(
            action=GroupAction.DESCRIBED,
            value=text,
            description_id=None if text is None else new_id,
        )
        await self._apply(info.jid, described)

    async def configure(
        self,
        group: Jid,
        *,
        only_admins_send: bool | None = None,
        only_admins_edit: bool | None = None,
        only_admins_add: bool | None = None,
        approval: bool | None = None,
        timer: int | None = None,
    ) -> None:
        """Change settings; None leaves one as it is. `timer` is in seconds, 0 is never."""
        if only_admins_send is not None:
            tag = "announcement" if only_admins_send else "not_announcement"
            await self._set(group, Node(tag), GroupAction.ONLY_ADMINS_SEND, only_admins_send)
        if only_admins_edit is not None:
            tag = "locked" if only_admins_edit else "unlocked"
            await self._set(group, Node(tag), GroupAction.ONLY_ADMINS_EDIT, only_admins_edit)
        if only_admins_add is not None:
            mode = b"admin_add" if only_admins_add else b"all_member_add"
            change = Node("member_add_mode", {}, mode)
            await self._set(group, change, GroupAction.ONLY_ADMINS_ADD, only_admins_add)
        if approval is not None:
            state = Node("group_join", {"state": "on" if approval else "off"})
            change = Node("membership_approval_mode", {}, [state])
            await self._set(group, change, GroupAction.APPROVAL, approval)
        if timer is not None:
            _check_timer(timer)
            change = Node("ephemeral", {"expiration": str(timer)}) if timer else _NO_TIMER
            await self._set(group, change, GroupAction.TIMER, timer)

    # --- invitations

    async def invite_link(self, group: Jid, *, reset: bool = False) -> str:
        """The link that leads into a group; `reset` makes the old one worthless."""
        await self._context.wait_online()
        return _LINK_PREFIX + await self._context.execute(GetInvite(group, reset))

    async def invited_group(self, link: str) -> GroupInfo:
        """All about the group that a link, or its code, leads to."""
        await self._context.wait_online()
        return await self._context.execute(GetInvitedGroup(_code_of(link)))

    async def join(self, link: str) -> Joined:
        """Join the group that a link, or its code, leads to."""
        await self._context.wait_online()
        joined = await self._context.execute(JoinGroup(_code_of(link)))
        if not joined.pending:
            await self._directory.doubt(joined.group)
        return joined

    # --- following others

    async def on_ready(self) -> None:
        """Learn of all groups once; from then on notifications tell."""
        await self._directory.fetch_all()

    async def on_dirty(self) -> None:
        """The server says that we missed changes: note that, then ask for all groups anew."""
        await self._directory.doubt_all()
        self._context.spawn(self.on_ready(), "learning of all groups anew")

    async def on_notification(self, node: Node) -> None:
        """Follow what happened in a group, and tell the listeners."""
        notification = parse_group_notification(node)
        known = [member for change in notification.changes for member in change.members]
        if notification.actor is not None:
            known.append(notification.actor)
        await self._identities.learn(pairs_of(known), overwrite=False)
        for change in notification.changes:
            await self._follow(notification, change)
            self._tell(notification, change)

    async def on_picture(self, node: Node) -> None:
        """Tell the listeners that a group has another picture, or none."""
        notification = parse_group_picture(node)
        if notification is not None:
            for change in notification.changes:
                self._tell(notification, change)

    async def _follow(self, notification: GroupNotification, change: GroupChange) -> None:
        group = notification.group
        if change.info is not None:
            if change.info.jid == group:
                await self._directory.keep(change.info)
            return
        leaving = change.action in (GroupAction.REMOVED, GroupAction.LEFT)
        if change.action is GroupAction.DELETED or (leaving and self._are_we(change.members)):
            await self._keys.drop(group)
            await self._directory.leave(group)
            return
        await self._apply(group, change)

    async def _apply(self, group: Jid, change: GroupChange) -> None:
        """Let what is known follow a change, and our key the members."""
        if change.action in _WHO_READS:
            await self._keys.drop(group)
        await self._directory.follow(group, change)

    def _tell(self, notification: GroupNotification, change: GroupChange) -> None:
        context = self._context
        actor = notification.actor
        members = change.members
        if change.info is not None and change.action is GroupAction.ADDED:
            # It is us who came to the group.
            members = (GroupMember(jid=context.own.lid.bare),)
        elif change.info is not None:
            members = change.info.members
        context.emit(
            GroupChanged(
                group=notification.group,
                name=self._directory.name_of(notification.group),
                action=change.action,
                by=None if actor is None else context.canonical(actor.jid),
                by_phone=None if actor is None else context.phone_of(actor.jid),
                members=tuple(context.canonical(member.jid) for member in members),
                value=change.value,
                timestamp=notification.timestamp,
                offline=notification.offline,
            )
        )

    # --- inside

    async def _set(self, group: Jid, change: Node, action: GroupAction, value: int) -> None:
        await self._change(group, change)
        await self._apply(group, GroupChange(action=action, value=value))

    async def _change(self, group: Jid, change: Node) -> None:
        await self._context.wait_online()
        await self._context.execute(ChangeGroup(group, change))

    def _are_we(self, members: Sequence[GroupMember]) -> bool:
        forms = {form for member in members for form in (member.jid, member.alternate) if form}
        return any(self._context.own.is_self(form) for form in forms)

    def _member(self, jid: Jid) -> GroupMember:
        """Name a user for a group that is to be: by LID where one is known."""
        known = self._context.canonical(jid.bare)
        return GroupMember(
            jid=known, alternate=self._context.phone_of(known) if known.is_lid else None
        )

    def _named_in(self, info: GroupInfo, jid: Jid) -> GroupMember:
        """Name a user as the group does."""
        here = info.member(*self._context.forms_of(jid))
        if here is not None:
            return here
        if info.by_lid:
            return self._member(jid)
        return GroupMember(jid=self._context.phone_of(jid) or jid.bare)


_NO_TIMER: Final = Node("not_ephemeral")


def _check_text(text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest:
        raise LocalProtocolError(f"Not between 1 and {longest} characters")


def _check_timer(seconds: int) -> None:
    if seconds not in TIMERS:
        raise LocalProtocolError("Messages disappear after 1, 7 or 90 days, or never")


def _code_of(link: str) -> str:
    match = _LINK.fullmatch(link.strip().split("?", maxsplit=1)[0])
    if match is None or len(match[1]) > MAX_CODE:
        raise LocalProtocolError("Not an invitation link")
    return match[1]
