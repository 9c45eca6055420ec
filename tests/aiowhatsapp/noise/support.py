"""The known handshake, and certificate chains under a root of our own."""

from dataclasses import dataclass, field
import json
from pathlib import Path

from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair, sign
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

VECTORS = Path(__file__).parents[1] / "vectors" / "noise"
XX = json.loads((VECTORS / "npm_baileys_xx.json").read_text())
WHATSAPP_CHAIN = json.loads((VECTORS / "whatsapp_certificate_chain.json").read_text())

KEYS = {name: KeyPair.from_private(bytes.fromhex(key["priv"])) for name, key in XX["keys"].items()}
ROOT = KEYS["root"].public

# Within the dates of the known handshake's certificates, and of WhatsApp's.
NOW = 1_780_000_000

Details = wire.CertChain.NoiseCertificate.Details
Certificate = wire.CertChain.NoiseCertificate


def known(name: str) -> bytes:
    """A byte string of the known handshake."""
    return bytes.fromhex(XX[name])


@dataclass(kw_only=True)
class Forge:
    """Makes chains; each field is something that can be wrong with one."""

    root: KeyPair = field(default_factory=lambda: KEYS["root"])
    intermediate: Details = field(
        default_factory=lambda: Details(
            serial=7,
            issuerSerial=0,
            key=KEYS["intermediate"].public,
            notBefore=NOW - 100,
            notAfter=NOW + 100,
        )
    )
    leaf: Details = field(
        default_factory=lambda: Details(
            serial=9,
            issuerSerial=7,
            key=KEYS["server_static"].public,
            notBefore=NOW - 50,
            notAfter=NOW + 50,
        )
    )
    leaf_signer: KeyPair = field(default_factory=lambda: KEYS["intermediate"])

    def chain(self) -> wire.CertChain:
        return wire.CertChain(
            intermediate=certify(self.root, self.intermediate.SerializeToString()),
            leaf=certify(self.leaf_signer, self.leaf.SerializeToString()),
        )


def certify(signer: KeyPair, details: bytes) -> Certificate:
    return Certificate(details=details, signature=sign(signer.private, details, bytes(64)))
