"""One direction of the encrypted transport."""

from typing import Final

from ..crypto.aes import gcm_decrypt, gcm_encrypt
from ..errors import BadMac, LocalProtocolError, NoiseError
from .framing import MAX_FRAME

_NONCE_PAD: Final = bytes(8)
_COUNTER_END: Final = 1 << 32
TAG_LENGTH: Final = 16


def nonce(counter: int) -> bytes:
    """Give the 12-byte nonce of a message; raise `NoiseError` when counters run out."""
    if counter >= _COUNTER_END:
        raise NoiseError("The message counter ran out")
    return _NONCE_PAD + counter.to_bytes(4)


class TransportCipher:
    """AES-256-GCM with a counter: messages must be used in the order they were made."""

    def __init__(self, key: bytes, counter: int = 0) -> None:
        """Take the 32-byte key of this direction."""
        self._key = key
        self._counter = counter

    def encrypt(self, plaintext: bytes) -> bytes:
        """Encrypt the next message; 16 bytes longer. A counter is never used twice.

        Raises `LocalProtocolError`, and uses no counter, for what no frame can hold.
        """
        if len(plaintext) > MAX_FRAME - TAG_LENGTH:
            raise LocalProtocolError("Frame too large")
        iv = nonce(self._counter)
        self._counter += 1
        return gcm_encrypt(self._key, iv, plaintext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Open the next message; raise `NoiseError`, after which nothing more opens."""
        iv = nonce(self._counter)
        try:
            plaintext = gcm_decrypt(self._key, iv, ciphertext)
        except BadMac as err:
            raise NoiseError("A transport frame does not verify") from err
        self._counter += 1
        return plaintext
