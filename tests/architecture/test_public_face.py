"""What aiowhatsapp shows: a name that comes or goes does so on purpose, here too."""

import ast

from custom_components.whatsapp_web import aiowhatsapp

from .house import CLIENT, parse

PUBLIC = [
    "AiohttpConnector",
    "ChatState",
    "ChatStateChanged",
    "Client",
    "ClientOutdated",
    "Clock",
    "Confirming",
    "ConnectionFailed",
    "Credentials",
    "Disconnected",
    "Event",
    "IdentityChanged",
    "IncomingMessage",
    "IqError",
    "Jid",
    "LinkCode",
    "LinkCodeEnded",
    "LoggedOut",
    "LoginRefused",
    "MessageContent",
    "MessageKind",
    "MessageReceived",
    "MessageReference",
    "NoDevices",
    "NotLinked",
    "NotOnWhatsApp",
    "OwnNameChanged",
    "Pairing",
    "PairingEvent",
    "PairingExpired",
    "PairingFailed",
    "PairingPasskeyRequested",
    "PasskeyRequested",
    "PasskeyRequired",
    "PresenceChanged",
    "PrivacyChanged",
    "QrCode",
    "QuotedMessage",
    "ReceiptKind",
    "ReceiptReceived",
    "Rejected",
    "RequestTimeout",
    "SendError",
    "SentMessage",
    "ServerSettings",
    "ServiceRefused",
    "SessionReplaced",
    "Status",
    "StatusChanged",
    "StoreCorrupt",
    "StoreError",
    "SystemClock",
    "TemporarilyBanned",
    "UndecryptableMessage",
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
