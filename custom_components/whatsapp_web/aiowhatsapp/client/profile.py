"""What we show of ourselves."""

import logging
from typing import Final

from ..errors import IqError, LocalProtocolError, RemoteProtocolError
from ..iq.mex import UPDATE_ABOUT, MexQuery
from ..iq.profile import MAX_ABOUT, SetAbout
from ..iq.profile_picture import ProfilePicture, SetProfilePicture
from .contacts import Contacts
from .context import Context

_LOGGER = logging.getLogger(__name__)

# The official clients make a picture of 640 by 640 of some ten thousand bytes.
MAX_PICTURE: Final = 512 * 1024
_JPEG: Final = b"\xff\xd8\xff"


class OwnProfile:
    """Our own picture and about text."""

    def __init__(self, context: Context, contacts: Contacts) -> None:
        """Share the client's context; `contacts` keeps what was asked for."""
        self._context = context
        self._contacts = contacts

    async def about(self) -> str | None:
        """Our about text."""
        return (await self._contacts.profile(self._context.own.lid.bare)).about

    async def set_about(self, text: str) -> None:
        """Change our about text; raises `IqError` when the server refuses it."""
        if len(text) > MAX_ABOUT:
            raise LocalProtocolError("The about text is too long")
        await self._context.wait_online()
        wanted = {"text": text or None, "ephemeral_duration_sec": 0}
        try:
            await self._context.execute(
                MexQuery(query_id=UPDATE_ABOUT, variables={"input": wanted})
            )
        except (IqError, RemoteProtocolError) as err:
            # Stored queries come and go with the web client's versions.
            _LOGGER.debug("The about text is changed the older way: %s", err)
            await self._context.execute(SetAbout(text))
        self._contacts.forget([self._context.own.lid])

    async def picture(self, *, preview: bool = False) -> ProfilePicture | None:
        """Where our picture is."""
        return await self._contacts.picture(self._context.own.phone.bare, preview=preview)

    async def set_picture(self, jpeg: bytes | None) -> str | None:
        """Set our picture, a square JPEG, or remove it; give its id.

        Raises `LocalProtocolError` for what can be no picture, `IqError` when the server
        refuses it.
        """
        if jpeg is not None and (not jpeg.startswith(_JPEG) or len(jpeg) > MAX_PICTURE):
            raise LocalProtocolError("Not a JPEG of a fitting size")
        await self._context.wait_online()
        picture_id = await self._context.execute(SetProfilePicture(jpeg=jpeg))
        self._contacts.forget([self._context.own.lid])
        return picture_id
