"""ADV: the signatures by which an account vouches for its devices, and they for it.

When a phone links this device it signs our identity key, and proves with the secret of
the QR code that it is the phone that scanned it. We sign in return. The same pair of
signatures comes with every other companion device's pre-key bundle.
"""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError as ProtobufError

from ..crypto import curve25519, kdf
from ..crypto.curve25519 import KeyPair
from ..errors import InvalidKey, PairingFailed
from ..proto import wire

# What a signature is about comes in front of what it signs.
ACCOUNT_PREFIX: Final = b"\x06\x00"
DEVICE_PREFIX: Final = b"\x06\x01"
KEY_INDEX_PREFIX: Final = b"\x06\x02"
# Devices that a business provider runs.
HOSTED_ACCOUNT_PREFIX: Final = b"\x06\x05"
HOSTED_DEVICE_PREFIX: Final = b"\x06\x06"

PRIMARY_DEVICE: Final = 0
_HOSTED: Final = wire.ADVEncryptionType.HOSTED


class AdvRejected(PairingFailed):
    """The phone's proof is wrong; `code` and `text` are what to answer it."""

    def __init__(self, code: int, text: str) -> None:
        """Keep the answer."""
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedIdentity:
    """A phone's accepted proof, and our part of it."""

    account: bytes
    """The whole ADVSignedDeviceIdentity, with both signatures and the account's key."""
    reply: bytes
    """The same without the account's key: what the server wants back."""
    account_key: bytes
    """The identity key of the account's phone, 32 bytes."""
    key_index: int
    hosted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIndexList:
    """Which companion devices an account had when it signed the list."""

    raw_id: int
    timestamp: int
    current_index: int
    valid_indexes: frozenset[int]
    hosted: bool

    def allows(self, key_index: int) -> bool:
        """Tell whether a device may exist: it is named, or younger than the list."""
        return key_index in self.valid_indexes or key_index > self.current_index


def accept_identity(
    container: bytes, *, adv_secret: bytes, identity_key: KeyPair, randomness: bytes
) -> PairedIdentity:
    """Check a phone's proof that it links this device, and sign in return.

    `container` is an ADVSignedDeviceIdentityHMAC, `randomness` has 64 bytes. Raises
    `AdvRejected` with the error to answer.
    """
    try:
        outer = wire.ADVSignedDeviceIdentityHMAC.FromString(container)
        _require_scanned(outer, adv_secret)
        signed = wire.ADVSignedDeviceIdentity.FromString(outer.details)
        device = wire.ADVDeviceIdentity.FromString(signed.details)
    except ProtobufError as err:
        raise AdvRejected(500, "internal-error") from err
    prefix = HOSTED_ACCOUNT_PREFIX if device.deviceType == _HOSTED else ACCOUNT_PREFIX
    by_account = prefix + signed.details + identity_key.public
    if not curve25519.verify(signed.accountSignatureKey, by_account, signed.accountSignature):
        raise AdvRejected(401, "signature-mismatch")
    # A hosted account's companion signs like any other: this prefix is not a choice.
    signed.deviceSignature = curve25519.sign(
        identity_key.private,
        DEVICE_PREFIX + signed.details + identity_key.public + signed.accountSignatureKey,
        randomness,
    )
    reply = wire.ADVSignedDeviceIdentity()
    reply.CopyFrom(signed)
    reply.ClearField("accountSignatureKey")
    return PairedIdentity(
        account=signed.SerializeToString(),
        reply=reply.SerializeToString(),
        account_key=signed.accountSignatureKey,
        key_index=device.keyIndex,
        hosted=device.deviceType == _HOSTED,
    )


def _require_scanned(outer: wire.ADVSignedDeviceIdentityHMAC, adv_secret: bytes) -> None:
    """Refuse a proof of someone who does not know the secret of the code."""
    prefix = HOSTED_ACCOUNT_PREFIX if outer.accountType == _HOSTED else b""
    if not kdf.equal(kdf.hmac_sha256(adv_secret, prefix + outer.details), outer.hmac):
        raise AdvRejected(401, "hmac-mismatch")


def verify_device_identity(
    device_identity: bytes | None, *, identity: bytes, device: int, account_key: bytes | None
) -> bytes | None:
    """Check that a companion device and its account vouch for each other.

    `device` is its number, `identity` its identity key as its bundle gives it,
    `account_key` the one we know of the user's phone, 32 bytes each. Returns the key of
    the account that vouches; None where nothing is to be checked: the phone itself, a
    bundle without a proof, no key to check with. Raises `InvalidKey` when the proof is
    malformed or wrong: the bundle must not be used.
    """
    if device_identity is None or device == PRIMARY_DEVICE:
        return None
    try:
        signed = wire.ADVSignedDeviceIdentity.FromString(device_identity)
        wire.ADVDeviceIdentity.FromString(signed.details)
    except ProtobufError as err:
        raise InvalidKey("Malformed device identity") from err
    key = signed.accountSignatureKey or account_key
    if key is None:
        return None
    hosted = (HOSTED_ACCOUNT_PREFIX, HOSTED_DEVICE_PREFIX)
    for account_prefix, device_prefix in ((ACCOUNT_PREFIX, DEVICE_PREFIX), hosted):
        by_account = account_prefix + signed.details + identity
        by_device = device_prefix + signed.details + identity + key
        if curve25519.verify(key, by_account, signed.accountSignature) and curve25519.verify(
            identity, by_device, signed.deviceSignature
        ):
            return key
    raise InvalidKey("The account and the device do not vouch for each other")


def verify_key_index_list(signed_list: bytes, *, account_key: bytes | None) -> KeyIndexList:
    """Read an account's signed list of its devices' key indexes.

    `account_key` is the identity key of the account's phone, 32 bytes; without one the
    key inside the list is used, which hosted accounts send. Raises `InvalidKey` when the
    list is malformed, there is no key, or the signature is wrong.
    """
    try:
        signed = wire.ADVSignedKeyIndexList.FromString(signed_list)
        content = wire.ADVKeyIndexList.FromString(signed.details)
    except ProtobufError as err:
        raise InvalidKey("Malformed key index list") from err
    key = account_key or signed.accountSignatureKey
    if not curve25519.verify(key, KEY_INDEX_PREFIX + signed.details, signed.accountSignature):
        raise InvalidKey("The key index list is not signed by the account")
    return KeyIndexList(
        raw_id=content.rawId,
        timestamp=content.timestamp,
        current_index=content.currentIndex,
        valid_indexes=frozenset(content.validIndexes),
        hosted=content.accountType == _HOSTED,
    )
