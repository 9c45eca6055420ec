"""Malformed and forged input: nothing but a `SignalError`, and the record stays usable."""

from collections.abc import Callable, Iterator
from dataclasses import replace
import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    BadMac,
    InvalidKey,
    InvalidMessage,
    SignalError,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    Decrypted,
    EncryptedMessage,
    SessionRecord,
    create,
    decrypt,
    distribution_message,
    encrypt,
    group_decrypt,
    group_encrypt,
    peek_pre_key_message,
    process_distribution,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.messages import (
    MAX_MESSAGE,
    parse_signal_message,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.ratchet import message_keys, seal
from custom_components.whatsapp_web.aiowhatsapp.signal.session import SessionState

from .support import Device, SeededBytes, introduced

MASKS = (0x01, 0x08, 0x80, 0xFF)


def flipped(data: bytes) -> Iterator[bytes]:
    for place in range(len(data)):
        for mask in MASKS:
            yield data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def truncated(data: bytes) -> Iterator[bytes]:
    for length in range(len(data)):
        yield data[:length]


def garbage() -> Iterator[bytes]:
    dice = random.Random(7)
    for _ in range(1000):
        yield b"\x33" + dice.randbytes(dice.randrange(90))
    yield b""
    yield b"\x33"


def refused(read: Callable[[bytes], Decrypted], data: bytes) -> bool:
    try:
        read(data)
    except SignalError:
        return True
    return False


@pytest.mark.parametrize("damage", [flipped, truncated])
def test_damaged_msg(damage: Callable[[bytes], Iterator[bytes]]) -> None:
    alice, bob = introduced()
    bob.begin(alice)
    bob.decrypt("alice", alice.encrypt("bob", b"earlier"))
    message = alice.encrypt("bob", b"genuine")
    before = bob.record("alice")
    for data in damage(message.ciphertext):
        with pytest.raises(SignalError):
            bob.decrypt("alice", EncryptedMessage("msg", data))
    assert bob.record("alice") == before
    assert bob.decrypt("alice", message).plaintext == b"genuine"


def test_damaged_pkmsg() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    message = alice.encrypt("bob", b"genuine")
    survived = []
    for data in flipped(message.ciphertext):
        try:
            survived.append(bob.read(None, EncryptedMessage("pkmsg", data)))
        except SignalError:
            continue
    assert 0 < len(survived) < len(message.ciphertext)
    # What no MAC covers may be changed (registration id), what one covers may not.
    assert {result.plaintext for result in survived} == {b"genuine"}
    assert {result.identity for result in survived} == {alice.identity.key_pair.public}
    assert bob.decrypt("alice", message).plaintext == b"genuine"


def test_truncated_pkmsg() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    message = alice.encrypt("bob", b"genuine")
    unread = [
        data
        for data in truncated(message.ciphertext)
        if refused(lambda data: bob.decrypt("alice", EncryptedMessage("pkmsg", data)), data)
    ]
    assert len(unread) == len(message.ciphertext)
    assert bob.decrypt("alice", message).plaintext == b"genuine"


@pytest.mark.parametrize("damage", [flipped, truncated])
def test_damaged_skmsg(damage: Callable[[bytes], Iterator[bytes]]) -> None:
    random_bytes = SeededBytes("hostile group")
    ours = create(random_bytes)
    theirs = process_distribution(None, distribution_message(ours))
    _, message = group_encrypt(ours, b"genuine", random_bytes)
    for data in damage(message):
        with pytest.raises(SignalError):
            group_decrypt(theirs, data)
    assert group_decrypt(theirs, message)[1] == b"genuine"


def test_damaged_distribution() -> None:
    random_bytes = SeededBytes("hostile distribution")
    ours = create(random_bytes)
    genuine = distribution_message(ours)
    known = process_distribution(None, genuine)
    _, message = group_encrypt(ours, b"genuine", random_bytes)
    for data in (*flipped(genuine), *truncated(genuine)):
        try:
            record = process_distribution(known, data)
        except SignalError:
            continue
        assert len(record.states) <= 2
        assert type(record).from_bytes(record.to_bytes()) == record
    assert group_decrypt(known, message)[1] == b"genuine"


def test_garbage() -> None:
    _, bob = introduced()
    ours = create(SeededBytes("garbage"))
    before = bob.record("alice")
    for data in garbage():
        with pytest.raises(SignalError):
            bob.decrypt("alice", EncryptedMessage("msg", data))
        with pytest.raises(SignalError):
            bob.decrypt("alice", EncryptedMessage("pkmsg", data))
        with pytest.raises(SignalError):
            group_decrypt(ours, data)
        with pytest.raises(SignalError):
            process_distribution(ours, data)
    assert bob.record("alice") == before


@pytest.mark.parametrize("version", [0x00, 0x13, 0x23, 0x43, 0x53, 0xF3])
def test_other_versions(version: int) -> None:
    alice, bob = introduced()
    message = alice.encrypt("bob", b"x").ciphertext
    with pytest.raises(InvalidMessage, match="version"):
        bob.decrypt("alice", EncryptedMessage("msg", bytes([version]) + message[1:]))


def test_message_longer_than_a_frame() -> None:
    _, bob = introduced()
    with pytest.raises(InvalidMessage, match="long"):
        bob.decrypt("alice", EncryptedMessage("msg", b"\x33" + bytes(MAX_MESSAGE)))


@pytest.mark.parametrize("counter", [2001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF])
def test_oversized_counter(counter: int) -> None:
    alice, bob = introduced()
    genuine = alice.encrypt("bob", b"x")
    for ratchet_key in (parse_signal_message(genuine.ciphertext).ratchet_key, b"\x09" * 32):
        forged = wire.SignalMessage(
            ratchetKey=b"\x05" + ratchet_key, counter=counter, ciphertext=bytes(16)
        )
        data = b"\x33" + forged.SerializeToString() + bytes(8)
        with pytest.raises(InvalidMessage):
            bob.decrypt("alice", EncryptedMessage("msg", data))
    assert bob.decrypt("alice", genuine).plaintext == b"x"


def test_counter_wider_than_32_bits() -> None:
    alice, bob = introduced()
    genuine = alice.encrypt("bob", b"x")
    key = parse_signal_message(genuine.ciphertext).ratchet_key
    wide = b"\x33\x0a\x21\x05" + key + b"\x10" + b"\xff" * 9 + b"\x01" + b"\x22\x10" + bytes(16)
    with pytest.raises(InvalidMessage):
        bob.decrypt("alice", EncryptedMessage("msg", wide + bytes(8)))


@pytest.mark.parametrize("missing", ["ratchetKey", "counter", "ciphertext"])
def test_msg_that_lacks_a_field(missing: str) -> None:
    _, bob = introduced()
    message = wire.SignalMessage(ratchetKey=b"\x05" * 33, counter=0, ciphertext=bytes(16))
    message.ClearField(missing)
    data = b"\x33" + message.SerializeToString() + bytes(8)
    with pytest.raises(InvalidMessage, match=missing):
        bob.decrypt("alice", EncryptedMessage("msg", data))


@pytest.mark.parametrize("missing", ["baseKey", "identityKey", "message", "signedPreKeyId"])
def test_pkmsg_that_lacks_a_field(missing: str) -> None:
    message = wire.PreKeySignalMessage(
        baseKey=b"\x05" * 33, identityKey=b"\x05" * 33, message=b"\x33", signedPreKeyId=1
    )
    message.ClearField(missing)
    with pytest.raises(InvalidMessage, match=missing):
        peek_pre_key_message(b"\x33" + message.SerializeToString())


@pytest.mark.parametrize("name", ["baseKey", "identityKey"])
@pytest.mark.parametrize("key", [b"", b"\x05" * 32, b"\x06" * 33, b"\x05" * 34])
def test_pkmsg_with_a_malformed_key(name: str, key: bytes) -> None:
    message = wire.PreKeySignalMessage(
        baseKey=b"\x05" * 33, identityKey=b"\x05" * 33, message=b"\x33", signedPreKeyId=1
    )
    setattr(message, name, key)
    with pytest.raises(InvalidKey):
        peek_pre_key_message(b"\x33" + message.SerializeToString())


def test_keys_of_low_order() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    outer = wire.PreKeySignalMessage.FromString(alice.encrypt("bob", b"x").ciphertext[1:])
    for name in ("baseKey", "identityKey"):
        weak = wire.PreKeySignalMessage.FromString(outer.SerializeToString())
        setattr(weak, name, b"\x05" + bytes(32))
        with pytest.raises(InvalidKey):
            bob.decrypt("alice", EncryptedMessage("pkmsg", b"\x33" + weak.SerializeToString()))
    bob.decrypt("alice", EncryptedMessage("pkmsg", b"\x33" + outer.SerializeToString()))
    ratchet = wire.SignalMessage(ratchetKey=b"\x05" + bytes(32), counter=0, ciphertext=bytes(16))
    with pytest.raises(InvalidMessage):
        bob.decrypt(
            "alice", EncryptedMessage("msg", b"\x33" + ratchet.SerializeToString() + bytes(8))
        )


def sender_state(device: Device, peer: str) -> SessionState:
    record = device.record(peer)
    assert record is not None
    assert record.current is not None
    return record.current


@pytest.mark.parametrize("ciphertext", [b"", bytes(15), bytes(16), bytes(48)])
def test_authentic_message_with_a_malformed_ciphertext(
    ciphertext: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = introduced()
    state = sender_state(alice, "bob")
    with monkeypatch.context() as patched:
        patched.setattr(
            "custom_components.whatsapp_web.aiowhatsapp.signal.ratchet.cbc_encrypt",
            lambda _key, _iv, _plaintext: ciphertext,
        )
        _, data = seal(state, b"x")
    before = bob.record("alice")
    with pytest.raises(InvalidMessage) as caught:
        bob.decrypt("alice", EncryptedMessage("msg", data))
    assert not isinstance(caught.value, BadMac)
    assert bob.record("alice") == before
    assert bob.decrypt("alice", alice.encrypt("bob", b"x")).plaintext == b"x"


def test_unknown_fields_are_tolerated() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    message = alice.encrypt("bob", b"x")
    # kyberPreKeyId and kyberCiphertext of the newer schema.
    extended = message.ciphertext + b"\x38\x01\x42\x03abc"
    assert bob.decrypt("alice", EncryptedMessage("pkmsg", extended)).plaintext == b"x"


def test_message_reflected_to_its_sender() -> None:
    alice, _ = introduced()
    message = alice.encrypt("bob", b"x")
    with pytest.raises(SignalError):
        alice.decrypt("bob", message)


def test_empty_and_long_plaintexts() -> None:
    alice, bob = introduced()
    for plaintext in (b"", b"x" * 15, b"x" * 16, b"x" * 200_000):
        assert bob.decrypt("alice", alice.encrypt("bob", plaintext)).plaintext == plaintext


def test_mac_binds_both_identities() -> None:
    alice, bob = introduced()
    state = sender_state(alice, "bob")
    other = Device("mallory").identity.key_pair.public
    for claimed in (replace(state, local_identity=other), replace(state, remote_identity=other)):
        _, message = encrypt(SessionRecord(claimed), b"x")
        with pytest.raises(BadMac):
            decrypt(bob.record("alice"), message.ciphertext, random_bytes=bob.random_bytes)


def test_message_keys_have_their_lengths() -> None:
    keys = message_keys(bytes(32))
    assert [len(key) for key in keys] == [32, 32, 16]
    assert len(set(keys)) == 3
