"""What makes this device this device: its keys, and the account that linked it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..crypto.curve25519 import KEY_LENGTH, SIGNATURE_LENGTH, KeyPair
from ..errors import DecodeError, InvalidKey, StoreCorrupt
from ..jid import Jid
from ..signal.keys import (
    RandomBytes,
    SignedPreKey,
    make_identity_keys,
    make_key_pair,
    make_signed_pre_key,
)

# The layout of `Credentials.to_dict`.
VERSION: Final = 1
ADV_SECRET_LENGTH: Final = 32
_FIRST_SIGNED_PRE_KEY_ID: Final = 1

type CredentialsDict = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKeys:
    """The keys of a device that is not linked yet, made once before its first QR code."""

    noise_key: KeyPair
    identity_key: KeyPair
    registration_id: int
    signed_pre_key: SignedPreKey = field(repr=False)
    adv_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Everything that a linked device logs in with."""

    noise_key: KeyPair
    identity_key: KeyPair
    registration_id: int
    signed_pre_key: SignedPreKey = field(repr=False)
    adv_secret: bytes = field(repr=False)
    account: bytes = field(repr=False)
    """ADVSignedDeviceIdentity with the account's key and both signatures."""
    jid: Jid
    """Our own phone-number address, with our device number."""
    lid: Jid
    """The same in the LID namespace."""
    platform: str
    business_name: str | None = None
    push_name: str | None = None
    lid_migrated: bool = False

    def to_dict(self) -> CredentialsDict:
        """Give plain JSON values, secrets among them."""
        return {
            "version": VERSION,
            "noise_key": _encode(self.noise_key.private),
            "identity_key": _encode(self.identity_key.private),
            "registration_id": self.registration_id,
            "signed_pre_key_id": self.signed_pre_key.id,
            "signed_pre_key": _encode(self.signed_pre_key.key_pair.private),
            "signed_pre_key_signature": _encode(self.signed_pre_key.signature),
            "signed_pre_key_created_at": self.signed_pre_key.created_at,
            "adv_secret": _encode(self.adv_secret),
            "account": _encode(self.account),
            "jid": str(self.jid),
            "lid": str(self.lid),
            "platform": self.platform,
            "business_name": self.business_name,
            "push_name": self.push_name,
            "lid_migrated": self.lid_migrated,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Credentials:
        """Read what `to_dict` gave; raise `StoreCorrupt` for anything else."""
        try:
            return cls._from_dict(data)
        except (KeyError, TypeError, ValueError, DecodeError, InvalidKey) as err:
            raise StoreCorrupt("The stored credentials can't be read") from err

    @classmethod
    def _from_dict(cls, data: Mapping[str, object]) -> Credentials:
        """Read `to_dict`'s values, with whatever error a bad one makes."""
        if _typed(data["version"], int) != VERSION:
            raise ValueError("Unknown version")
        jid = Jid.parse(_typed(data["jid"], str))
        lid = Jid.parse(_typed(data["lid"], str))
        if not jid.is_phone_number or not jid.user.isdecimal() or not lid.is_lid:
            raise ValueError("Not the addresses of an account")
        return cls(
            noise_key=_key_pair(data["noise_key"]),
            identity_key=_key_pair(data["identity_key"]),
            registration_id=_typed(data["registration_id"], int),
            signed_pre_key=SignedPreKey(
                id=_typed(data["signed_pre_key_id"], int),
                key_pair=_key_pair(data["signed_pre_key"]),
                signature=_decode(data["signed_pre_key_signature"], SIGNATURE_LENGTH),
                created_at=_typed(data["signed_pre_key_created_at"], int),
            ),
            adv_secret=_decode(data["adv_secret"], ADV_SECRET_LENGTH),
            account=_decode(data["account"]),
            jid=jid,
            lid=lid,
            platform=_typed(data["platform"], str),
            business_name=_optional_text(data.get("business_name")),
            push_name=_optional_text(data.get("push_name")),
            lid_migrated=_typed(data["lid_migrated"], bool),
        )


def new_device_keys(random_bytes: RandomBytes, now: int) -> DeviceKeys:
    """Make the keys of a new device; `now` is in unix seconds."""
    identity = make_identity_keys(random_bytes)
    return DeviceKeys(
        noise_key=make_key_pair(random_bytes),
        identity_key=identity.key_pair,
        registration_id=identity.registration_id,
        signed_pre_key=make_signed_pre_key(
            identity.key_pair, _FIRST_SIGNED_PRE_KEY_ID, now, random_bytes
        ),
        adv_secret=new_adv_secret(random_bytes),
    )


def new_adv_secret(random_bytes: RandomBytes) -> bytes:
    """Make the secret by which the phone that scans a code proves itself; 32 bytes."""
    return random_bytes(ADV_SECRET_LENGTH)


def _encode(value: bytes) -> str:
    """Give bytes as base64 text."""
    return base64.b64encode(value).decode()


def _decode(value: object, length: int | None = None) -> bytes:
    """Read base64 text of `length` bytes, or of at least one."""
    try:
        decoded = base64.b64decode(_typed(value, str), validate=True)
    except binascii.Error as err:
        raise ValueError("Not base64") from err
    if (length is not None and len(decoded) != length) or not decoded:
        raise ValueError("Wrong length")
    return decoded


def _key_pair(value: object) -> KeyPair:
    """Read a private key."""
    return KeyPair.from_private(_decode(value, KEY_LENGTH))


def _optional_text(value: object) -> str | None:
    """Read a text that may be missing."""
    return None if value is None else _typed(value, str)


def _typed[T](value: object, kind: type[T]) -> T:
    """Give the value if it is of just this type."""
    if type(value) is not kind:
        raise TypeError(f"Expected {kind.__name__}")
    return value
