"""Housekeeping between the devices of our own account.

Only our own account may send these: keys of the app state, announcements of
history, the mapping of numbers to LIDs. From anybody else they are ignored.
"""

import logging
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..jid import SERVER_LID, Jid
from ..proto import wire
from ..stanza.message import MessageStanza
from ..store import Transaction
from .account_state import AccountState
from .context import Context
from .identity import Identities

_LOGGER = logging.getLogger(__name__)

MAX_KEYS: Final = 256
MAX_KEY_ID: Final = 64
MAX_MAPPINGS: Final = 100_000
_Protocol: Final = wire.Message.ProtocolMessage


class PeerMessages:
    """Reads what our own phone tells this device."""

    def __init__(self, context: Context, identities: Identities, account: AccountState) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._identities = identities
        self._account = account

    async def store(self, tx: Transaction, stanza: MessageStanza, message: wire.Message) -> bool:
        """Keep what must not be lost; say whether the message announces history."""
        if not message.HasField("protocolMessage"):
            await self._account.names.note_message(tx, stanza)
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
        if not protocol.HasField("historySyncNotification"):
            return False
        await self._account.history.store(tx, stanza.id, protocol.historySyncNotification)
        return True

    async def _store_keys(self, tx: Transaction, share: wire.Message.AppStateSyncKeyShare) -> None:
        for key in share.keys[:MAX_KEYS]:
            key_id = key.keyId.keyId
            # A key without data says that this device does not have it.
            if 0 < len(key_id) <= MAX_KEY_ID and key.keyData.keyData:
                await self._context.store.app_state_keys.put(
                    tx, key_id, key.keyData.SerializeToString()
                )

    def follow_up(self, stanza: MessageStanza, message: wire.Message) -> None:
        """Act on it after it was stored."""
        if not stanza.from_me or not message.HasField("protocolMessage"):
            return
        protocol = message.protocolMessage
        if protocol.HasField("appStateSyncKeyShare"):
            self._account.app_state.follow()
        if protocol.HasField("historySyncNotification"):
            self._account.history.follow()
        if protocol.HasField("lidMigrationMappingSyncMessage"):
            payload = protocol.lidMigrationMappingSyncMessage.encodedMappingPayload
            self._context.spawn(
                self._read_mapping(payload), "reading the LID mapping", lasting=True
            )

    async def _read_mapping(self, payload: bytes) -> None:
        try:
            pairs = await self._context.run_blocking(lambda: _pairs_of_mapping(payload))
        except ProtobufDecodeError as err:
            _LOGGER.debug("A LID mapping does not read: %s", err)
            return
        await self._identities.learn(pairs)


def _pairs_of_mapping(payload: bytes) -> list[tuple[Jid, Jid]]:
    """Read the pairs of number and LID that a migration brings; the latest LID counts."""
    mapping = wire.LIDMigrationMappingSyncPayload.FromString(payload)
    pairs = [
        (entry.pn, entry.latestLid or entry.assignedLid)
        for entry in mapping.pnToLidMappings[:MAX_MAPPINGS]
    ]
    return [
        (Jid.of_number(str(phone)), Jid(str(lid), SERVER_LID))
        for phone, lid in pairs
        if phone and lid
    ]
