"""Sending on behalf of an action, and telling what became of it."""

from homeassistant.core import ServiceCall, ServiceResponse

from ..aiowhatsapp import Draft
from ..const import ATTR_MENTIONS, ATTR_RECIPIENT, ATTR_REPLY_TO
from ..how import how_of
from ..sending import async_send_draft, raise_failures
from ..targets import connection_of


async def async_send(call: ServiceCall, draft: Draft) -> ServiceResponse:
    """Send a draft to all recipients of a call.

    With response data, recipients that failed are named in there, unless all did.
    """
    deliveries = await async_send_draft(
        connection_of(call),
        call.data[ATTR_RECIPIENT],
        draft,
        reply_to=call.data.get(ATTR_REPLY_TO),
        mentions=call.data.get(ATTR_MENTIONS, ()),
        how=how_of(call.data),
    )
    if not call.return_response or all(item.error is not None for item in deliveries):
        raise_failures(call.hass, deliveries)
    if not call.return_response:
        return None
    return {"chats": [item.as_dict(call.hass) for item in deliveries]}
