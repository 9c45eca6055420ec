"""Messages, receipts and acks: what is refused, who gets what, what is settled."""

from collections import OrderedDict
from dataclasses import dataclass
import hashlib
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.jid import SERVER_NEWSLETTER, Jid
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from . import media_retry, own_receipts, retries
from .accounts import Account, Device, participant_hash
from .group_router import GroupRouter
from .ledger import Envelope, MalformedEnvelope, read_envelope

if TYPE_CHECKING:
    from .server import Simulator

REMEMBERED = 20_000
NOT_PASSED_ON = ("participants", "enc", "device-identity", "tctoken", "cstoken")
PASSED_ATTRIBUTES = (
    "type",
    "edit",
    "category",
    "push_priority",
    "privacy_sensitive",
    "device_fanout",
)
SETTLING_RECEIPTS = (None, "inactive", "sender", "peer_msg", "hist_sync", "read", "read-self")
FORWARDED_RECEIPTS = (None, "inactive", "read", "played")


class Refusal(Exception):
    """The message is not taken; `code` goes into the ack."""

    def __init__(self, code: str, why: str, *, blame: bool = True) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
        # Whether a client should have known better.
        self.blame = blame


@dataclass(frozen=True)
class Parcel:
    """What one device gets of a message."""

    target: Device
    encs: list[Node]
    envelopes: list[Envelope]


