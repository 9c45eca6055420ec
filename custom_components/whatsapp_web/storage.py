"""Where a connection's secrets lie: sealed credentials, and the SQLite file beside them.

Everything is in `.storage/`, readable by Home Assistant's user alone:

- `whatsapp_web.key`: the master key, one for all connections;
- `whatsapp_web.<connection id>`: the credentials, sealed under a key derived from it;
- `whatsapp_web.<connection id>.db`: what changes with each message, sealed likewise.
- `whatsapp_web.<connection id>.media`: a folder with encrypted files that wait to be sent.

A connection that no config entry names is one whose linking was cut short.
"""

import asyncio
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
import json
from pathlib import Path
import re
import secrets
import shutil
from typing import Any, Final
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, UnsupportedStorageVersionError
from homeassistant.helpers.storage import STORAGE_DIR, Store
from homeassistant.util.hass_dict import HassKey

from .aiowhatsapp import Credentials, StoreCorrupt, StoreError
from .aiowhatsapp.store import Backend, SqliteBackend
from .const import DOMAIN

STORAGE_VERSION: Final = 1
KEY_LENGTH: Final = 32
NONCE_LENGTH: Final = 12
# How long a disk may take to get a connection's files ready to be copied.
COPY_TIMEOUT: Final = 30.0

_DAMAGED: Final = ".damaged"
_KEY_FILE: Final = f"{DOMAIN}.key"
_CONNECTION_FILE: Final = re.compile(rf"{DOMAIN}\.([0-9a-f]{{32}})")


class CredentialsMissing(StoreCorrupt):
    """There is no file with that connection's credentials."""


class MasterKeyLost(StoreCorrupt):
    """The master key is gone, or isn't the one that sealed the credentials."""


class CredentialsDamaged(StoreCorrupt):
    """The file with that connection's credentials makes no sense."""


