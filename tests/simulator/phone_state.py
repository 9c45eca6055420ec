"""The phone's own copy of the app state: what its owner sees, and changes."""

from dataclasses import dataclass, field
import os
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.appstate import (
    Applied,
    Change,
    CollectionState,
    KnownRecord,
    Operation,
    SyncKeys,
    apply_patch,
    build_patch,
    choose_active,
    expand,
    index_macs_of,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import appstate
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import SERVER_JID, Account

if TYPE_CHECKING:
    from .phone import Phone

FOREVER = -1


@dataclass
class PhoneCollection:
    """One collection, opened."""

    state: CollectionState = field(default_factory=CollectionState)
    records: dict[bytes, KnownRecord] = field(default_factory=dict)
    values: dict[tuple[str, ...], appstate.SyncActionValue] = field(default_factory=dict)


class PhoneState:
    """Reads and writes the collections at the server; every MAC is checked."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self.collections: dict[str, PhoneCollection] = {}

    def of(self, name: str) -> PhoneCollection:
        """Give a collection."""
        return self.collections.setdefault(name, PhoneCollection())

    # --- what a person does

    def save_contact(self, whom: Account, name: str, *, by_lid: bool = False) -> None:
        """Put somebody into the address book."""
        value = self._value()
        value.contactAction.fullName = name
        value.contactAction.firstName = name.split(" ", maxsplit=1)[0]
        if not by_lid:
            value.contactAction.lidJid = str(whom.lid_jid)
        index = ("contact", str(whom.jid(lid=by_lid)))
        self.write("critical_unblock_low", Change(index=index, value=value, version=2))

    def remove_contact(self, whom: Account, *, by_lid: bool = False) -> None:
        """Take somebody out of it."""
        index = ("contact", str(whom.jid(lid=by_lid)))
        change = Change(index=index, value=self._value(), version=2, operation=Operation.REMOVE)
        self.write("critical_unblock_low", change)

    def archive(self, chat: Account, *, archived: bool = True) -> None:
        """Archive a chat."""
        value = self._value()
        value.archiveChatAction.archived = archived
        index = ("archive", str(chat.lid_jid))
        self.write("regular_low", Change(index=index, value=value, version=3))

    def mute(self, chat: Account, until: int = FOREVER) -> None:
        """Mute a chat until then, in unix seconds."""
        value = self._value()
        value.muteAction.muted = True
        value.muteAction.muteEndTimestamp = until if until == FOREVER else until * 1000
        index = ("mute", str(chat.lid_jid))
        self.write("regular_high", Change(index=index, value=value, version=2))

    def label(self, label_id: str, name: str, *chats: Account) -> None:
        """Make a label and put it on chats."""
        edit = self._value()
        edit.labelEditAction.name = name
        changes = [Change(index=("label_edit", label_id), value=edit, version=3)]
        for chat in chats:
            value = self._value()
            value.labelAssociationAction.labeled = True
            index = ("label_jid", label_id, str(chat.lid_jid))
            changes.append(Change(index=index, value=value, version=3))
        self.write("regular", *changes)

    def rename(self, name: str) -> None:
        """Change the name that others see."""
        value = self._value()
        value.pushNameSetting.name = name
        change = Change(index=("setting_pushName",), value=value, version=1)
        self.write("critical_block", change)

    def rotate_key(self) -> bytes:
        """Write with a new key from now on; companions are not given it by that."""
        keys = self._phone.keys.app_state
        key_id = b"\0\0" + (len(keys) + 1).to_bytes(4)
        keys[key_id] = os.urandom(32)
        return key_id

    # --- how

    def write(self, name: str, *changes: Change) -> None:
        """Make a patch, and have the server take it."""
        self.follow(name)
        collection, keys = self.of(name), self._keys()
        active = choose_active(keys)
        assert active is not None
        patch, applied = build_patch(
            name,
            collection.state,
            changes,
            active=keys[active],
            keys=keys,
            known=collection.records,
            random_bytes=os.urandom,
        )
        answer = self._ask(name, Node("patch", {}, patch.SerializeToString()))
        assert answer.attr("type") != "error"
        self._take(collection, applied)

    def follow(self, name: str) -> None:
        """Read what others wrote; nothing that does not verify is taken."""
        collection = self.of(name)
        more = True
        while more:
            answer = self._ask(name)
            listed = answer.child("patches")
            for node in listed.children("patch") if listed else []:
                patch = appstate.SyncdPatch.FromString(node.required_data())
                applied = apply_patch(
                    name,
                    collection.state,
                    patch,
                    keys=self._keys(),
                    known={
                        mac: collection.records[mac]
                        for mac in index_macs_of(patch.mutations)
                        if mac in collection.records
                    },
                )
                assert not applied.state.diverged
                self._take(collection, applied)
            more = answer.attr("has_more_patches") == "true"

    def follow_all(self, notification: Node) -> None:
        """Read what a notification speaks of."""
        for child in notification.children("collection"):
            self.follow(child.required_attr("name"))

    def _ask(self, name: str, patch: Node | None = None) -> Node:
        attributes = {
            "name": name,
            "version": str(self.of(name).state.version),
            "return_snapshot": "false",
        }
        asked = Node("collection", {**attributes}, None if patch is None else [patch])
        reply = self._phone.server.answer(
            self._phone.device,
            Node(
                "iq",
                {"type": "set", "xmlns": "w:sync:app:state", "id": "phone", "to": SERVER_JID},
                [Node("sync", {}, [asked])],
            ),
        )
        return reply.required_child("sync").required_child("collection")

    def _take(self, collection: PhoneCollection, applied: Applied) -> None:
        collection.state = applied.state
        collection.records.update(applied.records)
        for mac in applied.removed:
            collection.records.pop(mac, None)
        for mutation in applied.mutations:
            collection.values.pop(mutation.index, None)
            if mutation.operation is Operation.SET:
                collection.values[mutation.index] = mutation.value
        self._phone.server.ledger.happened()

    def _keys(self) -> dict[bytes, SyncKeys]:
        return {key_id: expand(key_id, data) for key_id, data in self._phone.keys.app_state.items()}

    def _value(self) -> appstate.SyncActionValue:
        return appstate.SyncActionValue(timestamp=self._phone.server.now() * 1000)
