"""The chain of two certificates with which the server vouches for its static key."""

from typing import Final

from ..crypto.curve25519 import KEY_LENGTH, SIGNATURE_LENGTH, verify
from ..crypto.kdf import equal
from ..errors import CertificateError, CertificateOutOfDate
from ..proto import ProtobufError, wire

WHATSAPP_ROOT_KEY: Final = bytes.fromhex(
    "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"
)
# The root itself is no certificate; this is the serial it would have.
_ROOT_SERIAL: Final = 0


def verify_chain(payload: bytes, *, root_key: bytes, server_static: bytes, now: int) -> None:
    """Verify the server's `CertChain`: signatures, issuers, key and dates.

    `now` is in unix seconds. Raises `CertificateError`, whose text says what failed;
    `CertificateOutOfDate` when that is the dates alone.
    """
    try:
        chain = wire.CertChain.FromString(payload)
    except ProtobufError as err:
        raise CertificateError("The certificate chain does not decode") from err
    intermediate = _verified(chain.intermediate, "intermediate", root_key, _ROOT_SERIAL)
    leaf = _verified(chain.leaf, "leaf", intermediate.key, intermediate.serial)
    if not equal(leaf.key, server_static):
        raise CertificateError("The leaf certificate is for another key")
    for name, details in (("intermediate", intermediate), ("leaf", leaf)):
        if not details.notBefore <= now <= details.notAfter:
            raise CertificateOutOfDate(
                f"The {name} certificate is valid from {details.notBefore} to"
                f" {details.notAfter}, but the clock here says {now}"
            )


def _verified(
    certificate: wire.CertChain.NoiseCertificate, name: str, issuer_key: bytes, issuer_serial: int
) -> wire.CertChain.NoiseCertificate.Details:
    """Return a certificate's details once its signature and issuer are right."""
    signature = certificate.signature
    if not certificate.details or len(signature) != SIGNATURE_LENGTH:
        raise CertificateError(f"The {name} certificate is incomplete")
    if not verify(issuer_key, certificate.details, signature):
        raise CertificateError(f"The {name} certificate's signature does not verify")
    try:
        details = wire.CertChain.NoiseCertificate.Details.FromString(certificate.details)
    except ProtobufError as err:
        raise CertificateError(f"The {name} certificate does not decode") from err
    if details.issuerSerial != issuer_serial:
        raise CertificateError(f"The {name} certificate has another issuer")
    if len(details.key) != KEY_LENGTH:
        raise CertificateError(f"The {name} certificate has no key of {KEY_LENGTH} bytes")
    return details