class StorageTooNew(StoreError):
    """The files were written by a newer version of this integration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConnection:
    """A linked device's credentials and what they were made for.

    `pending` holds until a config entry has been set up with them; `entry_id` names
    the entry that is to use them in place of its present ones, if there is one.
    """

    connection_id: str
    credentials: Credentials
    pending: bool = True
    entry_id: str | None = None


class ConnectionStorage:
    """Loads, saves and removes connections; one object per Home Assistant."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin without the master key, which is read when it is first needed."""
        self._hass = hass
        self._master_key: bytes | None = None
        self._key_lock = asyncio.Lock()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._backends: dict[str, SqliteBackend] = {}
        # Whether a backup of Home Assistant reads the files just now.
        self._being_copied = False
        # Connections that a dialog of this process is about to finish.
        self.being_linked: set[str] = set()

    def lock(self, connection_id: str) -> asyncio.Lock:
        """Give the lock that whoever runs a connection's client holds meanwhile."""
        return self._locks[connection_id]

    def state_path(self, connection_id: str) -> str:
        """Name the SQLite file of a connection."""
        return self._hass.config.path(STORAGE_DIR, f"{DOMAIN}.{connection_id}.db")

    def media_path(self, connection_id: str) -> Path:
        """Name the folder where encrypted files of a connection wait to be sent."""
        return self._directory / f"{DOMAIN}.{connection_id}.media"

    async def async_state_key(self, connection_id: str) -> bytes:
        """Give the 32-byte key of a connection's SQLite file.

        Raises `MasterKeyLost`.
        """
        return _derive(await self._async_master_key(), connection_id, "state")

    async def async_backend(self, connection_id: str) -> Backend:
        """Give the one backend of a connection's SQLite file, for its client to open.

        Raises `StoreError`.
        """
        if connection_id not in self._backends:
            made = SqliteBackend(
                self.state_path(connection_id),
                key=await self.async_state_key(connection_id),
                random_bytes=secrets.token_bytes,
                run_blocking=self._hass.async_add_executor_job,
            )
            self._backends.setdefault(connection_id, made)
        backend = self._backends[connection_id]
        if self._being_copied:
            await backend.begin_copy()
        return backend

    async def async_begin_copy(self) -> dict[str, Exception]:
        """Let the SQLite files be copied while connections use them, until `async_end_copy`.

        Returns what failed, by connection: those copies may not be known as such.
        """
        self._being_copied = True
        return await _for_each(await self.async_list(), self.async_backend)

    async def async_end_copy(self) -> dict[str, Exception]:
        """Nobody copies the files any more. Returns what failed, by connection."""
        self._being_copied = False
        backends = dict(self._backends)
        return await _for_each(backends, lambda connection_id: backends[connection_id].end_copy())

    async def async_load(self, connection_id: str) -> StoredConnection:
        """Read a connection's credentials.

        Raises `CredentialsMissing`, `MasterKeyLost`, `CredentialsDamaged`,
        `StorageTooNew`, or `StoreError` when the file can't be read.
        """
        data = await self._async_read(self._store(connection_id))
        if data is None:
            raise CredentialsMissing("There are no stored credentials")
        master_key = await self._async_master_key()
        try:
            key_id, sealed = str(data["key_id"]), b64decode(data["sealed"], validate=True)
            pending, entry_id = bool(data["pending"]), data["entry_id"]
        except (KeyError, TypeError, ValueError) as err:
            raise CredentialsDamaged("The stored credentials are damaged") from err
        if key_id != _key_id(master_key):
            raise MasterKeyLost("The stored credentials were sealed with another key")
        return StoredConnection(
            connection_id=connection_id,
            credentials=_unseal(_derive(master_key, connection_id, "credentials"), sealed),
            pending=pending,
            entry_id=entry_id,
        )

    async def async_save(self, connection: StoredConnection) -> None:
        """Write a connection's credentials; on disk when this returns.

        Raises `StoreError` when they could not be written.
        """
        connection_id = connection.connection_id
        master_key = await self._async_master_key(create=True)
        key = _derive(master_key, connection_id, "credentials")
        data = {
            "key_id": _key_id(master_key),
            "pending": connection.pending,
            "entry_id": connection.entry_id,
            "sealed": b64encode(_seal(key, connection.credentials)).decode(),
        }
        await self._async_write(self._store(connection_id), data)

    async def async_settle(self, connection: StoredConnection) -> StoredConnection:
        """Note that a config entry works with these credentials."""
        if not connection.pending:
            return connection
        settled = replace(connection, pending=False)
        await self.async_save(settled)
        return settled

    async def async_remove(self, connection_id: str) -> None:
        """Remove all files of a connection, and the master key with the last one."""
        await self._store(connection_id).async_remove()
        if (backend := self._backends.pop(connection_id, None)) is not None:
            await backend.destroy()
        await self._hass.async_add_executor_job(self._remove_files, connection_id)
        self._locks.pop(connection_id, None)
        async with self._key_lock:
            if not await self.async_list():
                self._master_key = None
                await self._key_store.async_remove()

    async def async_set_state_aside(self, connection_id: str) -> None:
        """Put a damaged SQLite file out of the way, so that a new one is begun.

        Waits until nobody runs that connection. Raises `StoreError`.
        """
        async with self.lock(connection_id):
            try:
                await self._hass.async_add_executor_job(self._set_aside, connection_id)
            except OSError as err:
                raise StoreError("A storage file can't be renamed") from err

    async def async_list(self) -> list[str]:
        """Give the ids of all connections whose credentials are stored."""
        return await self._hass.async_add_executor_job(self._list_files)

    @property
    def _directory(self) -> Path:
        return Path(self._hass.config.path(STORAGE_DIR))

    @property
    def _key_store(self) -> Store[dict[str, Any]]:
        return Store(self._hass, STORAGE_VERSION, _KEY_FILE, private=True, atomic_writes=True)

    def _store(self, connection_id: str) -> Store[dict[str, Any]]:
        name = f"{DOMAIN}.{connection_id}"
        return Store(self._hass, STORAGE_VERSION, name, private=True, atomic_writes=True)

    def _list_files(self) -> list[str]:
        if not self._directory.is_dir():
            return []
        names = sorted(path.name for path in self._directory.iterdir())
        return [match[1] for name in names if (match := _CONNECTION_FILE.fullmatch(name))]

    def _remove_files(self, connection_id: str) -> None:
        # The SQLite file, what lies beside it, and copies that were put aside as damaged.
        for path in self._directory.glob(f"{DOMAIN}.{connection_id}.*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _set_aside(self, connection_id: str) -> None:
        path = Path(self.state_path(connection_id))
        # What lies beside a database belongs to it and to no other: the database goes
        # first, for without it SQLite throws the log away, and never the other way round.
        for each in sorted(path.parent.glob(f"{path.name}*")):
            if not each.name.endswith(_DAMAGED):
                each.replace(each.with_name(each.name + _DAMAGED))

    async def _async_master_key(self, *, create: bool = False) -> bytes:
        async with self._key_lock:
            if self._master_key is None:
                self._master_key = await self._async_read_master_key()
            if self._master_key is None and create:
                self._master_key = secrets.token_bytes(KEY_LENGTH)
                data = {"key": b64encode(self._master_key).decode()}
                await self._async_write(self._key_store, data)
            if self._master_key is None:
                raise MasterKeyLost("The key of the stored credentials is missing")
            return self._master_key

    async def _async_read_master_key(self) -> bytes | None:
        data = await self._async_read(self._key_store)
        try:
            key = b64decode(data["key"], validate=True) if data else b""
        except KeyError, TypeError, ValueError:
            return None
        return key if len(key) == KEY_LENGTH else None

    async def _async_read(self, store: Store[dict[str, Any]]) -> Mapping[str, Any] | None:
        try:
            return await store.async_load()
        except UnsupportedStorageVersionError as err:
            raise StorageTooNew(str(err)) from err
        except (HomeAssistantError, KeyError, TypeError) as err:
            raise StoreError("A storage file can't be read") from err

    async def _async_write(self, store: Store[dict[str, Any]], data: dict[str, Any]) -> None:
        await store.async_save(data)
        # The helper logs a failed write and says nothing to its caller.
        if await self._async_read(store) != data:
            raise StoreError("A storage file can't be written")


async def _for_each(
    connection_ids: Iterable[str], work: Callable[[str], Awaitable[object]]
) -> dict[str, Exception]:
    """Do the same for several connections side by side; return what failed."""

    async def attempt(connection_id: str) -> Exception | None:
        try:
            async with asyncio.timeout(COPY_TIMEOUT):
                await work(connection_id)
        except (StoreError, TimeoutError) as err:
            return err
        return None

    connection_ids = list(connection_ids)
    outcomes = await asyncio.gather(*map(attempt, connection_ids))
    return {
        connection_id: error
        for connection_id, error in zip(connection_ids, outcomes, strict=True)
        if error is not None
    }


DATA_STORAGE: HassKey[ConnectionStorage] = HassKey(f"{DOMAIN}_storage")


@callback
def async_get_storage(hass: HomeAssistant) -> ConnectionStorage:
    """Give the one storage object of this Home Assistant."""
    if DATA_STORAGE not in hass.data:
        hass.data[DATA_STORAGE] = ConnectionStorage(hass)
    return hass.data[DATA_STORAGE]


def new_connection_id() -> str:
    """Make the id of a new connection: 32 hexadecimal digits."""
    return uuid4().hex


def _derive(master_key: bytes, connection_id: str, purpose: str) -> bytes:
    info = f"{DOMAIN} {purpose} v{STORAGE_VERSION}".encode()
    salt = connection_id.encode()
    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=salt, info=info).derive(master_key)


def _key_id(master_key: bytes) -> str:
    """Name a master key without telling anything of it."""
    digest = Hash(SHA256())
    digest.update(f"{DOMAIN} key id".encode() + master_key)
    return digest.finalize()[:8].hex()


def _seal(key: bytes, credentials: Credentials) -> bytes:
    nonce = secrets.token_bytes(NONCE_LENGTH)
    plaintext = json.dumps(credentials.to_dict()).encode()
    return nonce + AESGCM(key).encrypt(nonce, plaintext, DOMAIN.encode())


def _unseal(key: bytes, sealed: bytes) -> Credentials:
    nonce, ciphertext = sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:]
    try:
        plaintext = AESGCM(key).decrypt(nonce, ciphertext, DOMAIN.encode())
        return Credentials.from_dict(json.loads(plaintext))
    except (InvalidTag, ValueError) as err:
        raise CredentialsDamaged("The stored credentials are damaged") from err
