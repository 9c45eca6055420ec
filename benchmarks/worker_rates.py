"""How often our client's pure functions run in a second.

As in Baileys' column, records are read from bytes before each step and written back
after it, as a store would.
"""

from collections.abc import Callable, Iterable, Mapping
import os
import time
from typing import Any

from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import sign, verify
from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    PreKeyBundle,
    SenderKeyRecord,
    SessionRecord,
    create,
    decrypt,
    decrypt_pre_key,
    distribution_message,
    encrypt,
    group_decrypt,
    group_encrypt,
    make_identity_keys,
    make_key_pair,
    make_pre_keys,
    make_signed_pre_key,
    process_bundle,
    process_distribution,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode

BATCH = 16  # calls between two looks at the clock


def codec(node: Mapping[str, Any], seconds: float) -> dict[str, float]:
    """Give `bytes` of the frame, `encode` and `decode` rates."""
    given = _node(node)
    frame = encode(given)
    return {
        "bytes": len(frame),
        "encode": _rate(seconds, lambda: encode(given)),
        "decode": _rate(seconds, lambda: decode(frame)),
    }


def signal_chain(size: int, seconds: float) -> dict[str, float]:
    """Give `encrypt` and `decrypt` rates in one direction, with no ratchet step between."""
    alice, bob = _talking_pair()
    plaintext = bytes([1]) * size
    read = _rate_over(seconds, lambda: [alice.encrypt(plaintext) for _ in range(500)], bob.decrypt)
    return {"encrypt": _rate(seconds, lambda: alice.encrypt(plaintext)), "decrypt": read}


def signal_ping_pong(size: int, seconds: float) -> dict[str, float]:
    """Give `round_trips`: a message each way, two ratchet steps."""
    alice, bob = _talking_pair()
    plaintext = bytes([1]) * size

    def round_trip() -> None:
        bob.decrypt(alice.encrypt(plaintext))
        alice.decrypt(bob.encrypt(plaintext))

    return {"round_trips": _rate(seconds, round_trip)}


def session_setup(seconds: float) -> dict[str, float]:
    """Give `setups`: outgoing sessions from a bundle, its signature checked."""
    alice, bundle = _Party(), _Party().bundle
    return {"setups": _rate(seconds, lambda: alice.begin(bundle))}


def sender_key(size: int, seconds: float) -> dict[str, float]:
    """Give `encrypt` and `decrypt` rates."""
    record = create(os.urandom)
    sender = record.to_bytes()
    receiver = process_distribution(None, distribution_message(record)).to_bytes()
    plaintext = bytes([1]) * size

    def seal() -> bytes:
        nonlocal sender
        record, message = group_encrypt(SenderKeyRecord.from_bytes(sender), plaintext, os.urandom)
        sender = record.to_bytes()
        return message

    def unseal(message: bytes) -> None:
        nonlocal receiver
        record, _ = group_decrypt(SenderKeyRecord.from_bytes(receiver), message)
        receiver = record.to_bytes()

    read = _rate_over(seconds, lambda: [seal() for _ in range(20)], unseal)
    return {"encrypt": _rate(seconds, seal), "decrypt": read}


def curve(seconds: float) -> dict[str, float]:
    """Give `sign` and `verify` rates of XEdDSA over 64 bytes."""
    pair = make_key_pair(os.urandom)
    message = bytes([1]) * 64
    signature = sign(pair.private, message, os.urandom(64))
    return {
        "sign": _rate(seconds, lambda: sign(pair.private, message, os.urandom(64))),
        "verify": _rate(seconds, lambda: verify(pair.public, message, signature)),
    }


class _Party:
    """One side of a conversation: identity, prekeys, and the stored session."""

    def __init__(self) -> None:
        self.identity = make_identity_keys(os.urandom)
        (self.pre_key,) = make_pre_keys(1, 1, os.urandom)
        self.signed = make_signed_pre_key(self.identity.key_pair, 1, 0, os.urandom)
        self.session = b""

    @property
    def bundle(self) -> PreKeyBundle:
        return PreKeyBundle(
            registration_id=self.identity.registration_id,
            identity=self.identity.key_pair.public,
            signed_pre_key_id=self.signed.id,
            signed_pre_key=self.signed.key_pair.public,
            signature=self.signed.signature,
            pre_key_id=self.pre_key.id,
            pre_key=self.pre_key.key_pair.public,
        )

    def begin(self, bundle: PreKeyBundle) -> None:
        record = process_bundle(None, bundle, ours=self.identity, random_bytes=os.urandom)
        self.session = record.to_bytes()

    def encrypt(self, plaintext: bytes) -> bytes:
        record, message = encrypt(SessionRecord.from_bytes(self.session), plaintext)
        self.session = record.to_bytes()
        return message.ciphertext

    def decrypt(self, message: bytes) -> None:
        record = SessionRecord.from_bytes(self.session)
        self.session = decrypt(record, message, random_bytes=os.urandom).record.to_bytes()

    def answer(self, message: bytes) -> None:
        """Read the message that begins a session."""
        read = decrypt_pre_key(
            None,
            message,
            ours=self.identity,
            signed_pre_key=self.signed,
            pre_key=self.pre_key,
            random_bytes=os.urandom,
        )
        self.session = read.record.to_bytes()


def _talking_pair() -> tuple[_Party, _Party]:
    """Make two parties whose session was answered once, so that both send plain messages."""
    alice, bob = _Party(), _Party()
    alice.begin(bob.bundle)
    bob.answer(alice.encrypt(b"hello"))
    alice.decrypt(bob.encrypt(b"hello"))
    return alice, bob


def _node(plain: Mapping[str, Any]) -> Node:
    """Make our node of one whose addresses are text."""
    attrs = {name: _address_or_text(value) for name, value in plain["attrs"].items()}
    content = plain.get("content")
    if isinstance(content, list):
        content = [_node(child) for child in content]
    return Node(plain["tag"], attrs, content)


def _address_or_text(value: str) -> str | Jid:
    return Jid.parse(value) if "@" in value else value


def _rate(seconds: float, work: Callable[[], object]) -> float:
    """How often `work` runs in a second, after a tenth of the time to warm up."""
    _repeat(seconds / 10, work)
    return _repeat(seconds, work)


def _repeat(seconds: float, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    count, elapsed = 0, 0.0
    while elapsed < seconds:
        for _ in range(BATCH):
            work()
        count += BATCH
        elapsed = time.perf_counter() - began
    return count / elapsed


def _rate_over[T](
    seconds: float, make: Callable[[], Iterable[T]], work: Callable[[T], object]
) -> float:
    """The rate of a step that uses its material up: `make` provides it outside the clock."""
    spent, count = 0.0, 0
    while spent < seconds:
        items = list(make())
        began = time.perf_counter()
        for item in items:
            work(item)
        spent += time.perf_counter() - began
        count += len(items)
    return count / spent
