"""Who handles what comes in: by tag, one stanza after another, in the order it came."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
import logging
from typing import Final

from ..errors import Disconnected, StoreError, WhatsAppError
from ..wabinary import Node

_LOGGER = logging.getLogger(__name__)

# What may wait before we hang up: the server then sends it again, at our pace.
MAX_WAITING: Final = 20_000

type Handler = Callable[[Node], Awaitable[None]]


class Router:
    """A queue of stanzas and the handlers of their tags."""

    def __init__(self) -> None:
        """Begin without handlers."""
        self._handlers: dict[str, Handler] = {}
        self._waiting: deque[Node] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._fallback: Handler | None = None

    def add(self, tag: str, handler: Handler) -> None:
        """Register the handler of a tag; a second one is a mistake."""
        if tag in self._handlers:
            raise ValueError(f"<{tag}> has a handler already")
        self._handlers[tag] = handler

    def set_fallback(self, handler: Handler) -> None:
        """Register who handles tags that nobody knows."""
        self._fallback = handler

    def put(self, node: Node) -> None:
        """Take a stanza; raise `Disconnected` when far too many wait."""
        if len(self._waiting) >= MAX_WAITING:
            raise Disconnected("The server sends faster than this machine reads")
        self._waiting.append(node)
        self._wake.set()

    def stop(self) -> None:
        """Let `run` end after the stanza that it is at, however much waits."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> WhatsAppError:
        """Handle stanzas until the line or the store fails; say which."""
        while not self._stopping:
            while self._waiting and not self._stopping:
                node = self._waiting.popleft()
                handler = self._handlers.get(node.tag, self._fallback)
                if handler is None:
                    continue
                try:
                    await handler(node)
                except (Disconnected, StoreError) as err:
                    # Unanswered, the server sends it again on the next connection.
                    return err
                except WhatsAppError as err:
                    _LOGGER.debug("A <%s> was not handled: %s", node.tag, err)
                except Exception:
                    _LOGGER.exception("Handling a <%s> failed", node.tag[:32])
            self._wake.clear()
            if not self._stopping:
                await self._wake.wait()
        return Disconnected("Stopped")
