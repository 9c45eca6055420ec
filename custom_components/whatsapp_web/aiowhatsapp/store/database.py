"""The SQLite database of a store: schema, sealing, statements. All of it blocks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
import sqlite3
from typing import Final

from ..crypto.aes import gcm_decrypt, gcm_encrypt
from ..errors import BadMac, StoreCorrupt, StoreError
from .base import COPY_MARK, Delete, Put, Table, Write

type Migration = Callable[[sqlite3.Connection], None]

NONCE_LENGTH: Final = 12
# Another process that holds the file is a mistake; one that just ends may need a moment.
BUSY_TIMEOUT: Final = 5.0
# Pages in the log before it is moved into the database: SQLite's own default.
LOG_PAGES: Final = 1000

_PROBE: Final = b"whatsapp_web store"
_PROBE_NAME: Final = "schema\0probe"
# SQLITE_ERROR: our statements are fixed, so only a missing or foreign table fails them.
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})


def _create_schema(connection: sqlite3.Connection) -> None:
    """Version 1. `seq` keeps the order in which entries were first written."""
    connection.execute(
        "CREATE TABLE entry (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL,"
        " value BLOB NOT NULL, expires_at INTEGER, UNIQUE (kind, key)) STRICT"
    )
    connection.execute(
        "CREATE INDEX entry_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL"
    )
    connection.execute(
        "CREATE TABLE schema (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL,"
        " probe BLOB) STRICT"
    )
    connection.execute("INSERT INTO schema (id, version) VALUES (0, 0)")


# From each version to the next; 0 is an empty file. Never change one that was released.
MIGRATIONS: Mapping[int, Migration] = {0: _create_schema}


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn what SQLite and the file system raise into `StoreError`."""
    try:
        yield
    except sqlite3.Error as err:
        # Without a code when the module itself finds a text that isn't UTF-8.
        unnamed = sqlite3.SQLITE_CORRUPT if isinstance(err, sqlite3.OperationalError) else 0
        # The low byte is the primary code, the rest says more about it.
        if getattr(err, "sqlite_errorcode", unnamed) & 0xFF in _DAMAGED:
            raise StoreCorrupt(f"The stored state is damaged: {err}") from err
        raise StoreError(f"The stored state can't be used: {err}") from err
    except UnicodeDecodeError as err:
        raise StoreCorrupt("The stored state is damaged: not a text") from err
    except (OSError, UnicodeEncodeError, OverflowError) as err:
        raise StoreError(f"The stored state can't be used: {err}") from err


