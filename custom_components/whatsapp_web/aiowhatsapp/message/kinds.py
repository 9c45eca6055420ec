"""Reading the content of each kind of message."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..proto import wire
from .content import MessageKind

# What the official clients let a person type; captions and labels are far shorter.
MAX_TEXT: Final = 65_536

_ProtocolType = wire.Message.ProtocolMessage.Type
_SecretEncType = wire.Message.SecretEncryptedMessage.SecretEncType
_PinType = wire.Message.PinInChatMessage.Type

_SECRET_EDITS: Final = (
    _SecretEncType.EVENT_EDIT,
    _SecretEncType.MESSAGE_EDIT,
    _SecretEncType.POLL_EDIT,
    _SecretEncType.POLL_ADD_OPTION,
)


@dataclass(slots=True)
class Draft:
    """What was found in a message of one kind."""

    kind: MessageKind
    text: str | bytes = ""
    choice: str | bytes = ""
    context: wire.ContextInfo | None = None
    target: wire.MessageKey | None = None
    reaction: str | None = None
    taken_back: bool = False
    view_once: bool = False
    # What an edit changes a message into.
    becomes: wire.Message | None = field(default=None, repr=False)


def read(message: wire.Message) -> Draft:
    """Read the content of a message that is out of its envelopes; nothing raises."""
    for name, reader in _READERS.items():
        if message.HasField(name):
            return reader(message)
    return Draft(MessageKind.UNKNOWN)


def text_of(value: str | bytes) -> str | None:
    """Read a text; the library gives bytes where the sender's UTF-8 was invalid."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text[:MAX_TEXT] or None


def _read_conversation(message: wire.Message) -> Draft:
    return Draft(MessageKind.TEXT, text=message.conversation)


def _read_extended_text(message: wire.Message) -> Draft:
    content = message.extendedTextMessage
    return Draft(MessageKind.TEXT, text=content.text, context=content.contextInfo)


def _read_image(message: wire.Message) -> Draft:
    content = message.imageMessage
    return Draft(
        MessageKind.IMAGE,
        text=content.caption,
        context=content.contextInfo,
        view_once=content.viewOnce,
    )


def _read_video(message: wire.Message) -> Draft:
    content = message.videoMessage
    return Draft(
        MessageKind.GIF if content.gifPlayback else MessageKind.VIDEO,
        text=content.caption,
        context=content.contextInfo,
        view_once=content.viewOnce,
    )


def _read_video_note(message: wire.Message) -> Draft:
    content = message.ptvMessage
    return Draft(
        MessageKind.VIDEO_NOTE,
        text=content.caption,
        context=content.contextInfo,
        view_once=content.viewOnce,
    )


def _read_audio(message: wire.Message) -> Draft:
    content = message.audioMessage
    return Draft(
        MessageKind.VOICE if content.ptt else MessageKind.AUDIO,
        context=content.contextInfo,
        view_once=content.viewOnce,
    )


def _read_document(message: wire.Message) -> Draft:
    content = message.documentMessage
    return Draft(MessageKind.DOCUMENT, text=content.caption, context=content.contextInfo)


def _read_sticker(message: wire.Message) -> Draft:
    return Draft(MessageKind.STICKER, context=message.stickerMessage.contextInfo)


def _read_location(message: wire.Message) -> Draft:
    content = message.locationMessage
    return Draft(
        MessageKind.LIVE_LOCATION if content.isLive else MessageKind.LOCATION,
        text=content.comment or content.name,
        context=content.contextInfo,
    )


def _read_live_location(message: wire.Message) -> Draft:
    content = message.liveLocationMessage
    return Draft(MessageKind.LIVE_LOCATION, text=content.caption, context=content.contextInfo)


def _read_contact(message: wire.Message) -> Draft:
    content = message.contactMessage
    return Draft(MessageKind.CONTACT, text=content.displayName, context=content.contextInfo)


def _read_contacts(message: wire.Message) -> Draft:
    content = message.contactsArrayMessage
    return Draft(MessageKind.CONTACTS, text=content.displayName, context=content.contextInfo)


