"""Our privacy settings: asked for when needed, kept current by the server's word."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..errors import IqError
from ..events.people import PrivacyChanged
from ..iq.privacy import (
    AudienceKind,
    GetPrivacy,
    GetStatusAudience,
    SetDefaultTimer,
    SetPrivacy,
    StatusAudience,
    read_privacy,
)
from ..wabinary import Node
from .context import Context

READ_RECEIPTS: Final = "readreceipts"
# Changes are announced; this bounds what a missed announcement costs.
CACHE_SECONDS: Final = 24 * 3600.0
_ITEM_NOT_FOUND: Final = 404


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
