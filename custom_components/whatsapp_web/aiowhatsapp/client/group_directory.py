"""What is known of groups: asked for once, then kept right by notifications."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
import logging
from typing import Final
from weakref import WeakValueDictionary

from ..errors import IqError, NotInGroup
from ..iq.groups import GetAllGroups, GetGroup
from ..jid import SERVER_LID, SERVER_USER, Jid
from ..proto import storage
from ..stanza.group import GroupInfo, GroupMember, GroupRole
from ..stanza.group_change import GroupAction, GroupChange
from .context import Context
from .group_changes import apply_change, follows
from .identity import Identities

_LOGGER = logging.getLogger(__name__)

# Notifications keep the groups right; this bounds what a missed one costs.
CACHE_SECONDS: Final = 7 * 24 * 3600
# Groups held in memory, members and all.
KEPT_OPEN: Final = 16
# Between two questions about single groups, and after the server had enough of them.
PAUSE: Final = 0.5
FIRST_REST: Final = 60.0
LONGEST_REST: Final = 3600.0
_OVERLIMIT: Final = (429, 503)
_NOT_IN_IT: Final = (401, 403, 404)
ALL_GROUPS_KNOWN: Final = "groups_fetched"

_ROLES: Final = (GroupRole.MEMBER, GroupRole.ADMIN, GroupRole.SUPERADMIN)


class GroupDirectory:
    """Groups in the store, their names in memory, and asking the server for what is missing."""

    def __init__(self, context: Context, identities: Identities) -> None:
        """Share the client's context; `identities` keeps the LIDs that members have."""
        self._context = context
        self._identities = identities
        self._names: dict[Jid, str] = {}
        self._left: set[Jid] = set()
        self._open: OrderedDict[Jid, storage.GroupRecord] = OrderedDict()
        self._asking: WeakValueDictionary[Jid, asyncio.Lock] = WeakValueDictionary()
        self._changing = asyncio.Lock()
        self._pacing = asyncio.Lock()
        self._next_question = 0.0
        self._rest = FIRST_REST

    async def load(self) -> None:
        """Read the names of all groups, at the start."""
        for name, record in (await self._context.store.groups.all(None)).items():
            self._note(Jid.parse(name), record)
            await asyncio.sleep(0)

    # --- what is known

    def name_of(self, group: Jid) -> str | None:
        """The name of a group, where it is known."""
        return self._names.get(group)

    @property
    def names(self) -> dict[Jid, str]:
        """The names of all groups that we are in."""
        return {group: name for group, name in self._names.items() if group not in self._left}

    async def peek(self, group: Jid) -> GroupInfo | None:
        """What is known of a group, however old; None when we are not in it."""
        record = await self._record(group)
        return None if record is None or record.left else read_record(group, record)

    async def require(self, group: Jid) -> GroupInfo:
        """All about a group that we are in; asks the server only when it must.

        Raises `NotInGroup`, or what the request does when nothing is known.
        """
        lock = self._asking.get(group)
        if lock is None:
            lock = self._asking[group] = asyncio.Lock()
        async with lock:
            record = await self._record(group)
            if record is not None and record.left:
                raise NotInGroup("We are not in this group")
            if record is not None and self._is_fresh(record):
                return read_record(group, record)
            try:
                return await self._fetch(group)
            except IqError as err:
                if record is None or err.code not in _OVERLIMIT:
                    raise
                # Better what was right some time ago than nothing.
                return read_record(group, record)

    async def refresh(self, group: Jid) -> GroupInfo:
        """Ask the server for a group, whatever is known. Raises as `require` does."""
        return await self._fetch(group)

    async def doubt_all(self) -> None:
        """Note that changes of groups were missed: `fetch_all` has to be done again."""
        await self._context.store.meta.delete(None, ALL_GROUPS_KNOWN)

    async def fetch_all(self) -> None:
        """Ask the server once for all groups; those that it does not list we are not in."""
        context = self._context
        if await context.store.meta.get(None, ALL_GROUPS_KNOWN) is not None:
            return
        infos = await context.execute(GetAllGroups())
        listed = {info.jid for info in infos}
        for info in infos:
            await self.keep(info)
        for group in self.names:
            if group not in listed:
                await self.leave(group)
        await context.store.meta.put(None, ALL_GROUPS_KNOWN, b"\x01")

    # --- keeping it

    async def keep(self, info: GroupInfo) -> None:
        """Keep all about a group, as the server just said it."""
        await self._identities.learn(pairs_of(info.members), overwrite=False)
        async with self._changing:
            record = write_record(info)
            record.fetched_at = self._context.now()
            await self._write(info.jid, record)

    async def follow(self, group: Jid, change: GroupChange) -> None:
        """Let what is known follow a change; what can't is asked for when it is needed."""
        if change.action is GroupAction.OTHER:
            return
        async with self._changing:
            record = await self._record(group)
            if record is None or record.left:
                # We may be in it again.
                await self._forget(group)
                return
            info = read_record(group, record)
            changed = write_record(apply_change(info, change))
            unclear = change.action is GroupAction.NUMBER_CHANGED or not follows(info, change)
            if record.fetched_at and not unclear:
                changed.fetched_at = record.fetched_at
            await self._write(group, changed)

    async def leave(self, group: Jid) -> None:
        """Note that we are no longer in a group; its name stays."""
        async with self._changing:
            record = await self._record(group)
            if record is not None and not record.left:
                gone = storage.GroupRecord(name=record.name, by_lid=record.by_lid, left=True)
                await self._write(group, gone)

    async def doubt(self, group: Jid) -> None:
        """Ask the server for a group when it is next needed."""
        async with self._changing:
            record = await self._record(group)
            if record is None or record.left:
                await self._forget(group)
                return
            doubtful = storage.GroupRecord()
            doubtful.CopyFrom(record)
            doubtful.ClearField("fetched_at")
            await self._write(group, doubtful)

    # --- inside

    async def _fetch(self, group: Jid) -> GroupInfo:
        await self._wait_for_turn()
        try:
            info = await self._context.execute(GetGroup(group))
        except IqError as err:
            if err.code in _OVERLIMIT:
                self._take_a_rest(err.backoff)
            elif err.code in _NOT_IN_IT:
                await self.leave(group)
                raise NotInGroup("We are not in this group") from err
            raise
        self._rest = FIRST_REST
        await self.keep(info)
        return info

    async def _wait_for_turn(self) -> None:
        """Pace the questions; raise `IqError` while the server wants none."""
        clock = self._context.clock
        async with self._pacing:
            wait = self._next_question - clock.monotonic()
            if wait > PAUSE:
                raise IqError(429, "rate-overlimit", int(wait))
            if wait > 0:
                await clock.sleep(wait)
            self._next_question = clock.monotonic() + PAUSE

    def _take_a_rest(self, backoff: int | None) -> None:
        rest = min(max(float(backoff or 0), self._rest), LONGEST_REST)
        self._rest = min(self._rest * 2, LONGEST_REST)
        self._next_question = self._context.clock.monotonic() + rest
        _LOGGER.warning("The server wants no more questions about groups for %.0f s", rest)

    def _is_fresh(self, record: storage.GroupRecord) -> bool:
        now = self._context.now()
        # A time from the future is one from before the clock was set right.
        return now - CACHE_SECONDS < record.fetched_at <= now

    async def _record(self, group: Jid) -> storage.GroupRecord | None:
        record = self._open.get(group)
        if record is None:
            record = await self._context.store.groups.get(None, str(group))
            if record is not None:
                self._remember(group, record)
        return record

    async def _write(self, group: Jid, record: storage.GroupRecord) -> None:
        store = self._context.store
        known = await self._record(group)
        async with store.transaction() as tx:
            await store.groups.put(tx, str(group), record)
            if (0 if known is None else known.timer) != record.timer:
                # What is written there disappears like everything else in the group.
                await store.chat_timers.put(tx, group, storage.TimerRecord(seconds=record.timer))
        self._remember(group, record)
        self._note(group, record)

    async def _forget(self, group: Jid) -> None:
        await self._context.store.groups.delete(None, str(group))
        self._open.pop(group, None)
        self._names.pop(group, None)
        self._left.discard(group)

    def _remember(self, group: Jid, record: storage.GroupRecord) -> None:
        self._open[group] = record
        self._open.move_to_end(group)
        if len(self._open) > KEPT_OPEN:
            self._open.popitem(last=False)

    def _note(self, group: Jid, record: storage.GroupRecord) -> None:
        self._names[group] = record.name
        if record.left:
            self._left.add(group)
        else:
            self._left.discard(group)


