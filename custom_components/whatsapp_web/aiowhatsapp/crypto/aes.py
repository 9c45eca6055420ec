"""AES in the three modes the protocol uses; keys are 32 bytes."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import BadMac, InvalidMessage

BLOCK = 16


def gcm_encrypt(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
    """Return ciphertext with the 16-byte tag behind it; `nonce` has 12 bytes."""
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def gcm_decrypt(key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes:
    """Open what `gcm_encrypt` made; raise `BadMac` when it does not verify."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, aad)
    except (InvalidTag, ValueError) as err:
        raise BadMac("AES-GCM tag does not verify") from err


def cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Encrypt with PKCS7 padding; `iv` has 16 bytes."""
    pad = BLOCK - len(plaintext) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(plaintext + bytes([pad]) * pad) + encryptor.finalize()


def cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Decrypt and strip PKCS7 padding; raise `InvalidMessage` when malformed."""
    if not ciphertext or len(ciphertext) % BLOCK:
        raise InvalidMessage("AES-CBC ciphertext is not a whole number of blocks")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    pad = padded[-1]
    if not 1 <= pad <= BLOCK or not padded.endswith(bytes([pad]) * pad):
        raise InvalidMessage("AES-CBC padding is malformed")
    return padded[:-pad]


def ctr_apply(key: bytes, counter_block: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt (the same thing) with a 16-byte initial counter block."""
    cryptor = Cipher(algorithms.AES(key), modes.CTR(counter_block)).encryptor()
    return cryptor.update(data) + cryptor.finalize()
