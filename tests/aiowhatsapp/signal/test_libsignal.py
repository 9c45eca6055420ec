"""Conversations with libsignal's JavaScript, as Baileys ships it, in a process of its own."""

from collections.abc import Iterator
from dataclasses import replace
import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import (
    KeyPair,
    agree,
    sign,
    verify,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    BadMac,
    DuplicateMessage,
    InvalidKeyId,
    InvalidMessage,
    NoSession,
)
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    MAX_FORWARD_JUMP,
    EncryptedMessage,
    PreKeyBundle,
    create,
    distribution_message,
    encrypt,
    group_decrypt,
    group_encrypt,
    process_distribution,
)
from tests.peers.oracle import Bundle, Ciphertext, Oracle, OracleError, Party

from .support import Device, SeededBytes

pytestmark = pytest.mark.peers

US = "15550001111.7"
THEM = "15550002222.0"
GROUP = "120363000000000000@g.us"


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as running:
        yield running


def ours_as_theirs(bundle: PreKeyBundle) -> Bundle:
    return Bundle(
        registration_id=bundle.registration_id,
        identity=bundle.identity,
        signed_pre_key_id=bundle.signed_pre_key_id,
        signed_pre_key=bundle.signed_pre_key,
        signature=bundle.signature,
        pre_key_id=bundle.pre_key_id,
        pre_key=bundle.pre_key,
    )


def theirs_as_ours(bundle: Bundle) -> PreKeyBundle:
    return PreKeyBundle(
        registration_id=bundle.registration_id,
        identity=bundle.identity,
        signed_pre_key_id=bundle.signed_pre_key_id,
        signed_pre_key=bundle.signed_pre_key,
        signature=bundle.signature,
        pre_key_id=bundle.pre_key_id,
        pre_key=bundle.pre_key,
    )


class Pair:
    """A device of ours and a party of libsignal's."""

    def __init__(self, oracle: Oracle, seed: object, *, pre_keys: int = 5) -> None:
        self.oracle = oracle
        self.ours = Device("ours", seed)
        self.theirs: Party = oracle.create_party(pre_keys=pre_keys)

    def we_begin(self, *, one_time: int | None = None) -> None:
        bundle = theirs_as_ours(self.theirs.bundle)
        key = None if one_time is None else self.theirs.pre_keys[one_time]
        self.ours.begin_from(THEM, replace(bundle, pre_key_id=one_time, pre_key=key))

    def they_begin(self, *, one_time: bool = True) -> None:
        bundle = ours_as_theirs(self.ours.bundle(one_time=one_time))
        self.oracle.process_bundle(self.theirs, US, bundle)

    def we_send(self, text: bytes) -> EncryptedMessage:
        return self.ours.encrypt(THEM, text)

    def they_send(self, text: bytes) -> EncryptedMessage:
        sent = self.oracle.encrypt(self.theirs, US, text)
        return EncryptedMessage(sent.type, sent.body)

    def we_read(self, message: EncryptedMessage) -> bytes:
        return self.ours.decrypt(THEM, message).plaintext

    def they_read(self, message: EncryptedMessage) -> bytes:
        sent = Ciphertext(type=message.kind, body=message.ciphertext)
        return self.oracle.decrypt(self.theirs, US, sent)

    def turn(self, text: bytes = b"turn") -> None:
        assert self.they_read(self.we_send(b"to them: " + text)) == b"to them: " + text
        assert self.we_read(self.they_send(b"to us: " + text)) == b"to us: " + text


# --- curve --------------------------------------------------------------------


def test_their_signatures_verify(oracle: Oracle) -> None:
    random_bytes = SeededBytes("their signatures")
    signs = set()
    for number in range(200):
        pair = KeyPair.from_private(random_bytes(32))
        message = random_bytes(number)
        signature = oracle.curve_sign(pair.private, message or b"-")
        assert verify(pair.public, message or b"-", signature)
        assert not verify(pair.public, message + b"!", signature)
        signs.add(signature[63] >> 7)
    assert signs == {0, 1}


