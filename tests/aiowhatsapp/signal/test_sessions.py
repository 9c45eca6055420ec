"""What a session record does, message by message."""

from dataclasses import replace

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    BadMac,
    DuplicateMessage,
    InvalidKeyId,
    InvalidMessage,
    NoSession,
    StoreCorrupt,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import storage
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    MAX_ARCHIVED,
    MAX_FORWARD_JUMP,
    MAX_RECEIVER_CHAINS,
    MAX_SKIPPED,
    EncryptedMessage,
    SessionRecord,
    decrypt,
    decrypt_pre_key,
    encrypt,
    peek_pre_key_message,
    process_bundle,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.chain import MAX_COUNTER, Chain
from custom_components.whatsapp_web.aiowhatsapp.signal.messages import (
    parse_pre_key_message,
    parse_signal_message,
    pre_key_message,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.ratchet import seal
from custom_components.whatsapp_web.aiowhatsapp.signal.session import SessionState
from custom_components.whatsapp_web.aiowhatsapp.signal.session_cipher import _respond

from .support import Device, SeededBytes, introduced


def current(record: SessionRecord | None) -> SessionState:
    assert record is not None
    assert record.current is not None
    return record.current


def turn(first: Device, second: Device) -> None:
    """Exchange a message each way: two DH ratchet steps."""
    for sender, reader in ((first, second), (second, first)):
        message = sender.encrypt(reader.name, b"turn")
        assert reader.decrypt(sender.name, message).plaintext == b"turn"


def bad_mac(message: EncryptedMessage) -> EncryptedMessage:
    flipped = message.ciphertext[-1] ^ 1
    return replace(message, ciphertext=message.ciphertext[:-1] + bytes([flipped]))


# --- setting up ---------------------------------------------------------------


@pytest.mark.parametrize("one_time", [True, False])
def test_session_from_a_bundle(*, one_time: bool) -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob, one_time=one_time)
    message = alice.encrypt("bob", b"hello")
    assert message.kind == "pkmsg"
    result = bob.decrypt("alice", message)
    assert result.plaintext == b"hello"
    assert result.used_pre_key_id == (1 if one_time else None)
    assert result.new_identity == result.identity == alice.identity.key_pair.public
    assert not result.archived
    reply = bob.encrypt("alice", b"welcome")
    assert reply.kind == "msg"
    answered = alice.decrypt("bob", reply)
    assert answered.plaintext == b"welcome"
    assert answered.identity == bob.identity.key_pair.public
    assert answered.new_identity is None


def test_pkmsg_until_an_answer_decrypts() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    sent = [alice.encrypt("bob", b"%d" % index) for index in range(3)]
    outer = [parse_pre_key_message(message.ciphertext) for message in sent]
    assert [message.kind for message in sent] == ["pkmsg"] * 3
    assert len({(one.base_key, one.pre_key_id, one.signed_pre_key_id) for one in outer}) == 1
    assert [parse_signal_message(one.message).counter for one in outer] == [0, 1, 2]
    for message in sent:
        bob.decrypt("alice", message)
    record = alice.record("bob")
    assert record is not None
    assert record.has_pending_pre_key
    with pytest.raises(BadMac):
        alice.decrypt("bob", bad_mac(bob.encrypt("alice", b"noise")))
    assert alice.encrypt("bob", b"still").kind == "pkmsg"
    alice.decrypt("bob", bob.encrypt("alice", b"answer"))
    assert alice.encrypt("bob", b"done").kind == "msg"


def test_answer_on_the_chain_of_the_agreement_itself() -> None:
    # No real peer writes before it has read, but both sides have the keys for it.
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    outer = parse_pre_key_message(alice.encrypt("bob", b"hello").ciphertext)
    state = _respond(outer, bob.identity, bob.signed_pre_key, bob.pre_keys[1])
    _, early = seal(state, b"early")
    assert alice.decrypt("bob", EncryptedMessage("msg", early)).plaintext == b"early"
    assert alice.encrypt("bob", b"x").kind == "msg"


