"""A small memory of what the server said, for a while."""

from collections import OrderedDict

from .settings import Clock


class TimedCache[K, V]:
    """Keeps the newest answers, each for so many seconds."""

    def __init__(self, clock: Clock, *, seconds: float, limit: int) -> None:
        """Begin empty."""
        self._clock = clock
        self._seconds = seconds
        self._limit = limit
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Give what is known and fresh."""
        found = self._kept.get(key)
        if found is None or self._clock.monotonic() - found[0] > self._seconds:
            return None
        return found[1]

    def put(self, key: K, value: V) -> None:
        """Keep an answer; the oldest goes when there are too many."""
        self._kept.pop(key, None)
        self._kept[key] = self._clock.monotonic(), value
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget what is out of date."""
        self._kept.pop(key, None)
