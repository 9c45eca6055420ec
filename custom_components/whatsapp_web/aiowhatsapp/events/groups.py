"""What happens in groups."""

from dataclasses import dataclass, field

from ..jid import Jid
from ..stanza.group_change import GroupAction
from .base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged(Event):
    """Something changed in a group that we are in, or we came to it or left it.

    `by` did it and `members` are those it was done to, by LID where one is known;
    `value` is what the thing is now: the new name, whether a setting is on, seconds of
    the timer. `timestamp` is in unix seconds.
    """

    group: Jid
    name: str | None = field(repr=False)
    action: GroupAction
    by: Jid | None
    by_phone: Jid | None
    members: tuple[Jid, ...]
    value: str | int | bool | None = field(repr=False)
    timestamp: int
    offline: bool
