"""What this device asks of its own phone: messages of the category peer."""

import asyncio
from typing import Final

from ..errors import Disconnected, RequestTimeout
from ..jid import Jid
from ..message.ids import new_message_id
from ..message.padding import pad
from ..proto import wire
from ..wabinary import Node
from .context import Context
from .link import REQUEST_TIMEOUT
from .outgoing import build_enc
from .sessions import Sessions

_PRIORITY: Final = "high"
_FORCED: Final = "high_force"
_Kind: Final = wire.Message.PeerDataOperationRequestType
# Those that the web client has the phone woken for.
_WAKING: Final = frozenset({_Kind.HISTORY_SYNC_ON_DEMAND, _Kind.PLACEHOLDER_MESSAGE_RESEND})


class PeerRequests:
    """Encrypts for the phone alone and sends; answers come as messages of its own."""

    def __init__(self, context: Context, sessions: Sessions) -> None:
        """Share the client's context and its sessions."""
        self._context = context
        self._sessions = sessions

    def new_id(self) -> str:
        """Make the id of a request, which an answer names."""
        context = self._context
        return new_message_id(
            context.own.phone.user, now=context.now(), random_bytes=context.random_bytes
        )

    async def send_surely(self, message: wire.Message, request_id: str) -> None:
        """Send a request under an id that is known before, and wait until the server has it.

        Raises `RequestTimeout`, and what `send` raises.
        """
        link = self._context.require_link()
        taken = link.expect(request_id)
        try:
            await self.send(message, request_id=request_id)
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await taken
        except TimeoutError as err:
            raise RequestTimeout("The server did not confirm a request to our phone") from err
        finally:
            link.forget(request_id)

    async def send(self, message: wire.Message, *, request_id: str | None = None) -> str:
        """Send a request to the phone; return the id that an answer names.

        `request_id` is for who has to know it before.

        Raises `Disconnected`, or `StoreError`.
        """
        context = self._context
        phone = context.own.phone.bare
        await self._sessions.ensure([phone])
        request_id = request_id or self.new_id()
        padded = pad(message.SerializeToString(), context.random_bytes)
        async with self._sessions.locked_for([phone]), context.store.transaction() as tx:
            encrypted = await self._sessions.encrypt(tx, {phone: padded})
        ciphertext = encrypted.get(phone)
        if ciphertext is None:
            raise Disconnected("There is no session with our own phone")
        request = message.protocolMessage.peerDataOperationRequestMessage
        kind = request.peerDataOperationRequestType
        waking = message.protocolMessage.HasField("peerDataOperationRequestMessage")
        attrs: dict[str, str | Jid] = {
            "id": request_id,
            "to": phone,
            "type": "text",
            "category": "peer",
            "push_priority": _FORCED if waking and kind in _WAKING else _PRIORITY,
        }
        if waking and kind == _Kind.HISTORY_SYNC_ON_DEMAND:
            attrs["privacy_sensitive"] = "1"
        children = [build_enc(message, ciphertext), Node("meta", {"appdata": "default"})]
        if ciphertext.kind == "pkmsg":
            children.append(Node("device-identity", {}, context.credentials.account))
        await context.send(Node("message", attrs, children))
        return request_id