def test_record_tells_base_key_and_registration_id() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    message = alice.encrypt("bob", b"hello")
    bob.decrypt("alice", message)
    ours, theirs = alice.record("bob"), bob.record("alice")
    assert ours is not None
    assert theirs is not None
    base_key = peek_pre_key_message(message.ciphertext).base_key
    assert ours.base_key == theirs.base_key == base_key
    assert ours.remote_registration_id == bob.identity.registration_id
    assert theirs.remote_registration_id == alice.identity.registration_id
    assert ours.remote_identity == bob.identity.key_pair.public


def test_empty_record_tells_nothing() -> None:
    record = SessionRecord.from_bytes(SessionRecord().to_bytes())
    assert not record.has_state
    assert not record.has_pending_pre_key
    assert record.base_key is None
    assert record.remote_identity is None
    assert record.remote_registration_id is None


@pytest.mark.parametrize("record", [None, SessionRecord()])
def test_no_session(record: SessionRecord | None) -> None:
    alice, bob = introduced()
    message = alice.encrypt("bob", b"hello")
    with pytest.raises(NoSession):
        decrypt(record, message.ciphertext, random_bytes=bob.random_bytes)
    with pytest.raises(NoSession):
        encrypt(SessionRecord(), b"hello")


def test_unknown_prekeys() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    message = alice.encrypt("bob", b"hello")
    other = Device("carol")
    for signed_pre_key, pre_key in (
        (None, bob.pre_keys[1]),
        (replace(bob.signed_pre_key, id=2), bob.pre_keys[1]),
        (bob.signed_pre_key, None),
        (bob.signed_pre_key, bob.pre_keys[2]),
    ):
        with pytest.raises(InvalidKeyId):
            decrypt_pre_key(
                None,
                message.ciphertext,
                ours=bob.identity,
                signed_pre_key=signed_pre_key,
                pre_key=pre_key,
                random_bytes=bob.random_bytes,
            )
    with pytest.raises(BadMac):
        other.decrypt("alice", message)
    assert bob.decrypt("alice", message).plaintext == b"hello"


def test_known_session_needs_no_prekeys() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    first, second = alice.encrypt("bob", b"1"), alice.encrypt("bob", b"2")
    bob.decrypt("alice", first)
    result = decrypt_pre_key(
        bob.record("alice"),
        second.ciphertext,
        ours=bob.identity,
        signed_pre_key=None,
        pre_key=None,
        random_bytes=bob.random_bytes,
    )
    assert result.plaintext == b"2"
    assert result.used_pre_key_id is None
    assert result.new_identity is None


def test_replayed_first_message_is_a_duplicate() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    message = alice.encrypt("bob", b"hello")
    bob.decrypt("alice", message)
    with pytest.raises(DuplicateMessage):
        bob.decrypt("alice", message)


def test_identity_in_a_known_session_is_that_of_the_session() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    bob.decrypt("alice", alice.encrypt("bob", b"1"))
    outer = parse_pre_key_message(alice.encrypt("bob", b"2").ciphertext)
    claimed = outer._replace(identity=Device("mallory").identity.key_pair.public)
    result = bob.decrypt("alice", EncryptedMessage("pkmsg", pre_key_message(claimed)))
    assert result.identity == alice.identity.key_pair.public
    assert result.new_identity is None


# --- the ratchet --------------------------------------------------------------


def test_counters_start_at_zero_and_previous_counter_follows() -> None:
    alice, bob = introduced()
    seen = []
    for count in (3, 1, 2):
        for _ in range(count):
            message = alice.encrypt("bob", b"x")
            parsed = parse_signal_message(message.ciphertext)
            seen.append((parsed.counter, current(alice.record("bob")).previous_counter))
            bob.decrypt("alice", message)
        alice.decrypt("bob", bob.encrypt("alice", b"y"))
    assert seen == [(0, 0), (1, 0), (2, 0), (0, 2), (0, 0), (1, 0)]


