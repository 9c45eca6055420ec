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
    return _strip(decryptor.update(ciphertext) + decryptor.finalize())


def ctr_apply(key: bytes, counter_block: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt (the same thing) with a 16-byte initial counter block."""
    cryptor = Cipher(algorithms.AES(key), modes.CTR(counter_block)).encryptor()
    return cryptor.update(data) + cryptor.finalize()


class CbcEncryptor:
    """CBC with PKCS7 padding over data that comes in pieces."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        """Begin with an `iv` of 16 bytes."""
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        self._length = 0

    def update(self, plaintext: bytes) -> bytes:
        """Encrypt the next piece, as far as it fills whole blocks."""
        self._length += len(plaintext)
        return self._cipher.update(plaintext)

    def finish(self) -> bytes:
        """Pad, and give the rest."""
        pad = BLOCK - self._length % BLOCK
        return self._cipher.update(bytes([pad]) * pad) + self._cipher.finalize()


class CbcDecryptor:
    """The reverse of `CbcEncryptor`."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        """Begin with an `iv` of 16 bytes."""
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        # The last block decrypted so far, which may hold the padding.
        self._last = b""
        self._length = 0

    def update(self, ciphertext: bytes) -> bytes:
        """Decrypt the next piece; the last whole block is held back."""
        self._length += len(ciphertext)
        plaintext = self._last + self._cipher.update(ciphertext)
        cut = max(len(plaintext) - BLOCK, 0)
        self._last = plaintext[cut:]
        return plaintext[:cut]

    def finish(self) -> bytes:
        """Strip the padding, and give the rest; raise `InvalidMessage` when malformed."""
        if not self._length or self._length % BLOCK:
            raise InvalidMessage("AES-CBC ciphertext is not a whole number of blocks")
        self._cipher.finalize()
        return _strip(self._last)


def _strip(padded: bytes) -> bytes:
    """Take the PKCS7 padding off; raise `InvalidMessage` when it is malformed."""
    pad = padded[-1]
    if not 1 <= pad <= BLOCK or not padded.endswith(bytes([pad]) * pad):
        raise InvalidMessage("AES-CBC padding is malformed")
    return padded[:-pad]
