"""Trusted-contact tokens: a contact's permission to be written to.

The server may refuse a first message to someone without one (error 463). A contact
sends us theirs; we show it with each message, and issue ours once a week.
"""

from typing import Final

from ..errors import ConnectionFailed, IqError
from ..iq.session import IssueTrustedContactToken
from ..jid import Jid
from ..store import Transaction
from ..wabinary import Node
from .context import Context

# Settings tctoken_duration and tctoken_num_buckets as the web client has them.
BUCKET_SECONDS: Final = 604_800
BUCKETS: Final = 4
MAX_TOKEN: Final = 1024
_RECEIVED: Final = "tctoken/"
_ISSUED: Final = "tctoken_issued/"


class TrustedContactTokens:
    """Tokens by contact, kept in the store."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self._issuing: set[str] = set()

    async def on_notification(self, node: Node) -> None:
        """Keep the token that a `privacy_token` notification brings; newer wins."""
        sender = node.jid("sender_lid") or node.required_jid("from")
        for token in node.required_child("tokens").children("token"):
            timestamp = token.int_attr("t")
            value = token.data
            if token.attr("type") != "trusted_contact" or not timestamp or not value:
                continue
            async with self._context.store.transaction() as tx:
                await self.learn(tx, sender, value, timestamp)

    async def learn(self, tx: Transaction, contact: Jid, value: bytes, timestamp: int) -> None:
        """Keep a contact's token, unless a newer one is known."""
        if not 0 < len(value) <= MAX_TOKEN or not 0 < timestamp < 2**40:
            return
        meta = self._context.store.meta
        key = _RECEIVED + self._context.canonical(contact.bare).user
        known = await meta.get(tx, key)
        if known is None or int.from_bytes(known[:8]) <= timestamp:
            await meta.put(tx, key, timestamp.to_bytes(8) + value)

    async def node_for(self, contact: Jid) -> Node | None:
        """Build the `<tctoken>` for a message to a contact, if a valid one is known."""
        known = await self._context.store.meta.get(
            None, _RECEIVED + self._context.canonical(contact.bare).user
        )
        if known is None:
            return None
        if int.from_bytes(known[:8]) < self._oldest():
            return None
        return Node("tctoken", {}, known[8:])

    async def issue(self, contact: Jid) -> None:
        """Give a contact we wrote to our own token, unless done this week."""
        context = self._context
        key = _ISSUED + context.canonical(contact.bare).user
        now = context.now()
        known = await context.store.meta.get(None, key)
        if known is not None and int.from_bytes(known) // BUCKET_SECONDS >= now // BUCKET_SECONDS:
            return
        if key in self._issuing:
            return
        self._issuing.add(key)
        try:
            await context.execute(IssueTrustedContactToken(contact.bare, now))
            await context.store.meta.put(None, key, now.to_bytes(8))
        finally:
            self._issuing.discard(key)

    async def reissue(self, contact: Jid) -> None:
        """Give a contact with a new identity the token that their old one had.

        Where that fails the next message to them brings a new one.
        """
        context = self._context
        meta = context.store.meta
        key = _ISSUED + context.canonical(contact.bare).user
        known = await meta.get(None, key)
        if known is None or int.from_bytes(known) < self._oldest():
            return
        try:
            await context.execute(IssueTrustedContactToken(contact.bare, int.from_bytes(known)))
        except ConnectionFailed, IqError:
            await meta.delete(None, key)
            raise

    def _oldest(self) -> int:
        """From when on a token is still valid."""
        return (self._context.now() // BUCKET_SECONDS - (BUCKETS - 1)) * BUCKET_SECONDS
