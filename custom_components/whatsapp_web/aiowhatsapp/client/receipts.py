"""The receipts we send: that a message reached this device, and nothing more."""

from ..jid import STATUS_BROADCAST, Jid
from ..stanza.message import MessageStanza
from ..wabinary import Node
from .context import Context


class Receipts:
    """Builds and sends delivery receipts.

    They say `inactive` unless we are online, so that contacts see no second tick
    on our account; marking as read is `reading.py`'s.
    """

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context

    async def delivered(self, stanza: MessageStanza, *, history: bool = False) -> None:
        """Tell the server that a message is safe with us: it stops sending it."""
        for node in self._build(stanza, history=history):
            await self._context.send(node)

    def _build(self, stanza: MessageStanza, *, history: bool) -> list[Node]:
        if stanza.is_peer:
            kinds = ["hist_sync", "peer_msg"] if history else ["peer_msg"]
            own = self._context.own.phone.bare
            return [Node("receipt", {"id": stanza.id, "to": own, "type": kind}) for kind in kinds]
        attrs: dict[str, str | Jid] = {"id": stanza.id, "to": stanza.from_jid}
        if stanza.participant is not None:
            attrs["participant"] = stanza.participant
        if stanza.from_me:
            attrs["type"] = "sender"
            if stanza.recipient is not None and not stanza.is_group:
                attrs["recipient"] = stanza.recipient.bare
        elif stanza.chat != STATUS_BROADCAST and not self._context.available:
            attrs["type"] = "inactive"
        return [Node("receipt", attrs)]