def test_our_signatures_verify(oracle: Oracle) -> None:
    random_bytes = SeededBytes("our signatures")
    signs = set()
    for number in range(200):
        pair = KeyPair.from_private(random_bytes(32))
        message = random_bytes(number + 1)
        signature = sign(pair.private, message, random_bytes(64))
        assert oracle.curve_verify(pair.public, message, signature)
        assert not oracle.curve_verify(pair.public, message + b"!", signature)
        signs.add(signature[63] >> 7)
    assert signs == {0, 1}


def test_agreements_are_equal(oracle: Oracle) -> None:
    random_bytes = SeededBytes("agreements")
    for _ in range(50):
        ours = KeyPair.from_private(random_bytes(32))
        theirs = oracle.curve_generate()
        shared = agree(ours.private, theirs.public)
        assert shared == oracle.curve_agree(ours.private, theirs.public)
        assert shared == oracle.curve_agree(theirs.private, ours.public)


# --- sessions -----------------------------------------------------------------


@pytest.mark.parametrize("one_time", [None, 3])
def test_we_begin(oracle: Oracle, one_time: int | None) -> None:
    pair = Pair(oracle, "we begin")
    pair.we_begin(one_time=one_time)
    first, second = pair.we_send(b"one"), pair.we_send(b"two")
    assert first.kind == second.kind == "pkmsg"
    assert pair.they_read(first) == b"one"
    assert pair.they_read(second) == b"two"
    assert pair.we_read(pair.they_send(b"answer")) == b"answer"
    third = pair.we_send(b"three")
    assert third.kind == "msg"
    assert pair.they_read(third) == b"three"


@pytest.mark.parametrize("one_time", [True, False])
def test_they_begin(oracle: Oracle, *, one_time: bool) -> None:
    pair = Pair(oracle, "they begin")
    pair.they_begin(one_time=one_time)
    first, second = pair.they_send(b"one"), pair.they_send(b"two")
    assert first.kind == second.kind == "pkmsg"
    result = pair.ours.decrypt(THEM, second)
    assert result.plaintext == b"two"
    assert result.new_identity == pair.theirs.bundle.identity
    assert result.record.remote_registration_id == pair.theirs.bundle.registration_id
    assert result.used_pre_key_id == (1 if one_time else None)
    assert pair.we_read(first) == b"one"
    answer = pair.we_send(b"answer")
    assert answer.kind == "msg"
    assert pair.they_read(answer) == b"answer"
    assert pair.they_send(b"three").kind == "msg"


def test_ping_pong(oracle: Oracle) -> None:
    pair = Pair(oracle, "ping pong")
    pair.we_begin(one_time=1)
    for number in range(40):
        pair.turn(b"%d" % number * (number * 37 % 100))
        for _ in range(number % 4):
            assert pair.they_read(pair.we_send(b"more")) == b"more"
        for _ in range(number % 3):
            assert pair.we_read(pair.they_send(b"more")) == b"more"


def test_simultaneous_initiation(oracle: Oracle) -> None:
    pair = Pair(oracle, "simultaneous")
    pair.we_begin(one_time=1)
    pair.they_begin()
    from_us, from_them = pair.we_send(b"from us"), pair.they_send(b"from them")
    assert pair.they_read(from_us) == b"from us"
    assert pair.we_read(from_them) == b"from them"
    # Both sides now hold both sessions, and each writes in the one the other began.
    result = pair.ours.decrypt(THEM, pair.they_send(b"in the session that we began"))
    assert result.archived
    for _ in range(3):
        pair.turn()


