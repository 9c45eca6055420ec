"""What the server saw: stanzas, broken rules, and every message key ever used."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
import hashlib

from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

KEPT_STANZAS = 4000
VERSION_BYTE = 0x33
MAC_LENGTH = 8
SIGNATURE_LENGTH = 64


class MalformedEnvelope(Exception):
    """A ciphertext does not have the form its type names."""


@dataclass(frozen=True)
class Envelope:
    """The readable part of a Signal ciphertext."""

    kind: str
    chain: bytes
    counter: int
    body: bytes
    pre_key_id: int | None = None
    signed_pre_key_id: int | None = None
    base_key: bytes = b""
    identity: bytes = b""
    registration_id: int = 0


def read_envelope(kind: str, data: bytes) -> Envelope:
    """Read the public header of a `pkmsg`, `msg` or `skmsg`."""
    if len(data) < 2 or data[0] != VERSION_BYTE:
        raise MalformedEnvelope("wrong version")
    try:
        if kind == "pkmsg":
            return _read_pre_key_message(data)
        if kind == "msg":
            return _read_message(data)
        if kind == "skmsg":
            return _read_group_message(data)
    except ProtobufError as err:
        raise MalformedEnvelope("not a protobuf") from err
    raise MalformedEnvelope(f"unknown type {kind}")


def _read_message(data: bytes) -> Envelope:
    message = wire.SignalMessage()
    message.ParseFromString(data[1:-MAC_LENGTH])
    for name in ("ratchetKey", "counter", "previousCounter", "ciphertext"):
        if not message.HasField(name):
            raise MalformedEnvelope(f"msg without {name}")
    if len(message.ratchetKey) != 33 or len(message.ciphertext) % 16:
        raise MalformedEnvelope("msg with a wrong length")
    return Envelope("msg", message.ratchetKey, message.counter, data)


def _read_pre_key_message(data: bytes) -> Envelope:
    outer = wire.PreKeySignalMessage()
    outer.ParseFromString(data[1:])
    for name in ("baseKey", "identityKey", "message", "registrationId", "signedPreKeyId"):
        if not outer.HasField(name):
            raise MalformedEnvelope(f"pkmsg without {name}")
    if len(outer.baseKey) != 33 or len(outer.identityKey) != 33:
        raise MalformedEnvelope("pkmsg with a wrong length")
    inner = read_envelope("msg", outer.message)
    return Envelope(
        "pkmsg",
        inner.chain,
        inner.counter,
        outer.message,
        outer.preKeyId if outer.HasField("preKeyId") else None,
        outer.signedPreKeyId,
        outer.baseKey,
        outer.identityKey[1:],
        outer.registrationId,
    )


def _read_group_message(data: bytes) -> Envelope:
    message = wire.SenderKeyMessage()
    message.ParseFromString(data[1:-SIGNATURE_LENGTH])
    if not message.HasField("id") or not message.HasField("iteration"):
        raise MalformedEnvelope("skmsg without id or iteration")
    return Envelope("skmsg", message.id.to_bytes(4, "big"), message.iteration, data)


@dataclass(frozen=True)
class Seen:
    """One stanza that crossed the server's door."""

    direction: str
    device: str
    node: Node


class Ledger:
    """Keeps what assertions need; the stanza log is bounded, the key table is not."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.stanzas: deque[Seen] = deque(maxlen=KEPT_STANZAS)
        self.counts: Counter[str] = Counter()
        self.malformed: list[str] = []
        self.nacks: list[tuple[str, str, str]] = []
        self.ciphertexts = 0
        self.resent_unchanged = 0
        self._keys: dict[tuple[str, str, bytes, int], bytes] = {}
        self._pre_keys: dict[tuple[str, int], bytes] = {}
        self._happened = asyncio.Event()
        self._waiters: list[tuple[Callable[[Seen], bool], asyncio.Future[Seen]]] = []

    def violation(self, text: str) -> None:
        """Note that a client broke a rule."""
        self.violations.append(text)

    def stanza(self, direction: str, device: str, node: Node) -> None:
        """Note a stanza: `in` from a client, `out` to one."""
        seen = Seen(direction, device, node)
        self.stanzas.append(seen)
        self.counts[f"{direction}:{node.tag}"] += 1
        for waiter in list(self._waiters):
            matches, future = waiter
            if not future.done() and matches(seen):
                future.set_result(seen)
                self._waiters.remove(waiter)
        # What a handler does with the stanza comes after this: look when it is done.
        asyncio.get_running_loop().call_soon(self.happened)

    async def wait(self, matches: Callable[[Seen], bool], *, timeout: float = 20) -> Seen:
        """Wait for the next stanza that matches."""
        future: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        waiter = (matches, future)
        self._waiters.append(waiter)
        try:
            return await asyncio.wait_for(future, timeout)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    async def until(self, condition: Callable[[], bool], *, timeout: float = 20) -> None:
        """Wait until a condition holds, looking again whenever something happened."""
        async with asyncio.timeout(timeout):
            while not condition():
                await self._happened.wait()

    def happened(self) -> None:
        """Let waiters look again."""
        self._happened.set()
        self._happened = asyncio.Event()

    def ciphertext(self, sender: str, receiver: str, envelope: Envelope) -> None:
        """Note a routed ciphertext; two different ones under one message key are a violation."""
        self.ciphertexts += 1
        key = (sender, receiver, envelope.chain, envelope.counter)
        digest = hashlib.sha256(envelope.body).digest()
        known = self._keys.setdefault(key, digest)
        if known != digest:
            self.violation(
                f"message key used twice: {sender} -> {receiver} "
                f"chain {envelope.chain.hex()[:12]} counter {envelope.counter}"
            )
        elif known is not digest:
            self.resent_unchanged += 1
        if envelope.pre_key_id is not None:
            one_time = (receiver, envelope.pre_key_id)
            if self._pre_keys.setdefault(one_time, envelope.base_key) != envelope.base_key:
                self.violation(f"pre-key {envelope.pre_key_id} of {receiver} used twice")

    def pre_key_used(self, receiver: str, envelope: Envelope) -> bool:
        """Tell whether the one-time key of this message already began another session."""
        if envelope.pre_key_id is None:
            return False
        known = self._pre_keys.get((receiver, envelope.pre_key_id))
        return known is not None and known != envelope.base_key

    def message_key_used(self, sender: str, receiver: str, envelope: Envelope) -> bool:
        """Tell whether another ciphertext already used this message key."""
        known = self._keys.get((sender, receiver, envelope.chain, envelope.counter))
        return known is not None and known != hashlib.sha256(envelope.body).digest()

    def forget_pre_keys(self, receiver: str) -> None:
        """Start over with a device whose keys are all new."""
        for key in [key for key in self._pre_keys if key[0] == receiver]:
            del self._pre_keys[key]

    def nack(self, device: str, stanza_id: str, code: str) -> None:
        """Note that a client answered a message with an error."""
        self.nacks.append((device, stanza_id, code))

    def find(self, direction: str, tag: str, **attributes: str) -> list[Node]:
        """Return logged stanzas by direction, tag and attributes."""
        return [
            seen.node
            for seen in self.stanzas
            if seen.direction == direction
            and seen.node.tag == tag
            and all(seen.node.attr(name) == value for name, value in attributes.items())
        ]
