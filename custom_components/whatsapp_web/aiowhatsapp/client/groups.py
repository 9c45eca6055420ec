"""Sender keys: reading what is written in groups and as status."""

from typing import Final

from ..errors import NoSession, RemoteProtocolError
from ..proto import wire
from ..signal import SignalAddress, group_decrypt, process_distribution
from ..stanza.message import MessageStanza
from ..store import Transaction
from .context import Context

MAX_DISTRIBUTION: Final = 1024


class GroupKeys:
    """The sender keys that members of groups gave us."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context

    async def learn(self, tx: Transaction, stanza: MessageStanza, message: wire.Message) -> None:
        """Keep the sender key that a message of a group brings, if it brings one."""
        if not stanza.is_group or not message.HasField("senderKeyDistributionMessage"):
            return
        distribution = message.senderKeyDistributionMessage
        # Text that is not UTF-8 comes as bytes: then it names no group.
        group_id: str | bytes = distribution.groupId
        if group_id != str(stanza.chat):
            raise RemoteProtocolError("A sender key for another group")
        payload = distribution.axolotlSenderKeyDistributionMessage
        if len(payload) > MAX_DISTRIBUTION:
            raise RemoteProtocolError("A sender key that is too long")
        store = self._context.store
        address = self._context.address_of(stanza.sender)
        record = await store.sender_keys.get(tx, str(stanza.chat), address)
        await store.sender_keys.put(
            tx, str(stanza.chat), address, process_distribution(record, payload)
        )

    async def decrypt(self, tx: Transaction, stanza: MessageStanza, ciphertext: bytes) -> bytes:
        """Decrypt a `skmsg`; raise `NoSession` when the sender's key is missing."""
        if not stanza.is_group:
            raise RemoteProtocolError("A group ciphertext outside of a group")
        store = self._context.store
        # A key that came before the sender's LID was known is kept by number.
        for form in self._context.forms_of(stanza.sender):
            address = SignalAddress(form.signal_name, stanza.sender.device)
            record = await store.sender_keys.get(tx, str(stanza.chat), address)
            if record is not None:
                record, plaintext = group_decrypt(record, ciphertext)
                await store.sender_keys.put(tx, str(stanza.chat), address, record)
                return plaintext
        raise NoSession("No sender key")
