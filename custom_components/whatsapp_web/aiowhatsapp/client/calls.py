"""Calls that come in: told, and refused when asked; never taken.

```
<call from=<our number> to=<creator> id><reject call-id call-creator count="0"/></call>
 -> <ack class="call" id/>
```
"""

from collections import OrderedDict
from dataclasses import dataclass
import logging
from typing import Final

from ..errors import AttributeMissing, DecodeError, IqError, LocalProtocolError
from ..events.calls import CallChanged, CallState
from ..jid import Jid
from ..stanza.ack import build_ack
from ..stanza.call import CallSignal, parse_call
from ..stanza.message import MAX_TIMESTAMP
from ..wabinary import Node
from .context import Context
from .identity import Identities

_LOGGER = logging.getLogger(__name__)

MAX_CALLS: Final = 100
# A call nobody answers ends after about a minute; this bounds what is kept of it.
LONGEST_RINGING: Final = 120.0


@dataclass(slots=True)
class _Call:
    """A call that is under way."""

    offer: CallSignal
    began: float
    accepted: bool = False


class Calls:
    """Calls to our account."""

    def __init__(self, context: Context, identities: Identities) -> None:
        """Share the client's context; `identities` keeps the addresses that calls name."""
        self._context = context
        self._identities = identities
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    @property
    def ringing(self) -> frozenset[str]:
        """The ids of the calls that wait to be answered."""
        now = self._context.clock.monotonic()
        return frozenset(
            call_id
            for call_id, call in self._calls.items()
            if not call.accepted and now - call.began < LONGEST_RINGING
        )

    async def reject(self, call_id: str) -> None:
        """Refuse a call on all of our devices.

        Raises `LocalProtocolError` when no such call rings, `Disconnected`,
        `RequestTimeout`, or `IqError` when the server refuses.
        """
        if call_id not in self.ringing:
            raise LocalProtocolError("No such call rings")
        offer = self._calls[call_id].offer
        creator = offer.creator.bare
        link = await self._context.wait_online()
        attrs: dict[str, str | Jid] = {"call-id": call_id, "call-creator": creator, "count": "0"}
        answer = await link.ask(
            Node(
                "call",
                {"from": self._context.own.phone.bare, "to": creator, "id": link.next_id()},
                [Node("reject", attrs)],
            )
        )
        code = answer.int_attr("error")
        if code is not None:
            raise IqError(code, "call")
        # Its own end may have come while we waited.
        if self._calls.pop(call_id, None) is not None:
            self._tell(offer, CallState.REJECTED)

    async def on_call(self, node: Node) -> None:
        """Follow a call; every stanza is acked."""
        try:
            signal = parse_call(node)
        except (AttributeMissing, DecodeError) as err:
            _LOGGER.debug("A call makes no sense: %s", err)
        else:
            if signal is not None:
                await self._follow(signal)
        ack = build_ack(node)
        if ack is not None:
            await self._context.send(ack)

    async def _follow(self, signal: CallSignal) -> None:
        if signal.kind == "offer":
            await self._on_offer(signal)
            return
        call = self._calls.get(signal.call_id)
        if call is None:
            return
        if signal.kind == "accept":
            call.accepted = True
            self._tell(call.offer, CallState.ACCEPTED)
            return
        del self._calls[signal.call_id]
        if signal.kind == "reject":
            state = CallState.REJECTED
        elif call.accepted:
            state = CallState.ENDED
        elif signal.reason in ("accepted_elsewhere", "rejected_elsewhere"):
            taken = signal.reason == "accepted_elsewhere"
            state = CallState.ACCEPTED if taken else CallState.REJECTED
        else:
            state = CallState.MISSED
        self._tell(call.offer, state)

    async def _on_offer(self, offer: CallSignal) -> None:
        if offer.creator_phone is not None and offer.creator.is_lid:
            pair = offer.creator_phone, offer.creator.bare
            await self._identities.learn([pair], overwrite=False)
        if self._context.own.is_self(offer.creator) or offer.call_id in self._calls:
            return
        if offer.offline:
            self._tell(offer, CallState.MISSED)
            return
        self._calls[offer.call_id] = _Call(offer, self._context.clock.monotonic())
        if len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)
        self._tell(offer, CallState.RINGING)

    def _tell(self, offer: CallSignal, state: CallState) -> None:
        caller = self._context.canonical(offer.creator.bare)
        self._context.emit(
            CallChanged(
                call_id=offer.call_id,
                caller=caller,
                caller_phone=self._context.phone_of(caller) or offer.creator_phone,
                group=offer.group,
                is_group=offer.is_group,
                video=offer.video,
                state=state,
                timestamp=min(offer.timestamp, MAX_TIMESTAMP),
            )
        )