class Database:
    """One open database; its methods must never run at the same time.

    `key` has 32 bytes. It seals the values, not the names of the entries.
    """

    def __init__(self, path: Path, *, key: bytes, nonce: bytes, frozen: bool = False) -> None:
        """Open and check; `nonce` (12 fresh random bytes) may be used for a new file.

        `frozen` opens a file that is being copied.
        """
        self._key = key
        self._connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            self._configure()
            self._freeze(frozen=frozen)
            self._check_integrity()
            self._migrate()
            self._check_key(nonce)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close; SQLite moves the log into the database."""
        self._connection.close()

    def get(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        """Read the entries that exist out of `keys`."""
        found: dict[str, bytes] = {}
        for key in keys:
            row: tuple[bytes] | None = self._connection.execute(
                "SELECT value FROM entry WHERE kind = ? AND key = ?", (table.value, key)
            ).fetchone()
            if row is not None:
                found[key] = self._unseal(f"{table}\0{key}", row[0])
        return found

    def scan(self, table: Table, prefix: str, limit: int | None) -> list[tuple[str, bytes]]:
        """Read entries by prefix of the key, first written first."""
        rows: list[tuple[str, bytes]] = self._connection.execute(
            "SELECT key, value FROM entry WHERE kind = ? AND key >= ? AND key < ?"
            " ORDER BY seq LIMIT ?",
            (table.value, prefix, _after(prefix), -1 if limit is None else limit),
        ).fetchall()
        return [(key, self._unseal(f"{table}\0{key}", sealed)) for key, sealed in rows]

    def count(self, table: Table, prefix: str) -> int:
        """Count entries by prefix of the key."""
        row: tuple[int] = self._connection.execute(
            "SELECT count(*) FROM entry WHERE kind = ? AND key >= ? AND key < ?",
            (table.value, prefix, _after(prefix)),
        ).fetchone()
        return row[0]

    def write(self, writes: Sequence[Write], nonces: bytes) -> None:
        """Make all writes in one transaction; `nonces` has 12 random bytes for each."""
        with self._transaction():
            for index, write in enumerate(writes):
                nonce = nonces[index * NONCE_LENGTH : (index + 1) * NONCE_LENGTH]
                self._write_one(write, nonce)

    def prune(self, now: int) -> list[tuple[Table, str]]:
        """Drop entries that expire at or before `now`; return which."""
        with self._transaction():
            rows: list[tuple[str, str]] = self._connection.execute(
                "DELETE FROM entry WHERE expires_at <= ? RETURNING kind, key", (now,)
            ).fetchall()
        return [(Table(kind), key) for kind, key in rows]

    def begin_copy(self, token: bytes, nonce: bytes, *, move_log: bool) -> None:
        """Mark a copy with `token`, unless it is that of another already, and freeze.

        Frozen, the file of the database stays as it is and the log only grows, also
        over closing: read at any time, in any order, the two fit together. With
        `move_log` the database's file is complete on its own to begin with.
        """
        self._freeze(frozen=True)
        if self.copy_mark() is None:
            self.write([Put(Table.META, COPY_MARK, token)], nonce)
        if move_log:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def end_copy(self, token: bytes) -> None:
        """Let the log be moved again, and take the mark away if it is ours."""
        self._freeze(frozen=False)
        if self.copy_mark() == token:
            self.write([Delete(Table.META, COPY_MARK)], b"")

    def copy_mark(self) -> bytes | None:
        """Return the token of the copy that this is, or is being made into."""
        return self.get(Table.META, [COPY_MARK]).get(COPY_MARK)

    def _freeze(self, *, frozen: bool) -> None:
        pages = 0 if frozen else LOG_PAGES
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchall()
        self._connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, frozen)

    def _write_one(self, write: Write, nonce: bytes) -> None:
        if not isinstance(write, Put):
            self._connection.execute(
                "DELETE FROM entry WHERE kind = ? AND key = ?", (write.table.value, write.key)
            )
            return
        sealed = self._seal(f"{write.table}\0{write.key}", write.value, nonce)
        self._connection.execute(
            "INSERT INTO entry (kind, key, value, expires_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE"
            " SET value = excluded.value, expires_at = excluded.expires_at",
            (write.table.value, write.key, sealed, write.expires_at),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back on its own when the disk is full.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _configure(self) -> None:
        # Two clients on one ratchet would use message keys twice, so the file is
        # held exclusively, from before the log is first touched.
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            "cell_size_check = ON",
            "trusted_schema = OFF",
            "journal_size_limit = 4194304",
        ):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()

    def _check_integrity(self) -> None:
        rows: list[tuple[str]] = self._connection.execute("PRAGMA integrity_check(1)").fetchall()
        if rows != [("ok",)]:
            raise StoreCorrupt("The stored state is damaged: integrity check failed")

    def _migrate(self) -> None:
        row: tuple[int] = self._connection.execute("PRAGMA user_version").fetchone()
        version, newest = row[0], max(MIGRATIONS) + 1
        if version < 0:
            raise StoreCorrupt("The stored state is damaged: no valid version")
        if version > newest:
            raise StoreError(f"The stored state was written by a newer version ({version})")
        while version < newest:
            with self._transaction():
                MIGRATIONS[version](self._connection)
                version += 1
                self._connection.execute("UPDATE schema SET version = ?", (version,))
                self._connection.execute(f"PRAGMA user_version = {version}")

    def _check_key(self, nonce: bytes) -> None:
        """Open the probe, or seal it into a new file."""
        row: tuple[int, bytes | None] | None = self._connection.execute(
            "SELECT version, probe FROM schema"
        ).fetchone()
        if row is None or row[0] != max(MIGRATIONS) + 1:
            raise StoreCorrupt("The stored state is damaged: no valid schema row")
        if row[1] is not None:
            self._unseal(_PROBE_NAME, row[1])
            return
        with self._transaction():
            sealed = self._seal(_PROBE_NAME, _PROBE, nonce)
            self._connection.execute("UPDATE schema SET probe = ?", (sealed,))

    def _seal(self, name: str, value: bytes, nonce: bytes) -> bytes:
        return nonce + gcm_encrypt(self._key, nonce, value, name.encode())

    def _unseal(self, name: str, sealed: bytes) -> bytes:
        nonce, ciphertext = sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:]
        try:
            return gcm_decrypt(self._key, nonce, ciphertext, name.encode())
        except BadMac as err:
            raise StoreCorrupt("The stored state is damaged, or sealed with another key") from err


def _after(prefix: str) -> str:
    """Return a text that sorts behind every key with this prefix."""
    return prefix + "\U0010ffff"
