"""The one mapping from the client's errors to Home Assistant's, always translated."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryError,
    ConfigEntryNotReady,
    HomeAssistantError,
    ServiceValidationError,
)
from homeassistant.helpers.translation import async_get_cached_translations

from .aiowhatsapp import (
    AccountLocked,
    AppStateError,
    CertificateOutOfDate,
    ClientOutdated,
    ConnectionFailed,
    IdentityUnconfirmed,
    InvalidDraft,
    LoginRefused,
    MediaError,
    MediaExpired,
    MediaFileError,
    MediaIntegrityError,
    MediaNotFound,
    MediaRefused,
    MediaTooLarge,
    MessageExpired,
    MessageUnknown,
    NoDevices,
    NotInGroup,
    NotLinked,
    NotOnWhatsApp,
    OutboxFull,
    PasskeyRequired,
    Rejected,
    RequestTimeout,
    SendFailed,
    ServiceRefused,
    SessionReplaced,
    StoreCorrupt,
    StoreError,
    TemporarilyBanned,
    WhatsAppError,
    WrongClock,
)
from .const import DOMAIN
from .storage import CredentialsDamaged, CredentialsMissing, MasterKeyLost, StorageTooNew

# From the particular to the general: the first class that fits names the cause.
_CAUSES: Final[tuple[tuple[type[WhatsAppError], str], ...]] = (
    (PasskeyRequired, "passkey_required"),
    (CredentialsMissing, "credentials_missing"),
    (MasterKeyLost, "master_key_lost"),
    (CredentialsDamaged, "storage_damaged"),
    (StoreCorrupt, "state_damaged"),
    (StorageTooNew, "storage_too_new"),
    (StoreError, "storage_failed"),
    (AccountLocked, "account_locked"),
    (NotLinked, "not_linked"),
    (ClientOutdated, "client_outdated"),
    (TemporarilyBanned, "temporarily_banned"),
    (SessionReplaced, "session_replaced"),
    (LoginRefused, "login_refused"),
    (WrongClock, "wrong_clock"),
    (CertificateOutOfDate, "wrong_clock"),
    (RequestTimeout, "no_answer"),
    (ConnectionFailed, "not_connected"),
    (NotOnWhatsApp, "not_on_whatsapp"),
    (NoDevices, "no_devices"),
    (NotInGroup, "not_in_group"),
    (IdentityUnconfirmed, "identity_unconfirmed"),
    (Rejected, "message_rejected"),
    (MediaNotFound, "media_not_found"),
    (MediaExpired, "media_expired"),
    (MediaIntegrityError, "media_damaged"),
    (MediaTooLarge, "media_too_large"),
    (MediaRefused, "media_refused"),
    (MediaFileError, "media_file_error"),
    (MessageUnknown, "message_unknown"),
    (InvalidDraft, "message_invalid"),
    (AppStateError, "not_synchronised"),
    (MessageExpired, "message_expired"),
    (OutboxFull, "outbox_full"),
    (SendFailed, "send_failed"),
)
_OTHER_CAUSE: Final = "unexpected_error"

# What the person who wrote the automation, or who owns the account, can mend.
_THEIRS_TO_MEND: Final = (
    ConnectionFailed,
    IdentityUnconfirmed,
    MediaError,
    InvalidDraft,
    MessageUnknown,
    MessageExpired,
    NoDevices,
    NotInGroup,
    NotLinked,
    NotOnWhatsApp,
    Rejected,
    ServiceRefused,
    StoreCorrupt,
)


def cause_of(err: WhatsAppError) -> str:
    """Name the cause of an error: the key of its translation."""
    return next((key for kind, key in _CAUSES if isinstance(err, kind)), _OTHER_CAUSE)


def placeholders_of(err: WhatsAppError) -> dict[str, str]:
    """Give what the translation of that error says beyond its cause."""
    said: dict[str, str] = {}
    match err:
        case Rejected(code=code):
            said = {"code": code}
        case SendFailed():
            said = {"error": str(err)}
        case LoginRefused(reason=reason):
            said = {"code": reason}
        case MediaRefused(status=status):
            said = {"code": str(status)}
        case MediaTooLarge(limit=limit):
            said = {"limit": str(limit // 1_000_000)}
        case MediaFileError() | InvalidDraft() | AppStateError():
            said = {"error": str(err)}
        case _ if cause_of(err) == _OTHER_CAUSE:
            said = {"error": str(err)}
    return said


def calls_for_linking(err: WhatsAppError | None) -> bool:
    """Whether the account has to be linked again, as its credentials are of no more use."""
    return isinstance(err, NotLinked | CredentialsDamaged | CredentialsMissing | MasterKeyLost)


def entry_error(err: WhatsAppError) -> HomeAssistantError:
    """Give the error that setting up an entry ends with."""
    kind: type[HomeAssistantError]
    match err:
        case _ if calls_for_linking(err):
            kind = ConfigEntryAuthFailed
        case ServiceRefused() | StorageTooNew() | StoreCorrupt():
            kind = ConfigEntryError
        case _:
            kind = ConfigEntryNotReady
    return _translated(kind, err)


def action_error(err: WhatsAppError, recipient: str) -> HomeAssistantError:
    """Give the error of an action that could not write to that recipient."""
    kind = ServiceValidationError if isinstance(err, _THEIRS_TO_MEND) else HomeAssistantError
    return _translated(kind, err, recipient=recipient)


def _translated(
    kind: type[HomeAssistantError], err: WhatsAppError, **more: str
) -> HomeAssistantError:
    return kind(
        translation_domain=DOMAIN,
        translation_key=cause_of(err),
        translation_placeholders=placeholders_of(err) | more,
    )


@callback
def reason_text(hass: HomeAssistant, error: HomeAssistantError, *, recipient: str = "") -> str:
    """Tell an error in the system's language, to be part of another text.

    With `recipient`, that one is put in front of what does not name it.
    """
    known = async_get_cached_translations(hass, hass.config.language, "exceptions", DOMAIN)
    text = known.get(f"component.{DOMAIN}.exceptions.{error.translation_key}.message")
    if text is None:
        return str(error)
    reason = text.format(**(error.translation_placeholders or {}))
    return f"{recipient}: {reason}" if recipient.strip() and "{recipient}" not in text else reason
