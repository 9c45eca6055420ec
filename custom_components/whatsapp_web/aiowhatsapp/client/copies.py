"""Taking over a state that was copied: a restored backup, or a clone.

Whoever the copy was made of may have gone on with it. Then the same message keys would
encrypt a second time, for other messages. So nothing that encrypts is taken over: the
next message to a device begins a new session, and what comes in on an old one is asked
for again, which makes its sender begin a new one as well.
"""

import logging
from typing import Final

from ..signal import SignalAddress
from ..store import Transaction
from .context import Context
from .group_directory import ALL_GROUPS_KNOWN
from .prekeys import UPLOAD_DUE
from .sync_actions import COLLECTIONS

_LOGGER = logging.getLogger(__name__)

# Prekeys made since the copy was have the ids that follow: the next ones begin far
# behind those, and at another place for every copy of the same state.
_LEAST_SKIPPED: Final = 1 << 22
# Somebody else was connected with our keys since.
_REPLACED: Final = "replaced"


async def note_replaced(context: Context) -> None:
    """Note that somebody else logged in with our keys: probably on a copy of this state."""
    await context.store.meta.put(None, _REPLACED, b"\x01")


async def take_over_copy(context: Context) -> None:
    """Drop what may be out of date, if the store is or may have a copy; else do nothing.

    Identities, prekeys, LIDs, what is to be handed over and what was sent stay. What was
    still to be sent goes.
    """
    store = context.store
    replaced = await store.meta.get(None, _REPLACED) is not None
    if not (replaced or await store.is_copy()):
        return
    own = (context.own.lid, context.own.phone)
    async with store.transaction() as tx:
        await store.sessions.clear(tx)
        for jid in own:
            await store.sender_keys.delete_sender(tx, SignalAddress(jid.signal_name, jid.device))
        await store.sender_key_targets.clear_all(tx)
        # What waited may have been sent long ago, by the original.
        await store.outbox.delete(tx, *(key for key, _ in await store.outbox.all(tx)))
        # Notifications of changes went to the original.
        await store.device_lists.clear(tx)
        await skip_pre_keys(context, tx)
        await store.app_state.mark_stale(tx, COLLECTIONS)
        await store.groups.clear(tx)
        await store.meta.delete(tx, ALL_GROUPS_KNOWN)
        await store.meta.delete(tx, _REPLACED)
        store.settle_copy(tx)
    _LOGGER.info("This state was restored or shared: beginning new sessions with everybody")


async def skip_pre_keys(context: Context, tx: Transaction) -> None:
    """Have the server given new prekeys, none with the id of one it may have."""
    skipped = _LEAST_SKIPPED + int.from_bytes(context.random_bytes(3)) % _LEAST_SKIPPED
    await context.store.pre_keys.skip_ids(tx, skipped)
    await context.store.meta.put(tx, UPLOAD_DUE, b"\x01")