def test_ratchet_key_changes_with_every_turn_only() -> None:
    alice, bob = introduced()
    keys = []
    for _ in range(3):
        for _ in range(2):
            message = alice.encrypt("bob", b"x")
            keys.append(parse_signal_message(message.ciphertext).ratchet_key)
            bob.decrypt("alice", message)
        alice.decrypt("bob", bob.encrypt("alice", b"y"))
    assert [keys.index(key) for key in keys] == [0, 0, 2, 2, 4, 4]


def test_out_of_order_across_ratchet_steps() -> None:
    alice, bob = introduced()
    late = [alice.encrypt("bob", b"late %d" % index) for index in range(3)]
    turn(bob, alice)
    after = [alice.encrypt("bob", b"after %d" % index) for index in range(3)]
    for message in (after[2], late[1], after[0], late[2], late[0], after[1]):
        bob.decrypt("alice", message)
    for message in late + after:
        with pytest.raises(DuplicateMessage):
            bob.decrypt("alice", message)
    turn(alice, bob)


def test_forward_jump_up_to_the_limit() -> None:
    alice, bob = introduced()
    record = alice.record("bob")
    assert record is not None
    sent = []
    for _ in range(MAX_FORWARD_JUMP + 2):
        record, message = encrypt(record, b"x")
        sent.append(message)
    with pytest.raises(InvalidMessage, match="future"):
        bob.decrypt("alice", sent[MAX_FORWARD_JUMP + 1])
    assert bob.decrypt("alice", sent[MAX_FORWARD_JUMP]).plaintext == b"x"
    assert bob.decrypt("alice", sent[MAX_FORWARD_JUMP + 1]).plaintext == b"x"
    assert bob.decrypt("alice", sent[0]).plaintext == b"x"


def test_forward_jump_on_a_new_chain() -> None:
    alice, bob = introduced()
    alice.decrypt("bob", bob.encrypt("alice", b"turn"))
    record = alice.record("bob")
    assert record is not None
    for _ in range(MAX_FORWARD_JUMP):
        record, _ = encrypt(record, b"x")
    record, near = encrypt(record, b"near")
    _, far = encrypt(record, b"far")
    with pytest.raises(InvalidMessage):
        bob.decrypt("alice", far)
    assert bob.decrypt("alice", near).plaintext == b"near"
    assert bob.decrypt("alice", far).plaintext == b"far"


def test_oldest_skipped_keys_are_dropped() -> None:
    alice, bob = introduced()
    record = alice.record("bob")
    assert record is not None
    sent = []
    for _ in range(MAX_SKIPPED + 12):
        record, message = encrypt(record, b"x")
        sent.append(message)
    bob.decrypt("alice", sent[1000])
    bob.decrypt("alice", sent[-1])
    # 1000 and 1010 were jumped over: the ten oldest are gone.
    for index in (0, 9):
        with pytest.raises(DuplicateMessage):
            bob.decrypt("alice", sent[index])
    for index in (10, 999, 1001, MAX_SKIPPED + 10):
        assert bob.decrypt("alice", sent[index]).plaintext == b"x"


def test_skipped_keys_are_found_at_their_own_place() -> None:
    alice, bob = introduced()
    sent = [alice.encrypt("bob", b"%d" % index) for index in range(600)]
    bob.decrypt("alice", sent[-1])
    order = list(range(599))
    order.sort(key=lambda index: (index * 7919) % 599)
    for index in order:
        assert bob.decrypt("alice", sent[index]).plaintext == b"%d" % index
    assert all(not one.chain.skipped for one in current(bob.record("alice")).receivers)


