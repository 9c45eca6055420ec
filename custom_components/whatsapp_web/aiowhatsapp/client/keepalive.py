"""Finding out that a line is dead although the socket looks alive."""

from typing import Final, Protocol

from ..errors import KeepAliveLost, WhatsAppError
from ..iq.session import Ping
from .link import Link
from .settings import Clock

# The web client pings every 15 to 30 s; the shorter half finds a dead line in 43 s.
SHORTEST_INTERVAL: Final = 15.0
INTERVAL_SPREAD: Final = 7.5
# The web client's dead-socket time: nothing heard that long after a question.
DEAD_AFTER: Final = 20.0
_CHECK_EVERY: Final = 2.5


class Ambient(Protocol):
    """Where time and chance come from."""

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    def random_unit(self) -> float:
        """Give a random number from 0 up to 1."""
        ...


async def keep_alive(context: Ambient, link: Link) -> WhatsAppError:
    """Ping, and watch for answers; return when the line is dead."""
    clock = context.clock
    next_ping = clock.monotonic() + SHORTEST_INTERVAL
    while True:
        await clock.sleep(_CHECK_EVERY)
        now = clock.monotonic()
        if link.unanswered_since is not None and now - link.unanswered_since >= DEAD_AFTER:
            return KeepAliveLost("The server went silent")
        if now >= next_ping:
            await link.send(Ping().build_iq(link.next_id()))
            next_ping = now + SHORTEST_INTERVAL + INTERVAL_SPREAD * context.random_unit()
