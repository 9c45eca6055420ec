"""`<ib>`: the server's word on the session itself, never acked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ...iq.session import CleanDirty
from ...jid import SERVER_JID
from ...wabinary import Node
from ..context import Context

# The web client's batch, and the pause before it asks for the next one.
OFFLINE_BATCH: Final = 200
OFFLINE_PAUSE: Final = 0.1
MAX_ROUTING_INFO: Final = 1024
ROUTING_INFO: Final = "routing_info"


class OfflineBacklog:
    """Pulls what waited for us at the server; one per connection.

    The server stops after a few stanzas unless asked for more: each batch's first
    stanza asks for exactly one further batch.
    """

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self.done = asyncio.Event()
        self._remaining = 0
        self._asked = False

    async def announced(self, count: int) -> None:
        """Begin to pull when something waits."""
        self._remaining = count
        if count > 0:
            await self._pull()

    async def arrived(self) -> None:
        """Count a stanza of the backlog."""
        self._remaining -= 1
        if self._asked and self._remaining > 0 and not self.done.is_set():
            self._asked = False
            self._context.spawn(self._pull_soon(), "pulling the backlog")

    async def _pull_soon(self) -> None:
        await self._context.clock.sleep(OFFLINE_PAUSE)
        if not self.done.is_set():
            await self._pull()

    async def _pull(self) -> None:
        self._asked = True
        batch = Node("offline_batch", {"count": str(OFFLINE_BATCH)})
        await self._context.send(Node("ib", {}, [batch]))


class IbHandler:
    """Reads `<ib>` stanzas."""

    def __init__(self, context: Context, backlog: OfflineBacklog) -> None:
        """Share the client's context; `backlog` belongs to the same connection."""
        self._context = context
        self._backlog = backlog
        self._on_dirty: dict[str, Callable[[], Awaitable[None]]] = {}

    def add(self, kind: str, handler: Callable[[], Awaitable[None]]) -> None:
        """Have a feature note one kind of change, before the server is told to forget it."""
        self._on_dirty[kind] = handler

    async def handle(self, node: Node) -> None:
        """Act on the children that matter; the rest is news for other clients."""
        sender = node.jid("from")
        if sender is not None and sender != SERVER_JID:
            return
        for child in node.children():
            match child.tag:
                case "offline_preview":
                    await self._backlog.announced(child.int_attr("count", default=0))
                case "offline":
                    self._backlog.done.set()
                case "edge_routing":
                    await self._keep_routing(child)
                case "dirty":
                    await self._clean(child)
                case _:
                    pass

    async def _keep_routing(self, node: Node) -> None:
        routing = node.child("routing_info")
        info = b"" if routing is None else routing.data
        if 0 < len(info) <= MAX_ROUTING_INFO:
            await self._context.store.meta.put(None, ROUTING_INFO, info)

    async def _clean(self, node: Node) -> None:
        """Confirm a change that was noted, or that is fetched when it is needed."""
        kind = node.attr("type")
        if (noting := self._on_dirty.get(kind or "")) is not None:
            await noting()
        if kind:
            spec = CleanDirty(kind, node.attr("timestamp"))
            self._context.spawn(self._context.execute(spec), "confirming a change")
