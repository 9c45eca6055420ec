"""Receipts: what became of a message at the other side, and asking for it again.

```
<receipt from id {type} {participant} {recipient} {t}>{<list><item id/>..</list>}</receipt>
<receipt from id type="retry" ..>
  <retry count id t v {error}/><registration>BE4</registration>
  {<keys><type>05</type><identity>32</identity><key><id>BE3</id><value>32</value></key>
   <skey><id/><value/><signature>64</signature></skey><device-identity/></keys>}
</receipt>
<receipt from=<group> ..><participants key=<id>><user jid t/>..</participants>..</receipt>
```
"""

from dataclasses import dataclass, field
from typing import Final

from ..jid import Jid
from ..wabinary import Node

MAX_IDS: Final = 1024

DELIVERED: Final = "delivered"
READ: Final = "read"
PLAYED: Final = "played"

_KIND_OF_TYPE: Final = {
    None: DELIVERED,
    "": DELIVERED,
    "inactive": DELIVERED,
    "delivery": DELIVERED,
    "read": READ,
    "read-self": READ,
    "played": PLAYED,
    "played-self": PLAYED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What happened to some messages at one reader."""

    from_jid: Jid
    participant: Jid | None
    recipient: Jid | None
    ids: tuple[str, ...]
    kind: str
    type: str | None
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBundleParts:
    """The raw parts of a `<keys>` or `<user>` node: lengths are checked, nothing else."""

    registration_id: int
    identity: bytes
    signed_pre_key_id: int
    signed_pre_key: bytes
    signature: bytes = field(repr=False)
    pre_key_id: int | None
    pre_key: bytes | None
    device_identity: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequest:
    """Someone could not read a message of ours."""

    from_jid: Jid
    participant: Jid | None
    recipient: Jid | None
    id: str
    count: int
    registration_id: int
    timestamp: int | None
    keys: KeyBundleParts | None

    @property
    def requester(self) -> Jid:
        """The device that could not read it: in a group the participant, else the sender."""
        if self.participant is not None and not self.from_jid.is_user:
            return self.participant
        return self.from_jid


def parse_receipt(node: Node) -> tuple[Receipt, ...]:
    """Read a receipt that is not a retry; an aggregated one gives several.

    A type that says nothing about delivery, reading or playing gives none.
    """
    kind = _KIND_OF_TYPE.get(node.attr("type"))
    if kind is None:
        return ()
    from_jid = node.required_jid("from")
    timestamp = node.int_attr("t", default=0) or 0
    if aggregated := node.children("participants"):
        return tuple(
            Receipt(
                from_jid=from_jid,
                participant=user.required_jid("jid"),
                recipient=None,
                ids=(group.required_attr("key"),),
                kind=kind,
                type=node.attr("type"),
                timestamp=user.int_attr("t", default=timestamp) or 0,
            )
            for group in aggregated[:MAX_IDS]
            for user in group.children("user")[:MAX_IDS]
        )
    return (
        Receipt(
            from_jid=from_jid,
            participant=node.jid("participant"),
            recipient=node.jid("recipient"),
            ids=_ids(node),
            kind=kind,
            type=node.attr("type"),
            timestamp=timestamp,
        ),
    )


def parse_retry(node: Node) -> RetryRequest:
    """Read a retry receipt; raise `AttributeMissing` when a part is malformed."""
    retry = node.required_child("retry")
    registration = node.child("registration")
    registration_id = int.from_bytes(registration.required_data(4)) if registration else 0
    keys = node.child("keys")
    return RetryRequest(
        from_jid=node.required_jid("from"),
        participant=node.jid("participant"),
        recipient=node.jid("recipient"),
        id=node.required_attr("id"),
        count=max(retry.int_attr("count", default=1), 1),
        registration_id=registration_id,
        timestamp=retry.int_attr("t"),
        keys=None if keys is None else parse_key_bundle(keys, registration_id),
    )


def parse_key_bundle(node: Node, registration_id: int) -> KeyBundleParts:
    """Read the keys of a device; raise `AttributeMissing` on a wrong length."""
    signed = node.required_child("skey")
    one_time = node.child("key")
    identity = node.child("device-identity")
    # A registration id of 0 is as good as any: some clients draw it from one byte.
    return KeyBundleParts(
        registration_id=registration_id,
        identity=node.required_child("identity").required_data(32),
        signed_pre_key_id=int.from_bytes(signed.required_child("id").required_data(3)),
        signed_pre_key=signed.required_child("value").required_data(32),
        signature=signed.required_child("signature").required_data(64),
        pre_key_id=(
            None
            if one_time is None
            else int.from_bytes(one_time.required_child("id").required_data(3))
        ),
        pre_key=None if one_time is None else one_time.required_child("value").required_data(32),
        device_identity=None if identity is None else identity.data or None,
    )


def _ids(node: Node) -> tuple[str, ...]:
    """Collect the id of the attribute and those of the list."""
    listed = node.child("list")
    items = [] if listed is None else listed.children("item")[: MAX_IDS - 1]
    return (node.required_attr("id"), *(item.required_attr("id") for item in items))
