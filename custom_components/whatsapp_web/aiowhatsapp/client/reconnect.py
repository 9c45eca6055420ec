"""When to connect again: one table from the end of a connection to what follows."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..errors import (
    ConnectionFailed,
    LocalProtocolError,
    NotLinked,
    RemoteProtocolError,
    ServiceRefused,
    SessionReplaced,
    StoreError,
    StreamEnded,
    TemporarilyBanned,
    WhatsAppError,
)
from ..stanza.ending import RATE_LIMITED, RESTART

# The web client's reset delay: only a line that held this long clears the backoff.
STABLE_AFTER: Final = 30.0
LONGEST_WAIT: Final = 900.0
JITTER: Final = 0.1
# How many steps of the backoff a 429 costs at once.
RATE_LIMIT_PENALTY: Final = 5
DEFAULT_BAN: Final = 3600


class Verdict(Enum):
    """What follows the end of a connection."""

    AT_ONCE = "at once"
    RETRY = "retry"
    STOP = "stop"
    LOGGED_OUT = "logged out"


@dataclass(frozen=True, slots=True)
class Next:
    """What to do now, and after how many seconds."""

    verdict: Verdict
    wait: float = 0.0


class Backoff:
    """Fibonacci waits of 1, 1, 2, 3, 5 .. seconds, with jitter, up to 15 minutes."""

    def __init__(self) -> None:
        """Begin with the shortest wait."""
        self._current, self._following = 1.0, 1.0
        self._held = False

    def next_wait(self, jitter: float) -> float:
        """Give the next wait; `jitter` is between 0 and 1 and moves it by a tenth."""
        wait = min(self._current, LONGEST_WAIT)
        self._advance()
        return wait * (1 - JITTER + 2 * JITTER * jitter)

    def _advance(self) -> None:
        if self._current < LONGEST_WAIT:
            self._current, self._following = self._following, self._current + self._following

    def penalise(self) -> None:
        """Grow the waits after a 429; a stable line alone does not undo this once."""
        for _ in range(RATE_LIMIT_PENALTY):
            self._advance()
        self._held = True

    def was_stable(self) -> None:
        """Begin anew after a line that held."""
        if self._held:
            self._held = False
            return
        self._current, self._following = 1.0, 1.0


def decide(error: WhatsAppError, backoff: Backoff, jitter: float) -> Next:
    """Say what follows the end of a connection with that error."""
    match error:
        case StreamEnded(code=code) if code == RESTART:
            return Next(Verdict.AT_ONCE)
        case StreamEnded(code=code) if code == RATE_LIMITED:
            backoff.penalise()
            return Next(Verdict.RETRY, backoff.next_wait(jitter))
        case NotLinked():
            return Next(Verdict.LOGGED_OUT)
        case TemporarilyBanned(expires_in=seconds):
            return Next(Verdict.RETRY, float(max(seconds or DEFAULT_BAN, 60)))
        case SessionReplaced() | ServiceRefused() | StoreError() | LocalProtocolError():
            return Next(Verdict.STOP)
        case ConnectionFailed() | RemoteProtocolError() | WhatsAppError():
            return Next(Verdict.RETRY, backoff.next_wait(jitter))