class Router:
    """Carries stanzas between devices."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self._rooms = GroupRouter(server, self)
        self._accepted: OrderedDict[tuple[str, str, str, bytes], None] = OrderedDict()
        self._taken: OrderedDict[tuple[str, str], None] = OrderedDict()

    # --- messages

    def message(self, sender: Device, node: Node) -> None:
        """Take a message, or refuse it; either way the sender gets an ack."""
        to = node.required_jid("to")
        node.required_attr("id")
        if to.server == SERVER_NEWSLETTER:
            self._server.newsletters.message(sender, node)
            return
        fanout = None
        parcels = []
        try:
            if self._rooms.carries(to):
                fanout = self._rooms.read(sender, node, to)
            else:
                parcels = self._read(sender, node, to)
        except Refusal as refusal:
            if refusal.blame:
                self._server.ledger.violation(
                    f"{sender.label}: message refused ({refusal.code}): {refusal.why}"
                )
            self._acknowledge(sender, node, {"error": refusal.code})
            return
        _remember(self._taken, (sender.label, node.required_attr("id")))
        if fanout is not None:
            self._acknowledge(sender, node, self._rooms.stale_hash(sender, node, fanout))
            self._rooms.carry(sender, node, fanout)
            return
        extra = self._stale_hash(sender, node, to, parcels)
        self._acknowledge(sender, node, extra)
        self._remember_contact(sender.account, self._server.directory.find(to))
        for parcel in parcels:
            self._hand_on(sender, node, to, parcel)

    def _acknowledge(self, sender: Device, node: Node, extra: dict[str, str]) -> None:
        self._server.tell(
            sender,
            Node(
                "ack",
                {
                    "class": "message",
                    "id": node.required_attr("id"),
                    "from": node.required_jid("to"),
                    "t": str(self._server.now()),
                    **extra,
                },
            ),
        )

    def _read(self, sender: Device, node: Node, to: Jid) -> list[Parcel]:
        """Check the stanza; return what each listed device gets."""
        if not to.is_user:
            raise Refusal("404", f"no chat {to.log_form}")
        account = self._server.directory.find(to)
        if account is None:
            raise Refusal("404", "no such account")
        node.required_attr("type")
        participants = node.child("participants")
        bare = node.children("enc")
        if node.attr("category") == "peer":
            targets = [(self._peer(sender, node, to, account), bare)]
        elif bare:
            target = self._server.directory.find_device(to)
            targets = [(target, bare)] if target else []
            if to.device not in account.gone and target is None:
                raise Refusal("404", "no such device")
        elif participants is not None:
            if to.device:
                raise Refusal("400", "a message to all devices names one")
            targets = self._listed(sender, to, account, participants)
            _check_hash(sender, node, to, {target for target, _ in targets})
        else:
            raise Refusal("479", "neither participants nor enc")
        parcels = [self.open(sender, target, encs) for target, encs in targets]
        self.check_identity(sender, node, parcels)
        return parcels

    @staticmethod
    def _peer(sender: Device, node: Node, to: Jid, account: Account) -> Device:
        if account is not sender.account:
            raise Refusal("479", "a peer message goes to another account")
        if to.is_lid:
            raise Refusal("479", "a peer message is addressed by LID")
        if node.child("tctoken") is not None:
            raise Refusal("479", "a peer message carries a token")
        target = account.devices.get(to.device)
        if target is None or target is sender or (sender.id and target.id):
            raise Refusal("404", "no such peer")
        return target

    def _listed(
        self, sender: Device, to: Jid, account: Account, participants: Node
    ) -> list[tuple[Device, list[Node]]]:
        targets: dict[Device, list[Node]] = {}
        for entry in participants.children("to"):
            jid = entry.required_jid("jid")
            if jid.is_lid != to.is_lid:
                raise Refusal("400", "phone-number and LID addresses are mixed")
            owner = self._server.directory.find(jid)
            if owner is None or owner not in (account, sender.account):
                raise Refusal("400", "a device of a third account is listed")
            target = owner.devices.get(jid.device)
            if target is sender:
                raise Refusal("400", "the sending device is listed")
            if target is None:
                if jid.device not in owner.gone:
                    raise Refusal("400", "a device is listed that never was")
                continue
            if target in targets:
                raise Refusal("400", "a device is listed twice")
            targets[target] = entry.children("enc")
        if not targets and not participants.children("to"):
            raise Refusal("479", "nobody is listed")
        if account is not sender.account and all(t.account is not account for t in targets):
            # The real server takes such a message and gives it to nobody.
            self._server.ledger.violation(f"{sender.label}: no device of the recipient is listed")
            return []
        return list(targets.items())

    def open(self, sender: Device, target: Device, encs: list[Node]) -> Parcel:
        """Check what one device gets; raise `Refusal` when it may not be so."""
        if not encs:
            raise Refusal("479", "a listed device gets nothing")
        envelopes = []
        for enc in encs:
            if enc.attr("v") != "2":
                raise Refusal("479", "unknown version of enc")
            kind = enc.required_attr("type")
            if kind not in ("pkmsg", "msg"):
                raise Refusal("479", f"{kind} for one device")
            try:
                envelope = read_envelope(kind, enc.required_data())
            except MalformedEnvelope as err:
                # A real server does not look inside: a spoiled ciphertext travels on.
                self._server.ledger.malformed.append(f"{sender.label}: {err}")
                continue
            if kind == "pkmsg":
                self._check_pre_key(sender, target, envelope)
            if self._server.ledger.message_key_used(sender.label, target.label, envelope):
                self._server.ledger.ciphertext(sender.label, target.label, envelope)
                raise Refusal("479", "a message key is used twice")
            envelopes.append(envelope)
        return Parcel(target, encs, envelopes)

    def _check_pre_key(self, sender: Device, target: Device, envelope: Envelope) -> None:
        if envelope.identity != sender.identity_public:
            raise Refusal("479", "pkmsg names another identity than the sender's")
        if envelope.registration_id != sender.registration_id:
            raise Refusal("479", "pkmsg names another registration id than the sender's")
        if self._server.ledger.pre_key_used(target.label, envelope):
            raise Refusal("479", f"reused pre-key id {envelope.pre_key_id}")
        key_id = envelope.pre_key_id
        if key_id is not None and key_id in target.keys.one_time:
            raise Refusal("479", "a pre-key that was never handed out")

    def check_identity(self, sender: Device, node: Node, parcels: list[Parcel]) -> None:
        """Hold the sender's proof of its identity against what was signed at linking."""
        first = any(enc.attr("type") == "pkmsg" for parcel in parcels for enc in parcel.encs)
        if not sender.id or not first:
            return
        element = node.child("device-identity")
        if element is None:
            if node.child("enc") is not None and (sender.label, node.attr("id")) in self._taken:
                # zapo-js leaves it out when it sends again for a retry receipt.
                self._server.ledger.counts["resends without device-identity"] += 1
                return
            raise Refusal("479", "pkmsg without device-identity")
        given, known = wire.ADVSignedDeviceIdentity(), wire.ADVSignedDeviceIdentity()
        known.ParseFromString(sender.device_identity)
        try:
            given.ParseFromString(element.data)
        except ProtobufError as err:
            raise Refusal("479", "malformed device-identity") from err
        if given != known:
            raise Refusal("479", "device-identity is not the one that was signed at linking")

    def _stale_hash(
        self, sender: Device, node: Node, to: Jid, parcels: list[Parcel]
    ) -> dict[str, str]:
        """Name our hash when the client's list is not what it should be."""
        account = self._server.directory.find(to)
        if account is None or node.child("participants") is None or node.children("enc"):
            return {}
        everyone = {*account.devices.values(), *sender.account.devices.values()}
        ours = participant_hash(device.jid(lid=to.is_lid) for device in everyone)
        listed = {parcel.target for parcel in parcels}
        return {"phash": ours} if listed != everyone - {sender} else {}

    def _hand_on(self, sender: Device, node: Node, to: Jid, parcel: Parcel) -> None:
        target = parcel.target
        digest = hashlib.sha256(b"".join(enc.data for enc in parcel.encs)).digest()
        for envelope in parcel.envelopes:
            self._server.ledger.ciphertext(sender.label, target.label, envelope)
        if not self.is_new(sender, node, target, digest):
            return
        attributes: dict[str, str | Jid] = {
            "from": sender.jid(lid=to.is_lid),
            "id": node.required_attr("id"),
            "t": str(self._server.now()),
            **self.passed_on(node),
        }
        if node.attr("category") != "peer":
            attributes["notify"] = sender.push_name or sender.account.name
            attributes |= self._alternates(sender, node, to, target)
        children = list(parcel.encs)
        if any(e.attr("type") == "pkmsg" for e in parcel.encs):
            children += node.children("device-identity")
        children += self.beside(node)
        self._server.push(target, Node("message", attributes, children))

    def is_new(self, sender: Device, node: Node, target: Device, digest: bytes) -> bool:
        """Whether a device did not get these very bytes under this id before; note that it does."""
        name = (sender.label, node.required_attr("id"), target.label, digest)
        if name in self._accepted:
            return False
        _remember(self._accepted, name)
        return True

    @staticmethod
    def passed_on(node: Node) -> dict[str, str | Jid]:
        """The attributes that travel along."""
        return {key: node.attrs[key] for key in PASSED_ATTRIBUTES if key in node.attrs}

    @staticmethod
    def beside(node: Node) -> list[Node]:
        """The children that travel along for everybody."""
        return [child for child in node.children() if child.tag not in NOT_PASSED_ON]

    def _alternates(
        self, sender: Device, node: Node, to: Jid, target: Device
    ) -> dict[str, str | Jid]:
        """Name the other namespace's addresses, and the chat of an own device's copy."""
        if target.account is not sender.account:
            name = "sender_pn" if to.is_lid else "sender_lid"
            return {name: sender.jid(lid=not to.is_lid)}
        chat = node.jid("recipient") or to.bare
        found = self._server.directory.find(chat)
        other: dict[str, str | Jid] = {"recipient": chat}
        if found is not None:
            name = "peer_recipient_pn" if chat.is_lid else "peer_recipient_lid"
            other[name] = found.jid(lid=not chat.is_lid)
        return other

    @staticmethod
    def _remember_contact(one: Account, other: Account | None) -> None:
        if other is not None and other is not one:
            one.contacts.add(other.number)
            other.contacts.add(one.number)

    # --- receipts and acks

    def receipt(self, device: Device, node: Node) -> None:
        """Settle what the receipt answers, ack it, and pass it on to the author."""
        kind = node.attr("type")
        to = node.jid("to")
        self._acknowledge_receipt(device, node, to)
        if kind in SETTLING_RECEIPTS:
            for each in _ids_of(node):
                device.mailbox.settle_all("message", each)
        if to is not None and kind in own_receipts.KINDS:
            own_receipts.tell_own_devices(self._server, device, node, to)
        if to is not None and self._rooms.carries(to):
            self._rooms.receipt(device, node, to)
            return
        if to is not None and (author := self._server.directory.find(to)) is not None:
            self._pass_receipt_on(device, node, to, author)

    def _pass_receipt_on(self, device: Device, node: Node, to: Jid, author: Account) -> None:
        kind = node.attr("type")
        if kind == "server-error" and device.id and author is device.account:
            media_retry.answer(self._server, device, node)
        elif kind == "retry":
            self._forward_retry(device, node, to, author)
        elif kind in FORWARDED_RECEIPTS and author is not device.account:
            self._forward(device, node, to, author)
        elif kind in ("peer_msg", "hist_sync") and device.id and author is device.account:
            self.push_receipt(author.devices[0], device.jid(lid=to.is_lid), node)

    def _acknowledge_receipt(self, device: Device, node: Node, to: Jid | None) -> None:
        answer: dict[str, str | Jid] = {
            "class": "receipt",
            "id": node.required_attr("id"),
            "t": str(self._server.now()),
        }
        if to is not None:
            answer["from"] = to
        for key in ("type", "participant", "recipient"):
            if (value := node.attrs.get(key)) is not None:
                answer[key] = value
        self._server.tell(device, Node("ack", answer))

    def _forward(self, device: Device, node: Node, to: Jid, author: Account) -> None:
        source = device.jid(lid=to.is_lid)
        read = node.attr("type") in ("read", "played")
        for target in list(author.devices.values()):
            self.push_receipt(target, source.bare if read else source, node)

    def _forward_retry(self, device: Device, node: Node, to: Jid, author: Account) -> None:
        target = author.devices.get(to.device)
        if target is None or target is device:
            return
        self.check_retry(device, node)
        self.push_receipt(target, device.jid(lid=to.is_lid), node)

    def check_retry(self, device: Device, node: Node) -> None:
        """Note what is wrong with a retry receipt."""
        self._server.ledger.counts["retry receipts"] += 1
        for fault in retries.check(device, node):
            self._server.ledger.violation(f"{device.label}: retry receipt: {fault}")

    @staticmethod
    def is_forwarded(kind: str | None) -> bool:
        """Whether authors hear of receipts of a type."""
        return kind in FORWARDED_RECEIPTS

    def push_receipt(
        self, target: Device, source: Jid, node: Node, *, participant: Jid | None = None
    ) -> None:
        """Queue a receipt; in a group the source is the group."""
        attributes: dict[str, str | Jid] = {
            "from": source,
            "id": node.required_attr("id"),
            "t": str(self._server.now()),
        }
        if participant is not None:
            attributes["participant"] = participant
        kind = node.attr("type")
        if kind not in (None, "inactive"):
            attributes["type"] = str(kind)
        if (recipient := node.attrs.get("recipient")) is not None:
            attributes["recipient"] = recipient
        if (category := node.attrs.get("category")) is not None:
            attributes["category"] = category
        self._server.push(target, Node("receipt", attributes, node.children() or None))

    def ack(self, device: Device, node: Node) -> None:
        """Settle a stanza that the client acknowledges or refuses."""
        settled = device.mailbox.settle(node.required_attr("class"), node.required_attr("id"))
        if (code := node.attr("error")) is not None:
            self._server.ledger.nack(device.label, node.required_attr("id"), code)
        if settled is None:
            self._server.ledger.counts["acks for nothing"] += 1


def _ids_of(receipt: Node) -> list[str]:
    """Name the messages that a receipt is for."""
    ids = [receipt.required_attr("id")]
    for listed in receipt.children("list"):
        ids += [item.required_attr("id") for item in listed.children("item")]
    return ids


def _check_hash(sender: Device, node: Node, to: Jid, listed: set[Device]) -> None:
    """Hold a hash the client sent against what it lists, itself counted or not."""
    given = node.attr("phash")
    rightly = [
        participant_hash(device.jid(lid=to.is_lid) for device in devices)
        for devices in (listed, listed | {sender})
    ]
    if given is not None and given not in rightly:
        raise Refusal("400", "the hash does not fit the list")


def _remember[T](seen: OrderedDict[T, None], key: T) -> None:
    seen[key] = None
    if len(seen) > REMEMBERED:
        seen.popitem(last=False)