def test_skipped_seed_that_looks_like_a_counter_is_not_taken_for_one() -> None:
    seed = (7).to_bytes(4) + bytes(28)
    chain = Chain(bytes(32), 10, (3).to_bytes(4) + seed + (7).to_bytes(4) + bytes(range(32)))
    assert chain.find(7).seed == bytes(range(32))
    assert chain.find(3).seed == seed
    assert chain.find(7).advanced().skipped == (3).to_bytes(4) + seed
    only = Chain(bytes(32), 10, (3).to_bytes(4) + seed)
    with pytest.raises(DuplicateMessage):
        only.find(7)


def test_only_the_newest_receiver_chains_are_kept() -> None:
    alice, bob = introduced()
    late = []
    for _ in range(MAX_RECEIVER_CHAINS + 2):
        late.append(alice.encrypt("bob", b"late"))
        bob.decrypt("alice", alice.encrypt("bob", b"now"))
        alice.decrypt("bob", bob.encrypt("alice", b"turn"))
    assert len(current(bob.record("alice")).receivers) == MAX_RECEIVER_CHAINS
    for message in late[:2]:
        with pytest.raises(BadMac):
            bob.decrypt("alice", message)
    for message in late[2:]:
        assert bob.decrypt("alice", message).plaintext == b"late"


def test_used_up_chain_refuses() -> None:
    alice, bob = introduced()
    state = current(alice.record("bob"))
    last = replace(state, sender=replace(state.sender, index=MAX_COUNTER - 1))
    record, message = encrypt(SessionRecord(last), b"last")
    assert parse_signal_message(message.ciphertext).counter == MAX_COUNTER - 1
    with pytest.raises(InvalidMessage):
        encrypt(record, b"one too many")
    with pytest.raises(InvalidMessage):
        bob.decrypt("alice", message)


def test_inputs_are_left_as_they_were() -> None:
    alice, bob = introduced()
    message = alice.encrypt("bob", b"x")
    record = bob.record("alice")
    assert record is not None
    before = record.to_bytes()
    first = decrypt(record, message.ciphertext, random_bytes=SeededBytes(1))
    again = decrypt(record, message.ciphertext, random_bytes=SeededBytes(1))
    assert first == again
    assert record.to_bytes() == before
    encrypt(record, b"y")
    process_bundle(record, alice.bundle(), ours=bob.identity, random_bytes=bob.random_bytes)
    assert record.to_bytes() == before


def test_failed_message_draws_no_randomness() -> None:
    alice, bob = introduced()
    turn(alice, bob)
    message = bad_mac(alice.encrypt("bob", b"x"))

    def never(_length: int) -> bytes:
        raise AssertionError

    record = bob.record("alice")
    with pytest.raises(BadMac):
        decrypt(record, message.ciphertext, random_bytes=never)


# --- archived states ----------------------------------------------------------


def test_new_bundle_archives_the_session_and_old_messages_stay_readable() -> None:
    alice, bob = introduced()
    old = bob.encrypt("alice", b"from before")
    alice.begin(bob)
    record = alice.record("bob")
    assert record is not None
    assert len(record.archived) == 1
    result = alice.decrypt("bob", old)
    assert result.plaintext == b"from before"
    assert result.archived
    assert result.new_identity is None
    # The old session is the current one again, and has no prekey to offer.
    assert alice.encrypt("bob", b"x").kind == "msg"
    assert len(result.record.archived) == 1


def test_archived_state_keeps_no_pending_prekey() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    first = alice.encrypt("bob", b"1")
    alice.begin(bob)
    alice.encrypt("bob", b"2")
    bob.decrypt("alice", first)
    result = alice.decrypt("bob", bob.encrypt("alice", b"answer"))
    assert result.archived
    assert not result.record.has_pending_pre_key
    states = [state for _, state in result.record.states()]
    assert [state.pending for state in states] == [None, None]


