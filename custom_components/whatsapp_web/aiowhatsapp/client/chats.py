"""Chats as the account's devices see them: listing, and changing what all of them show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
import unicodedata

from ..appstate import Change
from ..errors import LocalProtocolError
from ..jid import Jid
from ..proto import appstate, storage
from ..store.chats import AddressBookStore
from .appstate import AppState
from .context import Context
from .history import MAX_ON_DEMAND, HistoryPage, HistoryReader
from .names import Names
from .sync_actions import MUTED_FOREVER, REGULAR, REGULAR_HIGH, REGULAR_LOW

# The versions of the actions that the web client writes.
_ARCHIVE_VERSION: Final = 3
_READ_VERSION: Final = 3
_PIN_VERSION: Final = 5
_MUTE_VERSION: Final = 2
_STAR_VERSION: Final = 2
_DELETE_VERSION: Final = 6
_LABEL_VERSION: Final = 3
# More the phone does not show, either.
MAX_PINNED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat, and what the account's devices show of it.

    `muted_until` is in unix seconds, `MUTED_FOREVER`, or None. `unread` counts what others
    wrote and nobody has read on any device; `marked_unread` is a person's mark.
    """

    jid: Jid
    phone: Jid | None
    name: str | None = field(repr=False)
    archived: bool = False
    pinned: bool = False
    muted_until: int | None = None
    marked_unread: bool = False
    unread: int = 0
    locked: bool = False
    labels: tuple[str, ...] = ()
    last_message_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEntry:
    """Someone whose name is known: `name` is the phone's, `push_name` the person's own."""

    jid: Jid
    phone: Jid | None
    name: str | None = field(repr=False)
    push_name: str | None = field(repr=False)
    username: str | None = field(repr=False)

    @property
    def best_name(self) -> str | None:
        """What to call them."""
        return self.name or self.push_name or self.username


