"""Messages and receipts of groups and of status@broadcast: checked, then fanned out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
import hashlib
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.jid import STATUS_BROADCAST, Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device, participant_hash
from .groups import Group
from .ledger import Envelope, MalformedEnvelope, read_envelope

if TYPE_CHECKING:
    from .router import Parcel, Router
    from .server import Simulator

STATUS_SETTINGS = ("contacts", "allowlist", "denylist")


@dataclass
class Fanout:
    """What becomes of a message: who gets it, with which ciphertext of their own."""

    chat: Jid
    lid: bool
    everyone: list[Device]
    parcels: dict[Device, Parcel] = field(default_factory=dict)
    shared: list[Node] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    group: Group | None = None


class GroupRouter:
    """Carries what is written to many at once."""

    def __init__(self, server: Simulator, router: Router) -> None:
        self._server = server
        self._router = router

    @staticmethod
    def carries(to: Jid) -> bool:
        """Whether an address is one of ours."""
        return to.is_group or to == STATUS_BROADCAST

    # --- messages

    def read(self, sender: Device, node: Node, to: Jid) -> Fanout:
        """Check a message; raise `Refusal` when it is not taken."""
        node.required_attr("type")
        if to == STATUS_BROADCAST:
            fanout = self._read_status(sender, node)
        else:
            fanout = self._read_group(sender, node, to)
        self._router.check_identity(sender, node, list(fanout.parcels.values()))
        return fanout

    def _read_group(self, sender: Device, node: Node, to: Jid) -> Fanout:
        group = self._server.groups.find(to)
        if group is None:
            raise self._refusal("404", "no such group")
        if sender.account not in group.members:
            # No fault of a client that was removed a moment ago.
            raise self._refusal("403", "not a member", blame=False)
        if group.announce and not group.is_admin(sender.account):
            raise self._refusal("403", "only admins may write", blame=False)
        mode = node.attr("addressing_mode")
        if (mode or "pn") != ("lid" if group.lid else "pn"):
            raise self._refusal("421", "the group's members are addressed otherwise", blame=False)
        fanout = Fanout(to, group.lid, group.devices(), group=group)
        requester = node.jid("participant")
        bare = node.children("enc")
        if requester is not None:
            self._read_resend(sender, fanout, requester, bare)
            return fanout
        self._read_shared(sender, fanout, bare)
        for jid, encs in self._listed(sender, node):
            if jid.is_lid != group.lid:
                raise self._refusal("400", "phone-number and LID addresses are mixed")
            owner = self._server.directory.find(jid)
            if owner in group.former:
                # The news that somebody left is still under way; the hash in the ack tells.
                continue
            if owner is None or owner not in group.members:
                raise self._refusal("400", "a device is listed whose owner is no member")
            self._add(sender, fanout, owner, jid, encs)
        return fanout

    def _read_status(self, sender: Device, node: Node) -> Fanout:
        if node.attr("addressing_mode") is not None:
            raise self._refusal("479", "a status has no addressing mode")
        meta = node.child("meta")
        setting = meta.attr("status_setting") if meta is not None else None
        if setting is not None and setting not in STATUS_SETTINGS:
            raise self._refusal("479", "unknown audience of a status")
        listed = self._listed(sender, node)
        lid = any(jid.is_lid for jid, _ in listed)
        fanout = Fanout(STATUS_BROADCAST, lid, list(sender.account.devices.values()))
        self._read_shared(sender, fanout, node.children("enc"))
        reached: dict[Device, None] = dict.fromkeys(sender.account.devices.values())
        for jid, encs in listed:
            owner = self._server.directory.find(jid)
            if owner is None:
                raise self._refusal("400", "a status goes to nobody known")
            if encs:
                self._add(sender, fanout, owner, jid, encs)
            reached.update(dict.fromkeys(owner.devices.values()))
        fanout.everyone = list(reached)
        return fanout

    def _listed(self, sender: Device, node: Node) -> list[tuple[Jid, list[Node]]]:
        participants = node.child("participants")
        entries = participants.children("to") if participants is not None else []
        return [(each.required_jid("jid"), each.children("enc")) for each in entries]

    def _add(
        self, sender: Device, fanout: Fanout, owner: Account, jid: Jid, encs: list[Node]
    ) -> None:
        target = owner.devices.get(jid.device)
        if target is sender:
            # Baileys does so in LID groups, and its messages are taken.
            self._server.ledger.counts[f"{sender.label} lists itself"] += 1
            return
        if target is None:
            if jid.device not in owner.gone:
                raise self._refusal("400", "a device is listed that never was")
            return
        if target in fanout.parcels:
            raise self._refusal("400", "a device is listed twice")
        fanout.parcels[target] = self._router.open(sender, target, encs)

    def _read_resend(
        self, sender: Device, fanout: Fanout, requester: Jid, encs: list[Node]
    ) -> None:
        """An answer to a retry receipt: for one device alone."""
        target = self._server.directory.find_device(requester)
        if target is None or target not in fanout.everyone:
            raise self._refusal("404", "no such member", blame=False)
        fanout.everyone = [target]
        fanout.parcels[target] = self._router.open(sender, target, encs)

    def _read_shared(self, sender: Device, fanout: Fanout, encs: list[Node]) -> None:
        """Take the ciphertext under the sender key; some kinds are encrypted pairwise alone."""
        if len(encs) > 1:
            raise self._refusal("479", "several ciphertexts for all")
        for enc in encs:
            if enc.attr("v") != "2" or enc.attr("type") != "skmsg":
                raise self._refusal("479", "what is for all is no skmsg")
            try:
                envelope = read_envelope("skmsg", enc.required_data())
            except MalformedEnvelope as err:
                self._server.ledger.malformed.append(f"{sender.label}: {err}")
                continue
            finally:
                fanout.shared.append(enc)
            if self._server.ledger.message_key_used(sender.label, str(fanout.chat), envelope):
                self._server.ledger.ciphertext(sender.label, str(fanout.chat), envelope)
                raise self._refusal("479", "a sender key's message key is used twice")
            fanout.envelopes.append(envelope)

    def stale_hash(self, sender: Device, node: Node, fanout: Fanout) -> dict[str, str]:
        """Name our hash when the client's is not of the group's devices."""
        given = node.attr("phash")
        if given is None or fanout.group is None or node.jid("participant") is not None:
            return {}
        ours = participant_hash(device.jid(lid=fanout.lid) for device in fanout.group.devices())
        return {} if given == ours else {"phash": ours}

    def carry(self, sender: Device, node: Node, fanout: Fanout) -> None:
        """Hand a message on to everybody."""
        for envelope in fanout.envelopes:
            self._server.ledger.ciphertext(sender.label, str(fanout.chat), envelope)
        for target in fanout.everyone:
            if target is not sender:
                self._hand_on(sender, node, fanout, target)

    def _hand_on(self, sender: Device, node: Node, fanout: Fanout, target: Device) -> None:
        parcel = fanout.parcels.get(target)
        own = [] if parcel is None else parcel.encs
        encs = [*own, *fanout.shared]
        if not encs:
            return
        for envelope in [] if parcel is None else parcel.envelopes:
            self._server.ledger.ciphertext(sender.label, target.label, envelope)
        digest = hashlib.sha256(b"".join(enc.data for enc in encs)).digest()
        if not self._router.is_new(sender, node, target, digest):
            return
        attributes: dict[str, str | Jid] = {
            "from": fanout.chat,
            "participant": sender.jid(lid=fanout.lid),
            "participant_pn" if fanout.lid else "participant_lid": sender.jid(lid=not fanout.lid),
            "id": node.required_attr("id"),
            "t": str(self._server.now()),
            "notify": sender.push_name or sender.account.name,
            **self._router.passed_on(node),
        }
        if fanout.group is not None:
            attributes["addressing_mode"] = "lid" if fanout.lid else "pn"
        children = list(encs)
        if any(enc.attr("type") == "pkmsg" for enc in own):
            children += node.children("device-identity")
        children += self._router.beside(node)
        self._server.push(target, Node("message", attributes, children))

    # --- receipts

    def receipt(self, device: Device, node: Node, to: Jid) -> None:
        """Pass a member's receipt on to the author, or a retry to the author's device."""
        author = node.jid("participant")
        account = self._server.directory.find(author)
        group = self._server.groups.find(to)
        if author is None or account is None:
            return
        kind = node.attr("type")
        lid = group.lid if group is not None else author.is_lid
        targets: Iterable[Device] = ()
        if kind == "retry":
            target = account.devices.get(author.device)
            if target is not None and target is not device:
                self._router.check_retry(device, node)
                targets = [target]
        elif self._router.is_forwarded(kind) and account is not device.account:
            targets = list(account.devices.values())
        source = device.jid(lid=lid)
        for target in targets:
            shown = source.bare if kind in ("read", "played") else source
            self._router.push_receipt(target, to, node, participant=shown)

    def _refusal(self, code: str, why: str, *, blame: bool = True) -> Exception:
        from .router import Refusal  # noqa: PLC0415 - it builds on this module

        return Refusal(code, why, blame=blame)
