"""What follows when a contact's security code changes: nothing, unless it is asked for.

The official clients go on and only say so. Whoever wants to be sure has sending to such
a contact refused, until a person has agreed.
"""

from typing import Final

from ..errors import IdentityUnconfirmed
from ..jid import Jid
from ..store import Transaction
from .context import Context

# A phone that is set up anew is a person's business; so many at once are nobody's.
MAX_UNCONFIRMED: Final = 1024


class Security:
    """Knows whose identity changed; with `block_changed` they are written nothing."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self.block_changed = False
        """Whether sending to a contact whose identity changed is refused until `confirm`."""

    async def note(self, tx: Transaction, user: Jid) -> None:
        """Note that the identity of a user's phone changed."""
        if self._context.own.is_self(user):
            return
        store, canonical = self._context.store.unconfirmed, self._context.canonical(user.bare)
        if len(await store.all(tx)) < MAX_UNCONFIRMED:
            await store.put(tx, canonical, changed_at=self._context.now())

    async def require(self, tx: Transaction | None, user: Jid) -> None:
        """Raise `IdentityUnconfirmed` when nothing may be sent to a user."""
        if self.block_changed and await self.is_changed(tx, user):
            raise IdentityUnconfirmed("The recipient's security code changed")

    async def is_changed(self, tx: Transaction | None, user: Jid) -> bool:
        """Whether a user's identity changed and nobody has agreed yet."""
        forms = list(self._context.forms_of(user.bare))
        return await self._context.store.unconfirmed.contains(tx, forms)

    async def changed(self) -> list[Jid]:
        """Name those whose identity changed, as long as nobody has agreed."""
        return await self._context.store.unconfirmed.all(None)

    async def confirm(self, user: Jid) -> None:
        """Take a user's new identity for theirs; raises `StoreError`."""
        forms = list(self._context.forms_of(user.bare))
        await self._context.store.unconfirmed.delete(None, forms)