def _poll_reader(name: str) -> Callable[[wire.Message], Draft]:
    """Make the reader of one of the fields that hold a poll."""

    def read(message: wire.Message) -> Draft:
        content: wire.Message.PollCreationMessage = getattr(message, name)
        return Draft(MessageKind.POLL, text=content.name, context=content.contextInfo)

    return read


def _read_poll_vote(message: wire.Message) -> Draft:
    key = message.pollUpdateMessage.pollCreationMessageKey
    return Draft(MessageKind.POLL_VOTE, target=key)


def _read_reaction(message: wire.Message) -> Draft:
    content = message.reactionMessage
    emoji = text_of(content.text) or ""
    return Draft(MessageKind.REACTION, target=content.key, reaction=emoji, taken_back=not emoji)


def _read_encrypted_reaction(message: wire.Message) -> Draft:
    return Draft(MessageKind.REACTION, target=message.encReactionMessage.targetMessageKey)


def _read_protocol(message: wire.Message) -> Draft:
    content = message.protocolMessage
    # An absent type would read as a deletion.
    if content.HasField("type"):
        if content.type == _ProtocolType.REVOKE:
            return Draft(MessageKind.DELETE, target=content.key)
        if content.type == _ProtocolType.MESSAGE_EDIT:
            return Draft(MessageKind.EDIT, target=content.key, becomes=content.editedMessage)
    return Draft(MessageKind.PROTOCOL)


def _read_secret(message: wire.Message) -> Draft:
    content = message.secretEncryptedMessage
    if content.secretEncType in _SECRET_EDITS:
        return Draft(MessageKind.EDIT, target=content.targetMessageKey)
    return Draft(MessageKind.UNKNOWN)


def _read_pin(message: wire.Message) -> Draft:
    content = message.pinInChatMessage
    return Draft(
        MessageKind.PIN,
        target=content.key,
        taken_back=content.type == _PinType.UNPIN_FOR_ALL,
    )


def _read_keep(message: wire.Message) -> Draft:
    content = message.keepInChatMessage
    return Draft(
        MessageKind.KEEP,
        target=content.key,
        taken_back=content.keepType == wire.KeepType.UNDO_KEEP_FOR_ALL,
    )


def _read_event(message: wire.Message) -> Draft:
    content = message.eventMessage
    return Draft(
        MessageKind.EVENT,
        text=content.name,
        context=content.contextInfo,
        taken_back=content.isCanceled,
    )


def _read_event_response(message: wire.Message) -> Draft:
    key = message.encEventResponseMessage.eventCreationMessageKey
    return Draft(MessageKind.EVENT_RESPONSE, target=key)


def _read_comment(message: wire.Message) -> Draft:
    content = message.commentMessage
    return Draft(MessageKind.COMMENT, target=content.targetMessageKey, becomes=content.message)


def _read_encrypted_comment(message: wire.Message) -> Draft:
    return Draft(MessageKind.COMMENT, target=message.encCommentMessage.targetMessageKey)


def _read_channel_invite(message: wire.Message) -> Draft:
    content = message.newsletterAdminInviteMessage
    return Draft(
        MessageKind.CHANNEL_INVITE,
        text=content.caption or content.newsletterName,
        context=content.contextInfo,
    )


def _read_product(message: wire.Message) -> Draft:
    content = message.productMessage
    return Draft(
        MessageKind.PRODUCT,
        text=content.body or content.product.title,
        context=content.contextInfo,
    )


def _read_order(message: wire.Message) -> Draft:
    content = message.orderMessage
    return Draft(
        MessageKind.ORDER,
        text=content.message or content.orderTitle,
        context=content.contextInfo,
    )


def _read_album(message: wire.Message) -> Draft:
    return Draft(MessageKind.ALBUM, context=message.albumMessage.contextInfo)


def _read_group_invite(message: wire.Message) -> Draft:
    content = message.groupInviteMessage
    return Draft(
        MessageKind.GROUP_INVITE,
        text=content.caption or content.groupName,
        context=content.contextInfo,
    )