def test_first_message_of_an_archived_session_promotes_it() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    old = [alice.encrypt("bob", b"old 1"), alice.encrypt("bob", b"old 2")]
    alice.begin(bob)
    new = alice.encrypt("bob", b"new")
    bob.decrypt("alice", old[0])
    bob.decrypt("alice", new)
    result = bob.decrypt("alice", old[1])
    assert result.plaintext == b"old 2"
    assert result.archived
    assert result.new_identity is None
    assert result.record.base_key == peek_pre_key_message(old[1].ciphertext).base_key
    with pytest.raises(DuplicateMessage):
        bob.decrypt("alice", old[0])
    turn(bob, alice)


def test_archive_is_bounded() -> None:
    alice, bob = Device("alice"), Device("bob")
    unread = []
    for _ in range(MAX_ARCHIVED + 2):
        alice.begin(bob)
        bob.decrypt("alice", alice.encrypt("bob", b"read"))
        unread.append(alice.encrypt("bob", b"unread"))
    record = bob.record("alice")
    assert record is not None
    assert len(record.archived) == MAX_ARCHIVED
    with pytest.raises(InvalidKeyId):
        bob.decrypt("alice", unread[0])
    assert bob.decrypt("alice", unread[1]).plaintext == b"unread"
    assert bob.decrypt("alice", unread[-1]).plaintext == b"unread"


def test_simultaneous_initiation() -> None:
    alice, bob = Device("alice"), Device("bob")
    alice.begin(bob)
    bob.begin(alice)
    crossing = alice.encrypt("bob", b"from alice"), bob.encrypt("alice", b"from bob")
    assert bob.decrypt("alice", crossing[0]).plaintext == b"from alice"
    assert alice.decrypt("bob", crossing[1]).plaintext == b"from bob"
    for _ in range(4):
        turn(alice, bob)
    assert alice.encrypt("bob", b"x").kind == bob.encrypt("alice", b"y").kind == "msg"


def test_duplicate_outranks_bad_mac_of_other_states() -> None:
    alice, bob = introduced()
    message = alice.encrypt("bob", b"x")
    bob.decrypt("alice", message)
    bob.begin(alice)
    bob.begin(alice)
    with pytest.raises(DuplicateMessage):
        bob.decrypt("alice", message)


def test_bad_mac_outranks_a_message_too_far_ahead() -> None:
    alice, bob = introduced()
    bob.decrypt("alice", alice.encrypt("bob", b"known chain"))
    state = current(alice.record("bob"))
    # Within reach of the archived state, whose chain has moved on, but not of the new one.
    jumped = replace(state, sender=replace(state.sender, index=MAX_FORWARD_JUMP + 1))
    _, message = encrypt(SessionRecord(jumped), b"x")
    bob.begin(alice)
    with pytest.raises(BadMac):
        bob.decrypt("alice", message)


def test_nothing_but_refusals_is_an_invalid_message() -> None:
    alice, bob = introduced()
    state = current(alice.record("bob"))
    ahead = replace(state, sender=replace(state.sender, index=MAX_FORWARD_JUMP + 10))
    _, message = encrypt(SessionRecord(ahead), b"x")
    bob.begin(alice)
    with pytest.raises(InvalidMessage) as caught:
        bob.decrypt("alice", message)
    assert type(caught.value) is InvalidMessage


def test_record_with_archived_states_only_still_reads() -> None:
    alice, bob = introduced()
    message = alice.encrypt("bob", b"x")
    record = bob.record("alice")
    assert record is not None
    retired = SessionRecord(None, (current(record).to_bytes(),))
    assert retired.has_state
    result = decrypt(
        SessionRecord.from_bytes(retired.to_bytes()),
        message.ciphertext,
        random_bytes=bob.random_bytes,
    )
    assert result.plaintext == b"x"
    assert result.archived
    assert result.record.archived == ()


# --- another identity ---------------------------------------------------------


