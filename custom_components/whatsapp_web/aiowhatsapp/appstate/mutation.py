"""One record of a collection: encrypted, and authenticated by two MACs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
import json
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..crypto.aes import BLOCK, cbc_decrypt, cbc_encrypt
from ..crypto.kdf import equal, hmac_sha256, hmac_sha512
from ..errors import AppStateError, InvalidMessage
from ..proto import appstate
from .keys import SyncKeys

MAC_LENGTH: Final = 32
MAX_VALUE: Final = 1024 * 1024
MAX_INDEX: Final = 8 * 1024
MAX_INDEX_PARTS: Final = 16


class Operation(IntEnum):
    """What happens to a record."""

    SET = 0
    REMOVE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of ours: what it is about, and the new value. `version` is the action's."""

    index: tuple[str, ...]
    value: appstate.SyncActionValue = field(repr=False)
    version: int
    operation: Operation = Operation.SET

    @property
    def index_json(self) -> bytes:
        """The index as it is encrypted and authenticated."""
        return json.dumps(self.index, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A change whose MACs were checked. `index` is empty where it makes no sense."""

    operation: Operation
    index: tuple[str, ...]
    value: appstate.SyncActionValue = field(repr=False)
    key_id: bytes
    index_mac: bytes
    value_mac: bytes


def decode_record(record: appstate.SyncdRecord, operation: Operation, keys: SyncKeys) -> Mutation:
    """Check and decrypt a record; raise `AppStateError` when a MAC does not verify."""
    index_mac, blob = record.index.blob, record.value.blob
    if len(index_mac) != MAC_LENGTH or not BLOCK * 2 + MAC_LENGTH <= len(blob) <= MAX_VALUE:
        raise AppStateError("An app state record of a wrong length")
    sealed, value_mac = blob[:-MAC_LENGTH], blob[-MAC_LENGTH:]
    if not equal(value_mac, _value_mac(operation, sealed, keys)):
        raise AppStateError("An app state value does not verify")
    try:
        plaintext = cbc_decrypt(keys.value_encryption, sealed[:BLOCK], sealed[BLOCK:])
        data = appstate.SyncActionData.FromString(plaintext)
    except (InvalidMessage, ProtobufDecodeError) as err:
        raise AppStateError("An app state value does not read") from err
    if not equal(index_mac, hmac_sha256(keys.index, data.index)):
        raise AppStateError("An app state index does not verify")
    return Mutation(
        operation=operation,
        index=_read_index(data.index),
        value=data.value,
        key_id=keys.key_id,
        index_mac=index_mac,
        value_mac=value_mac,
    )


def encode_change(
    change: Change, keys: SyncKeys, random_bytes: Callable[[int], bytes]
) -> tuple[appstate.SyncdMutation, Mutation]:
    """Encrypt a change; also return it as others will read it."""
    index_json = change.index_json
    data = appstate.SyncActionData(
        index=index_json, value=change.value, padding=b"", version=change.version
    )
    iv = random_bytes(BLOCK)
    sealed = iv + cbc_encrypt(keys.value_encryption, iv, data.SerializeToString())
    value_mac = _value_mac(change.operation, sealed, keys)
    index_mac = index_mac_of(index_json, keys)
    mutation = appstate.SyncdMutation(operation=change.operation)
    mutation.record.index.blob = index_mac
    mutation.record.value.blob = sealed + value_mac
    mutation.record.keyId.id = keys.key_id
    return mutation, Mutation(
        operation=change.operation,
        index=change.index,
        value=change.value,
        key_id=keys.key_id,
        index_mac=index_mac,
        value_mac=value_mac,
    )


def index_mac_of(index_json: bytes, keys: SyncKeys) -> bytes:
    """Name a record: by its index, under a key."""
    return hmac_sha256(keys.index, index_json)


def _value_mac(operation: Operation, sealed: bytes, keys: SyncKeys) -> bytes:
    """HMAC over operation, key id, ciphertext and the length of the first two."""
    associated = bytes([operation + 1]) + keys.key_id
    message = associated + sealed + len(associated).to_bytes(8)
    return hmac_sha512(keys.value_mac, message)[:MAC_LENGTH]


def _read_index(text: bytes) -> tuple[str, ...]:
    """Read the JSON array of strings that an index is."""
    if len(text) > MAX_INDEX:
        return ()
    try:
        parts = json.loads(text)
    except ValueError, RecursionError:
        return ()
    if not isinstance(parts, list) or len(parts) > MAX_INDEX_PARTS:
        return ()
    return tuple(parts) if all(isinstance(part, str) for part in parts) else ()
