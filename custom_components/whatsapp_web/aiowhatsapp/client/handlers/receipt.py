"""`<receipt>`: our messages were delivered, read, played, or could not be read."""

import logging

from ...errors import AttributeMissing
from ...events import ReceiptKind, ReceiptReceived
from ...stanza.ack import build_ack
from ...stanza.receipt import DELIVERED, Receipt, parse_receipt
from ...wabinary import Node
from ..context import Context
from ..message_states import MessageStates
from ..retry import RetryResponder

_LOGGER = logging.getLogger(__name__)


class ReceiptHandler:
    """Tells the listeners what became of messages, and serves retry receipts."""

    def __init__(self, context: Context, responder: RetryResponder, states: MessageStates) -> None:
        """Share the client's context."""
        self._context = context
        self._responder = responder
        self._states = states

    async def handle(self, node: Node) -> None:
        """Handle and ack one receipt."""
        if node.attr("type") == "retry":
            # Serving it may need keys from the server: not in the way of the rest.
            self._context.spawn(self._serve_retry(node), "serving a retry receipt")
            return
        try:
            for receipt in parse_receipt(node):
                await self._note(receipt)
        except AttributeMissing as err:
            # Unanswered it would come again and again.
            _LOGGER.debug("A receipt makes no sense: %s", err)
        await self._ack(node)

    async def _serve_retry(self, node: Node) -> None:
        try:
            await self._responder.handle(node)
        finally:
            await self._ack(node)

    async def _ack(self, node: Node) -> None:
        ack = build_ack(node)
        if ack is not None:
            await self._context.send(ack)

    async def _note(self, receipt: Receipt) -> None:
        context = self._context
        reader = receipt.participant or receipt.from_jid
        if context.own.is_self(reader):
            # Our other devices' deliveries are no news; that they were read there is.
            if receipt.kind == DELIVERED:
                return
            chat = receipt.recipient or receipt.from_jid
        else:
            chat = receipt.from_jid
        event = ReceiptReceived(
            chat=context.canonical(chat.bare),
            sender=context.canonical(reader.bare),
            message_ids=receipt.ids,
            kind=ReceiptKind(receipt.kind),
            timestamp=receipt.timestamp,
        )
        # On disk before the ack: a receipt comes only once.
        await self._states.on_receipt(event)
        context.emit(event)
