"""What people are called: by the phone's address book first, by themselves last."""

from collections.abc import Iterable

from ..jid import Jid
from ..proto import storage
from ..stanza.message import MessageStanza
from ..store import Transaction
from ..store.chats import AddressBookStore
from .context import Context
from .group_directory import GroupDirectory


class Names:
    """Finds and learns the names of people and chats."""

    def __init__(self, context: Context, groups: GroupDirectory) -> None:
        """Share the client's context; `groups` knows their names as they are now."""
        self._context = context
        self._groups = groups
        # The phone's names for people, and those of groups: asked for with every message.
        self._given: dict[Jid, str] = {}

    async def load(self) -> None:
        """Have the names at hand that the phone gives."""
        store = self._context.store
        given = {jid: chat.name for jid, chat in (await store.chats.all(None)).items() if chat.name}
        rows = await store.address_book.rows(None)
        self._given = given | await self._context.run_blocking(lambda: _names_in(rows))

    async def refresh(self, jids: Iterable[Jid]) -> None:
        """Look again what the phone calls these."""
        forms = [form for jid in jids for form in self._context.forms_of(jid)]
        book = await self._context.store.address_book.get_many(None, forms)
        chats = await self._context.store.chats.get_many(None, forms)
        for form in forms:
            name = name_in_book(book.get(form)) or (chats[form].name if form in chats else None)
            if name:
                self._given[form] = name
            else:
                self._given.pop(form, None)

    @property
    def groups(self) -> dict[Jid, str]:
        """The names of the groups that we are in."""
        return self._groups.names

    def given_to(self, jid: Jid) -> str | None:
        """What the phone calls a person or a group."""
        if jid.is_group and (name := self._groups.name_of(jid)):
            return name
        found = (self._given.get(form) for form in self._context.forms_of(jid))
        return next((name for name in found if name), None)

    async def note_message(self, tx: Transaction, stanza: MessageStanza) -> None:
        """Learn from a message: who wrote, and that its chat is there."""
        context = self._context
        if stanza.push_name and not stanza.from_me:
            await self.learn(tx, [(stanza.sender.bare, stanza.push_name)])
        chat = context.canonical(stanza.chat)
        if not (chat.is_user or chat.is_group):
            return
        record = await context.store.chats.get(tx, chat) or storage.ChatRecord()
        if record.last_message_at < stanza.timestamp:
            record.last_message_at = stanza.timestamp
            if not record.HasField("oldest"):
                record.oldest.id, record.oldest.timestamp = stanza.id, stanza.timestamp
                record.oldest.from_me, record.oldest.chat = stanza.from_me, str(stanza.chat)
            await context.store.chats.put(tx, chat, record)

    async def learn(self, tx: Transaction, names: Iterable[tuple[Jid, str]]) -> None:
        """Keep the names that people gave themselves, where they are news."""
        context = self._context
        for user, name in names:
            key = str(context.canonical(user))
            if await context.store.contacts.get(tx, key) != name:
                await context.store.contacts.put(tx, key, name)

    async def of(self, jid: Jid) -> str | None:
        """Name a person, a group or another chat as well as is known."""
        return (await self.of_many([jid])).get(jid)

    async def of_many(self, jids: Iterable[Jid]) -> dict[Jid, str]:
        """Name those of them whose names are known."""
        store = self._context.store
        forms = {jid: self._context.forms_of(jid) for jid in jids}
        every = list(dict.fromkeys(form for known in forms.values() for form in known))
        book = await store.address_book.get_many(None, every)
        pushed = await store.contacts.get_many(None, map(str, every))
        chats = await store.chats.get_many(None, every)
        named = {}
        for jid, known in forms.items():
            names = (
                self._groups.name_of(jid),
                *(name_in_book(book.get(form)) for form in known),
                *(pushed.get(str(form)) for form in known),
                *(chats[form].name for form in known if form in chats),
                *(book[form].username for form in known if form in book),
            )
            name = next((name for name in names if name), None)
            if name is not None:
                named[jid] = name
        return named


def _names_in(rows: list[tuple[str, bytes]]) -> dict[Jid, str]:
    """Read the names of an address book."""
    book = AddressBookStore.read(rows)
    return {jid: name for jid, entry in book.items() if (name := name_in_book(entry)) is not None}


def name_in_book(record: storage.ContactRecord | None) -> str | None:
    """The name that the phone's owner gave a person."""
    if record is None:
        return None
    return record.full_name or record.first_name or None
