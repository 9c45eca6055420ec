"""The store of one connection: all typed ports over one backend."""

from .app_state import AppStateStore
from .base import COPY_MARK, Backend, Delete, Put, Table
from .chat_log import ChatTimerStore, MessageLogStore, PollStore
from .chats import AddressBookStore, ChatStore, HistoryStore, LabelStore, StarStore
from .contacts import ContactStore, DeviceListStore, LidStore
from .groups import GroupStore
from .keys import (
    AppStateKeyStore,
    IdentityStore,
    PreKeyStore,
    SenderKeyStore,
    SenderKeyTargetStore,
    SessionStore,
    SignedPreKeyStore,
)
from .media import MediaStore
from .messages import (
    InboxStore,
    MessageSecretStore,
    MetaStore,
    RetryStore,
    SeenStore,
    SentMessageStore,
)
from .notes import NoteStore
from .numbers import NumberStore
from .outbox import MessageStateStore, OutboxStore
from .placeholders import PlaceholderStore
from .posts import PostStore
from .transaction import Transaction
from .unconfirmed import UnconfirmedStore
from .unread import UnreadStore


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
        self.address_book = AddressBookStore(backend)
        self.app_state = AppStateStore(backend)
        self.chats = ChatStore(backend)
        self.labels = LabelStore(backend)
        self.stars = StarStore(backend)
        self.history = HistoryStore(backend)
        self.groups = GroupStore(backend)
        self.message_secrets = MessageSecretStore(backend)
        self.sent_messages = SentMessageStore(backend)
        self.message_log = MessageLogStore(backend)
        self.polls = PollStore(backend)
        self.chat_timers = ChatTimerStore(backend)
        self.notes = NoteStore(backend)
        self.inbox = InboxStore(backend)
        self.seen = SeenStore(backend)
        self.retries = RetryStore(backend)
        self.placeholders = PlaceholderStore(backend)
        self.unconfirmed = UnconfirmedStore(backend)
        self.unread = UnreadStore(backend)
        self.numbers = NumberStore(backend)
        self.posts = PostStore(backend)
        self.media = MediaStore(backend)
        self.outbox = OutboxStore(backend)
        self.message_states = MessageStateStore(backend)
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

    async def is_copy(self) -> bool:
        """Tell whether this is a copy of a state that others may have worked on since."""
        token = (await self.backend.get(Table.META, [COPY_MARK])).get(COPY_MARK)
        return token not in (None, self.backend.copy_token)

    def settle_copy(self, tx: Transaction) -> None:
        """From here on this is no copy, though it may be being copied itself."""
        token = self.backend.copy_token
        tx.add(
            Delete(Table.META, COPY_MARK) if token is None else Put(Table.META, COPY_MARK, token)
        )

    async def destroy(self) -> None:
        """Close the backend and remove everything it kept."""
        await self.backend.destroy()
