"""Devices for the tests: keys from a seed, and records kept the way a client keeps them."""

import random

from custom_components.whatsapp_web.aiowhatsapp.signal import (
    Decrypted,
    EncryptedMessage,
    PreKey,
    PreKeyBundle,
    SessionRecord,
    decrypt,
    decrypt_pre_key,
    encrypt,
    make_identity_keys,
    make_pre_keys,
    make_signed_pre_key,
    peek_pre_key_message,
    process_bundle,
)


class SeededBytes:
    """Random bytes that are the same in every run."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(repr(seed))

    def __call__(self, length: int) -> bytes:
        return self._random.randbytes(length)


class Device:
    """One device: its keys, and a session record per peer name.

    Records pass through their stored form each time, so that nothing lives outside it.
    """

    def __init__(self, name: str, seed: object = 0, *, pre_keys: int = 60) -> None:
        self.name = name
        self.random_bytes = SeededBytes((name, seed))
        self.identity = make_identity_keys(self.random_bytes)
        self.signed_pre_key = make_signed_pre_key(
            self.identity.key_pair, 1, 1_700_000_000, self.random_bytes
        )
        self.pre_keys: dict[int, PreKey] = {
            key.id: key for key in make_pre_keys(1, pre_keys, self.random_bytes)
        }
        self._offered = 0
        self._stored: dict[str, bytes] = {}

    def bundle(self, *, one_time: bool = True) -> PreKeyBundle:
        """Publish a bundle, with the next one-time prekey unless told otherwise."""
        pre_key = None
        if one_time:
            self._offered += 1
            pre_key = self.pre_keys[self._offered]
        return PreKeyBundle(
            registration_id=self.identity.registration_id,
            identity=self.identity.key_pair.public,
            signed_pre_key_id=self.signed_pre_key.id,
            signed_pre_key=self.signed_pre_key.key_pair.public,
            signature=self.signed_pre_key.signature,
            pre_key_id=None if pre_key is None else pre_key.id,
            pre_key=None if pre_key is None else pre_key.key_pair.public,
        )

    def record(self, peer: str) -> SessionRecord | None:
        """Load the record kept for a peer."""
        stored = self._stored.get(peer)
        return None if stored is None else SessionRecord.from_bytes(stored)

    def keep(self, peer: str, record: SessionRecord) -> None:
        """Store the record kept for a peer."""
        self._stored[peer] = record.to_bytes()

    def forget(self, peer: str) -> None:
        """Delete the record kept for a peer."""
        del self._stored[peer]

    def begin(self, peer: Device, *, one_time: bool = True) -> None:
        """Begin a session from the peer's bundle."""
        self.begin_from(peer.name, peer.bundle(one_time=one_time))

    def begin_from(self, peer: str, bundle: PreKeyBundle) -> None:
        """Begin a session from a bundle."""
        record = process_bundle(
            self.record(peer), bundle, ours=self.identity, random_bytes=self.random_bytes
        )
        self.keep(peer, record)

    def encrypt(self, peer: str, plaintext: bytes) -> EncryptedMessage:
        """Encrypt for a peer."""
        record, message = encrypt(self.record(peer) or SessionRecord(), plaintext)
        self.keep(peer, record)
        return message

    def decrypt(self, peer: str, message: EncryptedMessage) -> Decrypted:
        """Read a peer's message; nothing is kept when that fails."""
        result = self.read(self.record(peer), message)
        self.keep(peer, result.record)
        if result.used_pre_key_id is not None:
            del self.pre_keys[result.used_pre_key_id]
        return result

    def read(self, record: SessionRecord | None, message: EncryptedMessage) -> Decrypted:
        """Read a message and keep nothing of it."""
        if message.kind == "msg":
            return decrypt(record, message.ciphertext, random_bytes=self.random_bytes)
        info = peek_pre_key_message(message.ciphertext)
        known = info.signed_pre_key_id == self.signed_pre_key.id
        return decrypt_pre_key(
            record,
            message.ciphertext,
            ours=self.identity,
            signed_pre_key=self.signed_pre_key if known else None,
            pre_key=self.pre_keys.get(info.pre_key_id or 0),
            random_bytes=self.random_bytes,
        )


def introduced(seed: object = 0) -> tuple[Device, Device]:
    """Give two devices that have exchanged a message each way."""
    alice, bob = Device("alice", seed), Device("bob", seed)
    alice.begin(bob)
    assert bob.decrypt("alice", alice.encrypt("bob", b"hello")).plaintext == b"hello"
    assert alice.decrypt("bob", bob.encrypt("alice", b"welcome")).plaintext == b"welcome"
    return alice, bob
