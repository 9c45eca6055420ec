"""Calls: that somebody rings, and how it ends."""

from dataclasses import dataclass
from enum import StrEnum

from ..jid import Jid
from .base import Event


class CallState(StrEnum):
    """How a call stands."""

    RINGING = "ringing"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MISSED = "missed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChanged(Event):
    """Somebody calls our account, or a call was taken, refused or ended.

    A call that came while we were away is told as missed, and never rings. `timestamp`
    is in unix seconds.
    """

    call_id: str
    caller: Jid
    caller_phone: Jid | None
    group: Jid | None
    is_group: bool
    video: bool
    state: CallState
    timestamp: int
