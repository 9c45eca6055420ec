"""Sending to a group: one ciphertext for all, and our key to it for devices that lack it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import logging
from typing import Final

from ..errors import NoDevices, NotInGroup, Rejected
from ..iq.privacy import AudienceKind
from ..jid import STATUS_BROADCAST, Jid
from ..message.compose import Labels, labels_of
from ..message.padding import pad
from ..proto import storage, wire
from ..signal import (
    EncryptedMessage,
    SenderKeyRecord,
    SignalAddress,
    group_encrypt,
)
from ..stanza.group import GroupMember
from ..store import Transaction
from ..wabinary import Node
from .context import Context
from .devices import Devices, participant_hash
from .group_directory import GroupDirectory
from .sender_keys import MAX_ITERATION, SenderKeys, compose_distribution
from .sessions import Sessions
from .status_recipients import StatusRecipients

_LOGGER = logging.getLogger(__name__)

# A device that could not read a message may ask for it for this long.
KEEP_SENT_SECONDS: Final = 7 * 24 * 3600
# Members come and go while keys are fetched; then it is begun anew.
ATTEMPTS: Final = 5
# The server's word for a group whose members are addressed otherwise by now.
STALE_ADDRESSING: Final = "421"
_STATUS_SETTINGS: Final = {
    AudienceKind.CONTACTS: "contacts",
    AudienceKind.ONLY: "allowlist",
    AudienceKind.ALL_BUT: "denylist",
}
_NO_MEMBER: Final = ("401", "403", "404")
# The members' devices are all asked for anew at most this often in a group.
CATCH_UP_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Who reads what is written somewhere, in one namespace; `users` are bare."""

    jid: Jid
    by_lid: bool
    users: tuple[Jid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The devices of a room. `unlisted` are members whose devices nobody named."""

    room: Room
    this_device: Jid
    others: tuple[Jid, ...]
    own: tuple[Jid, ...]
    unlisted: frozenset[str]

    @property
    def hash(self) -> str:
        """The hash that the server compares with its own."""
        return participant_hash([*self.others, *self.own, self.this_device])


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStanza:
    """A message for a room, ready to be written; `warm` hold our key once it is taken."""

    node: Node = field(repr=False)
    room: Jid
    hash: str
    key_id: int
    warm: tuple[SignalAddress, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encrypted:
    shared: bytes = field(repr=False)
    keys: Mapping[Jid, EncryptedMessage]
    key_id: int
    warm: tuple[SignalAddress, ...]


class GroupSending:
    """Encrypts for groups. The caller lets one message of a group go after the other."""

    def __init__(
        self,
        context: Context,
        *,
        devices: Devices,
        sessions: Sessions,
        directory: GroupDirectory,
        recipients: StatusRecipients,
        sender_keys: SenderKeys,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self._devices = devices
        self._sessions = sessions
        self._directory = directory
        self._recipients = recipients
        self._keys = sender_keys
        self._caught_up: dict[Jid, float] = {}

    async def prepare(self, chat: Jid, message: wire.Message, message_id: str) -> RoomStanza:
        """Encrypt for all who read it and build the stanza; the new state is on disk then.

        Raises `NotInGroup`, `NoDevices`, or what asking for the members raises.
        """
        if chat == STATUS_BROADCAST:
            return await self._prepare_status(message, message_id)
        return await self._prepare_group(chat, message, message_id)

    async def _prepare_status(self, message: wire.Message, message_id: str) -> RoomStanza:
        kind, users = await self._recipients.find()
        room = Room(jid=STATUS_BROADCAST, by_lid=True, users=users)
        audience, encrypted = await self.encrypt(room, message, message_id)
        labels = labels_of(message)
        attrs: dict[str, str | Jid] = {
            "id": message_id,
            "to": STATUS_BROADCAST,
            "type": labels.type,
        }
        if labels.edit is not None:
            attrs["edit"] = labels.edit
        listed = [_to(device, labels, enc) for device, enc in encrypted.keys.items()]
        # Whoever holds our key already is named all the same: else they get nothing.
        given = {device.bare for device in encrypted.keys}
        listed += [Node("to", {"jid": user}) for user in users if user not in given]
        rest = self._rest(labels, encrypted)
        if labels.edit is None and labels.type != "reaction":
            rest = [node for node in rest if node.tag != "meta"]
            setting = {"status_setting": _STATUS_SETTINGS[kind]}
            rest.append(Node("meta", {**labels.meta, **setting}))
        return RoomStanza(
            node=Node("message", attrs, [Node("participants", {}, listed), *rest]),
            room=STATUS_BROADCAST,
            hash=audience.hash,
            key_id=encrypted.key_id,
            warm=encrypted.warm,
        )

    async def _prepare_group(
        self, group: Jid, message: wire.Message, message_id: str
    ) -> RoomStanza:
        info = await self._directory.require(group)
        own = self._context.own
        if info.member(own.lid, own.phone) is None and not info.incomplete:
            raise NotInGroup("We are not in this group")
        room = Room(
            jid=group, by_lid=info.by_lid, users=tuple(member.jid for member in info.members)
        )
        audience, encrypted = await self.encrypt(room, message, message_id)
        mode = "lid" if room.by_lid else "pn"
        labels = labels_of(message)
        attrs: dict[str, str | Jid] = {
            "id": message_id,
            "to": group,
            "type": labels.type,
            "addressing_mode": mode,
            "phash": audience.hash,
        }
        if labels.edit is not None:
            attrs["edit"] = labels.edit
        keys = [_to(device, labels, enc) for device, enc in encrypted.keys.items()]
        children = [Node("participants", {}, keys)] if keys else []
        node = Node("message", attrs, [*children, *self._rest(labels, encrypted)])
        return RoomStanza(
            node=node,
            room=group,
            hash=audience.hash,
            key_id=encrypted.key_id,
            warm=encrypted.warm,
        )

    async def conclude(self, stanza: RoomStanza, ack: Node) -> None:
        """Learn from the server's ack; raise `Rejected` when it carries an error."""
        error = ack.attr("error")
        if error is not None:
            known = error == STALE_ADDRESSING or error in _NO_MEMBER
            if known and stanza.room.is_group:
                await self._directory.doubt(stanza.room)
            raise Rejected(error[:16])
        if stanza.warm:
            await self._keys.mark(stanza.room, stanza.key_id, stanza.warm)
        server_hash = ack.attr("phash")
        if server_hash is not None and server_hash != stanza.hash and stanza.room.is_group:
            self._context.spawn(self._catch_up(stanza.room), "learning who is in a group")

    async def _catch_up(self, group: Jid) -> None:
        """The server counts other devices than we do: ask anew for whatever may be old.

        Those who were missed get the message all the same and ask for the key to it.
        """
        before = await self._directory.peek(group)
        after = await self._directory.refresh(group)
        if before is not None and _users(before.members) != _users(after.members):
            return
        now = self._context.clock.monotonic()
        if now - self._caught_up.get(group, -CATCH_UP_SECONDS) >= CATCH_UP_SECONDS:
            self._caught_up[group] = now
            await self._devices.forget([member.jid for member in after.members])

    # --- encrypting, for groups and what is like them

    async def encrypt(
        self, room: Room, message: wire.Message, message_id: str
    ) -> tuple[Audience, _Encrypted]:
        """Encrypt once for all, with our key for those who lack it, and commit that."""
        for _ in range(ATTEMPTS):
            rotations = self._keys.rotations(room.jid)
            audience = await self._audience(room)
            cold = await self._cold(audience)
            gone = await self._sessions.ensure(cold)
            if gone:
                await self._devices.forget({device.bare for device in gone})
            encrypted = await self._encrypt(audience, cold, rotations, message, message_id)
            if encrypted is not None:
                return audience, encrypted
        raise NoDevices("The members change faster than they can be written to")

    async def _audience(self, room: Room) -> Audience:
        own = self._context.own
        me, this_device = (own.lid.bare, own.lid) if room.by_lid else (own.phone.bare, own.phone)
        listed = await self._devices.of([*room.users, me])
        mine = [device for device in listed.get(me, ()) if device != this_device]
        others = [device for user in room.users if user != me for device in listed.get(user, ())]
        return Audience(
            room=room,
            this_device=this_device,
            others=tuple(device for device in others if not device.is_hosted),
            own=tuple(device for device in mine if not device.is_hosted),
            unlisted=frozenset(
                self._context.address_of(user).name for user in room.users if user not in listed
            ),
        )

    async def _cold(self, audience: Audience) -> list[Jid]:
        """Guess which devices lack our key: what is true counts once the locks are held."""
        store = self._context.store
        async with self._keys.locked(audience.room.jid), store.transaction() as tx:
            record = await self._keys.own(tx, audience.room.jid)
            held = await store.sender_key_targets.get(tx, str(audience.room.jid))
            if self._is_used_up(record, held, audience):
                held = frozenset()
        return self._lacking(audience, held)

    def _lacking(self, audience: Audience, held: frozenset[SignalAddress]) -> list[Jid]:
        """Who needs our key; our own other devices always do, for they are not counted."""
        address_of = self._context.address_of
        return [
            *(device for device in audience.others if address_of(device) not in held),
            *audience.own,
        ]

    def _is_used_up(
        self,
        record: SenderKeyRecord | None,
        held: frozenset[SignalAddress],
        audience: Audience,
    ) -> bool:
        """Whether the key may not serve on: it served long, or somebody holds it who left."""
        if record is None or (record.iteration or 0) >= MAX_ITERATION:
            return True
        present = set(map(self._context.address_of, audience.others))
        return any(address.name not in audience.unlisted for address in held - present)

    async def _encrypt(
        self,
        audience: Audience,
        ready: Sequence[Jid],
        rotations: int,
        message: wire.Message,
        message_id: str,
    ) -> _Encrypted | None:
        """Encrypt and commit; None when our key or its holders changed meanwhile."""
        context, room = self._context, audience.room.jid
        store = context.store
        async with (
            self._sessions.locked_for(ready),
            self._keys.locked(room),
            store.transaction() as tx,
        ):
            if self._keys.rotations(room) != rotations:
                return None
            record = await self._keys.own(tx, room)
            held = await store.sender_key_targets.get(tx, str(room))
            if record is None or self._is_used_up(record, held, audience):
                record, held = await self._keys.renew(tx, room), frozenset()
            lacking = self._lacking(audience, held)
            if not set(lacking) <= set(ready):
                return None
            key = compose_distribution(room, record).SerializeToString()
            plaintexts = {device: pad(key, context.random_bytes) for device in lacking}
            keys = await self._sessions.encrypt(tx, plaintexts)
            padded = pad(message.SerializeToString(), context.random_bytes)
            record, shared = group_encrypt(record, padded, context.random_bytes)
            await self._keys.put_own(tx, room, record)
            await self._keep(tx, room, message, message_id)
        given = [device for device in lacking if device not in audience.own]
        return _Encrypted(
            shared=shared,
            keys=keys,
            key_id=record.states[0].key_id,
            # A companion without keys would be asked for them again with every message;
            # it asks by itself. A phone without keys is offline for good, or new.
            warm=tuple(
                context.address_of(device) for device in given if device.device or device in keys
            ),
        )

    async def _keep(
        self, tx: Transaction, room: Jid, message: wire.Message, message_id: str
    ) -> None:
        """Keep the message for devices that can't read it."""
        now = self._context.now()
        record = storage.SentMessageRecord(
            message=message.SerializeToString(), sent_at=now, type=labels_of(message).type
        )
        await self._context.store.sent_messages.put(
            tx, room, message_id, record, expires_at=now + KEEP_SENT_SECONDS
        )

    def _rest(self, labels: Labels, encrypted: _Encrypted) -> list[Node]:
        """What comes behind the keys: our proof of identity, the ciphertext, what it is."""
        children = []
        if any(key.kind == "pkmsg" for key in encrypted.keys.values()):
            children.append(Node("device-identity", {}, self._context.credentials.account))
        attrs: dict[str, str | Jid] = {"v": "2", "type": "skmsg"}
        if labels.media_type is not None:
            attrs["mediatype"] = labels.media_type
        if labels.hide_failure:
            attrs["decrypt-fail"] = "hide"
        children.append(Node("enc", attrs, encrypted.shared))
        if labels.meta:
            children.append(Node("meta", dict(labels.meta)))
        return children


def _to(device: Jid, labels: Labels, key: EncryptedMessage) -> Node:
    attrs: dict[str, str | Jid] = {"v": "2", "type": key.kind}
    if labels.hide_failure:
        attrs["decrypt-fail"] = "hide"
    return Node("to", {"jid": device}, [Node("enc", attrs, key.ciphertext)])


def _users(members: Iterable[GroupMember]) -> frozenset[Jid]:
    return frozenset(member.jid for member in members)
