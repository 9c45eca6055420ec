"""Every error of the client has a translated one, in all languages."""

import inspect
import json
from pathlib import Path

from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryError,
    ConfigEntryNotReady,
    HomeAssistantError,
)
import pytest

from custom_components import whatsapp_web
from custom_components.whatsapp_web.aiowhatsapp import errors
from custom_components.whatsapp_web.exceptions import (
    action_error,
    cause_of,
    entry_error,
    placeholders_of,
)
from custom_components.whatsapp_web.storage import (
    CredentialsDamaged,
    CredentialsMissing,
    MasterKeyLost,
    StorageTooNew,
)

# Errors that say more than their message, made as the client makes them.
MADE = {
    errors.StreamEnded: errors.StreamEnded("503"),
    errors.UpgradeRefused: errors.UpgradeRefused(403),
    errors.LoggedOut: errors.LoggedOut("401"),
    errors.AccountLocked: errors.AccountLocked("403"),
    errors.PairingFailed: errors.PairingFailed("stage"),
    errors.TemporarilyBanned: errors.TemporarilyBanned("101", 60),
    errors.LoginRefused: errors.LoginRefused("406"),
    errors.IqError: errors.IqError(500, "text"),
    errors.AppStateKeyMissing: errors.AppStateKeyMissing(b"key"),
    errors.MediaRefused: errors.MediaRefused(415),
    errors.MediaTooLarge: errors.MediaTooLarge(3_000_000, 2_000_000),
    errors.Rejected: errors.Rejected("463"),
}
ALL = [
    MADE.get(kind) or kind()
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.WhatsAppError)
] + [CredentialsDamaged("x"), CredentialsMissing("x"), MasterKeyLost("x"), StorageTooNew("x")]
OF_ENTRIES = [error for error in ALL if not isinstance(error, errors.SendError)]
TEXTS = {
    path.stem: json.loads(path.read_text())["exceptions"]
    for path in (Path(whatsapp_web.__file__).parent / "translations").glob("*.json")
}


def tell(language: str, error: HomeAssistantError) -> str:
    text: str = TEXTS[language][error.translation_key]["message"]
    return text.format(**(error.translation_placeholders or {}))


@pytest.mark.parametrize("language", sorted(TEXTS))
@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_every_error_of_an_action_can_be_told(language: str, error: errors.WhatsAppError) -> None:
    assert tell(language, action_error(error, "+5511912345678"))


@pytest.mark.parametrize("language", sorted(TEXTS))
@pytest.mark.parametrize("error", OF_ENTRIES, ids=lambda error: type(error).__name__)
def test_every_error_of_an_entry_can_be_told(language: str, error: errors.WhatsAppError) -> None:
    assert tell(language, entry_error(error))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.LoggedOut("401"), ConfigEntryAuthFailed),
        (CredentialsDamaged("x"), ConfigEntryAuthFailed),
        (CredentialsMissing("x"), ConfigEntryAuthFailed),
        (MasterKeyLost("x"), ConfigEntryAuthFailed),
        (errors.StoreCorrupt("x"), ConfigEntryError),
        (errors.ClientOutdated(), ConfigEntryError),
        (StorageTooNew("x"), ConfigEntryError),
        (errors.TransportError("x"), ConfigEntryNotReady),
        (errors.StoreError("x"), ConfigEntryNotReady),
        (errors.CertificateError("x"), ConfigEntryNotReady),
    ],
)
def test_what_an_entry_does_about_it(
    error: errors.WhatsAppError, kind: type[HomeAssistantError]
) -> None:
    assert type(entry_error(error)) is kind


@pytest.mark.parametrize(
    ("error", "cause", "placeholders"),
    [
        (errors.DeviceRemoved(), "not_linked", {}),
        (errors.PasskeyRequired(), "passkey_required", {}),
        (errors.LoginRefused("406"), "login_refused", {"code": "406"}),
        (errors.Rejected("463"), "message_rejected", {"code": "463"}),
        (errors.DecodeError("bad"), "unexpected_error", {"error": "bad"}),
    ],
)
def test_causes_and_what_they_say_more(
    error: errors.WhatsAppError, cause: str, placeholders: dict[str, str]
) -> None:
    assert (cause_of(error), placeholders_of(error)) == (cause, placeholders)
