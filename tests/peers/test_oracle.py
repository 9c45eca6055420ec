"""The oracle agrees with itself, refuses what is wrong, and knows the published vectors."""

from collections.abc import Iterator

import pytest

from .oracle import Ciphertext, Oracle, OracleDied, OracleError, OracleNode

pytestmark = pytest.mark.peers

ALICE = "15550001.0"
BOB = "15550002.7"
GROUP = "120363000000000001@g.us"


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as made:
        yield made


def test_agreement_knows_the_vector_of_rfc_7748(oracle: Oracle) -> None:
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    alice = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    shared = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert oracle.curve_agree(bob, alice) == shared


def test_agreement_is_the_same_from_both_sides(oracle: Oracle) -> None:
    one, other = oracle.curve_generate(), oracle.curve_generate()
    assert oracle.curve_agree(one.private, other.public) == oracle.curve_agree(
        other.private, one.public
    )


def test_a_signature_holds_for_its_message_alone(oracle: Oracle) -> None:
    pair = oracle.curve_generate()
    signature = oracle.curve_sign(pair.private, b"message")
    spoiled = bytes([signature[0] ^ 1]) + signature[1:]
    assert oracle.curve_verify(pair.public, b"message", signature)
    assert not oracle.curve_verify(pair.public, b"massage", signature)
    assert not oracle.curve_verify(pair.public, b"message", spoiled)


def test_hkdf_knows_the_third_vector_of_rfc_5869(oracle: Oracle) -> None:
    assert oracle.hkdf(b"\x0b" * 22, 42) == bytes.fromhex(
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def test_two_parties_talk_and_ratchet(oracle: Oracle) -> None:
    alice = oracle.create_party(registration_id=77)
    bob = oracle.create_party()
    oracle.process_bundle(alice, BOB, bob.bundle)
    first = oracle.encrypt(alice, BOB, b"one")
    assert first.type == "pkmsg"
    assert oracle.decrypt(bob, ALICE, first) == b"one"
    answer = oracle.encrypt(bob, ALICE, b"two")
    assert answer.type == "msg"
    assert oracle.decrypt(alice, BOB, answer) == b"two"
    third = oracle.encrypt(alice, BOB, b"three")
    assert third.type == "msg"
    assert oracle.decrypt(bob, ALICE, third) == b"three"


def test_a_message_decrypts_once(oracle: Oracle) -> None:
    alice, bob = oracle.create_party(), oracle.create_party()
    oracle.process_bundle(alice, BOB, bob.bundle)
    message = oracle.encrypt(alice, BOB, b"once")
    oracle.decrypt(bob, ALICE, message)
    with pytest.raises(OracleError, match="Key used already or never filled"):
        oracle.decrypt(bob, ALICE, message)


def test_a_spoiled_message_and_a_missing_session_are_refused(oracle: Oracle) -> None:
    alice, bob = oracle.create_party(), oracle.create_party()
    oracle.process_bundle(alice, BOB, bob.bundle)
    message = oracle.encrypt(alice, BOB, b"text")
    oracle.decrypt(bob, ALICE, message)
    answer = oracle.encrypt(bob, ALICE, b"text")
    body = answer.body[:-1] + bytes([answer.body[-1] ^ 1])
    with pytest.raises(OracleError, match="No matching sessions found for message"):
        oracle.decrypt(alice, BOB, Ciphertext(type=answer.type, body=body))
    oracle.delete_session(alice, BOB)
    with pytest.raises(OracleError, match="No sessions"):
        oracle.encrypt(alice, BOB, b"text")


def test_a_bundle_without_a_one_time_key_will_do(oracle: Oracle) -> None:
    alice, bob = oracle.create_party(), oracle.create_party(pre_keys=0)
    assert bob.bundle.pre_key is None
    oracle.process_bundle(alice, BOB, bob.bundle)
    assert oracle.decrypt(bob, ALICE, oracle.encrypt(alice, BOB, b"x")) == b"x"


def test_sender_keys_reach_who_has_the_distribution(oracle: Oracle) -> None:
    alice, bob = oracle.create_party(), oracle.create_party()
    distribution = oracle.create_sender_key(alice, GROUP, ALICE)
    oracle.process_distribution(bob, GROUP, ALICE, distribution)
    texts = [b"a", b"b", b"c"]
    sent = [oracle.group_encrypt(alice, GROUP, ALICE, text) for text in texts]
    assert [oracle.group_decrypt(bob, GROUP, ALICE, each) for each in sent] == texts
    with pytest.raises(OracleError):
        oracle.group_decrypt(bob, GROUP, ALICE, sent[0])


def test_nodes_survive_both_ways(oracle: Oracle) -> None:
    node = OracleNode(
        tag="iq",
        attrs={"id": "1.2-3", "to": "s.whatsapp.net", "type": "get"},
        content=[
            OracleNode(tag="count", attrs={}),
            OracleNode(tag="id", attrs={}, content=b"\0\1"),
        ],
    )
    frame = oracle.encode_node(node)
    assert frame[0] == 0
    assert oracle.decode_node(frame) == node


def test_messages_padding_and_texts(oracle: Oracle) -> None:
    content = {"extendedTextMessage": {"text": "hi"}}
    encoded = oracle.encode_message(content)
    assert encoded == bytes.fromhex("32040a026869")
    assert oracle.decode_message(encoded) == content
    padded = oracle.pad_message(content)
    assert padded[:-1].startswith(encoded)
    assert len(padded) - len(encoded) == padded[-1]
    assert oracle.unpad(padded) == encoded
    assert oracle.participant_hash(["1@s.whatsapp.net", "2:3@lid"]).startswith("2:")
    qr = oracle.pairing_qr("ref", noise_key=b"n", identity_key=b"i", adv_secret=b"a")
    assert qr == "https://wa.me/settings/linked_devices#ref,bg==,aQ==,YQ==,1"


def test_a_dead_oracle_says_so() -> None:
    with Oracle() as oracle:
        oracle._process.kill()
        with pytest.raises((OracleDied, BrokenPipeError)):
            oracle.curve_generate()
