"""Incoming `<message>`: who wrote it, in which chat, and its ciphertexts.

```
<message from id t type notify {participant} {recipient} {category} {offline}
         {sender_lid sender_pn participant_lid participant_pn
          peer_recipient_lid peer_recipient_pn recipient_lid recipient_pn}>
  <enc v="2" type="pkmsg|msg|skmsg|msmsg" {count} {decrypt-fail}>bytes</enc> ..
  {<device-identity>bytes</device-identity>} {<unavailable {type}/>}
</message>
<message from=<channel> id server_id t type><plaintext>Message</plaintext></message>
```
"""

from dataclasses import dataclass, field
from typing import Final

from ..errors import AttributeMissing
from ..jid import (
    SERVER_BROADCAST,
    SERVER_HOSTED,
    SERVER_HOSTED_LID,
    SERVER_LID,
    SERVER_NEWSLETTER,
    SERVER_USER,
    Jid,
)
from ..wabinary import Node

MAX_ENCS: Final = 16
MAX_ID: Final = 128
MAX_NAME: Final = 256
MAX_RETRY_COUNT: Final = 100
MAX_SERVER_ID: Final = 2**53
# The end of the year 9999: later than any clock, and well inside 64 bits.
MAX_TIMESTAMP: Final = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIds:
    """Our own addresses, without and with the device number."""

    phone: Jid
    lid: Jid

    def is_self(self, jid: Jid) -> bool:
        """Whether a JID belongs to our own account, whatever its device."""
        return _plain(jid.bare) in (self.phone.bare, self.lid.bare)

    def is_this_device(self, jid: Jid) -> bool:
        """Whether a JID is exactly this device."""
        return jid in (self.phone, self.lid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enc:
    """One ciphertext of a message."""

    kind: str
    version: str
    ciphertext: bytes = field(repr=False)
    count: int
    hide_failure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStanza:
    """A message as it came over the wire, before decryption.

    `chat` and `sender` are in the namespace the server used; `sender` keeps its
    device. `sender_alternate` and `recipient_alternate` are the same users in the
    other namespace, where the stanza says.
    """

    node: Node = field(repr=False)
    id: str
    from_jid: Jid
    participant: Jid | None
    recipient: Jid | None
    chat: Jid
    sender: Jid
    sender_alternate: Jid | None
    recipient_alternate: Jid | None
    from_me: bool
    timestamp: int
    push_name: str | None
    category: str | None
    offline: bool
    encs: tuple[Enc, ...]
    unavailable: str | None
    device_identity: bytes | None = field(repr=False)
    plaintext: bytes | None = field(default=None, repr=False)
    """What a channel posted: nothing there is encrypted."""
    server_id: int | None = None

    @property
    def is_newsletter(self) -> bool:
        """Whether it was posted in a channel."""
        return self.chat.server == SERVER_NEWSLETTER

    @property
    def is_group(self) -> bool:
        """Whether it was written in a group, a broadcast list or as a status."""
        return self.participant is not None

    @property
    def is_peer(self) -> bool:
        """Whether it is housekeeping between devices of our own account."""
        return self.from_me and self.category == "peer"


def parse_message(node: Node, own: OwnIds) -> MessageStanza:
    """Read a `<message>` stanza; raise `AttributeMissing` when it makes no sense."""
    from_jid = node.required_jid("from")
    participant = node.jid("participant")
    recipient = node.jid("recipient")
    message_id = node.required_attr("id")
    if not message_id or len(message_id) > MAX_ID:
        raise AttributeMissing("message id")
    in_room = from_jid.is_group or from_jid.server == SERVER_BROADCAST
    if in_room and participant is None:
        raise AttributeMissing("participant")
    sender = participant if in_room and participant is not None else from_jid
    from_me = own.is_self(sender)
    if in_room:
        chat = from_jid
    elif from_me and recipient is not None:
        chat = recipient.bare
    else:
        chat = _plain(from_jid.bare)
    is_newsletter = from_jid.server == SERVER_NEWSLETTER
    prefix = "participant" if in_room else "sender"
    push_name = node.attr("notify")
    return MessageStanza(
        node=node,
        id=message_id,
        from_jid=from_jid,
        participant=participant if in_room else None,
        recipient=recipient,
        chat=chat,
        sender=sender,
        sender_alternate=_alternate(node, sender, f"{prefix}_lid", f"{prefix}_pn"),
        # In what others write the recipient is us, and no name of the chat.
        recipient_alternate=_recipient_alternate(node, chat) if from_me and not in_room else None,
        from_me=from_me,
        timestamp=min(max(node.int_attr("t", default=0), 0), MAX_TIMESTAMP),
        push_name=push_name[:MAX_NAME] if push_name else None,
        category=node.attr("category"),
        offline=node.attr("offline") is not None,
        encs=_encs(node),
        unavailable=_unavailable(node),
        device_identity=_bytes_of(node, "device-identity"),
        plaintext=_bytes_of(node, "plaintext") if is_newsletter else None,
        server_id=_server_id(node) if is_newsletter else None,
    )


def _plain(jid: Jid) -> Jid:
    """Name a hosted device's user in the ordinary namespace."""
    if jid.server == SERVER_HOSTED:
        return Jid(jid.user, SERVER_USER)
    if jid.server == SERVER_HOSTED_LID:
        return Jid(jid.user, SERVER_LID)
    return jid


def _alternate(node: Node, jid: Jid, lid_attr: str, phone_attr: str) -> Jid | None:
    """Read the other-namespace form of a sender, with the sender's device."""
    alternate = node.jid(phone_attr) if jid.is_lid else node.jid(lid_attr)
    if alternate is None or not alternate.is_user or alternate.is_lid == jid.is_lid:
        return None
    return alternate.with_device(jid.device)


def _recipient_alternate(node: Node, chat: Jid) -> Jid | None:
    """Read the other-namespace form of the chat of one of our own messages."""
    kind = "pn" if chat.is_lid else "lid"
    for name in (f"peer_recipient_{kind}", f"recipient_{kind}"):
        jid = node.jid(name)
        if jid is not None and jid.is_user and jid.is_lid != chat.is_lid:
            return jid.bare
    return None


def _encs(node: Node) -> tuple[Enc, ...]:
    """Read the ciphertexts, pairwise ones before those of a sender key."""
    encs = [
        Enc(
            kind=enc.attr("type") or "",
            version=enc.attr("v") or "",
            ciphertext=enc.data,
            count=min(max(enc.int_attr("count", default=0) or 0, 0), MAX_RETRY_COUNT),
            hide_failure=enc.attr("decrypt-fail") == "hide",
        )
        for enc in node.children("enc")[:MAX_ENCS]
    ]
    return tuple(sorted(encs, key=lambda enc: enc.kind == "skmsg"))


def _server_id(node: Node) -> int | None:
    server_id = node.int_attr("server_id")
    return server_id if server_id is not None and 0 < server_id <= MAX_SERVER_ID else None


def _unavailable(node: Node) -> str | None:
    child = node.child("unavailable")
    return None if child is None else child.attr("type") or "unknown"


def _bytes_of(node: Node, tag: str) -> bytes | None:
    child = node.child(tag)
    return None if child is None else child.data or None
