"""Where a connection keeps its state: typed ports over one small backend."""

from .base import COPY_MARK, Backend, Delete, Put, RunBlocking, Table, Write
from .contacts import LidOutcome
from .marks import DeliveryMarks
from .memory import MemoryBackend
from .messages import message_key
from .sqlite import SqliteBackend
from .store import Store
from .transaction import Transaction

__all__ = [
    "COPY_MARK",
    "Backend",
    "Delete",
    "DeliveryMarks",
    "LidOutcome",
    "MemoryBackend",
    "Put",
    "RunBlocking",
    "SqliteBackend",
    "Store",
    "Table",
    "Transaction",
    "Write",
    "message_key",
]