def test_reinstalled_peer_is_reported_by_its_new_identity() -> None:
    alice, bob = introduced()
    again = Device("alice", "second installation")
    again.begin(bob)
    result = bob.decrypt("alice", again.encrypt("bob", b"new phone"))
    assert result.plaintext == b"new phone"
    assert result.new_identity == again.identity.key_pair.public
    assert result.new_identity != alice.identity.key_pair.public
    assert len(result.record.archived) == 1
    bob.keep("alice", result.record.without_archived())
    with pytest.raises(BadMac):
        bob.decrypt("alice", alice.encrypt("bob", b"from the old phone"))
    turn(bob, again)


def test_message_of_the_old_identity_is_no_new_identity() -> None:
    alice, bob = introduced()
    old = alice.encrypt("bob", b"sent before")
    again = Device("alice", "second installation")
    again.begin(bob)
    bob.decrypt("alice", again.encrypt("bob", b"new phone"))
    result = bob.decrypt("alice", old)
    assert result.archived
    assert result.identity == alice.identity.key_pair.public
    assert result.new_identity is None


def test_lost_session_is_replaced_by_a_new_bundle() -> None:
    alice, bob = introduced()
    bob.forget("alice")
    message = alice.encrypt("bob", b"unreadable")
    with pytest.raises(NoSession):
        bob.decrypt("alice", message)
    alice.begin_from("bob", bob.bundle())
    assert bob.decrypt("alice", alice.encrypt("bob", b"again")).plaintext == b"again"
    turn(bob, alice)


# --- the stored form ----------------------------------------------------------


def test_stored_form_is_the_same_record() -> None:
    alice, bob = Device("alice"), Device("bob")
    for one_time in (True, False):
        alice.begin(bob, one_time=one_time)
        sent = [alice.encrypt("bob", b"x") for _ in range(4)]
        record = alice.record("bob")
        assert record is not None
        assert SessionRecord.from_bytes(record.to_bytes()) == record
        assert "archived" not in repr(record)
        bob.decrypt("alice", sent[3])
        bob.decrypt("alice", sent[1])
    record = bob.record("alice")
    assert record is not None
    assert SessionRecord.from_bytes(record.to_bytes()) == record


def test_secrets_stay_out_of_the_repr() -> None:
    alice, _ = introduced()
    record = alice.record("bob")
    state = current(record)
    secrets = [state.root_key, state.ratchet.private, state.sender.key]
    assert not any(repr(secret) in repr(record) for secret in secrets)


def damaged_states() -> list[bytes]:
    alice, bob = introduced()
    turn(alice, bob)
    alice.begin(bob)
    whole = current(alice.record("bob")).to_bytes()
    damaged = [b"", b"\xff", whole[:-5]]
    for name in (
        "local_identity",
        "remote_identity",
        "root_key",
        "sender_private",
        "sender_public",
        "sender_chain_key",
        "base_key",
    ):
        stored = storage.SessionState.FromString(whole)
        setattr(stored, name, bytes(31))
        damaged.append(stored.SerializeToString())
    for name, value in (("ratchet_key", b""), ("chain_key", bytes(33)), ("skipped", bytes(35))):
        stored = storage.SessionState.FromString(whole)
        setattr(stored.receivers[0], name, value)
        damaged.append(stored.SerializeToString())
    stored = storage.SessionState.FromString(whole)
    stored.pending_pre_key.base_key = b""
    damaged.append(stored.SerializeToString())
    return damaged


@pytest.mark.parametrize("state", damaged_states())
def test_damaged_state(state: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        SessionRecord.from_bytes(storage.SessionRecord(current=state).SerializeToString())
    archived_only = storage.SessionRecord(archived=[state]).SerializeToString()
    with pytest.raises(StoreCorrupt):
        list(SessionRecord.from_bytes(archived_only).states())


def test_damaged_record() -> None:
    with pytest.raises(StoreCorrupt):
        SessionRecord.from_bytes(b"\xff\xff")
