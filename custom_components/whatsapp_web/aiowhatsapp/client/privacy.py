"""Our privacy settings: asked for when needed, kept current by the server's word."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from ..errors import IqError, LocalProtocolError
from ..events.people import PrivacyChanged
from ..iq.privacy import (
    ALL_CONTACTS_BUT,
    AudienceKind,
    ChangeExcluded,
    GetExcluded,
    GetPrivacy,
    GetStatusAudience,
    SetDefaultTimer,
    SetPrivacy,
    StatusAudience,
    read_privacy,
)
from ..jid import Jid
from ..wabinary import Node
from .context import Context

READ_RECEIPTS: Final = "readreceipts"
# Changes are announced; this bounds what a missed announcement costs.
CACHE_SECONDS: Final = 24 * 3600.0
_ITEM_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


class Privacy:
    """Who sees what of us, by the server's own words (`last`, `online`, `readreceipts`, ..)."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self._settings: dict[str, str] | None = None
        self._fetched_at = 0.0

    async def settings(self) -> Mapping[str, str]:
        """All settings; raises `Disconnected`, `RequestTimeout` or `IqError`."""
        now = self._context.clock.monotonic()
        if self._settings is None or now - self._fetched_at > CACHE_SECONDS:
            await self._context.wait_online()
            self._settings = await self._context.execute(GetPrivacy())
            self._fetched_at = now
        return MappingProxyType(self._settings)

    async def set(self, name: str, value: str) -> None:
        """Change one setting; raises `IqError` when the server knows no such value."""
        await self._context.wait_online()
        await self._context.execute(SetPrivacy(name, value))
        self._note({name: value})

    async def excluded(self, name: str) -> frozenset[Jid]:
        """Whom a setting leaves out, where it says all contacts but some."""
        await self._context.wait_online()
        listed = await self._context.execute(GetExcluded(name))
        return frozenset(self._context.canonical(user) for user in listed.users)

    async def exclude(self, name: str, users: Collection[Jid]) -> None:
        """Have a setting say all contacts but these; raises `LocalProtocolError` without a LID."""
        wanted = frozenset(self._context.canonical(user.bare) for user in users)
        if not all(user.is_lid for user in wanted):
            raise LocalProtocolError("A contact's LID is not known")
        try:
            await self._exclude(name, wanted)
        except IqError as err:
            if err.code != _CONFLICT:
                raise
            # Another device changed it in this moment.
            await self._exclude(name, wanted)
        self._note({name: ALL_CONTACTS_BUT})

    async def _exclude(self, name: str, wanted: frozenset[Jid]) -> None:
        await self._context.wait_online()
        listed = await self._context.execute(GetExcluded(name))
        present = {self._context.canonical(user): user for user in listed.users}
        phone_of = self._context.phone_of
        await self._context.execute(
            ChangeExcluded(
                name=name,
                dhash=listed.dhash,
                add=[(user, phone_of(user)) for user in sorted(wanted - present.keys())],
                remove=[(user, phone_of(user)) for user in sorted(present.keys() - wanted)],
            )
        )

    async def shows_reading(self) -> bool:
        """Whether others may see that we read what they wrote."""
        return (await self.settings()).get(READ_RECEIPTS) != "none"

    async def set_default_timer(self, seconds: int) -> None:
        """Set the timer with which new chats begin: 0, 86400, 604800 or 7776000 seconds."""
        await self._context.wait_online()
        await self._context.execute(SetDefaultTimer(seconds))

    async def status_audience(self) -> StatusAudience:
        """Who gets our status; all contacts where nothing was ever set."""
        await self._context.wait_online()
        try:
            return await self._context.execute(GetStatusAudience())
        except IqError as err:
            if err.code != _ITEM_NOT_FOUND:
                raise
            return StatusAudience(kind=AudienceKind.CONTACTS)

    async def on_account_sync(self, node: Node) -> None:
        """Take over what was changed on another device of ours."""
        child = node.child("privacy")
        if child is not None and self._context.own.is_self(node.required_jid("from")):
            self._note(read_privacy(child))

    def _note(self, changes: dict[str, str]) -> None:
        if self._settings is not None:
            self._settings = self._settings | changes
        self._context.emit(PrivacyChanged(settings=changes))
