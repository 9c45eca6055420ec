"""Key derivation and message authentication."""

import hashlib
import hmac

NO_SALT = bytes(32)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    return hmac.digest(key, message, "sha256")


def hmac_sha512(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA512, 64 bytes."""
    return hmac.digest(key, message, "sha512")


def equal(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)


def hkdf_sha256(key_material: bytes, *, info: bytes, length: int, salt: bytes = NO_SALT) -> bytes:
    """HKDF-SHA256 (RFC 5869): extract, then expand to `length` bytes."""
    extracted = hmac.digest(salt, key_material, "sha256")
    block = b""
    blocks = []
    for index in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([index]), "sha256")
        blocks.append(block)
    return b"".join(blocks)[:length]


def pbkdf2_sha256(password: bytes, *, salt: bytes, iterations: int, length: int) -> bytes:
    """PBKDF2-HMAC-SHA256; slow on purpose, so never call it on the event loop."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, iterations, length)


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the parts one after another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()
