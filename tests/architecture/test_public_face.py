"""What aiowhatsapp shows: a name that comes or goes does so on purpose, here too."""

import ast

from custom_components.whatsapp_web import aiowhatsapp

from .house import CLIENT, parse

PUBLIC = [
    "AboutChanged",
    "AccountLocked",
    "AiohttpConnector",
    "Album",
    "AlbumDetails",
    "AudienceKind",
    "BlocklistChanged",
    "BusinessProfile",
    "CallChanged",
    "CallState",
    "ChatState",
    "ChatStateChanged",
    "CheckedNumber",
    "Client",
    "ClientOutdated",
    "Clock",
    "Confirming",
    "ConnectionFailed",
    "Contact",
    "ContactDetails",
    "Contacts",
    "ContactsDetails",
    "Credentials",
    "DefaultTimerChanged",
    "Delete",
    "DisappearingTimer",
    "Disconnected",
    "Draft",
    "Edit",
    "Event",
    "EventAnswer",
    "EventDetails",
    "EventDraft",
    "EventResponse",
    "EventResponseReceived",
    "Forward",
    "IdentityChanged",
    "IncomingMessage",
    "InviteDetails",
    "IqError",
    "Jid",
    "Keep",
    "LAST",
    "LAST_SENT",
    "LinkCode",
    "LinkCodeEnded",
    "LinkPreview",
    "LiveLocation",
    "Location",
    "LocationDetails",
    "LoggedOut",
    "LoginRefused",
    "MESSAGE_EVENTS",
    "MessageContent",
    "MessageDeleted",
    "MessageEdited",
    "MessageEvent",
    "MessageKept",
    "MessageKind",
    "MessagePinned",
    "MessageReceived",
    "MessageReference",
    "MessageTarget",
    "MessageUnknown",
    "NoDevices",
    "NotLinked",
    "NotOnWhatsApp",
    "OpeningHours",
    "OptionTally",
    "OptionsDetails",
    "OwnNameChanged",
    "Pairing",
    "PairingEvent",
    "PairingExpired",
    "PairingFailed",
    "PairingPasskeyRequested",
    "PasskeyRequested",
    "PasskeyRequired",
    "PictureChanged",
    "Pin",
    "Poll",
    "PollDetails",
    "PollVote",
    "PollVoteReceived",
    "PresenceChanged",
    "PreviewDetails",
    "PrivacyChanged",
    "ProfilePicture",
    "QrCode",
    "QuotedMessage",
    "Reaction",
    "ReactionReceived",
    "ReceiptKind",
    "ReceiptReceived",
    "Rejected",
    "ReplyDetails",
    "RequestTimeout",
    "ResponseDetails",
    "SendError",
    "SentMessage",
    "ServerSettings",
    "ServiceRefused",
    "SessionReplaced",
    "Status",
    "StatusAudience",
    "StatusChanged",
    "StatusText",
    "StoreCorrupt",
    "StoreError",
    "SystemClock",
    "TemporarilyBanned",
    "Text",
    "UndecryptableMessage",
    "UploadedThumbnail",
    "UserProfile",
    "VoteDetails",
    "WhatsAppError",
    "fetch_web_version",
]


def test_all_is_pinned() -> None:
    assert sorted(aiowhatsapp.__all__) == PUBLIC


def test_all_names_exist() -> None:
    missing = [name for name in aiowhatsapp.__all__ if not hasattr(aiowhatsapp, name)]
    assert missing == []


def test_nothing_is_imported_without_being_shown() -> None:
    imported = {
        alias.asname or alias.name
        for node in parse(CLIENT / "__init__.py").body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported - set(aiowhatsapp.__all__) == set()
