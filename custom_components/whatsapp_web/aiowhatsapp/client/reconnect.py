"""When to connect again: one table from the end of a connection to what follows.

how it ended                          error               what follows
------------------------------------  ------------------  ---------------------------------
stream error 515                      StreamEnded         connect at once
stream error 429, failure 429         StreamEnded         wait, five steps longer
other stream errors and codes         StreamEnded         wait
conflict replaced, 409, 440           SessionReplaced     stop: never fight over the keys
conflict device_removed, 516          DeviceRemoved       logged out: link again
failure 401                           LoggedOut           logged out: link again
failure 403, 406                      AccountLocked       logged out: look at the phone
failure 402; 403, 406 with an end     TemporarilyBanned   wait until the end
failure 405                           ClientOutdated      stop: a newer version is looked up
failure 408, 428, 500, 503            ConnectionFailed    wait
other failures (400, 409, 411 ..)     LoginRefused        stop
close, xmlstreamend, silence          ConnectionFailed    wait; never long if it was open
what breaks the protocol              RemoteProtocolError wait
request refused at login              IqError             wait, at least as long as it asks
HTTP status in place of a WebSocket   UpgradeRefused      wait
no way to the server                  TransportError      wait, but never long
certificate of another time           CertificateOutOfDate  wait, but never long
full or failing disk                  StoreError          wait until the store works again
damaged state                         StoreCorrupt        stop: never a new identity

Stream errors that look like refusals (401, 403, 405, 408, 411, 428) prove nothing: the
next login tells. A wait grows with each one in a row; a line that holds ends the row.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..errors import (
    CertificateOutOfDate,
    Disconnected,
    IqError,
    KeepAliveLost,
    LocalProtocolError,
    NotLinked,
    ServiceRefused,
    StoreCorrupt,
    StoreError,
    StreamEnded,
    TemporarilyBanned,
    TransportError,
    UpgradeRefused,
    WhatsAppError,
)
from ..stanza.ending import RATE_LIMITED, RESTART

# The web client's reset delay: only a line that held this long clears the backoff.
STABLE_AFTER: Final = 30.0
LONGEST_WAIT: Final = 900.0
# With no way to the server nobody is bothered by trying; who waits is at home.
LONGEST_UNREACHABLE: Final = 3.0
LONGEST_UNREACHABLE_LATER: Final = 20.0
UNREACHABLE_LATER: Final = 200
# A line that was open and broke without a word is the network's fault, however often.
LONGEST_BROKEN: Final = 20.0
# A disk may be cleared any minute.
LONGEST_STORE_WAIT: Final = 60.0
JITTER: Final = 0.1
# How many steps of the backoff a 429 costs at once.
RATE_LIMIT_PENALTY: Final = 5
# A ban without a sensible end; and none is waited out faster than this.
DEFAULT_BAN: Final = 3600
SHORTEST_BAN: Final = 60


class Verdict(Enum):
    """What follows the end of a connection."""

    AT_ONCE = "at once"
    RETRY = "retry"
    MEND_STORE = "mend the store"
    STOP = "stop"
    LOGGED_OUT = "logged out"


@dataclass(frozen=True, slots=True)
class Next:
    """What to do now, and after how many seconds."""

    verdict: Verdict
    wait: float = 0.0


class Steps:
    """Fibonacci waits of 1, 1, 2, 3, 5 .. seconds."""

    def __init__(self) -> None:
        """Begin with the shortest wait."""
        self.taken = 0
        self._current, self._following = 1.0, 1.0

    def next(self, longest: float) -> float:
        """Give the next wait, cut to `longest` seconds."""
        wait = min(self._current, longest)
        self.taken += 1
        if self._current < LONGEST_WAIT:
            self._current, self._following = self._following, self._current + self._following
        return wait


class Backoff:
    """How long to wait, by who makes us wait: a server, the way there, or our disk.

    `jitter` is between 0 and 1 and moves a wait by up to a tenth.
    """

    def __init__(self) -> None:
        """Begin with the shortest waits."""
        self._server, self._way, self._store = Steps(), Steps(), Steps()
        self._line = Steps()
        self._held = False

    def next_wait(self, jitter: float) -> float:
        """Give the next wait for a server that answers, if only with errors."""
        self._way = Steps()
        return _spread(self._server.next(LONGEST_WAIT), jitter)

    def next_unreachable(self, jitter: float) -> float:
        """Give the next wait for a server that can't be reached."""
        many = self._way.taken >= UNREACHABLE_LATER
        longest = LONGEST_UNREACHABLE_LATER if many else LONGEST_UNREACHABLE
        return _spread(self._way.next(longest), jitter)

    def next_broken(self, jitter: float) -> float:
        """Give the next wait for a line that was open, and broke without a word."""
        # The server has been at fault lately, and its patience is what counts.
        if self._server.taken:
            return self.next_wait(jitter)
        return _spread(self._line.next(LONGEST_BROKEN), jitter)

    def next_store(self, jitter: float) -> float:
        """Give the next wait for a store that fails."""
        return _spread(self._store.next(LONGEST_STORE_WAIT), jitter)

    def penalise(self) -> None:
        """Grow the waits after a 429; a stable line alone does not undo this once."""
        for _ in range(RATE_LIMIT_PENALTY):
            self._server.next(LONGEST_WAIT)
        self._held = True

    def was_stable(self) -> None:
        """Begin anew after a line that held."""
        self._way, self._store, self._line = Steps(), Steps(), Steps()
        if self._held:
            self._held = False
        else:
            self._server = Steps()


def _spread(wait: float, jitter: float) -> float:
    return wait * (1 - JITTER + 2 * JITTER * jitter)


def decide(
    error: WhatsAppError, backoff: Backoff, jitter: float, *, was_open: bool = False
) -> Next:
    """Say what follows the end of a connection with that error.

    `was_open`: whether it had come as far as being logged in.
    """
    match error:
        case StreamEnded(code=code) if code == RESTART:
            return Next(Verdict.AT_ONCE)
        case NotLinked():
            return Next(Verdict.LOGGED_OUT)
        case TemporarilyBanned(expires_in=seconds):
            return Next(Verdict.RETRY, float(max(seconds or DEFAULT_BAN, SHORTEST_BAN)))
        case ServiceRefused() | StoreCorrupt() | LocalProtocolError():
            return Next(Verdict.STOP)
        case StoreError():
            return Next(Verdict.MEND_STORE, backoff.next_store(jitter))
        case _:
            return Next(Verdict.RETRY, _wait_after(error, backoff, jitter, was_open=was_open))


def _wait_after(error: WhatsAppError, backoff: Backoff, jitter: float, *, was_open: bool) -> float:
    """Say how long to wait after what trying again may mend."""
    match error:
        case StreamEnded(code=code) if code == RATE_LIMITED:
            backoff.penalise()
        case CertificateOutOfDate():
            # A clock that is set a little after the start is not waited for long.
            return backoff.next_unreachable(jitter)
        case TransportError() if not isinstance(error, UpgradeRefused):
            return backoff.next_unreachable(jitter)
        case Disconnected() | KeepAliveLost() if was_open:
            return backoff.next_broken(jitter)
        case IqError(backoff=int(asked)):
            return max(backoff.next_wait(jitter), float(min(asked, LONGEST_WAIT)))
    return backoff.next_wait(jitter)
