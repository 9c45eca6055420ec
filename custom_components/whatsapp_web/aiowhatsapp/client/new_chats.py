"""When the service lets us begin no new chats: until when, and which chats are none.

Error 463 has two causes: a recipient who gave us no token, or a lock on the account,
which has an end. Error 475 is a cap on new chats for some time. Nobody is written to
again because of either: each attempt counts against the account.
"""

from collections.abc import Mapping
import logging
from typing import Final

from ..errors import WhatsAppError
from ..iq.mex import NEW_CHAT_CAP, REACHOUT_LOCK, Json, MexQuery
from ..jid import Jid
from .context import Context
from .tokens import TrustedContactTokens

_LOGGER = logging.getLogger(__name__)

LOCKED: Final = "463"
CAPPED: Final = "475"
NEW_CHAT_CODES: Final = frozenset({LOCKED, CAPPED})
# A lock that names no end, and a server that does not say whether there is one.
NO_END: Final = 60
UNKNOWN: Final = 3600
# No lock is longer; nonsense may not silence us for good.
LONGEST: Final = 31 * 24 * 3600
_HELD_UNTIL: Final = "new_chats_held_until"
_END_BYTES: Final = 8


class NewChats:
    """Asks the server until when there may be no new chats, and remembers it."""

    def __init__(self, context: Context, tokens: TrustedContactTokens) -> None:
        """Share the client's context."""
        self._context = context
        self._tokens = tokens

    async def is_new(self, chat: Jid) -> bool:
        """Whether writing there would begin a chat: to a person who gave us no token."""
        if not chat.is_user or self._context.own.is_self(chat):
            return False
        return await self._tokens.node_for(chat) is None

    async def load(self) -> tuple[str | None, int]:
        """Give the last error and its end, unix seconds; 0 when that is over."""
        known = await self._context.store.meta.get(None, _HELD_UNTIL) or b""
        end = int.from_bytes(known[:_END_BYTES])
        code = known[_END_BYTES:].decode("ascii", "replace") or None
        return (code, end) if end > self._context.now() else (None, 0)

    async def ask(self, code: str) -> tuple[str | None, int]:
        """Ask until when there may be no new chats; give that as `load` does."""
        now = self._context.now()
        try:
            end = await (self._ask_lock(now) if code == LOCKED else self._ask_cap(now))
        except WhatsAppError as err:
            _LOGGER.debug("The server does not say how long it holds new chats: %s", err)
            end = now + UNKNOWN
        end = min(end, now + LONGEST)
        known_code, known_end = await self.load()
        if known_code != code and known_end >= end:
            # The end of the one says nothing of the other.
            return known_code, known_end
        await self._context.store.meta.put(
            None, _HELD_UNTIL, end.to_bytes(_END_BYTES) + code.encode()
        )
        return code, end

    async def _ask_lock(self, now: int) -> int:
        data = await self._context.execute(MexQuery(query_id=REACHOUT_LOCK))
        lock = data.get("xwa2_fetch_account_reachout_timelock")
        if not isinstance(lock, Mapping) or lock.get("is_active") is not True:
            return 0
        return _seconds(lock.get("time_enforcement_ends")) or now + NO_END

    async def _ask_cap(self, now: int) -> int:
        variables: dict[str, Json] = {"input": {"type": "INDIVIDUAL_NEW_CHAT_THREAD"}}
        data = await self._context.execute(MexQuery(query_id=NEW_CHAT_CAP, variables=variables))
        cap = data.get("xwa2_message_capping_info")
        end = _seconds(cap.get("cycle_end_timestamp")) if isinstance(cap, Mapping) else 0
        return end if end > now else now + UNKNOWN

    async def invite(self, chat: Jid) -> None:
        """Give someone our token, so that a later message of theirs or ours may pass."""
        await self._tokens.issue(chat)


def _seconds(value: Json) -> int:
    """Read a time; nonsense is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 12:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**11:
        return value
    return 0