def test_out_of_order_within_a_chain(oracle: Oracle) -> None:
    pair = Pair(oracle, "out of order")
    pair.we_begin(one_time=1)
    pair.turn()
    from_us = [pair.we_send(b"%d" % number) for number in range(6)]
    from_them = [pair.they_send(b"%d" % number) for number in range(6)]
    for number in (5, 2, 0, 4, 1, 3):
        assert pair.they_read(from_us[number]) == b"%d" % number
        assert pair.we_read(from_them[number]) == b"%d" % number
    for number in range(6):
        with pytest.raises(OracleError):
            pair.they_read(from_us[number])
        with pytest.raises(DuplicateMessage):
            pair.we_read(from_them[number])
    pair.turn()


def test_late_messages_of_earlier_chains(oracle: Oracle) -> None:
    # libsignal derives the rest of an old chain from previousCounter, then closes it.
    pair = Pair(oracle, "late")
    pair.we_begin(one_time=1)
    pair.turn()
    late_from_us, late_from_them = [], []
    for _ in range(3):
        assert pair.they_read(pair.we_send(b"in time")) == b"in time"
        late_from_us += [pair.we_send(b"late"), pair.we_send(b"late")]
        assert pair.we_read(pair.they_send(b"in time")) == b"in time"
        late_from_them += [pair.they_send(b"late"), pair.they_send(b"late")]
    pair.turn()
    for message in reversed(late_from_us):
        assert pair.they_read(message) == b"late"
    for message in reversed(late_from_them):
        assert pair.we_read(message) == b"late"
    pair.turn()


def test_lost_messages(oracle: Oracle) -> None:
    pair = Pair(oracle, "lost")
    pair.they_begin()
    for _ in range(20):
        pair.they_send(b"lost")
    assert pair.we_read(pair.they_send(b"arrives")) == b"arrives"
    for _ in range(3):
        for _ in range(30):
            pair.we_send(b"lost")
            pair.they_send(b"lost")
        pair.turn()


def test_same_forward_jump(oracle: Oracle) -> None:
    pair = Pair(oracle, "jump")
    pair.we_begin(one_time=1)
    pair.turn()
    assert pair.they_read(pair.we_send(b"counter 0")) == b"counter 0"
    record = pair.ours.record(THEM)
    assert record is not None
    sent = []
    for _ in range(MAX_FORWARD_JUMP + 1):
        record, message = encrypt(record, b"x")
        sent.append(message)
    # libsignal counts the jump from the last counter that it saw, we from the next one.
    assert pair.they_read(sent[MAX_FORWARD_JUMP - 1]) == b"x"
    assert pair.they_read(sent[MAX_FORWARD_JUMP]) == b"x"
    assert pair.they_read(sent[0]) == b"x"


def test_we_were_reinstalled(oracle: Oracle) -> None:
    pair = Pair(oracle, "before")
    pair.we_begin(one_time=1)
    pair.turn()
    old = pair.they_send(b"for the old installation")
    pair.ours = Device("ours", "after")
    with pytest.raises(NoSession):
        pair.we_read(old)
    pair.we_begin(one_time=2)
    pair.turn()


def test_they_were_reinstalled(oracle: Oracle) -> None:
    pair = Pair(oracle, "they reinstall")
    pair.we_begin(one_time=1)
    pair.turn()
    old = pair.they_send(b"sent before")
    before = pair.theirs.bundle.identity
    pair.theirs = oracle.create_party()
    pair.they_begin()
    result = pair.ours.decrypt(THEM, pair.they_send(b"new installation"))
    assert result.new_identity == pair.theirs.bundle.identity != before
    late = pair.ours.decrypt(THEM, old)
    assert (late.plaintext, late.identity, late.new_identity) == (b"sent before", before, None)
    # The session that read last is the current one: only a new one reaches them.
    with pytest.raises(OracleError):
        pair.they_read(pair.we_send(b"for the old installation"))
    pair.we_begin(one_time=1)
    pair.turn()


def test_they_lost_the_session(oracle: Oracle) -> None:
    pair = Pair(oracle, "they lose")
    pair.we_begin(one_time=1)
    pair.turn()
    oracle.delete_session(pair.theirs, US)
    message = pair.we_send(b"unreadable")
    with pytest.raises(OracleError):
        pair.they_read(message)
    pair.we_begin(one_time=2)
    pair.turn()


