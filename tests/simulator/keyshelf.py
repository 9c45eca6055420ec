"""The public keys that a device left with the server, and who got them."""

from dataclasses import dataclass, field
import hashlib

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.errors import AttributeMissing, DecodeError
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

KEY_TYPE = b"\x05"
MAX_BATCH = 1000
LOW_WATER = 5


class KeysRefused(Exception):
    """The upload breaks a rule; `code` is what the server answers."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class SignedKey:
    """A signed prekey: id, 32 bytes, 64 bytes of signature."""

    id: int
    public: bytes
    signature: bytes

    def node(self) -> Node:
        """Return the `<skey>` element."""
        return Node(
            "skey",
            {},
            [
                Node("id", {}, self.id.to_bytes(3, "big")),
                Node("value", {}, self.public),
                Node("signature", {}, self.signature),
            ],
        )


@dataclass
class KeyShelf:
    """Signed prekey, one-time keys, and every one-time id ever seen."""

    signed: SignedKey | None = None
    one_time: dict[int, bytes] = field(default_factory=dict)
    handed_out: dict[int, str] = field(default_factory=dict)
    seen: dict[int, bytes] = field(default_factory=dict)
    uploads: int = 0

    def replace_signed(self, node: Node, identity: bytes) -> None:
        """Take a `<skey>`; the identity must have signed it."""
        signed = read_signed_key(node)
        if not curve25519.verify(identity, KEY_TYPE + signed.public, signed.signature):
            raise KeysRefused(406, "not-acceptable")
        if self.signed and self.signed.id == signed.id and self.signed.public != signed.public:
            raise KeysRefused(409, "conflict")
        self.signed = signed

    def add_one_time(self, nodes: list[Node]) -> None:
        """Take `<key>` elements, all or none; an id is never used for a second key."""
        if not nodes or len(nodes) > MAX_BATCH:
            raise KeysRefused(406, "not-acceptable")
        fresh: dict[int, bytes] = {}
        for node in nodes:
            key_id, public = read_one_time_key(node)
            if key_id in fresh or self.seen.get(key_id, public) != public:
                raise KeysRefused(406, "reused pre-key id")
            if key_id in self.handed_out:
                raise KeysRefused(406, "pre-key was already handed out")
            fresh[key_id] = public
        self.seen.update(fresh)
        self.one_time.update(fresh)
        self.uploads += 1

    def take_one_time(self, taker: str) -> tuple[int, bytes] | None:
        """Hand out the oldest one-time key, once."""
        if not self.one_time:
            return None
        key_id = next(iter(self.one_time))
        self.handed_out[key_id] = taker
        return key_id, self.one_time.pop(key_id)

    def digest(self, identity: bytes) -> bytes:
        """SHA-1 over what is on the shelf, 20 bytes."""
        digest = hashlib.sha1(identity, usedforsecurity=False)
        if self.signed is not None:
            digest.update(self.signed.public + self.signed.signature)
        for public in self.one_time.values():
            digest.update(public)
        return digest.digest()


def read_signed_key(node: Node) -> SignedKey:
    """Read a `<skey>`; raises `KeysRefused` for missing parts or wrong lengths."""
    try:
        return SignedKey(
            int.from_bytes(node.required_child("id").required_data(3), "big"),
            node.required_child("value").required_data(32),
            node.required_child("signature").required_data(64),
        )
    except (AttributeMissing, DecodeError) as err:
        raise KeysRefused(406, "not-acceptable") from err


def read_one_time_key(node: Node) -> tuple[int, bytes]:
    """Read a `<key>`: its id (not 0) and 32 bytes."""
    try:
        key_id = int.from_bytes(node.required_child("id").required_data(3), "big")
        public = node.required_child("value").required_data(32)
    except (AttributeMissing, DecodeError) as err:
        raise KeysRefused(406, "not-acceptable") from err
    if not key_id:
        raise KeysRefused(406, "not-acceptable")
    return key_id, public
