"""What the mutations of the app state mean: names, archive, mute, pin, read, star, labels."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..appstate import Mutation, Operation
from ..errors import DecodeError
from ..events import Event, OwnNameChanged
from ..events.chats import ChatChange, ChatChanged, ContactsChanged, MessageStarred
from ..jid import Jid
from ..proto import storage
from ..stanza.message import MAX_ID, MAX_NAME
from ..store import Transaction
from .context import Context

CRITICAL_BLOCK: Final = "critical_block"
CRITICAL_UNBLOCK_LOW: Final = "critical_unblock_low"
REGULAR_HIGH: Final = "regular_high"
REGULAR: Final = "regular"
REGULAR_LOW: Final = "regular_low"
# In the order in which they are fetched: names of people before what is about chats.
COLLECTIONS: Final = (CRITICAL_BLOCK, CRITICAL_UNBLOCK_LOW, REGULAR_HIGH, REGULAR, REGULAR_LOW)

MUTED_FOREVER: Final = -1
MAX_LABELS: Final = 64
# Mutations looked at before others have a turn.
SLICE: Final = 32
# What a snapshot of a collection says anew about all chats.
_CHAT_FIELDS: Final = {
    REGULAR_HIGH: ("muted_until",),
    REGULAR: ("labels",),
    REGULAR_LOW: ("archived", "pinned_at", "marked_unread", "locked"),
}
_CHAT_ACTIONS: Final = {
    "archive": ChatChange.ARCHIVED,
    "mute": ChatChange.MUTED,
    "pin_v1": ChatChange.PINNED,
    "markChatAsRead": ChatChange.UNREAD,
    "lock": ChatChange.LOCKED,
    "clearChat": ChatChange.CLEARED,
    "deleteChat": ChatChange.DELETED,
}
_LABEL_CHAT: Final = "label_jid"


@dataclass(slots=True)
class _Work:
    """One application: the chats it touches, and what to tell afterwards."""

    tx: Transaction
    whole: bool
    chats: dict[Jid, storage.ChatRecord]
    contacts: list[Jid] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class SyncActions:
    """Takes over verified mutations, in the transaction that moves their collection on."""

    def __init__(self, context: Context) -> None:
        """Share the client's context."""
        self._context = context

    def pairs_in(self, mutations: Iterable[Mutation]) -> list[tuple[Jid, Jid]]:
        """Find the numbers and LIDs that belong together, to learn before applying."""
        found = []
        for mutation in mutations:
            user = _jid(mutation.index[1]) if len(mutation.index) > 1 else None
            value = mutation.value
            other = None
            if value.HasField("contactAction"):
                contact = value.contactAction
                other = _jid(contact.lidJid) or _jid(contact.pnJid)
            elif value.HasField("pnForLidChatAction"):
                other = _jid(value.pnForLidChatAction.pnJid)
            if user is not None and other is not None and user.is_lid != other.is_lid:
                found.append((other, user) if user.is_lid else (user, other))
        return found

    async def apply(
        self, tx: Transaction, collection: str, mutations: Sequence[Mutation], *, whole: bool
    ) -> list[Event]:
        """Write what the mutations change; return what to tell once that is committed.

        `whole` says that they are all there is: what they don't name is undone.
        """
        work = _Work(tx, whole, await self._chats_for(tx, collection, mutations, whole=whole))
        before = {chat: record.SerializeToString() for chat, record in work.chats.items()}
        if whole:
            await self._reset(work, collection)
        for place, mutation in enumerate(mutations, start=1):
            await self._apply_one(work, mutation)
            if place % SLICE == 0:
                await asyncio.sleep(0)
        for chat, record in work.chats.items():
            if record.SerializeToString() != before.get(chat):
                await self._save(tx, chat, record)
        if work.contacts:
            work.events.append(ContactsChanged(users=tuple(dict.fromkeys(work.contacts))))
        # Who comes with a snapshot was told nothing before: it is no change.
        kept = (OwnNameChanged, ContactsChanged)
        return [event for event in work.events if not whole or isinstance(event, kept)]

    async def _chats_for(
        self, tx: Transaction, collection: str, mutations: Sequence[Mutation], *, whole: bool
    ) -> dict[Jid, storage.ChatRecord]:
        """Load the chats that may change, under the address that counts now."""
        store = self._context.store
        if whole and collection in _CHAT_FIELDS:
            return {self._context.canonical(c): r for c, r in (await store.chats.all(tx)).items()}
        named = {chat for each in mutations if (chat := _chat_of(each.index)) is not None}
        forms = {chat: self._context.forms_of(chat) for chat in named}
        found = await store.chats.get_many(tx, {form for every in forms.values() for form in every})
        loaded = {}
        for chat in named:
            known = next((found[form] for form in forms[chat] if form in found), None)
            if known is not None:
                loaded[self._context.canonical(chat)] = known
        return loaded

    async def _save(self, tx: Transaction, chat: Jid, record: storage.ChatRecord) -> None:
        """Write a chat under the address that counts now, and under no other."""
        for form in self._context.forms_of(chat):
            if form != chat:
                await self._context.store.chats.delete(tx, form)
        await self._context.store.chats.put(tx, chat, record)

    async def _reset(self, work: _Work, collection: str) -> None:
        """Undo what only a snapshot's own records may say."""
        store = self._context.store
        for record in work.chats.values():
            for name in _CHAT_FIELDS.get(collection, ()):
                record.ClearField(name)
        if collection == CRITICAL_UNBLOCK_LOW:
            await store.address_book.clear(work.tx)
        elif collection == REGULAR_HIGH:
            await store.stars.clear(work.tx)
        elif collection == REGULAR:
            for label_id in await store.labels.all(work.tx):
                await store.labels.delete(work.tx, label_id)

    async def _apply_one(self, work: _Work, mutation: Mutation) -> None:
        index = mutation.index
        match index[0] if index else "":
            case "contact" | "lid_contact":
                await self._contact(work, mutation)
            case "star":
                await self._star(work, mutation)
            case "label_edit":
                await self._label(work, mutation)
            case "setting_pushName":
                self._own_name(work, mutation)
            case name if name == _LABEL_CHAT or name in _CHAT_ACTIONS:
                self._chat(work, mutation)
            case _:
                pass

    async def _contact(self, work: _Work, mutation: Mutation) -> None:
        user = _jid(mutation.index[1]) if len(mutation.index) > 1 else None
        if user is None or not user.is_user:
            return
        context, value = self._context, mutation.value
        book = context.store.address_book
        action = value.contactAction if value.HasField("contactAction") else value.lidContactAction
        for form in context.forms_of(user):
            await book.delete(work.tx, form)
        if mutation.operation is Operation.SET:
            record = storage.ContactRecord(
                full_name=_text(action.fullName),
                first_name=_text(action.firstName),
                username=_text(action.username),
            )
            await book.put(work.tx, context.canonical(user.bare), record)
        work.contacts.append(context.canonical(user.bare))

    async def _star(self, work: _Work, mutation: Mutation) -> None:
        if len(mutation.index) < 5:
            return
        _, chat_text, message_id, from_me, participant = mutation.index[:5]
        chat = _jid(chat_text)
        if chat is None or not 0 < len(message_id) <= MAX_ID:
            return
        context = self._context
        chat = context.canonical(chat.bare)
        named = (
            context.own.lid if from_me == "1" else _jid(participant) if participant != "0" else chat
        )
        sender = None if named is None else context.canonical(named.bare)
        starred = mutation.operation is Operation.SET and mutation.value.starAction.starred
        change = context.store.stars.put if starred else context.store.stars.delete
        await change(work.tx, chat, sender or chat, message_id)
        work.events.append(
            MessageStarred(
                chat=chat,
                sender=sender,
                message_id=message_id,
                from_me=from_me == "1",
                starred=starred,
            )
        )

    async def _label(self, work: _Work, mutation: Mutation) -> None:
        if len(mutation.index) < 2:
            return
        label_id, action = mutation.index[1], mutation.value.labelEditAction
        labels = self._context.store.labels
        if mutation.operation is Operation.REMOVE or action.deleted:
            await labels.delete(work.tx, label_id)
        else:
            record = storage.LabelRecord(name=_text(action.name), color=action.color)
            await labels.put(work.tx, label_id, record)

    def _own_name(self, work: _Work, mutation: Mutation) -> None:
        name = _text(mutation.value.pushNameSetting.name)
        if name and mutation.operation is Operation.SET:
            work.events.append(OwnNameChanged(name=name))

    def _chat(self, work: _Work, mutation: Mutation) -> None:
        chat = _chat_of(mutation.index)
        if chat is None:
            return
        chat = self._context.canonical(chat)
        record = work.chats.get(chat)
        if record is None:
            record = work.chats[chat] = storage.ChatRecord()
        name = mutation.index[0]
        if name == _LABEL_CHAT:
            _apply_label(record, mutation)
        else:
            _apply_to_chat(record, name, mutation, whole=work.whole)
        change = _CHAT_ACTIONS.get(name, ChatChange.LABELS)
        work.events.append(ChatChanged(chat=chat, change=change))