def test_new_bundle_in_a_running_session(oracle: Oracle) -> None:
    pair = Pair(oracle, "renewed")
    pair.we_begin(one_time=1)
    pair.turn()
    for one_time in (2, 3):
        late = pair.they_send(b"late")
        pair.we_begin(one_time=one_time)
        pair.turn()
        result = pair.ours.decrypt(THEM, late)
        assert (result.plaintext, result.archived) == (b"late", True)
        back = pair.ours.decrypt(THEM, pair.they_send(b"in the newest session"))
        assert back.archived
        pair.turn()
    pair.they_begin()
    assert pair.we_read(pair.they_send(b"theirs")) == b"theirs"
    pair.turn()


def test_used_one_time_key(oracle: Oracle) -> None:
    pair = Pair(oracle, "used")
    bundle = ours_as_theirs(pair.ours.bundle())
    oracle.process_bundle(pair.theirs, US, bundle)
    assert pair.we_read(pair.they_send(b"first")) == b"first"
    other = oracle.create_party()
    oracle.process_bundle(other, US, bundle)
    message = oracle.encrypt(other, US, b"second")
    with pytest.raises(InvalidKeyId):
        pair.ours.decrypt("other.0", EncryptedMessage(message.type, message.body))


def test_forged_messages_change_nothing(oracle: Oracle) -> None:
    pair = Pair(oracle, "forged")
    pair.they_begin()
    assert pair.we_read(pair.they_send(b"hello")) == b"hello"
    pair.turn()
    genuine = pair.they_send(b"genuine")
    forged = genuine.ciphertext[:-1] + bytes([genuine.ciphertext[-1] ^ 1])
    with pytest.raises(BadMac):
        pair.we_read(EncryptedMessage("msg", forged))
    assert pair.we_read(genuine) == b"genuine"
    ours = pair.we_send(b"ours")
    forged = ours.ciphertext[:-1] + bytes([ours.ciphertext[-1] ^ 1])
    with pytest.raises(OracleError):
        pair.they_read(EncryptedMessage("msg", forged))
    assert pair.they_read(ours) == b"ours"


class Rough:
    """A conversation over ways that lose, delay and reorder."""

    def __init__(self, oracle: Oracle, seed: int) -> None:
        self.dice = random.Random(seed)
        self.pair = Pair(oracle, ("rough", seed), pre_keys=40)
        self._one_time = iter(range(1, 40))
        self._ways: tuple[list[tuple[bytes, EncryptedMessage]], ...] = ([], [])
        self._readers = (self.pair.they_read, self.pair.we_read)
        self.read = 0

    def renew(self) -> None:
        """Begin a new session, nothing being under way.

        libsignal steps the ratchets of all its sessions when it looks for the right one, and
        keeps that: a message of an older session spoils its newer ones.
        """
        self.drain()
        if self.dice.random() < 0.5:
            self.pair.we_begin(one_time=next(self._one_time))
        else:
            self.pair.they_begin()
            assert self.pair.we_read(self.pair.they_send(b"new")) == b"new"
        self.pair.turn()

    def send(self, text: bytes) -> None:
        if self.dice.random() < 0.5:
            self._ways[0].append((text, self.pair.we_send(text)))
        else:
            self._ways[1].append((text, self.pair.they_send(text)))

    def deliver(self) -> None:
        for way, read in zip(self._ways, self._readers, strict=True):
            if len(way) > self.dice.randrange(4):
                expected, message = way.pop(self.dice.randrange(len(way)))
                if self.dice.random() < 0.9:
                    assert read(message) == expected
                    self.read += 1

    def drain(self) -> None:
        for way, read in zip(self._ways, self._readers, strict=True):
            for expected, message in way:
                assert read(message) == expected
                self.read += 1
            way.clear()


