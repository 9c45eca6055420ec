"""Crash-proof notes of which messages were handed to the listeners.

Handing over can't wait for a disk, and must not happen twice. So the note is one
store into memory that the kernel keeps when this process is killed: a small file,
mapped. A power cut may lose it, and then a message is handed over once more.
"""

from collections import deque
from mmap import mmap
from typing import Final

from ..crypto.kdf import hmac_sha256
from ..errors import StoreError

SLOT_SIZE: Final = 16
# Far more than are ever waiting for the commit that removes them from the inbox.
SLOTS: Final = 1024
# The first slot names the layout; a file with another one is started afresh.
HEADER: Final = b"WAMARK\x00\x01".ljust(SLOT_SIZE, b"\x00")
MARKS_SIZE: Final = SLOT_SIZE * (SLOTS + 1)

_EMPTY: Final = bytes(SLOT_SIZE)


class DeliveryMarks:
    """A set of keys in a fixed buffer; when it is full the oldest makes room.

    `buffer` is `MARKS_SIZE` bytes, mapped or in memory only. Slots hold a digest
    under `secret`, so that the file tells nobody which messages came.
    """

    def __init__(self, buffer: mmap | bytearray, *, secret: bytes) -> None:
        self._buffer: mmap | bytearray | None = buffer
        self._secret = secret
        self._slots: dict[bytes, int] = {}
        self._free: deque[int] = deque()
        if buffer[:SLOT_SIZE] != HEADER:
            buffer[:] = HEADER.ljust(MARKS_SIZE, b"\x00")
        for start in range(SLOT_SIZE, MARKS_SIZE, SLOT_SIZE):
            digest = bytes(buffer[start : start + SLOT_SIZE])
            if digest == _EMPTY:
                self._free.append(start)
            else:
                self._slots[digest] = start

    def __len__(self) -> int:
        """Count the keys that are marked."""
        return len(self._slots)

    def mark(self, key: str) -> None:
        """Note that `key` was handed over. Plain memory, no waiting."""
        buffer = self._open_buffer()
        digest = self._digest(key)
        if digest in self._slots:
            return
        start = self._free.popleft() if self._free else self._slots.pop(next(iter(self._slots)))
        buffer[start : start + SLOT_SIZE] = digest
        self._slots[digest] = start

    def is_marked(self, key: str) -> bool:
        """Tell whether `key` was handed over."""
        return self._digest(key) in self._slots

    def forget(self, key: str) -> None:
        """Free the slot of `key`, if it has one."""
        buffer = self._open_buffer()
        start = self._slots.pop(self._digest(key), None)
        if start is not None:
            buffer[start : start + SLOT_SIZE] = _EMPTY
            self._free.append(start)

    def clear(self) -> None:
        """Free all slots."""
        buffer = self._open_buffer()
        for start in self._slots.values():
            buffer[start : start + SLOT_SIZE] = _EMPTY
        self._free.extend(self._slots.values())
        self._slots.clear()

    def detach(self) -> mmap | bytearray | None:
        """Give the buffer back and refuse to be changed from now on."""
        buffer, self._buffer = self._buffer, None
        return buffer

    def _open_buffer(self) -> mmap | bytearray:
        if self._buffer is None:
            raise StoreError("The store is closed")
        return self._buffer

    def _digest(self, key: str) -> bytes:
        return hmac_sha256(self._secret, key.encode("utf-8", "surrogatepass"))[:SLOT_SIZE]
