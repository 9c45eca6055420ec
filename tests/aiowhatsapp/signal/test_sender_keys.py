from dataclasses import replace

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import (
    BadMac,
    DuplicateMessage,
    InvalidKey,
    InvalidMessage,
    NoSession,
    StoreCorrupt,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import storage, wire
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    MAX_FORWARD_JUMP,
    MAX_SKIPPED,
    SenderKeyRecord,
    create,
    distribution_message,
    group_decrypt,
    group_encrypt,
    process_distribution,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.chain import MAX_COUNTER
from custom_components.whatsapp_web.aiowhatsapp.signal.messages import (
    DistributionMessage,
    distribution_message as write_distribution,
    parse_distribution_message,
    parse_group_message,
)
from custom_components.whatsapp_web.aiowhatsapp.signal.sender_key import MAX_STATES

from .support import SeededBytes

RANDOM = SeededBytes("group")


def send(record: SenderKeyRecord, count: int) -> tuple[SenderKeyRecord, list[bytes]]:
    """Send numbered messages."""
    sent = []
    for index in range(count):
        record, message = group_encrypt(record, b"%d" % index, RANDOM)
        sent.append(message)
    return record, sent


def ahead(record: SenderKeyRecord, count: int) -> SenderKeyRecord:
    """Move our own chain on without sending."""
    chain = record.states[0].chain
    for _ in range(count):
        chain = chain.following()
    return record.with_chain(0, chain)


def test_messages_in_order() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    _, sent = send(ours, 3)
    assert [parse_group_message(message).iteration for message in sent] == [0, 1, 2]
    for index, message in enumerate(sent):
        theirs, plaintext = group_decrypt(theirs, message)
        assert plaintext == b"%d" % index
    assert theirs.iteration == 3
    assert theirs.states[0].chain.skipped == b""


def test_new_key_has_an_id_of_31_bits() -> None:
    assert create(lambda length: b"\xff" * length).states[0].key_id == 0x7FFFFFFF
    assert create(RANDOM).states != create(RANDOM).states


def test_distribution_opens_the_next_message_and_none_before() -> None:
    ours, before = send(create(RANDOM), 2)
    assert parse_distribution_message(distribution_message(ours)).iteration == 2
    theirs = process_distribution(None, distribution_message(ours))
    _, after = send(ours, 1)
    for message in before:
        with pytest.raises(DuplicateMessage):
            group_decrypt(theirs, message)
    assert group_decrypt(theirs, after[0])[1] == b"0"


def test_out_of_order_and_duplicates() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    _, sent = send(ours, 6)
    for index in (4, 0, 3, 5, 1, 2):
        theirs, plaintext = group_decrypt(
            SenderKeyRecord.from_bytes(theirs.to_bytes()), sent[index]
        )
        assert plaintext == b"%d" % index
    for message in sent:
        with pytest.raises(DuplicateMessage):
            group_decrypt(theirs, message)


def test_forward_jump_up_to_the_limit() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    _, near = group_encrypt(ahead(ours, MAX_FORWARD_JUMP), b"near", RANDOM)
    _, far = group_encrypt(ahead(ours, MAX_FORWARD_JUMP + 1), b"far", RANDOM)
    with pytest.raises(InvalidMessage):
        group_decrypt(theirs, far)
    theirs, plaintext = group_decrypt(theirs, near)
    assert plaintext == b"near"
    assert group_decrypt(theirs, far)[1] == b"far"


def test_oldest_skipped_keys_are_dropped() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    _, sent = send(ours, 3)
    for jump in (MAX_SKIPPED, MAX_SKIPPED + 3):
        _, message = group_encrypt(ahead(ours, jump), b"jump", RANDOM)
        theirs, _ = group_decrypt(theirs, message)
    for message in sent[:2]:
        with pytest.raises(DuplicateMessage):
            group_decrypt(theirs, message)
    assert group_decrypt(theirs, sent[2])[1] == b"2"


def test_signature_is_checked_before_anything_else() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    ours, message = group_encrypt(ours, b"x", RANDOM)
    theirs, _ = group_decrypt(theirs, message)
    forged = message[:-1] + bytes([message[-1] ^ 1])
    with pytest.raises(BadMac):
        group_decrypt(theirs, forged)
    # A member who knows the chain but not the signing key can't speak for the sender.
    chain_of_ours = replace(ours.states[0], signing_private=create(RANDOM).own()[1])
    _, impostor = group_encrypt(SenderKeyRecord((chain_of_ours,)), b"x", RANDOM)
    with pytest.raises(BadMac):
        group_decrypt(theirs, impostor)


def test_no_sender_key() -> None:
    ours = create(RANDOM)
    _, message = group_encrypt(ours, b"x", RANDOM)
    other = process_distribution(None, distribution_message(create(RANDOM)))
    for record in (None, SenderKeyRecord(), other):
        with pytest.raises(NoSession):
            group_decrypt(record, message)


def test_only_our_own_key_sends() -> None:
    theirs = process_distribution(None, distribution_message(create(RANDOM)))
    for record in (SenderKeyRecord(), theirs):
        with pytest.raises(NoSession):
            group_encrypt(record, b"x", RANDOM)
        with pytest.raises(NoSession):
            distribution_message(record)
    assert SenderKeyRecord().iteration is None


def test_known_key_is_not_rewound() -> None:
    ours = create(RANDOM)
    distribution = distribution_message(ours)
    theirs = process_distribution(None, distribution)
    theirs = process_distribution(theirs, distribution_message(create(RANDOM)))
    ours, sent = send(ours, 2)
    theirs, _ = group_decrypt(theirs, sent[1])
    for again in (distribution, distribution_message(ours)):
        theirs = process_distribution(theirs, again)
        assert len(theirs.states) == 2
        assert theirs.states[0].signing_public == ours.states[0].signing_public
        with pytest.raises(DuplicateMessage):
            group_decrypt(theirs, sent[1])
    assert group_decrypt(theirs, sent[0])[1] == b"0"


def test_key_that_lags_too_far_behind_takes_the_new_chain() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    ours = ahead(ours, MAX_FORWARD_JUMP + 1)
    theirs = process_distribution(theirs, distribution_message(ours))
    assert len(theirs.states) == 1
    _, sent = send(ours, 1)
    assert group_decrypt(theirs, sent[0])[1] == b"0"


def test_same_id_with_another_signing_key_replaces() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    other = create(RANDOM).states[0]
    renamed = SenderKeyRecord((replace(other, key_id=ours.states[0].key_id),))
    theirs = process_distribution(theirs, distribution_message(renamed))
    assert len(theirs.states) == 1
    assert theirs.states[0].signing_public == other.signing_public
    _, old = send(ours, 1)
    with pytest.raises(BadMac):
        group_decrypt(theirs, old[0])


def test_newest_states_are_kept() -> None:
    keys = [create(RANDOM) for _ in range(MAX_STATES + 1)]
    theirs = None
    for key in keys:
        theirs = process_distribution(theirs, distribution_message(key))
    assert theirs is not None
    assert len(theirs.states) == MAX_STATES
    messages = [send(key, 1)[1][0] for key in keys]
    with pytest.raises(NoSession):
        group_decrypt(theirs, messages[0])
    for message in messages[1:]:
        theirs, plaintext = group_decrypt(theirs, message)
        assert plaintext == b"0"
    assert theirs.states[0].key_id == keys[-1].states[0].key_id


def test_used_up_key_refuses() -> None:
    state = create(RANDOM).states[0]
    last = SenderKeyRecord((replace(state, chain=replace(state.chain, index=MAX_COUNTER)),))
    with pytest.raises(InvalidMessage):
        group_encrypt(last, b"x", RANDOM)


def test_distribution_at_the_end_of_the_counter() -> None:
    state = create(RANDOM).states[0]
    offered = DistributionMessage(1, 0xFFFFFFFF, state.chain.key, state.signing_public)
    theirs = process_distribution(None, write_distribution(offered))
    theirs = SenderKeyRecord.from_bytes(theirs.to_bytes())
    own = SenderKeyRecord((replace(state, key_id=1),))
    with pytest.raises(DuplicateMessage):
        group_decrypt(theirs, send(own, 1)[1][0])


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (InvalidMessage, {"chainKey": bytes(31)}),
        (InvalidMessage, {"chainKey": None}),
        (InvalidMessage, {"id": None}),
        (InvalidMessage, {"iteration": None}),
        (InvalidMessage, {"signingKey": None}),
        (InvalidKey, {"signingKey": bytes(33)}),
        (InvalidKey, {"signingKey": b"\x05" * 32}),
    ],
)
def test_malformed_distribution(error: type[Exception], change: dict[str, bytes | None]) -> None:
    good: dict[str, object] = {
        "id": 1,
        "iteration": 0,
        "chainKey": bytes(32),
        "signingKey": b"\x05" * 33,
    }
    fields = good | change
    data = b"\x33" + wire.SenderKeyDistributionMessage(**fields).SerializeToString()  # type: ignore[arg-type]
    with pytest.raises(error):
        process_distribution(None, data)


