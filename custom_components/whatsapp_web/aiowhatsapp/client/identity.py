"""Who is who: numbers and LIDs of the same people, and their changing identities."""

from collections.abc import Iterable
import logging
from typing import Final

from ..events import IdentityChanged
from ..jid import SERVER_LID, SERVER_USER, Jid
from ..signal import SignalAddress
from ..stanza.message import MessageStanza
from ..store import LidOutcome
from ..wabinary import Node
from .context import Context
from .security import Security
from .sessions import Sessions

_LOGGER = logging.getLogger(__name__)

# Bounds one commit's time and memory while a long list is learned.
PAIRS_PER_COMMIT: Final = 256


class Identities:
    """Keeps the LID of each number, and follows changes of identity keys."""

    def __init__(self, context: Context, sessions: Sessions, security: Security) -> None:
        """Share the client's context; `security` hears whose identity changed."""
        self._context = context
        self._sessions = sessions
        self._security = security

    async def learn(self, pairs: Iterable[tuple[Jid, Jid]], *, overwrite: bool = True) -> None:
        """Keep pairs of phone number and LID; a number's sessions move to its LID.

        `overwrite` is for sources that may correct what is known: messages and
        lookups. Others only add.
        """
        fresh = [
            (phone, lid) for phone, lid in pairs if self._is_news(phone, lid, overwrite=overwrite)
        ]
        for start in range(0, len(fresh), PAIRS_PER_COMMIT):
            await self._learn_batch(fresh[start : start + PAIRS_PER_COMMIT], overwrite=overwrite)

    def _is_news(self, phone: Jid, lid: Jid, *, overwrite: bool) -> bool:
        """Whether a pair is one to keep."""
        if phone.server != SERVER_USER or lid.server != SERVER_LID:
            return False
        known = self._context.lids.lid_of(phone.user)
        if overwrite:
            return known != lid.user
        return known is None and self._context.lids.phone_of(lid.user) is None

    async def _learn_batch(self, pairs: list[tuple[Jid, Jid]], *, overwrite: bool) -> None:
        """Keep pairs in one commit, but for those whose numbers have sessions to move.

        The phone's history brings thousands of pairs at once, nearly all without any.
        """
        store = self._context.store
        without_session = []
        for phone, lid in pairs:
            if await store.sessions.devices(None, phone.bare.signal_name):
                await self._move_sessions(phone, lid, overwrite=overwrite)
            else:
                without_session.append((phone.user, lid.user))
        learned = []
        async with store.transaction() as tx:
            for phone_user, lid_user in without_session:
                outcome = await store.lids.put(tx, phone_user, lid_user, overwrite=overwrite)
                # Pairs of one list may contradict each other: then the first one stays.
                if outcome is not LidOutcome.CONFLICT:
                    learned.append((phone_user, lid_user))
        for phone_user, lid_user in learned:
            self._context.lids.add(phone_user, lid_user)

    async def learn_from_message(self, stanza: MessageStanza) -> None:
        """Learn from the two forms in which a message names its sender and chat."""
        pairs = [
            (jid, alternate) if alternate.is_lid else (alternate, jid)
            for jid, alternate in (
                (stanza.sender, stanza.sender_alternate),
                (stanza.chat, stanza.recipient_alternate),
            )
            if alternate is not None and jid.is_user
        ]
        await self.learn(pairs)

    async def _move_sessions(self, phone: Jid, lid: Jid, *, overwrite: bool) -> None:
        """Write the pair, and let the LID's addresses have what the number's had.

        Where both have a session the LID's stays: it is the newer one.
        """
        store = self._context.store
        old_name, new_name = phone.bare.signal_name, lid.bare.signal_name
        devices = [address.device for address in await store.sessions.devices(None, old_name)]
        addresses = [
            SignalAddress(name, device) for device in devices for name in (old_name, new_name)
        ]
        async with self._sessions.locked(addresses), store.transaction() as tx:
            outcome = await store.lids.put(tx, phone.user, lid.user, overwrite=overwrite)
            if outcome is LidOutcome.CONFLICT:
                return
            for device in devices:
                old, new = SignalAddress(old_name, device), SignalAddress(new_name, device)
                record = await store.sessions.get(tx, old)
                identity = await store.identities.get(tx, old)
                if record is not None and await store.sessions.get(tx, new) is None:
                    await store.sessions.put(tx, new, record)
                    if identity is not None:
                        await store.identities.put(tx, new, identity)
                await store.sessions.delete(tx, old)
                await store.identities.delete(tx, old)
        self._context.lids.add(phone.user, lid.user)

    async def on_notification(self, node: Node) -> None:
        """Follow `<identity/>`: a user has a new phone or installed anew."""
        user = node.required_jid("from")
        if user.device or self._context.own.is_self(user):
            return
        lid = node.jid("lid")
        if lid is not None:
            await self.learn([(user, lid)], overwrite=False)
        await self._forget_user(user)

    async def changed_in_message(self, sender: Jid) -> None:
        """Follow a new identity key that a message itself brought."""
        _LOGGER.info("The identity of %s changed", sender.log_form)
        if sender.device == 0:
            await self._forget_companions(sender)
        self._context.emit(IdentityChanged(user=self._context.canonical(sender.bare)))

    async def _forget_user(self, user: Jid) -> None:
        """Drop all sessions of a user; tell the listeners if there was an identity."""
        store = self._context.store
        primaries = [SignalAddress(form.signal_name, 0) for form in self._forms(user)]
        known = [
            address
            for address in primaries
            if await store.identities.get(None, address) is not None
        ]
        await self._forget_companions(user)
        if not known:
            return
        async with self._sessions.locked(primaries), store.transaction() as tx:
            for address in primaries:
                await store.sessions.delete(tx, address)
                await store.identities.delete(tx, address)
            await self._security.note(tx, user)
        self._context.emit(IdentityChanged(user=self._context.canonical(user.bare)))

    async def _forget_companions(self, user: Jid) -> None:
        """Drop the sessions with a user's linked devices, and the list of them."""
        store = self._context.store
        forms = self._forms(user)
        addresses = [
            address
            for form in forms
            for address in await store.sessions.devices(None, form.signal_name)
            if address.device
        ]
        async with self._sessions.locked(addresses), store.transaction() as tx:
            for address in addresses:
                await store.sessions.delete(tx, address)
            for form in forms:
                await store.device_lists.delete(tx, str(form))
                # What they knew of our keys for groups went with the old phone.
                await store.sender_key_targets.remove_user(tx, form.signal_name)

    def _forms(self, user: Jid) -> set[Jid]:
        """The bare addresses of a user, in all namespaces where they are known."""
        forms = {user.bare, self._context.canonical(user.bare)}
        phone = self._context.phone_of(user)
        return forms if phone is None else forms | {phone}
