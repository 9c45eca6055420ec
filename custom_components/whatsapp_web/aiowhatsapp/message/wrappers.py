"""The envelopes that a message's content may sit in, one inside another."""

from dataclasses import dataclass
from typing import Final

from ..proto import wire

# Real messages nest two or three deep.
MAX_DEPTH: Final = 8

_VIEW_ONCE: Final = ("viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension")
_EPHEMERAL: Final = "ephemeralMessage"
_LOTTIE: Final = "lottieStickerMessage"

# All of these hold one message and nothing else.
WRAPPERS: Final = (
    "botInvokeMessage",
    _EPHEMERAL,
    *_VIEW_ONCE,
    "documentWithCaptionMessage",
    "editedMessage",
    _LOTTIE,
    "associatedChildMessage",
    "groupMentionedMessage",
    "groupStatusMessage",
    "groupStatusMessageV2",
    "statusMentionMessage",
    "groupStatusMentionMessage",
    "statusAddYours",
    "eventCoverImage",
    "pollCreationOptionImageMessage",
    "pollCreationMessageV4",
    "limitSharingMessage",
    "questionMessage",
    "questionReplyMessage",
    "newsletterAdminProfileMessage",
    "spoilerMessage",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """A message out of its envelopes, and what they said of it."""

    message: wire.Message
    view_once: bool = False
    ephemeral: bool = False


def unwrap(message: wire.Message) -> Unwrapped:
    """Take a message out of its envelopes, except that of our own other devices.

    What is nested deeper than any real message stays in the envelope.
    """
    view_once = ephemeral = False
    for _ in range(MAX_DEPTH):
        wrapper = next((name for name in WRAPPERS if message.HasField(name)), None)
        if wrapper is None:
            break
        inner: wire.Message = getattr(message, wrapper).message
        if message.HasField("messageContextInfo") and not inner.HasField("messageContextInfo"):
            outer_info = message.messageContextInfo
            message = wire.Message()
            message.CopyFrom(inner)
            message.messageContextInfo.CopyFrom(outer_info)
        else:
            message = inner
        view_once = view_once or wrapper in _VIEW_ONCE
        ephemeral = ephemeral or wrapper == _EPHEMERAL
    return Unwrapped(message=message, view_once=view_once, ephemeral=ephemeral)
