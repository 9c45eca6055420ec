"""Asking our own phone to upload a file again that the media hosts no longer have.

```
<receipt id=<message> to=<own number> type="server-error">
  <encrypt><enc_p/><enc_iv/></encrypt><rmr jid=<chat> from_me {participant}/>
</receipt>
  ->  <notification type="mediaretry" id=<message>>
        <rmr jid from_me {participant}/>
        <encrypt><enc_p/><enc_iv/></encrypt>  or  <error code/>
      </notification>
```
"""

import asyncio
from typing import Final

from ..errors import MediaExpired, MediaIntegrityError
from ..jid import Jid
from ..media.addresses import check_direct_path
from ..media.retry import NONCE_LENGTH, UploadedAgain, open_answer, seal_request
from ..proto import storage
from ..wabinary import Node
from .context import Context

# A phone that is not at hand answers later, or never.
ANSWER_TIMEOUT: Final = 30.0
_MAX_ANSWER: Final = 16 << 10


class MediaRetries:
    """Asks, and waits for the answer; asking for the same file twice is asking once."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context
        self._waiting: dict[str, asyncio.Future[Node]] = {}

    async def ask(self, record: storage.MediaRecord) -> str:
        """Have a file uploaded again; return where it lies now.

        Raises `MediaExpired` when the phone has it no longer or does not answer.
        """
        waiter = self._waiting.get(record.id)
        if waiter is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting[record.id] = waiter
        try:
            await self._context.send(self._build(record))
            async with asyncio.timeout(ANSWER_TIMEOUT):
                answer = await asyncio.shield(waiter)
        except TimeoutError as err:
            raise MediaExpired("The phone did not upload the file again in time") from err
        finally:
            self._waiting.pop(record.id, None)
        return _read(answer, record)

    async def on_notification(self, node: Node) -> None:
        """Take what the phone answers."""
        waiter = self._waiting.get(node.required_attr("id"))
        if waiter is not None and not waiter.done():
            waiter.set_result(node)

    def _build(self, record: storage.MediaRecord) -> Node:
        nonce = self._context.random_bytes(NONCE_LENGTH)
        sealed = seal_request(record.media_key, record.id, nonce)
        chat = Jid.parse(record.chat)
        where: dict[str, str | Jid] = {
            "jid": chat,
            "from_me": "true" if record.from_me else "false",
        }
        if not chat.is_user:
            where["participant"] = Jid.parse(record.sender)
        return Node(
            "receipt",
            {"id": record.id, "to": self._context.own.phone.bare, "type": "server-error"},
            [
                Node("encrypt", {}, [Node("enc_p", {}, sealed), Node("enc_iv", {}, nonce)]),
                Node("rmr", where),
            ],
        )


def _read(node: Node, record: storage.MediaRecord) -> str:
    """Read where the file lies now."""
    sealed = node.child("encrypt")
    if sealed is None:
        raise MediaExpired("The phone could not upload the file again")
    nonce = sealed.required_child("enc_iv").required_data()
    data = sealed.required_child("enc_p").required_data()[:_MAX_ANSWER]
    try:
        result, path = open_answer(record.media_key, record.id, nonce, data)
    except MediaIntegrityError as err:
        raise MediaExpired("The answer of the phone can't be read") from err
    if result is not UploadedAgain.SUCCESS:
        raise MediaExpired(f"The phone could not upload the file again: {result.name.lower()}")
    return check_direct_path(path)
