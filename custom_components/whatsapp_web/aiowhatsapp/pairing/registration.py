"""The client payload: how this device introduces itself inside the Noise handshake.

The same payload either asks for registration (a device nobody has linked yet) or logs in
as a linked device. Zero values are written out, as the official web client writes them.
"""

import hashlib
from typing import Final

from ..proto import wire
from .credentials import Credentials, DeviceKeys

type WebVersion = tuple[int, int, int]

# The name that the phone shows in its list of linked devices; fixed while linked.
DEVICE_NAME: Final = "Home Assistant"
# Decides the icon on the phone, and the client type of QR and phone code.
PLATFORM: Final = wire.DeviceProps.PlatformType.CHROME
# The version that a browser gives for itself here, whatever its real one.
_OS_VERSION: Final = "0.1.0"
_KEY_TYPE: Final = b"\x05"

# What a browser announces to be able to do with the history that the phone sends.
_HISTORY_FEATURES: Final = (
    "inlineInitialPayloadInE2EeMsg",
    "supportCallLogHistory",
    "supportBotUserAgentChatHistory",
    "supportCagReactionsAndPolls",
    "supportBizHostedMsg",
    "supportRecentSyncChunkMessageCountTuning",
    "supportHostedGroupMsg",
    "supportFbidBotChatHistory",
    "supportMessageAssociation",
    "supportGroupHistory",
    "supportManusHistory",
    "supportHatchHistory",
)


def build_hash(version: WebVersion) -> bytes:
    """Hash a web version as registration wants it; 16 bytes."""
    text = ".".join(str(part) for part in version)
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def device_props() -> bytes:
    """Describe this device to the phone: name, icon, and how it takes history."""
    props = wire.DeviceProps(os=DEVICE_NAME, platformType=PLATFORM, requireFullSync=False)
    props.version.primary = 0
    props.version.secondary = 1
    props.version.tertiary = 0
    for feature in _HISTORY_FEATURES:
        setattr(props.historySyncConfig, feature, True)
    return props.SerializeToString()


def registration_payload(keys: DeviceKeys, version: WebVersion) -> bytes:
    """Make the payload of a device that asks to be linked."""
    payload = _payload(version)
    payload.passive = False
    payload.pull = False
    data = payload.devicePairingData
    data.eRegid = keys.registration_id.to_bytes(4)
    data.eKeytype = _KEY_TYPE
    data.eIdent = keys.identity_key.public
    data.eSkeyId = keys.signed_pre_key.id.to_bytes(3)
    data.eSkeyVal = keys.signed_pre_key.key_pair.public
    data.eSkeySig = keys.signed_pre_key.signature
    data.buildHash = build_hash(version)
    data.deviceProps = device_props()
    return payload.SerializeToString()


def login_payload(
    credentials: Credentials, version: WebVersion, *, login_counter: int | None = None
) -> bytes:
    """Make the payload of a linked device.

    `login_counter` is how many logins of this device succeeded before, when that is
    kept. The connection stays passive until it says that it is active.
    """
    payload = _payload(version)
    payload.username = int(credentials.jid.user)
    payload.device = credentials.jid.device
    payload.passive = True
    payload.pull = True
    # True of this device whatever the account: it keeps and addresses chats by LID.
    payload.lidDbMigrated = True
    if login_counter is not None:
        payload.lc = login_counter
    return payload.SerializeToString()


def _payload(version: WebVersion) -> wire.ClientPayload:
    """Make what both payloads have in common."""
    payload = wire.ClientPayload(
        connectType=wire.ClientPayload.ConnectType.WIFI_UNKNOWN,
        connectReason=wire.ClientPayload.ConnectReason.USER_ACTIVATED,
    )
    agent = payload.userAgent
    agent.platform = wire.ClientPayload.UserAgent.Platform.WEB
    agent.appVersion.primary, agent.appVersion.secondary, agent.appVersion.tertiary = version
    agent.mcc = "000"
    agent.mnc = "000"
    agent.osVersion = _OS_VERSION
    agent.manufacturer = ""
    agent.device = "Desktop"
    agent.osBuildNumber = _OS_VERSION
    agent.releaseChannel = wire.ClientPayload.UserAgent.ReleaseChannel.RELEASE
    agent.localeLanguageIso6391 = "en"
    agent.localeCountryIso31661Alpha2 = "US"
    payload.webInfo.webSubPlatform = wire.ClientPayload.WebInfo.WebSubPlatform.WEB_BROWSER
    return payload