def _apply_to_chat(
    record: storage.ChatRecord, name: str, mutation: Mutation, *, whole: bool
) -> None:
    """Change a chat's record by one action; its removal undoes it."""
    value, is_set = mutation.value, mutation.operation is Operation.SET
    match name:
        case "archive":
            record.archived = is_set and value.archiveChatAction.archived
        case "mute":
            record.muted_until = _muted_until(mutation) if is_set else 0
        case "pin_v1":
            pinned = is_set and value.pinAction.pinned
            record.pinned_at = max(value.timestamp // 1000, 1) if pinned else 0
        case "markChatAsRead":
            record.marked_unread = is_set and not value.markChatAsReadAction.read
        case "lock":
            record.locked = is_set and value.lockChatAction.locked
        case "deleteChat" if not whole:
            record.Clear()
        case _:
            pass


def _muted_until(mutation: Mutation) -> int:
    """Unix seconds; milliseconds come in, and -1 for ever."""
    action = mutation.value.muteAction
    if not action.muted:
        return 0
    return MUTED_FOREVER if action.muteEndTimestamp <= 0 else action.muteEndTimestamp // 1000


def _apply_label(record: storage.ChatRecord, mutation: Mutation) -> None:
    label_id = mutation.index[1]
    labeled = mutation.operation is Operation.SET and mutation.value.labelAssociationAction.labeled
    kept = [each for each in record.labels if each != label_id]
    del record.labels[:]
    record.labels.extend([*kept, label_id][:MAX_LABELS] if labeled else kept)


def _chat_of(index: Sequence[str]) -> Jid | None:
    """Find the chat that an index is about, if it is one of ours."""
    place = 2 if index and index[0] == _LABEL_CHAT else 1
    if len(index) <= place or (index[0] not in _CHAT_ACTIONS and index[0] != _LABEL_CHAT):
        return None
    chat = _jid(index[place])
    return None if chat is None else chat.bare


def _jid(text: str | bytes) -> Jid | None:
    """Read an address; text that is not UTF-8 comes as bytes."""
    try:
        jid = Jid.parse(text) if isinstance(text, str) else None
    except DecodeError:
        return None
    return jid if jid is not None and jid.user else None


def _text(text: str | bytes) -> str:
    return text[:MAX_NAME] if isinstance(text, str) else ""
