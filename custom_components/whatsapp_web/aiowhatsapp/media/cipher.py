"""Encrypting and decrypting files piece by piece, in memory that does not grow.

A file at the hosts is `C || mac`: C is the AES-256-CBC ciphertext with PKCS7 padding, mac
the first 10 bytes of HMAC-SHA256 over `iv || C`. The iv comes from the key. Players seek
in video and audio with the sidecar: the first 10 bytes of an HMAC for every 64 KiB of
`iv || C || mac`, each together with the 16 bytes behind it, which begin the next piece.
"""

from dataclasses import dataclass, field
import hashlib
import hmac
from typing import Final

from ..crypto.aes import BLOCK, CbcDecryptor, CbcEncryptor
from ..crypto.kdf import equal
from ..errors import InvalidMessage, MediaIntegrityError
from .keys import MediaKeys

MAC_LENGTH: Final = 10
_SIDECAR_STEP: Final = 1 << 16


def encrypted_length(length: int) -> int:
    """Give the length at the hosts of a file of `length` bytes."""
    return (length // BLOCK + 1) * BLOCK + MAC_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigests:
    """What identifies a file: hashes of it as it is and as the hosts have it, its length."""

    plain: bytes = field(repr=False)
    encrypted: bytes = field(repr=False)
    length: int
    sidecar: bytes = field(default=b"", repr=False)


class FileEncryptor:
    """Encrypts one file: `update` for every piece, then `finish`, then `digests`."""

    def __init__(self, keys: MediaKeys, *, sidecar: bool = False) -> None:
        """Begin a file; with `sidecar` that is made on the way."""
        self._cipher = CbcEncryptor(keys.cipher, keys.iv)
        self._mac = hmac.new(keys.mac, keys.iv, "sha256")
        self._plain = hashlib.sha256()
        self._encrypted = hashlib.sha256()
        self._length = 0
        self._sidecar = _Sidecar(keys) if sidecar else None

    def update(self, plaintext: bytes) -> bytes:
        """Encrypt the next piece; what comes back may be shorter or longer."""
        self._plain.update(plaintext)
        self._length += len(plaintext)
        return self._take(self._cipher.update(plaintext))

    def finish(self) -> bytes:
        """Give the rest of the file, with its MAC."""
        rest = self._take(self._cipher.finish())
        mac = self._mac.digest()[:MAC_LENGTH]
        self._encrypted.update(mac)
        if self._sidecar is not None:
            self._sidecar.update(mac)
        return rest + mac

    def digests(self) -> FileDigests:
        """Say what identifies the finished file."""
        return FileDigests(
            plain=self._plain.digest(),
            encrypted=self._encrypted.digest(),
            length=self._length,
            sidecar=b"" if self._sidecar is None else self._sidecar.finish(),
        )

    def _take(self, ciphertext: bytes) -> bytes:
        self._mac.update(ciphertext)
        self._encrypted.update(ciphertext)
        if self._sidecar is not None:
            self._sidecar.update(ciphertext)
        return ciphertext


class FileDecryptor:
    """Decrypts one file: `update` for every piece, then `finish`.

    What `update` gave is not to be believed before `finish` came back.
    """

    def __init__(self, keys: MediaKeys) -> None:
        """Begin a file."""
        self._cipher = CbcDecryptor(keys.cipher, keys.iv)
        self._mac = hmac.new(keys.mac, keys.iv, "sha256")
        self._plain = hashlib.sha256()
        self._encrypted = hashlib.sha256()
        self._length = 0
        # The last bytes so far: they may be the MAC.
        self._tail = b""

    def update(self, data: bytes) -> bytes:
        """Decrypt the next piece of what the hosts have."""
        self._encrypted.update(data)
        data = self._tail + data
        cut = max(len(data) - MAC_LENGTH, 0)
        self._tail = data[cut:]
        return self._decrypt(data[:cut])

    def finish(self, *, plain: bytes, encrypted: bytes, length: int | None) -> bytes:
        """Give the rest of the file, if all of it is what its sender sent.

        `encrypted` may be empty: the MAC then stands alone for it; `length` is None where
        the sender named none. Raises `MediaIntegrityError`.
        """
        if encrypted and not equal(self._encrypted.digest(), encrypted):
            raise MediaIntegrityError("The encrypted file has another SHA-256")
        if not equal(self._mac.digest()[:MAC_LENGTH], self._tail):
            raise MediaIntegrityError("The MAC of a file does not verify")
        try:
            rest = self._cipher.finish()
        except InvalidMessage as err:
            raise MediaIntegrityError("The padding of a file is malformed") from err
        self._plain.update(rest)
        self._length += len(rest)
        if length is not None and self._length != length:
            raise MediaIntegrityError("A file has another length than its sender named")
        if not equal(self._plain.digest(), plain):
            raise MediaIntegrityError("A file has another SHA-256 than its sender named")
        return rest

    def _decrypt(self, ciphertext: bytes) -> bytes:
        self._mac.update(ciphertext)
        plaintext = self._cipher.update(ciphertext)
        self._plain.update(plaintext)
        self._length += len(plaintext)
        return plaintext


class _Sidecar:
    """Gathers `iv || C || mac` and makes the HMACs of its overlapping pieces."""

    def __init__(self, keys: MediaKeys) -> None:
        self._key = keys.mac
        self._window = bytearray(keys.iv)
        self._pieces = bytearray()

    def update(self, data: bytes) -> None:
        self._window += data
        while len(self._window) >= _SIDECAR_STEP + BLOCK:
            self._add(_SIDECAR_STEP + BLOCK)
            del self._window[:_SIDECAR_STEP]

    def finish(self) -> bytes:
        if len(self._window) > BLOCK:
            self._add(len(self._window))
            self._window.clear()
        return bytes(self._pieces)

    def _add(self, length: int) -> None:
        piece = bytes(self._window[:length])
        self._pieces += hmac.digest(self._key, piece, "sha256")[:MAC_LENGTH]
