"""What the stanza says of the message inside it, for the server can't read that."""

from dataclasses import dataclass, field
from typing import Final

from ...proto import wire
from ..wrappers import unwrap
from .envelope import content_field

_SecretEncType = wire.Message.SecretEncryptedMessage.SecretEncType
_ProtocolType = wire.Message.ProtocolMessage.Type
_EVENT_EDIT: Final = _SecretEncType.EVENT_EDIT
_POLL_EDITS: Final = (_SecretEncType.POLL_EDIT, _SecretEncType.POLL_ADD_OPTION)

# The values of the `edit` attribute.
EDITED: Final = "1"
PINNED: Final = "2"
DELETED: Final = "7"
DELETED_BY_ADMIN: Final = "8"

# The stanza type by the field that holds the content; what is missing here is media.
_STANZA_TYPES: Final = {
    "reactionMessage": "reaction",
    "encReactionMessage": "reaction",
    "eventMessage": "event",
    "encEventResponseMessage": "event",
    "pollCreationMessage": "poll",
    "pollCreationMessageV2": "poll",
    "pollCreationMessageV3": "poll",
    "pollCreationMessageV5": "poll",
    "pollCreationMessageV6": "poll",
    "pollUpdateMessage": "poll",
    "conversation": "text",
    "protocolMessage": "text",
    "keepInChatMessage": "text",
    "pinInChatMessage": "text",
    "interactiveMessage": "text",
    "templateButtonReplyMessage": "text",
    "albumMessage": "text",
    "secretEncryptedMessage": "text",
    "encCommentMessage": "text",
    "newsletterAdminInviteMessage": "text",
}

# The media type by the field that holds the content.
_MEDIA_TYPES: Final = {
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "ptv",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
    "locationMessage": "location",
    "liveLocationMessage": "livelocation",
    "contactMessage": "vcard",
    "contactsArrayMessage": "contact_array",
    "groupInviteMessage": "url",
    "listMessage": "list",
    "orderMessage": "order",
    "productMessage": "product",
    "listResponseMessage": "list_response",
    "buttonsResponseMessage": "buttons_response",
    "interactiveResponseMessage": "native_flow_response",
}

# Nobody is shown anything when one of these can't be read.
_HIDDEN: Final = frozenset(
    {
        "reactionMessage",
        "encReactionMessage",
        "pollUpdateMessage",
        "encEventResponseMessage",
        "pinInChatMessage",
        "keepInChatMessage",
        "secretEncryptedMessage",
    }
)
_HIDDEN_PROTOCOL: Final = frozenset(
    {
        _ProtocolType.MESSAGE_EDIT,
        _ProtocolType.EPHEMERAL_SYNC_RESPONSE,
        _ProtocolType.REQUEST_WELCOME_MESSAGE,
        _ProtocolType.GROUP_MEMBER_LABEL_CHANGE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The attributes and children that go with a message.

    `type`, `edit` and the attributes of `<meta>` stand in the stanza; `media_type` and
    `hide_failure` (`decrypt-fail="hide"`) on the `<enc>`s.
    """

    type: str
    media_type: str | None = None
    edit: str | None = None
    hide_failure: bool = False
    meta: dict[str, str] = field(default_factory=dict)


def labels_of(message: wire.Message) -> Labels:
    """Say what goes with a message, also one that is wrapped for our other devices."""
    if message.HasField("deviceSentMessage"):
        message = message.deviceSentMessage.message
    unwrapped = unwrap(message)
    inner = unwrapped.message
    name = content_field(inner)
    return Labels(
        type=_type(inner, name),
        media_type=_media_type(inner, name),
        edit=_edit(inner, name),
        hide_failure=_hides_failure(inner, name),
        meta=_meta(inner, name, view_once=unwrapped.view_once),
    )


def stanza_type(message: wire.Message) -> str:
    """Give the `type` of the stanza that carries a message."""
    return labels_of(message).type


def media_type(message: wire.Message) -> str | None:
    """Give the `mediatype` of the `<enc>` that carries a message, if it has one."""
    return labels_of(message).media_type


def _type(inner: wire.Message, name: str | None) -> str:
    if name == "extendedTextMessage":
        return "media" if inner.extendedTextMessage.matchedText else "text"
    if name == "secretEncryptedMessage":
        edit = inner.secretEncryptedMessage.secretEncType
        if edit == _EVENT_EDIT:
            return "event"
        if edit in _POLL_EDITS:
            return "poll"
    return "text" if name is None else _STANZA_TYPES.get(name, "media")


def _media_type(inner: wire.Message, name: str | None) -> str | None:
    if name == "extendedTextMessage":
        return "url" if inner.extendedTextMessage.matchedText else None
    if name == "videoMessage" and inner.videoMessage.gifPlayback:
        return "gif"
    if name == "audioMessage" and inner.audioMessage.ptt:
        return "ptt"
    return None if name is None else _MEDIA_TYPES.get(name)


def _edit(inner: wire.Message, name: str | None) -> str | None:
    if name == "protocolMessage":
        return _protocol_edit(inner.protocolMessage)
    if name == "secretEncryptedMessage":
        kind = inner.secretEncryptedMessage.secretEncType
        return EDITED if kind in (_SecretEncType.MESSAGE_EDIT, _EVENT_EDIT) else None
    if name == "pinInChatMessage":
        return PINNED
    if name == "reactionMessage":
        return None if inner.reactionMessage.text else DELETED
    if name == "keepInChatMessage":
        keep = inner.keepInChatMessage
        undone = keep.keepType == wire.KeepType.UNDO_KEEP_FOR_ALL
        return DELETED if undone and keep.key.fromMe else None
    return None


def _protocol_edit(protocol: wire.Message.ProtocolMessage) -> str | None:
    # An absent type would read as a deletion.
    if not protocol.HasField("type"):
        return None
    if protocol.type == _ProtocolType.MESSAGE_EDIT:
        return EDITED
    if protocol.type == _ProtocolType.REVOKE:
        return DELETED if protocol.key.fromMe else DELETED_BY_ADMIN
    return None


def _hides_failure(inner: wire.Message, name: str | None) -> bool:
    if name == "protocolMessage":
        protocol = inner.protocolMessage
        return protocol.HasField("type") and protocol.type in _HIDDEN_PROTOCOL
    return name in _HIDDEN


def _meta(inner: wire.Message, name: str | None, *, view_once: bool) -> dict[str, str]:
    meta: dict[str, str] = {}
    if name is not None and name.startswith("pollCreationMessage"):
        meta["polltype"] = "creation"
    elif name == "pollUpdateMessage":
        meta["polltype"] = "vote"
    elif name == "eventMessage":
        meta["event_type"] = "creation"
    elif name == "encEventResponseMessage":
        meta["event_type"] = "response"
    elif (
        name == "secretEncryptedMessage"
        and inner.secretEncryptedMessage.secretEncType == _EVENT_EDIT
    ):
        meta["event_type"] = "edit"
    if view_once:
        meta["view_once"] = "true"
    return meta
