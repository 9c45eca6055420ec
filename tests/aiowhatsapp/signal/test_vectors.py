"""Known answers from implementations nobody here wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair, sign, verify
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    IdentityKeys,
    PreKey,
    PreKeyBundle,
    SenderKeyRecord,
    SessionRecord,
    SignedPreKey,
    decrypt,
    decrypt_pre_key,
    encrypt,
    group_decrypt,
    group_encrypt,
    peek_pre_key_message,
    process_distribution,
)

from .support import SeededBytes

VECTORS = Path(__file__).parents[1] / "vectors" / "signal"
unhex = bytes.fromhex


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return loaded


SESSION = load("npm_session")
SENDER_KEY = load("npm_sender_key")
SIGNATURES = load("npm_xeddsa")["signatures"]


def key_pair(vector: dict[str, str]) -> KeyPair:
    return KeyPair(unhex(vector["priv"]), unhex(vector["pub"]))


BOB = IdentityKeys(
    key_pair=key_pair(SESSION["bob"]["identity"]),
    registration_id=SESSION["bob"]["registration_id"],
)
SIGNED_PRE_KEY = SignedPreKey(
    id=SESSION["bob"]["signed_prekey"]["id"],
    key_pair=key_pair(SESSION["bob"]["signed_prekey"]),
    signature=unhex(SESSION["bob"]["signed_prekey"]["signature"]),
    created_at=0,
)
PRE_KEY = PreKey(id=SESSION["bob"]["prekey"]["id"], key_pair=key_pair(SESSION["bob"]["prekey"]))


def bob_reads(record: SessionRecord | None, message: dict[str, str]) -> SessionRecord:
    """Read one of Alice's first messages, Bob's next ratchet key being the recorded one."""
    result = decrypt_pre_key(
        record,
        unhex(message["ciphertext"]),
        ours=BOB,
        signed_pre_key=SIGNED_PRE_KEY,
        pre_key=PRE_KEY,
        random_bytes=lambda _length: unhex(SESSION["bob_ratchet_private"]),
    )
    assert result.plaintext == unhex(message["plaintext"])
    return SessionRecord.from_bytes(result.record.to_bytes())


@pytest.mark.parametrize("vector", SIGNATURES)
@pytest.mark.parametrize("signer", ["signature_libsignal_node", "signature_rust"])
def test_signatures_of_others_verify(vector: dict[str, str], signer: str) -> None:
    public, message = unhex(vector["pub"]), unhex(vector["message"])
    signature = unhex(vector[signer])
    assert verify(public, message, signature)
    assert not verify(public, message + b"!", signature)
    flipped_sign = signature[:63] + bytes([signature[63] ^ 0x80])
    assert not verify(public, message, flipped_sign)


@pytest.mark.parametrize("vector", SIGNATURES)
def test_our_signature_carries_the_sign_of_the_point(vector: dict[str, Any]) -> None:
    pair = KeyPair.from_private(unhex(vector["priv"]))
    assert pair.public == unhex(vector["pub"])
    signature = sign(pair.private, unhex(vector["message"]), SeededBytes("sign")(64))
    assert verify(pair.public, unhex(vector["message"]), signature)
    assert bool(signature[63] & 0x80) is vector["sign_bit_set"]


def test_both_signs_are_among_the_vectors() -> None:
    assert {vector["sign_bit_set"] for vector in SIGNATURES} == {True, False}


def test_bundle_signature_verifies() -> None:
    PreKeyBundle(
        registration_id=BOB.registration_id,
        identity=BOB.key_pair.public,
        signed_pre_key_id=SIGNED_PRE_KEY.id,
        signed_pre_key=SIGNED_PRE_KEY.key_pair.public,
        signature=SIGNED_PRE_KEY.signature,
    ).verify()


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
)
def test_first_messages_in_any_order(order: tuple[int, ...]) -> None:
    record = None
    for index in order:
        record = bob_reads(record, SESSION["alice_to_bob_initial"][index])
    assert record is not None
    assert record.remote_identity == unhex(SESSION["alice_identity"]["pub"])
    assert record.remote_registration_id == SESSION["bob_registration_of_alice"]


def test_peek_tells_what_the_message_needs() -> None:
    first = SESSION["alice_to_bob_initial"][0]
    info = peek_pre_key_message(unhex(first["ciphertext"]))
    assert info.pre_key_id == PRE_KEY.id
    assert info.signed_pre_key_id == SIGNED_PRE_KEY.id
    assert info.identity == unhex(SESSION["alice_identity"]["pub"])
    assert info.registration_id == SESSION["bob_registration_of_alice"]
    assert bob_reads(None, first).base_key == info.base_key


def test_reply_and_ratchet_step_byte_for_byte() -> None:
    record = bob_reads(None, SESSION["alice_to_bob_initial"][2])
    record, reply = encrypt(record, unhex(SESSION["bob_reply_plaintext"]))
    assert reply.kind == "msg"
    assert reply.ciphertext == unhex(SESSION["bob_reply_ciphertext"])
    for message in SESSION["alice_to_bob_after_ratchet"]:
        result = decrypt(record, unhex(message["ciphertext"]), random_bytes=SeededBytes("bob"))
        assert result.plaintext == unhex(message["plaintext"])
        record = result.record
    for message in SESSION["alice_to_bob_initial"][:2]:
        record = bob_reads(record, message)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_sender_key_with_gaps(order: tuple[int, ...]) -> None:
    record = process_distribution(None, unhex(SENDER_KEY["skdm"]))
    for index in order:
        message = SENDER_KEY["messages"][index]
        record, plaintext = group_decrypt(record, unhex(message["ciphertext"]))
        assert plaintext == unhex(message["plaintext"])
        record = SenderKeyRecord.from_bytes(record.to_bytes())


def test_records_stored_by_earlier_versions_still_read() -> None:
    frozen = load("own_records")
    record = SessionRecord.from_bytes(unhex(frozen["session"]))
    assert record.has_pending_pre_key
    assert record.to_bytes() == unhex(frozen["session"])
    for name in ("skipped", "archived"):
        result = decrypt(record, unhex(frozen[name]), random_bytes=SeededBytes("frozen"))
        assert result.plaintext == name.encode()
        assert result.archived
    group = SenderKeyRecord.from_bytes(unhex(frozen["sender_key"]))
    group, plaintext = group_decrypt(group, unhex(frozen["group_skipped"]))
    assert plaintext == b"skipped"
    ours = SenderKeyRecord.from_bytes(unhex(frozen["own_sender_key"]))
    _, message = group_encrypt(ours, b"next", SeededBytes("frozen"))
    assert group_decrypt(group, message)[1] == b"next"
