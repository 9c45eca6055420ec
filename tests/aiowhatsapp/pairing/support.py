"""A phone that links devices, and vectors, for the tests of pairing."""

from dataclasses import dataclass, field
import json
from pathlib import Path
import random
from typing import Any

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519, kdf
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

VECTORS = Path(__file__).parent.parent / "vectors" / "pairing"


def load_vectors(name: str) -> Any:
    """Read a file of vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


class SeededBytes:
    """Random bytes that are the same in every run."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(repr(seed))

    def __call__(self, length: int) -> bytes:
        return self._random.randbytes(length)


def _identity() -> KeyPair:
    return KeyPair.from_private(SeededBytes("phone")(32))


@dataclass(kw_only=True)
class Phone:
    """The phone of an account, which signs as real ones do unless told to be wrong."""

    identity: KeyPair = field(default_factory=_identity)
    hosted_account: bool = False
    hosted_device: bool = False
    key_index: int = 5

    def details(self) -> bytes:
        """Describe the device."""
        details = wire.ADVDeviceIdentity(
            rawId=123456, timestamp=1_785_000_000, keyIndex=self.key_index
        )
        if self.hosted_account:
            details.accountType = wire.ADVEncryptionType.HOSTED
        if self.hosted_device:
            details.deviceType = wire.ADVEncryptionType.HOSTED
        return details.SerializeToString()

    def signed(self, device_identity: bytes) -> wire.ADVSignedDeviceIdentity:
        """Vouch for a device."""
        details = self.details()
        prefix = b"\x06\x05" if self.hosted_device else b"\x06\x00"
        return wire.ADVSignedDeviceIdentity(
            details=details,
            accountSignatureKey=self.identity.public,
            accountSignature=curve25519.sign(
                self.identity.private, prefix + details + device_identity, bytes(64)
            ),
        )

    def seal(
        self, signed: wire.ADVSignedDeviceIdentity | bytes, adv_secret: bytes
    ) -> wire.ADVSignedDeviceIdentityHMAC:
        """Prove that this phone scanned the code with that secret."""
        details = signed if isinstance(signed, bytes) else signed.SerializeToString()
        prefix = b"\x06\x05" if self.hosted_account else b""
        sealed = wire.ADVSignedDeviceIdentityHMAC(
            details=details, hmac=kdf.hmac_sha256(adv_secret, prefix + details)
        )
        if self.hosted_account:
            sealed.accountType = wire.ADVEncryptionType.HOSTED
        return sealed

    def container(self, device_identity: bytes, adv_secret: bytes) -> bytes:
        """Make the whole proof that links a device."""
        return self.seal(self.signed(device_identity), adv_secret).SerializeToString()