class Chats:
    """Lists chats and names; writes changes that the other devices follow.

    Whatever writes raises `AppStateError` when the collection can't be written to,
    `IqError` when the server refuses, `Disconnected` or `RequestTimeout`.
    """

    def __init__(
        self, context: Context, app_state: AppState, names: Names, history: HistoryReader
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._history = history
        self._app_state = app_state
        self._names = names

    # --- what there is

    async def all(self) -> list[Chat]:
        """List all chats, the one with the newest message first."""
        context = self._context
        records = await context.store.chats.all(None)
        unread = await context.store.unread.counts(None)
        labels = await self.labels()
        merged = {jid: storage.ChatRecord() for jid in self._names.groups}
        merged |= {context.canonical(jid): record for jid, record in records.items()}
        names = await self._names.of_many(merged)
        chats = [
            self._read(jid, record, labels, names.get(jid), unread.get(jid, 0))
            for jid, record in merged.items()
        ]
        return sorted(chats, key=lambda chat: -(chat.last_message_at or 0))

    async def get(self, chat: Jid) -> Chat:
        """Give what is known of a chat, if only its name."""
        jid, record = await self._find(chat)
        unread = await self._context.store.unread.of_chat(None, jid)
        name = await self._names.of(jid)
        return self._read(jid, record, await self.labels(), name, len(unread))

    async def contacts(self) -> list[BookEntry]:
        """List everybody else whose name is known."""
        context = self._context
        rows = await context.store.address_book.rows(None)
        known = await context.run_blocking(lambda: AddressBookStore.read(rows))
        book = {context.canonical(jid): record for jid, record in known.items()}
        pushed = {
            context.canonical(Jid.parse(text)): name
            for text, name in (await context.store.contacts.all(None)).items()
        }
        empty = storage.ContactRecord()
        return [
            BookEntry(
                jid=jid,
                phone=context.phone_of(jid),
                name=book.get(jid, empty).full_name or book.get(jid, empty).first_name or None,
                push_name=pushed.get(jid),
                username=book.get(jid, empty).username or None,
            )
            for jid in dict.fromkeys([*book, *pushed])
            if jid.is_user and not context.own.is_self(jid)
        ]

    def given_name(self, jid: Jid) -> str | None:
        """What the phone calls a person or a group; a person's own name is no such."""
        return self._names.given_to(jid)

    async def find(self, name: str) -> list[BookEntry]:
        """Find who is called that on the phone, letter case aside; several may be.

        The address book counts more than the names of groups, which others choose. What
        people call themselves counts for nothing: anybody could be meant by it.
        """
        wanted = _folded(name)
        people = await self.contacts()
        for read in (_full_name, _first_name):
            found = [entry for entry in people if wanted and _folded(read(entry)) == wanted]
            if found:
                return found
        return [
            BookEntry(jid=group, phone=None, name=group_name, push_name=None, username=None)
            for group, group_name in self._names.groups.items()
            if wanted and _folded(group_name) == wanted
        ]

    async def labels(self) -> dict[str, str]:
        """The names of the labels by their ids."""
        records = await self._context.store.labels.all(None)
        return {label_id: record.name for label_id, record in records.items()}

    async def request_history(self, chat: Jid, *, count: int = MAX_ON_DEMAND) -> HistoryPage:
        """Ask the phone for messages of a chat older than all that it gave so far.

        Raises `LocalProtocolError` where nothing is known to go on from, `RequestTimeout`
        when the phone does not answer, or `Disconnected`.
        """
        return await self._history.request(chat, count=count)

    async def _find(self, chat: Jid) -> tuple[Jid, storage.ChatRecord]:
        forms = self._context.forms_of(chat)
        found = await self._context.store.chats.get_many(None, forms)
        record = next((found[form] for form in forms if form in found), storage.ChatRecord())
        return forms[0], record

    def _read(
        self,
        jid: Jid,
        record: storage.ChatRecord,
        labels: dict[str, str],
        name: str | None,
        unread: int,
    ) -> Chat:
        muted = record.muted_until
        return Chat(
            jid=jid,
            phone=self._context.phone_of(jid),
            name=name,
            archived=record.archived,
            pinned=record.pinned_at > 0,
            muted_until=muted if muted == MUTED_FOREVER or muted > self._context.now() else None,
            marked_unread=record.marked_unread,
            unread=unread,
            locked=record.locked,
            labels=tuple(labels[each] for each in record.labels if each in labels),
            last_message_at=record.last_message_at or None,
        )

    # --- changing it

    async def archive(self, chat: Jid, *, archived: bool = True) -> None:
        """Archive a chat, or fetch it back; an archived one is not pinned."""
        value = self._value()
        value.archiveChatAction.archived = archived
        value.archiveChatAction.messageRange.CopyFrom(self._range())
        changes = [await self._change(REGULAR_LOW, ("archive",), chat, value, _ARCHIVE_VERSION)]
        if archived and (await self._find(chat))[1].pinned_at:
            unpin = self._value()
            unpin.pinAction.pinned = False
            changes.append(await self._change(REGULAR_LOW, ("pin_v1",), chat, unpin, _PIN_VERSION))
        await self._app_state.push(REGULAR_LOW, changes)

    async def pin(self, chat: Jid, *, pinned: bool = True) -> None:
        """Keep a chat at the top of the list, or no longer."""
        value = self._value()
        value.pinAction.pinned = pinned
        await self._push(REGULAR_LOW, ("pin_v1",), chat, value, _PIN_VERSION)

    async def mute(self, chat: Jid, until: int | None) -> None:
        """Mute a chat until then, unix seconds, `MUTED_FOREVER`, or None for not at all."""
        value = self._value()
        value.muteAction.muted = until is not None
        if until is not None:
            value.muteAction.muteEndTimestamp = until if until == MUTED_FOREVER else until * 1000
        await self._push(REGULAR_HIGH, ("mute",), chat, value, _MUTE_VERSION)

    async def mark_read(self, chat: Jid, *, read: bool = True) -> None:
        """Show a chat as read on our own devices, or as unread. Tells nobody else."""
        value = self._value()
        value.markChatAsReadAction.read = read
        value.markChatAsReadAction.messageRange.CopyFrom(self._range())
        await self._push(REGULAR_LOW, ("markChatAsRead",), chat, value, _READ_VERSION)

    async def star(
        self, chat: Jid, message_id: str, *, sender: Jid | None, starred: bool = True
    ) -> None:
        """Star a message, or no longer; `sender` is who wrote it, None for ourselves."""
        context = self._context
        from_me = sender is None or context.own.is_self(sender)
        participant = "0" if from_me or sender is None or chat.is_user else str(sender.bare)
        value = self._value()
        value.starAction.starred = starred
        rest = (message_id, "1" if from_me else "0", participant)
        await self._push(REGULAR_HIGH, ("star",), chat, value, _STAR_VERSION, rest=rest)

    async def clear(self, chat: Jid, *, keep_starred: bool = True) -> None:
        """Remove all messages of a chat from our own devices."""
        value = self._value()
        value.clearChatAction.messageRange.CopyFrom(self._range())
        rest = ("0" if keep_starred else "1", "0")
        await self._push(REGULAR_HIGH, ("clearChat",), chat, value, _DELETE_VERSION, rest=rest)

    async def delete(self, chat: Jid) -> None:
        """Remove a chat from our own devices."""
        value = self._value()
        value.deleteChatAction.messageRange.CopyFrom(self._range())
        await self._push(REGULAR_HIGH, ("deleteChat",), chat, value, _DELETE_VERSION, rest=("1",))

    async def set_label(self, chat: Jid, label_id: str, *, labeled: bool = True) -> None:
        """Put a label on a chat, or take it away."""
        value = self._value()
        value.labelAssociationAction.labeled = labeled
        await self._push(REGULAR, ("label_jid", label_id), chat, value, _LABEL_VERSION)

    async def _push(
        self,
        collection: str,
        name: tuple[str, ...],
        chat: Jid,
        value: appstate.SyncActionValue,
        version: int,
        *,
        rest: Sequence[str] = (),
    ) -> None:
        change = await self._change(collection, name, chat, value, version, rest=rest)
        await self._app_state.push(collection, [change])

    async def _change(
        self,
        collection: str,
        name: tuple[str, ...],
        chat: Jid,
        value: appstate.SyncActionValue,
        version: int,
        *,
        rest: Sequence[str] = (),
    ) -> Change:
        """Name the chat as the record that is there does; else as the account does by now."""
        context = self._context
        if not chat.user:
            raise LocalProtocolError("Not a chat")
        forms = context.forms_of(chat)
        usual = forms[0] if context.credentials.lid_migrated else context.phone_of(chat) or forms[0]
        for form in forms:
            index = (*name, str(form), *rest)
            if await self._app_state.has(collection, index):
                return Change(index=index, value=value, version=version)
        return Change(index=(*name, str(usual), *rest), value=value, version=version)

    def _value(self) -> appstate.SyncActionValue:
        return appstate.SyncActionValue(timestamp=int(self._context.clock.now() * 1000))

    def _range(self) -> appstate.SyncActionValue.SyncActionMessageRange:
        """Mean everything up to now."""
        return appstate.SyncActionValue.SyncActionMessageRange(
            lastMessageTimestamp=self._context.now()
        )


def _full_name(entry: BookEntry) -> str | None:
    return entry.name


def _first_name(entry: BookEntry) -> str:
    return (entry.name or "").split(" ", maxsplit=1)[0]


def _folded(name: str | None) -> str:
    """Make names comparable: however they were typed, they look the same."""
    return " ".join(unicodedata.normalize("NFKC", name or "").casefold().split())
