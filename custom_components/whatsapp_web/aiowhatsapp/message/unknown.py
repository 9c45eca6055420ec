"""Names of the kinds of messages that are not read here, by their field in the schema."""

from typing import Final

from google.protobuf.unknown_fields import UnknownFieldSet

from ..proto import wire
from .compose.envelope import content_field

NAMES: Final = {
    10: "call",
    11: "chat",
    14: "highlyStructuredMessage",
    15: "fastRatchetKeySenderKeyDistributionMessage",
    16: "sendPaymentMessage",
    22: "requestPaymentMessage",
    23: "declinePaymentRequestMessage",
    24: "cancelPaymentRequestMessage",
    41: "invoiceMessage",
    44: "paymentInviteMessage",
    47: "stickerSyncRmrMessage",
    54: "requestPhoneNumberMessage",
    61: "scheduledCallCreationMessage",
    65: "scheduledCallEditMessage",
    69: "callLogMessage",
    70: "messageHistoryBundle",
    72: "bcallMessage",
    80: "placeholderMessage",
    86: "stickerPackMessage",
    88: "pollResultSnapshotMessage",
    97: "richResponseMessage",
    98: "statusNotificationMessage",
    100: "botTaskMessage",
    102: "messageHistoryNotice",
    104: "botForwardedMessage",
    105: "statusQuestionAnswerMessage",
    107: "questionResponseMessage",
    109: "statusQuotedMessage",
    110: "statusStickerInteractionMessage",
    113: "newsletterFollowerInviteMessageV2",
    115: "pollResultSnapshotMessageV3",
    120: "conditionalRevealMessage",
    121: "pollAddOptionMessage",
    122: "eventInviteMessage",
    123: "groupRootKeyShare",
    124: "paymentReminderMessage",
    125: "splitPaymentMessage",
    126: "newsletterAdminProfileStatusMessage",
    127: "rootSecretDistributeMessage",
    128: "splitPaymentUpdateMessage",
    129: "musicMessage",
    130: "statusLinkPreviewMetadata",
    131: "botPlatformRegistrationSuccessMessage",
}


def type_name(message: wire.Message) -> str | None:
    """Name the schema's field that holds the content; None when there is nothing."""
    known = content_field(message)
    if known is not None:
        return known
    unknown = UnknownFieldSet(message)
    if not len(unknown):
        return None
    number = unknown[0].field_number
    return NAMES.get(number, f"field_{number}")
