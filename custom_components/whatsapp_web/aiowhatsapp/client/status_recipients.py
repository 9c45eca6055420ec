"""Who gets our status updates: of those we know, whom the phone's setting names."""

import logging

from ..errors import IqError, NoDevices
from ..iq.privacy import AudienceKind, GetStatusAudience, StatusAudience
from ..jid import Jid
from .context import Context

_LOGGER = logging.getLogger(__name__)

_NOT_FOUND = 404


class StatusRecipients:
    """Asks for the setting with every status update: people change it on the phone."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context

    async def find(self) -> tuple[AudienceKind, tuple[Jid, ...]]:
        """Name the kind of audience and the users in it, by LID.

        The contacts are those of the phone's address book, as far as it was shared with
        us; whose LID is not known gets nothing. Raises `NoDevices` when nobody is left.
        """
        setting = await self._setting()
        named = {self._context.canonical(user) for user in setting.users}
        if setting.kind is AudienceKind.ONLY:
            users = named
        else:
            book = await self._context.store.address_book.users(None)
            users = {self._context.canonical(user.bare) for user in book}
            if setting.kind is AudienceKind.ALL_BUT:
                users -= named
        known = sorted(
            user for user in users if user.is_lid and not self._context.own.is_self(user)
        )
        if not known:
            raise NoDevices("No contact is known who may see a status update")
        if len(known) < len(users):
            _LOGGER.debug("%s contacts without LID get no status", len(users) - len(known))
        return setting.kind, tuple(known)

    async def _setting(self) -> StatusAudience:
        try:
            return await self._context.execute(GetStatusAudience())
        except IqError as err:
            if err.code != _NOT_FOUND:
                raise
            return StatusAudience(kind=AudienceKind.CONTACTS)
