"""The store of one connection: all typed ports over one backend."""

from .base import Backend
from .contacts import ContactStore, DeviceListStore, LidStore
from .keys import (
    AppStateKeyStore,
    IdentityStore,
    PreKeyStore,
    SenderKeyStore,
    SenderKeyTargetStore,
    SessionStore,
    SignedPreKeyStore,
)
from .messages import (
    InboxStore,
    MessageSecretStore,
    MetaStore,
    RetryStore,
    SeenStore,
    SentMessageStore,
)
from .transaction import Transaction


class Store:
    """The typed ports, and transactions over all of them.

    Methods of ports raise `StoreError` when the backend fails, and `StoreCorrupt`
    when what it holds makes no sense.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.identities = IdentityStore(backend)
        self.sessions = SessionStore(backend)
        self.pre_keys = PreKeyStore(backend)
        self.signed_pre_keys = SignedPreKeyStore(backend)
        self.sender_keys = SenderKeyStore(backend)
        self.sender_key_targets = SenderKeyTargetStore(backend)
        self.app_state_keys = AppStateKeyStore(backend)
        self.lids = LidStore(backend)
        self.device_lists = DeviceListStore(backend)
        self.contacts = ContactStore(backend)
        self.message_secrets = MessageSecretStore(backend)
        self.sent_messages = SentMessageStore(backend)
        self.inbox = InboxStore(backend)
        self.seen = SeenStore(backend)
        self.retries = RetryStore(backend)
        self.meta = MetaStore(backend)

    def transaction(self) -> Transaction:
        """Begin writes that belong together: `async with store.transaction() as tx`."""
        return Transaction(self.backend)

    async def open(self) -> None:
        """Open the backend, creating it if missing."""
        await self.backend.open()

    async def close(self) -> None:
        """Close the backend; closing twice is fine."""
        await self.backend.close()

    async def prune(self, now: int) -> int:
        """Drop what expires at or before `now`, unix seconds; return how many."""
        return await self.backend.prune(now)

    async def destroy(self) -> None:
        """Close the backend and remove everything it kept."""
        await self.backend.destroy()
