"""What a change makes of a group, as pure functions."""

from dataclasses import replace

from ..stanza.group import GroupInfo, GroupMember, GroupRole
from ..stanza.group_change import GroupAction, GroupChange


def apply_change(info: GroupInfo, change: GroupChange) -> GroupInfo:
    """Give the group as it is after a change; applying it twice changes nothing more."""
    info = _with_setting(_with_people(info, change), change)
    match change.action:
        case GroupAction.RENAMED if isinstance(change.value, str):
            info = replace(info, name=change.value)
        case GroupAction.DESCRIBED:
            text = change.value if isinstance(change.value, str) else None
            info = replace(info, description=text, description_id=change.description_id)
        case GroupAction.TIMER if isinstance(change.value, int):
            info = replace(info, timer=change.value)
        case _:
            pass
    return info if change.version is None else replace(info, version=change.version)


def _with_people(info: GroupInfo, change: GroupChange) -> GroupInfo:
    match change.action:
        case GroupAction.ADDED:
            return _with_members(info, _added(info.members, change.members))
        case GroupAction.REMOVED | GroupAction.LEFT:
            return _with_members(info, _without(info.members, change.members))
        case GroupAction.PROMOTED:
            return _with_role(info, change.members, GroupRole.ADMIN)
        case GroupAction.DEMOTED:
            return _with_role(info, change.members, GroupRole.MEMBER)
        case _:
            return info


def _with_setting(info: GroupInfo, change: GroupChange) -> GroupInfo:
    match change.action:
        case GroupAction.ONLY_ADMINS_SEND:
            return replace(info, only_admins_send=bool(change.value))
        case GroupAction.ONLY_ADMINS_EDIT:
            return replace(info, only_admins_edit=bool(change.value))
        case GroupAction.ONLY_ADMINS_ADD:
            return replace(info, only_admins_add=bool(change.value))
        case GroupAction.APPROVAL:
            return replace(info, approval=bool(change.value))
        case GroupAction.SUSPENDED:
            return replace(info, suspended=bool(change.value))
        case _:
            return info


def follows(info: GroupInfo, change: GroupChange) -> bool:
    """Whether nothing happened between what is known of the group and a change."""
    known, before = info.version, change.previous_version
    if known is None or before is None:
        return True
    return known in (before, change.version)


def _with_members(info: GroupInfo, members: tuple[GroupMember, ...]) -> GroupInfo:
    size = max(info.size + len(members) - len(info.members), len(members))
    return replace(info, members=members, size=size)


def _added(
    members: tuple[GroupMember, ...], new: tuple[GroupMember, ...]
) -> tuple[GroupMember, ...]:
    here = _forms(members)
    fresh = tuple(
        replace(member, error=None, code=None)
        for member in new
        if member.error is None and _forms([member]).isdisjoint(here)
    )
    return (*members, *fresh)


def _without(
    members: tuple[GroupMember, ...], gone: tuple[GroupMember, ...]
) -> tuple[GroupMember, ...]:
    away = _forms([member for member in gone if member.error is None])
    return tuple(member for member in members if _forms([member]).isdisjoint(away))


def _with_role(info: GroupInfo, changed: tuple[GroupMember, ...], role: GroupRole) -> GroupInfo:
    meant = _forms([member for member in changed if member.error is None])
    members = tuple(
        member if _forms([member]).isdisjoint(meant) else replace(member, role=role)
        for member in info.members
    )
    return replace(info, members=members)


def _forms(members: tuple[GroupMember, ...] | list[GroupMember]) -> set[object]:
    return {form for member in members for form in (member.jid, member.alternate) if form}
