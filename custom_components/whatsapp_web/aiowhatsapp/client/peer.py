"""Housekeeping between the devices of our own account.

Only our own account may send these: keys of the app state, announcements of
history, the mapping of numbers to LIDs. From anybody else they are ignored.
"""

import logging
from typing import Final
import zlib

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import DecodeError
from ..events import OwnNameChanged
from ..jid import SERVER_LID, Jid
from ..proto import wire
from ..stanza.message import MessageStanza
from ..store import Transaction
from .context import Context
from .identity import Identities

_LOGGER = logging.getLogger(__name__)

MAX_KEYS: Final = 256
MAX_KEY_ID: Final = 64
MAX_INLINE_HISTORY: Final = 64 * 1024 * 1024
MAX_MAPPINGS: Final = 100_000
_Protocol: Final = wire.Message.ProtocolMessage
# The phone's word for "no name".
_NO_NAME: Final = "-"


class PeerMessages:
    """Reads what our own phone tells this device."""

    def __init__(self, context: Context, identities: Identities) -> None:
        """Share the client's context."""
        self._context = context
        self._identities = identities

    async def store(self, tx: Transaction, stanza: MessageStanza, message: wire.Message) -> bool:
        """Keep what must not be lost; say whether the message announces history."""
        if not message.HasField("protocolMessage"):
            return False
        protocol = message.protocolMessage
        special = (
            protocol.HasField("appStateSyncKeyShare")
            or protocol.HasField("historySyncNotification")
            or protocol.HasField("lidMigrationMappingSyncMessage")
        )
        if not special:
            return False
        if not stanza.from_me:
            _LOGGER.warning("Ignored housekeeping from someone else")
            return False
        if protocol.HasField("appStateSyncKeyShare"):
            await self._store_keys(tx, protocol.appStateSyncKeyShare)
        return protocol.HasField("historySyncNotification")

    async def _store_keys(self, tx: Transaction, share: wire.Message.AppStateSyncKeyShare) -> None:
        for key in share.keys[:MAX_KEYS]:
            key_id = key.keyId.keyId
            # A key without data says that this device does not have it.
            if 0 < len(key_id) <= MAX_KEY_ID and key.keyData.keyData:
                await self._context.store.app_state_keys.put(
                    tx, key_id, key.keyData.SerializeToString()
                )

    def follow_up(self, stanza: MessageStanza, message: wire.Message) -> None:
        """Act on it after it was stored and answered."""
        if not stanza.from_me or not message.HasField("protocolMessage"):
            return
        protocol = message.protocolMessage
        if protocol.HasField("historySyncNotification"):
            inline = protocol.historySyncNotification.initialHistBootstrapInlinePayload
            if inline:
                self._context.spawn(self._read_history(inline), "reading history")
        if protocol.HasField("lidMigrationMappingSyncMessage"):
            payload = protocol.lidMigrationMappingSyncMessage.encodedMappingPayload
            self._context.spawn(self._read_mapping(payload), "reading the LID mapping")

    async def _read_history(self, compressed: bytes) -> None:
        """Take names and LIDs out of an inline history; it is read off the event loop."""
        try:
            summary = await self._context.run_blocking(lambda: _summarise(compressed))
        except (zlib.error, ProtobufDecodeError, DecodeError) as err:
            _LOGGER.debug("History does not read: %s", err)
            return
        pairs, names = summary
        await self._identities.learn(pairs, overwrite=False)
        own = self._context.own
        async with self._context.store.transaction() as tx:
            for user, name in names:
                await self._context.store.contacts.put(tx, str(self._context.canonical(user)), name)
        for user, name in names:
            if own.is_self(user):
                self._context.emit(OwnNameChanged(name=name))

    async def _read_mapping(self, payload: bytes) -> None:
        try:
            mapping = wire.LIDMigrationMappingSyncPayload.FromString(payload)
        except ProtobufDecodeError:
            return
        await self._identities.learn(
            (
                Jid.of_number(str(entry.pn)),
                Jid(str(entry.latestLid or entry.assignedLid), SERVER_LID),
            )
            for entry in mapping.pnToLidMappings[:MAX_MAPPINGS]
            if entry.pn and (entry.latestLid or entry.assignedLid)
        )


def _summarise(compressed: bytes) -> tuple[list[tuple[Jid, Jid]], list[tuple[Jid, str]]]:
    """Inflate a history with a bound; give its number-LID pairs and push names."""
    inflater = zlib.decompressobj()
    raw = inflater.decompress(compressed, MAX_INLINE_HISTORY)
    if inflater.unconsumed_tail:
        raise DecodeError("History is too large")
    history = wire.HistorySync.FromString(raw)
    pairs = [
        (Jid.parse(entry.pnJid).bare, Jid.parse(entry.lidJid).bare)
        for entry in history.phoneNumberToLidMappings[:MAX_MAPPINGS]
        if isinstance(entry.pnJid, str) and isinstance(entry.lidJid, str)
    ]
    names = [
        (Jid.parse(entry.id).bare, entry.pushname[:256])
        for entry in history.pushnames[:MAX_MAPPINGS]
        if isinstance(entry.id, str)
        and isinstance(entry.pushname, str)
        and entry.pushname not in ("", _NO_NAME)
    ]
    return pairs, names
