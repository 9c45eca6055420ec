"""Who handles what comes in: by tag, one stanza after another, in the order it came."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
import logging
from typing import Final

from ..errors import Disconnected, StoreError, WhatsAppError
from ..wabinary import Node

_LOGGER = logging.getLogger(__name__)

# What may wait before we hang up: the server then sends it again, at our pace.
MAX_WAITING: Final = 20_000
MAX_BYTES_WAITING: Final = 64 * 1024 * 1024
# Stanzas of one kind that are handled as one: some milliseconds of work.
MAX_TOGETHER: Final = 16

# Of a node with some attributes.
_OVERHEAD: Final = 512

type Handler = Callable[[Node], Awaitable[None]]
type GroupHandler = Callable[[Sequence[Node]], Awaitable[None]]


class Router:
    """A queue of stanzas and the handlers of their tags."""

    def __init__(self) -> None:
        """Begin without handlers."""
        self._handlers: dict[str, Handler] = {}
        self._group_handlers: dict[str, GroupHandler] = {}
        self._waiting: deque[Node] = deque()
        self._bytes_waiting = 0
        self._handled_at_once = 0
        # How many of those that wait first are not to be grouped.
        self._alone = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._fallback: Handler | None = None
        self._on_fault: Handler | None = None
        self._on_done: Handler | None = None

    def add(self, tag: str, handler: Handler) -> None:
        """Register the handler of a tag; a second one is a mistake."""
        self._check_free(tag)
        self._handlers[tag] = handler

    def add_group(self, tag: str, handler: GroupHandler) -> None:
        """Register who handles a tag: up to 16 stanzas that wait one behind the other.

        After an exception each comes again alone, whether it was dealt with or not.
        """
        self._check_free(tag)
        self._group_handlers[tag] = handler

    def _check_free(self, tag: str) -> None:
        if tag in self._handlers or tag in self._group_handlers:
            raise ValueError(f"<{tag}> has a handler already")

    def set_fallback(self, handler: Handler) -> None:
        """Register who handles tags that nobody knows."""
        self._fallback = handler

    def set_after(self, *, fault: Handler, done: Handler) -> None:
        """Register who answers a stanza whose handler failed, and who hears of all others, too.

        `done` follows every stanza, `fault` comes before it.
        """
        self._on_fault, self._on_done = fault, done

    def put(self, node: Node) -> None:
        """Take a stanza; raise `Disconnected` when far too many wait."""
        self._bytes_waiting += _size(node)
        if len(self._waiting) >= MAX_WAITING or self._bytes_waiting > MAX_BYTES_WAITING:
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
                try:
                    await self._handle_next()
                except (Disconnected, StoreError) as err:
                    # Unanswered, the server sends it again on the next connection.
                    return err
            self._wake.clear()
            if not self._stopping:
                await self._wake.wait()
        return Disconnected("Stopped")

    async def _handle_next(self) -> None:
        """Handle what waits first; raise `Disconnected` or `StoreError`."""
        group = self._take_group()
        failed = False
        try:
            await self._handle(group)
        except Disconnected, StoreError:
            raise
        except WhatsAppError as err:
            _LOGGER.debug("A <%s> was not handled: %s", group[0].tag[:32], err)
            failed = True
        except Exception:
            _LOGGER.exception("Handling a <%s> failed", group[0].tag[:32])
            failed = True
        if failed and len(group) > 1:
            self._retry_alone(group)
            return
        for node in group:
            self._bytes_waiting -= _size(node)
            if failed and self._on_fault is not None:
                await self._on_fault(node)
            if self._on_done is not None:
                await self._on_done(node)
        await self._give_way(len(group))

    async def _give_way(self, handled: int) -> None:
        """Let others have their turn, now and then: many handlers wait for nothing."""
        self._handled_at_once += handled
        if self._handled_at_once >= MAX_TOGETHER:
            self._handled_at_once = 0
            await asyncio.sleep(0)

    def _take_group(self) -> list[Node]:
        """Take what waits first, with what may be handled together with it."""
        group = [self._waiting.popleft()]
        tag = group[0].tag
        if self._alone:
            self._alone -= 1
        elif tag in self._group_handlers:
            while self._waiting and self._waiting[0].tag == tag and len(group) < MAX_TOGETHER:
                group.append(self._waiting.popleft())
        return group

    async def _handle(self, group: list[Node]) -> None:
        tag = group[0].tag
        if (group_handler := self._group_handlers.get(tag)) is not None:
            await group_handler(group)
        elif (handler := self._handlers.get(tag, self._fallback)) is not None:
            await handler(group[0])

    def _retry_alone(self, group: list[Node]) -> None:
        """Let only the stanza that is at fault suffer: the others of its group come again."""
        self._waiting.extendleft(reversed(group))
        self._alone = len(group)


def _size(node: Node) -> int:
    """Say about how much memory a stanza holds."""
    content = node.content
    if isinstance(content, list):
        return _OVERHEAD + sum(map(_size, content))
    return _OVERHEAD + len(content or b"")
