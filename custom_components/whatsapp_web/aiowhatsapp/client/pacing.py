"""How fast messages may leave: no faster than a person, slower when the server asks."""

from dataclasses import dataclass
from typing import Final

from ..events import PacingState

# A refusal for going too fast holds everything back, each one in a row for twice as long.
FIRST_HOLD: Final = 60
LONGEST_HOLD: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingLimits:
    """`per_minute` messages in the long run, None for any number; `burst` at once."""

    per_minute: float | None = 40.0
    burst: int = 20


DEFAULT_PACING: Final = PacingLimits()


class Pacing:
    """A token bucket, and what the server said about our pace; all times in unix seconds."""

    def __init__(self, limits: PacingLimits, *, now: float) -> None:
        """Begin with a full bucket."""
        self._limits = limits
        self._tokens = float(limits.burst)
        self._filled_at = now
        self._held_until = 0.0
        self._holds = 0
        self._code: str | None = None
        self.new_chats_code: str | None = None
        self.new_chats_held_until = 0

    def set_limits(self, limits: PacingLimits) -> None:
        """Go by other limits from now on."""
        self._limits = limits
        self._tokens = min(self._tokens, float(limits.burst))

    def delay(self, now: float) -> float:
        """Say how many seconds the next message has to wait."""
        return max(self._held_until - now, self._until_token(now), 0.0)

    def take(self, now: float) -> None:
        """Note that a message leaves."""
        self._fill(now)
        self._tokens -= 1

    def available(self, now: float) -> int | None:
        """Say how many messages could leave at once; None for any number."""
        if self._limits.per_minute is None:
            return None
        self._fill(now)
        return 0 if self._held_until > now else max(int(self._tokens), 0)

    def too_fast(self, code: str, now: float, *, until: float | None = None) -> None:
        """The server refused a message for our pace, or until then for another reason."""
        # Those that were under way together are refused together: that is one refusal.
        if self._held_until <= now or until is not None:
            self._holds += 1
        pause = min(FIRST_HOLD * 2 ** (self._holds - 1), LONGEST_HOLD)
        self._held_until = max(self._held_until, now + pause if until is None else until)
        self._code = code

    def hold_new_chats(self, code: str | None, until: int) -> None:
        """No new chat may be begun until then."""
        self.new_chats_code, self.new_chats_held_until = code, until

    def accepted(self, now: float) -> bool:
        """The server took a message; say whether that ended a hold."""
        if self._held_until > now or not self._holds:
            return False
        self._holds, self._held_until = 0, 0.0
        return True

    def state(self, now: float) -> PacingState:
        """Say what holds messages back."""
        held, new_chats = self._held_until > now, self.new_chats_held_until > now
        new_chats_code = self.new_chats_code if new_chats else None
        return PacingState(
            per_minute=self._limits.per_minute,
            held_until=int(self._held_until) if held else None,
            new_chats_held_until=self.new_chats_held_until if new_chats else None,
            new_chats_code=new_chats_code,
            code=self._code if held else new_chats_code,
        )

    def _until_token(self, now: float) -> float:
        if self._limits.per_minute is None:
            return 0.0
        self._fill(now)
        return max((1 - self._tokens) * 60 / self._limits.per_minute, 0.0)

    def _fill(self, now: float) -> None:
        """Add what came together since; a clock that was set back adds nothing."""
        if self._limits.per_minute is not None:
            gained = max(now - self._filled_at, 0.0) * self._limits.per_minute / 60
            self._tokens = min(self._tokens + gained, float(self._limits.burst))
        self._filled_at = now
