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

# Stanzas of one kind that are handled as one: some milliseconds of work.
MAX_TOGETHER: Final = 16

type Handler = Callable[[Node], Awaitable[None]]
type GroupHandler = Callable[[Sequence[Node]], Awaitable[None]]


class Router:
    """A queue of stanzas and the handlers of their tags."""

    def __init__(self) -> None:
        """Begin without handlers."""
        self._handlers: dict[str, Handler] = {}
        self._group_handlers: dict[str, GroupHandler] = {}
        self._waiting: deque[Node] = deque()
        # How many of those that wait first are not to be grouped.
        self._alone = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._fallback: Handler | None = None

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
                group = self._take_group()
                tag = group[0].tag[:32]
                try:
                    await self._handle(group)
                except (Disconnected, StoreError) as err:
                    # Unanswered, the server sends it again on the next connection.
                    return err
                except WhatsAppError as err:
                    _LOGGER.debug("A <%s> was not handled: %s", tag, err)
                    self._retry_alone(group)
                except Exception:
                    _LOGGER.exception("Handling a <%s> failed", tag)
                    self._retry_alone(group)
            self._wake.clear()
            if not self._stopping:
                await self._wake.wait()
        return Disconnected("Stopped")

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
        if len(group) > 1:
            self._waiting.extendleft(reversed(group))
            self._alone = len(group)
