"""What a message becomes when it is edited."""

from typing import Final

from ..proto import wire
from .compose.envelope import content_field
from .kinds import read, text_of
from .wrappers import unwrap

_CAPTIONED: Final = ("imageMessage", "videoMessage", "documentMessage", "ptvMessage")


def edited_form(original: wire.Message, becomes: wire.Message) -> wire.Message:
    """Give a message with its new text or caption; all else stays as it was."""
    edited = wire.Message()
    edited.CopyFrom(original)
    inner = unwrap(edited).message
    name = content_field(inner)
    text = text_of(read(unwrap(becomes).message).text) or ""
    if name in _CAPTIONED and name is not None:
        getattr(inner, name).caption = text
    elif name == "extendedTextMessage":
        inner.extendedTextMessage.text = text
    elif name == "conversation":
        inner.conversation = text
    else:
        # A poll or an event with other facts comes as a whole.
        edited.CopyFrom(becomes)
    return edited
