"""Serving retry receipts of groups: who may ask, how often, and what they get."""

from dataclasses import dataclass
import logging
from typing import Final

from ..jid import Jid
from ..message.compose import device_sent
from ..proto import wire
from ..stanza.receipt import RetryRequest
from ..store import Transaction
from .context import Context
from .rooms import Rooms

_LOGGER = logging.getLogger(__name__)

# Many resends in a row have got accounts locked.
BURST: Final = 20
PER_MINUTE: Final = 10.0
# Groups whose buckets are remembered; a full bucket says nothing.
MAX_BUCKETS: Final = 512


@dataclass(slots=True)
class _Bucket:
    """How many resends a group may have now."""

    tokens: float
    filled_at: float


class RoomRetry:
    """What is special about a retry receipt of a group."""

    def __init__(self, context: Context, rooms: Rooms) -> None:
        """Share the client's context, and what it knows of groups."""
        self._context = context
        self._rooms = rooms
        self._buckets: dict[Jid, _Bucket] = {}

    async def admit(self, request: RetryRequest) -> bool:
        """Give the requester our key again with the next message; say whether to resend.

        Who is no member gets nothing, and the key is replaced: they may hold it.
        """
        room, requester = request.from_jid, request.requester
        if not await self._is_member(room, requester):
            _LOGGER.info("Somebody who is no member asked for a message of a group")
            await self._rooms.sender_keys.drop(room)
            return False
        await self._rooms.sender_keys.unmark(room, requester)
        # A status is told anew by nobody; with the next one they get the key.
        return room.is_group and self._take(room)

    async def _is_member(self, room: Jid, requester: Jid) -> bool:
        context = self._context
        if not room.is_group or context.own.is_self(requester):
            return True
        info = await self._rooms.directory.peek(room)
        if info is None or info.incomplete:
            return True
        return info.member(*context.forms_of(requester)) is not None

    def _take(self, room: Jid) -> bool:
        """Take a token out of a group's bucket, if one is left."""
        now = self._context.clock.monotonic()
        bucket = self._buckets.pop(room, None) or _Bucket(BURST, now)
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.filled_at) * PER_MINUTE / 60)
        bucket.filled_at = now
        # Put at the end: the first are those that asked least lately.
        self._buckets[room] = bucket
        if len(self._buckets) > MAX_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        if bucket.tokens < 1:
            _LOGGER.info("Too many messages of a group were asked for again: not served")
            return False
        bucket.tokens -= 1
        return True

    async def dress(
        self, tx: Transaction, request: RetryRequest, message: wire.Message
    ) -> wire.Message:
        """Put our key into the message; our own other devices get a copy of what was sent."""
        room = request.from_jid
        if self._context.own.is_self(request.requester):
            return device_sent(room, message)
        async with self._rooms.sender_keys.locked(room):
            distribution = await self._rooms.sender_keys.distribution(tx, room)
        if distribution is not None:
            dressed = wire.Message()
            dressed.CopyFrom(message)
            dressed.MergeFrom(distribution)
            return dressed
        return message

    async def address(self, request: RetryRequest) -> dict[str, str | Jid]:
        """Address an answer: to the group, for one device of it."""
        info = await self._rooms.directory.peek(request.from_jid)
        by_lid = request.requester.is_lid if info is None else info.by_lid
        return {
            "to": request.from_jid,
            "participant": request.requester,
            "addressing_mode": "lid" if by_lid else "pn",
        }