def test_oversized_distribution() -> None:
    data = distribution_message(create(RANDOM))
    with pytest.raises(InvalidMessage):
        process_distribution(None, data + b"\x52\x80\x08" + bytes(1024))


def test_inputs_are_left_as_they_were() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    before = ours.to_bytes(), theirs.to_bytes()
    _, sent = send(ours, 3)
    first = group_decrypt(theirs, sent[2])
    assert group_decrypt(theirs, sent[2]) == first
    assert (ours.to_bytes(), theirs.to_bytes()) == before


def test_stored_form_is_the_same_record() -> None:
    ours = create(RANDOM)
    theirs = process_distribution(None, distribution_message(ours))
    ours, sent = send(ours, 3)
    theirs, _ = group_decrypt(theirs, sent[2])
    for record in (ours, theirs, SenderKeyRecord()):
        assert SenderKeyRecord.from_bytes(record.to_bytes()) == record
    private = ours.own()[1]
    assert repr(private) not in repr(ours)


@pytest.mark.parametrize(
    "change",
    [
        {"chain_key": bytes(31)},
        {"signing_public": b""},
        {"signing_private": b""},
        {"skipped": bytes(37)},
    ],
)
def test_damaged_record(change: dict[str, bytes]) -> None:
    stored = storage.SenderKeyRecord.FromString(create(RANDOM).to_bytes())
    for name, value in change.items():
        setattr(stored.states[0], name, value)
    with pytest.raises(StoreCorrupt):
        SenderKeyRecord.from_bytes(stored.SerializeToString())
    with pytest.raises(StoreCorrupt):
        SenderKeyRecord.from_bytes(b"\xff")