@pytest.mark.parametrize("seed", range(6))
def test_rough_conversation(oracle: Oracle, seed: int) -> None:
    rough = Rough(oracle, seed)
    rough.renew()
    for number in range(150):
        if rough.dice.random() < 0.04:
            rough.renew()
        rough.send(b"%d" % number)
        rough.deliver()
    rough.drain()
    rough.pair.turn()
    assert rough.read > 120


# --- sender keys --------------------------------------------------------------


def test_their_sender_key(oracle: Oracle) -> None:
    theirs = oracle.create_party()
    record = process_distribution(None, oracle.create_sender_key(theirs, GROUP, THEM))
    sent = [oracle.group_encrypt(theirs, GROUP, THEM, b"%d" % number) for number in range(8)]
    for number in (0, 1, 5, 3, 2, 7, 4, 6):
        record, plaintext = group_decrypt(record, sent[number])
        assert plaintext == b"%d" % number
        with pytest.raises(DuplicateMessage):
            group_decrypt(record, sent[number])
    record = process_distribution(record, oracle.create_sender_key(theirs, GROUP, THEM))
    assert len(record.states) == 1
    latecomer = process_distribution(None, oracle.create_sender_key(theirs, GROUP, THEM))
    message = oracle.group_encrypt(theirs, GROUP, THEM, b"next")
    for reader in (record, latecomer):
        assert group_decrypt(reader, message)[1] == b"next"
    with pytest.raises(DuplicateMessage):
        group_decrypt(latecomer, sent[0])
    with pytest.raises(InvalidMessage):
        group_decrypt(record, message[:-1] + bytes([message[-1] ^ 1]))


def test_our_sender_key(oracle: Oracle) -> None:
    random_bytes = SeededBytes("our sender key")
    theirs = oracle.create_party()
    record = create(random_bytes)
    oracle.process_distribution(theirs, GROUP, US, distribution_message(record))
    sent = []
    for number in range(8):
        record, message = group_encrypt(record, b"%d" % number, random_bytes)
        sent.append(message)
    # Baileys cannot read back the skipped keys that it stored: rising order, with gaps.
    for number in (0, 1, 3, 7):
        assert oracle.group_decrypt(theirs, GROUP, US, sent[number]) == b"%d" % number
    with pytest.raises(OracleError):
        oracle.group_decrypt(theirs, GROUP, US, sent[3])
    latecomer = oracle.create_party()
    oracle.process_distribution(latecomer, GROUP, US, distribution_message(record))
    record, message = group_encrypt(record, b"next", random_bytes)
    for reader in (theirs, latecomer):
        assert oracle.group_decrypt(reader, GROUP, US, message) == b"next"


def test_our_new_sender_key(oracle: Oracle) -> None:
    random_bytes = SeededBytes("rotation")
    theirs = oracle.create_party()
    old, new = create(random_bytes), create(random_bytes)
    for record in (old, new):
        oracle.process_distribution(theirs, GROUP, US, distribution_message(record))
    for record in (new, old):
        _, message = group_encrypt(record, b"x" * 1000, random_bytes)
        assert oracle.group_decrypt(theirs, GROUP, US, message) == b"x" * 1000


def test_sender_key_handed_over_in_a_session(oracle: Oracle) -> None:
    pair = Pair(oracle, "group of two")
    pair.they_begin()
    distribution = oracle.create_sender_key(pair.theirs, GROUP, THEM)
    record = process_distribution(None, pair.we_read(pair.they_send(distribution)))
    message = oracle.group_encrypt(pair.theirs, GROUP, THEM, b"to the group")
    assert group_decrypt(record, message)[1] == b"to the group"
    ours = create(pair.ours.random_bytes)
    received = pair.they_read(pair.we_send(distribution_message(ours)))
    oracle.process_distribution(pair.theirs, GROUP, US, received)
    _, message = group_encrypt(ours, b"back", pair.ours.random_bytes)
    assert oracle.group_decrypt(pair.theirs, GROUP, US, message) == b"back"