def _read_buttons(message: wire.Message) -> Draft:
    content = message.buttonsMessage
    return Draft(MessageKind.BUTTONS, text=content.contentText, context=content.contextInfo)


def _read_button_reply(message: wire.Message) -> Draft:
    content = message.buttonsResponseMessage
    return Draft(
        MessageKind.BUTTON_REPLY,
        text=content.selectedDisplayText,
        choice=content.selectedButtonId,
        context=content.contextInfo,
    )


def _read_list(message: wire.Message) -> Draft:
    content = message.listMessage
    return Draft(
        MessageKind.LIST,
        text=content.description or content.title,
        context=content.contextInfo,
    )


def _read_list_reply(message: wire.Message) -> Draft:
    content = message.listResponseMessage
    return Draft(
        MessageKind.LIST_REPLY,
        text=content.title,
        choice=content.singleSelectReply.selectedRowId,
        context=content.contextInfo,
    )


def _read_template(message: wire.Message) -> Draft:
    content = message.templateMessage
    return Draft(
        MessageKind.TEMPLATE,
        text=content.hydratedTemplate.hydratedContentText,
        context=content.contextInfo,
    )


def _read_template_reply(message: wire.Message) -> Draft:
    content = message.templateButtonReplyMessage
    return Draft(
        MessageKind.TEMPLATE_REPLY,
        text=content.selectedDisplayText,
        choice=content.selectedId,
        context=content.contextInfo,
    )


def _read_interactive(message: wire.Message) -> Draft:
    content = message.interactiveMessage
    return Draft(MessageKind.INTERACTIVE, text=content.body.text, context=content.contextInfo)


def _read_interactive_reply(message: wire.Message) -> Draft:
    content = message.interactiveResponseMessage
    return Draft(
        MessageKind.INTERACTIVE_REPLY,
        text=content.body.text,
        choice=content.nativeFlowResponseMessage.name,
        context=content.contextInfo,
    )


# By the field that holds the content. Where a sender sets several, the first counts.
_READERS: Final[dict[str, Callable[[wire.Message], Draft]]] = {
    "conversation": _read_conversation,
    "extendedTextMessage": _read_extended_text,
    "protocolMessage": _read_protocol,
    "imageMessage": _read_image,
    "videoMessage": _read_video,
    "ptvMessage": _read_video_note,
    "audioMessage": _read_audio,
    "documentMessage": _read_document,
    "stickerMessage": _read_sticker,
    "reactionMessage": _read_reaction,
    "encReactionMessage": _read_encrypted_reaction,
    "locationMessage": _read_location,
    "liveLocationMessage": _read_live_location,
    "contactMessage": _read_contact,
    "contactsArrayMessage": _read_contacts,
    "pollUpdateMessage": _read_poll_vote,
    "secretEncryptedMessage": _read_secret,
    "pinInChatMessage": _read_pin,
    "keepInChatMessage": _read_keep,
    "eventMessage": _read_event,
    "encEventResponseMessage": _read_event_response,
    "albumMessage": _read_album,
    "commentMessage": _read_comment,
    "encCommentMessage": _read_encrypted_comment,
    "newsletterAdminInviteMessage": _read_channel_invite,
    "productMessage": _read_product,
    "orderMessage": _read_order,
    "groupInviteMessage": _read_group_invite,
    "buttonsMessage": _read_buttons,
    "buttonsResponseMessage": _read_button_reply,
    "listMessage": _read_list,
    "listResponseMessage": _read_list_reply,
    "templateMessage": _read_template,
    "templateButtonReplyMessage": _read_template_reply,
    "interactiveMessage": _read_interactive,
    "interactiveResponseMessage": _read_interactive_reply,
} | {
    name: _poll_reader(name)
    for name in (
        "pollCreationMessage",
        "pollCreationMessageV2",
        "pollCreationMessageV3",
        "pollCreationMessageV5",
        "pollCreationMessageV6",
    )
}
