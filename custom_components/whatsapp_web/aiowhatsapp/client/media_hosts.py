"""The media hosts of the moment, asked for when they are needed and no sooner."""

import asyncio
from dataclasses import replace
from typing import Final

from ..errors import AttributeMissing
from ..iq.media_conn import GetMediaConn, MediaConn
from ..media.addresses import is_host
from .context import Context

# Nobody makes us ask more often than this, nor believe for longer.
_SHORTEST: Final = 60
_LONGEST: Final = 24 * 3600


class MediaHosts:
    """Asks for the hosts, and remembers them as long as they are good."""

    def __init__(self, context: Context, host: str | None) -> None:
        """Share the client's context; `host` takes the place of all that the server names."""
        self._context = context
        self._host = host
        self._known: MediaConn | None = None
        self._good_until = 0.0
        self._lock = asyncio.Lock()

    async def get(self, *, instead_of: MediaConn | None = None) -> MediaConn:
        """Give hosts and ticket, others than those that turned out to be no good.

        Raises `Disconnected`, `RequestTimeout`, `IqError` or `AttributeMissing`.
        """
        async with self._lock:
            known = self._known
            fresh = self._context.clock.monotonic() < self._good_until
            if known is not None and fresh and known is not instead_of:
                return known
            await self._context.wait_online()
            conn = await self._context.execute(GetMediaConn())
            hosts = tuple(filter(is_host, conn.hosts)) if self._host is None else (self._host,)
            if not hosts:
                raise AttributeMissing("A media_conn names no usable host")
            self._known = replace(conn, hosts=hosts)
            lifetime = min(max(conn.ttl, _SHORTEST), _LONGEST)
            self._good_until = self._context.clock.monotonic() + lifetime
            return self._known
