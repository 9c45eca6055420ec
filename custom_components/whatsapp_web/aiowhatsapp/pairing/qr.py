"""The text of the QR code that a phone scans to link this device."""

import base64
from typing import Final

from ..proto import wire
from .registration import PLATFORM

# With this in front a phone's own camera app opens WhatsApp, too.
QR_PREFIX: Final = "https://wa.me/settings/linked_devices#"

_Platform = wire.DeviceProps.PlatformType

# The client types of linking codes count otherwise than the platforms of device props.
_CLIENT_TYPES: Final[dict[int, str]] = {
    _Platform.CHROME: "1",
    _Platform.EDGE: "2",
    _Platform.FIREFOX: "3",
    _Platform.IE: "4",
    _Platform.OPERA: "5",
    _Platform.SAFARI: "6",
    _Platform.DESKTOP: "7",
    _Platform.UWP: "8",
    # The types of their own need an attestation that only an Android app can give.
    _Platform.ANDROID_TABLET: "1",
    _Platform.ANDROID_PHONE: "1",
    _Platform.ANDROID_AMBIGUOUS: "1",
}
_OTHER_WEB_CLIENT: Final = "9"


def client_type(platform: int = PLATFORM) -> str:
    """Give the one-character client type of a platform of the device props."""
    return _CLIENT_TYPES.get(platform, _OTHER_WEB_CLIENT)


def qr_text(
    ref: str,
    *,
    noise_public: bytes,
    identity_public: bytes,
    adv_secret: bytes,
    platform: int = PLATFORM,
) -> str:
    """Make the text of one QR code; keys and secret have 32 bytes each.

    Make it when it is shown: the secret may have changed since the ref came.
    """
    keys = [base64.b64encode(key).decode() for key in (noise_public, identity_public, adv_secret)]
    return QR_PREFIX + ",".join([ref, *keys, client_type(platform)])
