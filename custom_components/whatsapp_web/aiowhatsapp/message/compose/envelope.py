"""What a message's content is wrapped in, on its way out."""

from typing import Final

from ...jid import Jid
from ...proto import wire

# Not content: they travel beside it.
_BESIDE_CONTENT: Final = ("senderKeyDistributionMessage", "messageContextInfo")
# Which envelope says that a medium may be seen once.
_VIEW_ONCE: Final = {
    "imageMessage": "viewOnceMessageV2",
    "videoMessage": "viewOnceMessageV2",
    "audioMessage": "viewOnceMessageV2Extension",
}


def content_field(message: wire.Message) -> str | None:
    """Name the field that holds a message's content; None when it holds none we know."""
    for descriptor, _value in message.ListFields():
        if descriptor.name not in _BESIDE_CONTENT:
            return descriptor.name
    return None


def device_sent(to: Jid, message: wire.Message) -> wire.Message:
    """Wrap a message for our own other devices: what we sent, and to whom."""
    wrapped = wire.Message()
    wrapped.deviceSentMessage.destinationJid = str(to)
    wrapped.deviceSentMessage.message.CopyFrom(message)
    if message.HasField("messageContextInfo"):
        wrapped.messageContextInfo.CopyFrom(message.messageContextInfo)
    return wrapped


def view_once(message: wire.Message) -> wire.Message:
    """Wrap an image, a video or a voice note so that it may be opened once."""
    name = content_field(message)
    wrapper = None if name is None else _VIEW_ONCE.get(name)
    if name is None or wrapper is None:
        return message
    wrapped = wire.Message()
    inner: wire.Message = getattr(wrapped, wrapper).message
    inner.CopyFrom(message)
    getattr(inner, name).viewOnce = True
    if message.HasField("messageContextInfo"):
        inner.ClearField("messageContextInfo")
        wrapped.messageContextInfo.CopyFrom(message.messageContextInfo)
    return wrapped
