"""A client of the WhatsApp Web multi-device protocol, on asyncio.

Link a device with `Pairing`, then run it with `Client`. Needs nothing of Home
Assistant: the store, the clock, randomness and the transport come in from outside.
"""

from .client.client import Client
from .client.outgoing import SentMessage
from .client.pairing import Pairing
from .client.pairing_events import (
    Confirming,
    LinkCode,
    LinkCodeEnded,
    PairingEvent,
    PasskeyRequested as PairingPasskeyRequested,
    QrCode,
)
from .client.settings import Clock, ServerSettings, SystemClock
from .client.version import fetch_web_version
from .errors import (
    ClientOutdated,
    ConnectionFailed,
    Disconnected,
    IqError,
    LoggedOut,
    LoginRefused,
    NoDevices,
    NotLinked,
    NotOnWhatsApp,
    PairingExpired,
    PairingFailed,
    PasskeyRequired,
    Rejected,
    RequestTimeout,
    SendError,
    ServiceRefused,
    SessionReplaced,
    StoreCorrupt,
    StoreError,
    TemporarilyBanned,
    WhatsAppError,
)
from .events import (
    Event,
    IdentityChanged,
    IncomingMessage,
    MessageReceived,
    OwnNameChanged,
    PasskeyRequested,
    ReceiptKind,
    ReceiptReceived,
    Status,
    StatusChanged,
    UndecryptableMessage,
)
from .events.people import ChatState, ChatStateChanged, PresenceChanged, PrivacyChanged
from .jid import Jid
from .message.content import MessageContent, MessageKind, MessageReference, QuotedMessage
from .pairing.credentials import Credentials
from .transport.websocket import AiohttpConnector

__all__ = [
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