def pairs_of(members: Iterable[GroupMember]) -> list[tuple[Jid, Jid]]:
    """Name the phone numbers and LIDs that go together."""
    return [pair for member in members if (pair := member.pair) is not None]


def write_record(info: GroupInfo) -> storage.GroupRecord:
    """Put a group into the form in which it is stored."""
    record = storage.GroupRecord(
        name=info.name,
        by_lid=info.by_lid,
        created_at=info.created_at,
        only_admins_send=info.only_admins_send,
        only_admins_edit=info.only_admins_edit,
        only_admins_add=info.only_admins_add,
        approval=info.approval,
        timer=info.timer,
        size=min(info.size, 0xFFFFFFFF),
        is_community=info.is_community,
        is_announcements=info.is_announcements,
        suspended=info.suspended,
        incomplete=info.incomplete,
        creator=None if info.creator is None else str(info.creator),
        parent=None if info.parent is None else str(info.parent),
        description=info.description,
        description_id=info.description_id,
        version=info.version,
    )
    for member in info.members:
        forms = {form.is_lid: form.user for form in (member.jid, member.alternate) if form}
        record.members.add(
            lid=forms.get(True), phone=forms.get(False), role=_ROLES.index(member.role)
        )
    return record


def read_record(group: Jid, record: storage.GroupRecord) -> GroupInfo:
    """Read a group as it was stored."""
    return GroupInfo(
        jid=group,
        name=record.name,
        by_lid=record.by_lid,
        members=tuple(_read_member(member, record.by_lid) for member in record.members),
        creator=Jid.parse(record.creator) if record.creator else None,
        created_at=record.created_at,
        description=record.description if record.HasField("description") else None,
        description_id=record.description_id or None,
        only_admins_send=record.only_admins_send,
        only_admins_edit=record.only_admins_edit,
        only_admins_add=record.only_admins_add,
        approval=record.approval,
        timer=record.timer,
        size=record.size,
        is_community=record.is_community,
        is_announcements=record.is_announcements,
        parent=Jid.parse(record.parent) if record.parent else None,
        suspended=record.suspended,
        incomplete=record.incomplete,
        version=record.version or None,
    )


def _read_member(member: storage.GroupRecord.Member, by_lid: bool) -> GroupMember:  # noqa: FBT001
    lid = Jid(member.lid, SERVER_LID) if member.lid else None
    phone = Jid(member.phone, SERVER_USER) if member.phone else None
    first, second = (lid, phone) if by_lid else (phone, lid)
    if first is None:
        # A member may be named in the other namespace than the group's.
        first, second = second, None
    return GroupMember(
        jid=first or Jid("", SERVER_USER),
        alternate=second,
        role=_ROLES[min(member.role, len(_ROLES) - 1)],
    )
