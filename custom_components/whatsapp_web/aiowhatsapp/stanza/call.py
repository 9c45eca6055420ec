"""`<call>`: somebody calls, or what became of a call.

```
<call from id t {notify} {offline}>
  <offer call-id call-creator {caller_pn} {group-jid} {type="group"}><audio/>{<video/>}..</offer>
  | <offer_notice call-id call-creator {media="audio|video"} {type="group"}/>
  | <accept ../> | <reject ../> | <terminate call-id call-creator {reason}/> | <transport ../> ..
</call>
```
"""

from dataclasses import dataclass
from typing import Final

from ..errors import AttributeMissing
from ..jid import Jid
from ..wabinary import Node

MAX_CALL_ID: Final = 128
MAX_REASON: Final = 64
# What says how a call stands; everything else sets up its sound.
_SIGNALS: Final = ("offer", "offer_notice", "accept", "reject", "terminate")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSignal:
    """What one call stanza says; `creator` is the device that called."""

    kind: str
    call_id: str
    from_jid: Jid
    creator: Jid
    creator_phone: Jid | None
    group: Jid | None
    is_group: bool
    video: bool
    reason: str | None
    timestamp: int
    offline: bool


def parse_call(node: Node) -> CallSignal | None:
    """Read a call stanza; None for what only sets up the sound.

    Raises `AttributeMissing` when it makes no sense.
    """
    child = next((each for each in node.children() if each.tag in _SIGNALS), None)
    if child is None:
        return None
    from_jid = node.required_jid("from")
    call_id = child.required_attr("call-id")
    if len(call_id) > MAX_CALL_ID:
        raise AttributeMissing("a call id that is too long")
    phone = child.jid("caller_pn") or node.jid("caller_pn")
    group = child.jid("group-jid")
    return CallSignal(
        kind="offer" if child.tag == "offer_notice" else child.tag,
        call_id=call_id,
        from_jid=from_jid,
        creator=child.jid("call-creator") or from_jid,
        creator_phone=phone.bare if phone is not None and phone.is_phone_number else None,
        group=group,
        is_group=group is not None or child.attr("type") == "group",
        video=child.child("video") is not None or child.attr("media") == "video",
        reason=(child.attr("reason") or "")[:MAX_REASON] or None,
        timestamp=max(node.int_attr("t", default=0), 0),
        offline=node.attr("offline") is not None,
    )
