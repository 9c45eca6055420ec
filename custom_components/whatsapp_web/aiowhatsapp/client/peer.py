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
from .account_state import AccountState
from .context import Context
from .identity import Identities

_LOGGER = logging.getLogger(__name__)

MAX_KEYS: Final = 256
MAX_KEY_ID: Final = 64
MAX_INLINE_HISTORY: Final = 64 * 1024 * 1024
MAX_MAPPINGS: Final = 100_000
# As many as take a few milliseconds to put together.
NAMES_PER_COMMIT: Final = 256
_Protocol: Final = wire.Message.ProtocolMessage
# The phone's word for "no name".
_NO_NAME: Final = "-"


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
        """Act on it after it was stored."""
        if not stanza.from_me or not message.HasField("protocolMessage"):
            return
        protocol = message.protocolMessage
        if protocol.HasField("appStateSyncKeyShare"):
            self._account.app_state.follow()
        if protocol.HasField("historySyncNotification"):
            inline = protocol.historySyncNotification.initialHistBootstrapInlinePayload
            if inline:
                self._context.spawn(self._read_history(inline), "reading history", lasting=True)
        if protocol.HasField("lidMigrationMappingSyncMessage"):
            payload = protocol.lidMigrationMappingSyncMessage.encodedMappingPayload
            self._context.spawn(
                self._read_mapping(payload), "reading the LID mapping", lasting=True
            )

    async def _read_history(self, compressed: bytes) -> None:
        """Take names and LIDs out of an inline history; it is read off the event loop."""
        try:
            summary = await self._context.run_blocking(lambda: _summarise(compressed))
        except (zlib.error, ProtobufDecodeError, DecodeError) as err:
            _LOGGER.debug("History does not read: %s", err)
            return
        pairs, names = summary
        await self._identities.learn(pairs, overwrite=False)
        for start in range(0, len(names), NAMES_PER_COMMIT):
            await self._keep_names(names[start : start + NAMES_PER_COMMIT])

    async def _keep_names(self, names: list[tuple[Jid, str]]) -> None:
        context = self._context
        async with context.store.transaction() as tx:
            for user, name in names:
                await context.store.contacts.put(tx, str(context.canonical(user)), name)
        for user, name in names:
            if context.own.is_self(user):
                context.emit(OwnNameChanged(name=name))

    async def _read_mapping(self, payload: bytes) -> None:
        try:
            pairs = await self._context.run_blocking(lambda: _pairs_of_mapping(payload))
        except ProtobufDecodeError as err:
            _LOGGER.debug("A LID mapping does not read: %s", err)
            return
        await self._identities.learn(pairs)


def _summarise(compressed: bytes) -> tuple[list[tuple[Jid, Jid]], list[tuple[Jid, str]]]:
    """Inflate a history with a bound; give its number-LID pairs and push names."""
    inflater = zlib.decompressobj()
    raw = inflater.decompress(compressed, MAX_INLINE_HISTORY)
    if inflater.unconsumed_tail:
        raise DecodeError("History is too large")
    history = wire.HistorySync.FromString(raw)
    pairs = [
        (phone, lid)
        for entry in history.phoneNumberToLidMappings[:MAX_MAPPINGS]
        if (phone := _user(entry.pnJid)) is not None and (lid := _user(entry.lidJid)) is not None
    ]
    names = [
        (user, entry.pushname[:256])
        for entry in history.pushnames[:MAX_MAPPINGS]
        if (user := _user(entry.id)) is not None
        and isinstance(entry.pushname, str)
        and entry.pushname not in ("", _NO_NAME)
    ]
    return pairs, names


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


def _user(text: str | bytes) -> Jid | None:
    """Read a user's address; text that is not UTF-8 comes as bytes."""
    try:
        jid = Jid.parse(text) if isinstance(text, str) else None
    except DecodeError:
        return None
    return jid.bare if jid is not None and jid.is_user else None
