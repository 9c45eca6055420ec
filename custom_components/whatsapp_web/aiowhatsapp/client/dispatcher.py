"""Listeners: who wants to know of which event."""

from collections import defaultdict
from collections.abc import Callable
import logging
from typing import cast

from ..events import Event

_LOGGER = logging.getLogger(__name__)


class Dispatcher:
    """Hands events to listeners and keeps the listeners' faults apart."""

    def __init__(self) -> None:
        """Begin without listeners."""
        self._listeners: dict[type[Event], list[Callable[[Event], None]]] = defaultdict(list)

    def subscribe[E: Event](
        self, event_type: type[E], listener: Callable[[E], None]
    ) -> Callable[[], None]:
        """Call `listener` for every event of exactly that type; return how to stop."""
        listeners = self._listeners[event_type]
        entry = cast("Callable[[Event], None]", listener)
        listeners.append(entry)

        subscribed = True

        def unsubscribe() -> None:
            # Called again it must not end another subscription of the same listener.
            nonlocal subscribed
            if subscribed:
                subscribed = False
                listeners.remove(entry)

        return unsubscribe

    def emit(self, event: Event) -> None:
        """Tell every listener, in the order they subscribed."""
        for listener in tuple(self._listeners[type(event)]):
            try:
                listener(event)
            except Exception:
                # One listener's fault must reach no other and never the reader.
                _LOGGER.exception("A listener of %s failed", type(event).__name__)
