"""Prekeys: ours on the server, and those of the devices we write to.

```
<iq xmlns="encrypt" type="get"><count/></iq>              -> <count value/>
<iq xmlns="encrypt" type="set"><registration>BE4</registration><type>05</type>
  <identity>32</identity><list><key><id>BE3</id><value>32</value></key>..</list>
  <skey><id/><value/><signature>64</signature></skey></iq>
<iq xmlns="encrypt" type="set"><rotate><skey>..</skey></rotate></iq>
<iq xmlns="encrypt" type="get"><digest/></iq>             -> <digest>..</digest>, error 404
<iq xmlns="encrypt" type="get"><key><user jid {reason}/>..</key></iq>
  -> <list><user jid><registration/><type/><identity/>{<device-identity/>}<skey/>{<key/>}
     </user>..</list>
```
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import AttributeMissing
from ..jid import Jid
from ..stanza.receipt import KeyBundleParts, parse_key_bundle
from ..wabinary import Node
from .spec import CommandSpec, IqSpec

_KEY_TYPE = b"\x05"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPreKey:
    """A prekey as the server gets it: 24-bit id, raw public key of 32 bytes."""

    id: int
    public: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSignedPreKey:
    """A signed prekey as the server gets it; the signature has 64 bytes."""

    id: int
    public: bytes
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GetPreKeyCount(IqSpec[int]):
    """How many of our one-time keys the server still has."""

    namespace = "encrypt"

    def build(self) -> list[Node]:
        """`<count/>`."""
        return [Node("count")]

    def parse(self, node: Node) -> int:
        """Read the number; one that is missing counts as none."""
        count = node.child("count")
        return 0 if count is None else count.int_attr("value", default=0) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPreKeys(CommandSpec):
    """Give the server one-time keys and the current signed prekey."""

    namespace = "encrypt"

    registration_id: int
    identity: bytes
    pre_keys: Sequence[PublicPreKey]
    signed_pre_key: PublicSignedPreKey

    def build(self) -> list[Node]:
        """All contents are bytes, in this order."""
        keys = [
            Node("key", {}, [Node("id", {}, key.id.to_bytes(3)), Node("value", {}, key.public)])
            for key in self.pre_keys
        ]
        return [
            Node("registration", {}, self.registration_id.to_bytes(4)),
            Node("type", {}, _KEY_TYPE),
            Node("identity", {}, self.identity),
            Node("list", {}, keys),
            build_signed_pre_key(self.signed_pre_key),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSignedPreKey(CommandSpec):
    """Replace the signed prekey that the server gives out."""

    namespace = "encrypt"

    signed_pre_key: PublicSignedPreKey

    def build(self) -> list[Node]:
        """`<rotate><skey/></rotate>`."""
        return [Node("rotate", {}, [build_signed_pre_key(self.signed_pre_key)])]


@dataclass(frozen=True, slots=True)
class CheckKeyDigest(CommandSpec):
    """Ask whether the server has a record of our keys; error 404 says it has none."""

    namespace = "encrypt"
    type = "get"

    def build(self) -> list[Node]:
        """`<digest/>`."""
        return [Node("digest")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedBundles:
    """The answer to a fetch: keys by device, and devices that are gone."""

    bundles: dict[Jid, KeyBundleParts]
    unregistered: frozenset[Jid]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchBundles(IqSpec[FetchedBundles]):
    """Get keys to begin sessions with; each fetch uses up a one-time key."""

    namespace = "encrypt"

    devices: Sequence[Jid]
    reason: str | None = None

    def build(self) -> list[Node]:
        """`<key><user jid/>..</key>`."""
        extra: dict[str, str | Jid] = {} if self.reason is None else {"reason": self.reason}
        users = [Node("user", {"jid": device, **extra}) for device in self.devices]
        return [Node("key", {}, users)]

    def parse(self, node: Node) -> FetchedBundles:
        """Read each device by itself: a malformed one is left out, not the batch."""
        bundles: dict[Jid, KeyBundleParts] = {}
        unregistered: set[Jid] = set()
        listed = node.child("list")
        for user in [] if listed is None else listed.children("user"):
            try:
                device = user.required_jid("jid")
                error = user.child("error")
                if error is not None:
                    if error.attr("code") == "406":
                        unregistered.add(device)
                    continue
                registration = user.required_child("registration").required_data(4)
                bundles[device] = parse_key_bundle(user, int.from_bytes(registration))
            except AttributeMissing:
                continue
        return FetchedBundles(bundles=bundles, unregistered=frozenset(unregistered))


def build_signed_pre_key(key: PublicSignedPreKey) -> Node:
    """`<skey>` as uploads, rotations and retry receipts carry it."""
    return Node(
        "skey",
        {},
        [
            Node("id", {}, key.id.to_bytes(3)),
            Node("value", {}, key.public),
            Node("signature", {}, key.signature),
        ],
    )
