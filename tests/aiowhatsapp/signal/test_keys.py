from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import (
    KeyPair,
    agree,
    serialize_public,
    verify,
)
from custom_components.whatsapp_web.aiowhatsapp.errors import InvalidKey, StoreCorrupt
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    MAX_KEY_ID,
    PreKeyBundle,
    RawKey,
    SignalAddress,
    bundle_from_parts,
    make_identity_keys,
    make_key_pair,
    make_pre_keys,
    make_signed_pre_key,
    next_key_id,
    process_bundle,
)

from .support import Device, SeededBytes


def test_registration_id_is_never_zero() -> None:
    assert make_identity_keys(bytes).registration_id == 1
    assert make_identity_keys(lambda length: b"\xff" * length).registration_id == 0x3FFF


def test_secrets_stay_out_of_reprs() -> None:
    device = Device("alice")
    secrets = [device.identity.key_pair.private, device.signed_pre_key.key_pair.private]
    text = repr(device.identity) + repr(device.signed_pre_key)
    assert not any(repr(secret) in text for secret in secrets)


def test_key_ids_wrap_from_three_bytes_to_one() -> None:
    assert next_key_id(1) == 2
    assert next_key_id(MAX_KEY_ID) == 1
    ids = [key.id for key in make_pre_keys(MAX_KEY_ID - 1, 4, SeededBytes("ids"))]
    assert ids == [MAX_KEY_ID - 1, MAX_KEY_ID, 1, 2]


def test_pre_keys_are_all_different() -> None:
    keys = make_pre_keys(1, 50, SeededBytes("many"))
    assert len({key.key_pair.public for key in keys}) == 50


def test_signed_pre_key_is_signed_over_its_serialized_form() -> None:
    identity = make_key_pair(SeededBytes("identity"))
    key = make_signed_pre_key(identity, 7, 1_700_000_000, SeededBytes("signed"))
    assert (key.id, key.created_at) == (7, 1_700_000_000)
    assert verify(identity.public, serialize_public(key.key_pair.public), key.signature)


def test_address_text_form() -> None:
    address = SignalAddress("123_1", 7)
    assert str(address) == "123_1.7"
    assert SignalAddress.parse("123_1.7") == address
    assert SignalAddress.parse("a.b.0") == SignalAddress("a.b", 0)


@pytest.mark.parametrize("text", ["", "123", "123.", "123.x", "123.-1", "123.²"])
def test_malformed_address(text: str) -> None:
    with pytest.raises(StoreCorrupt):
        SignalAddress.parse(text)


def parts(bundle: PreKeyBundle) -> dict[str, bytes | RawKey | None]:
    """Take a bundle apart into what stanzas carry."""
    assert bundle.pre_key is not None
    assert bundle.pre_key_id is not None
    return {
        "registration": bundle.registration_id.to_bytes(4),
        "identity": bundle.identity,
        "signed_pre_key": RawKey(
            bundle.signed_pre_key_id.to_bytes(3), bundle.signed_pre_key, bundle.signature
        ),
        "pre_key": RawKey(bundle.pre_key_id.to_bytes(3), bundle.pre_key),
        "device_identity": b"identity",
    }


def test_bundle_from_raw_parts() -> None:
    bundle = Device("bob").bundle()
    built = bundle_from_parts(**parts(bundle))  # type: ignore[arg-type]
    assert built == replace(bundle, device_identity=b"identity")


def test_bundle_without_one_time_key() -> None:
    raw = parts(Device("bob").bundle()) | {"pre_key": None, "device_identity": None}
    built = bundle_from_parts(**raw)  # type: ignore[arg-type]
    assert (built.pre_key_id, built.pre_key, built.device_identity) == (None, None, None)


@pytest.mark.parametrize(
    "damage",
    [
        {"registration": b"\x01" * 3},
        {"registration": b"\x01" * 5},
        {"identity": b"\x05" * 33},
        {"identity": b""},
        {"signed_pre_key": RawKey(b"\x01" * 4, bytes(32), bytes(64))},
        {"signed_pre_key": RawKey(b"\x01" * 3, bytes(31), bytes(64))},
        {"signed_pre_key": RawKey(b"\x01" * 3, bytes(32), bytes(63))},
        {"signed_pre_key": RawKey(b"\x01" * 3, bytes(32))},
        {"pre_key": RawKey(b"", bytes(32))},
        {"pre_key": RawKey(b"\x01" * 3, bytes(33))},
        {"device_identity": bytes(5000)},
    ],
)
def test_bundle_with_a_part_of_another_length(damage: dict[str, bytes | RawKey]) -> None:
    with pytest.raises(InvalidKey):
        bundle_from_parts(**parts(Device("bob").bundle()) | damage)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damage",
    [
        {"registration_id": -1},
        {"registration_id": 1 << 32},
        {"signed_pre_key_id": MAX_KEY_ID + 1},
        {"pre_key_id": -1},
        {"pre_key_id": None},
        {"pre_key": None},
    ],
)
def test_bundle_out_of_range(damage: dict[str, int | None]) -> None:
    with pytest.raises(InvalidKey):
        replace(Device("bob").bundle(), **damage)  # type: ignore[arg-type]


def test_bundle_with_a_bad_signature_begins_no_session() -> None:
    alice, bundle = Device("alice"), Device("bob").bundle()
    forged = [
        replace(bundle, signature=bytes(64)),
        replace(bundle, signed_pre_key=Device("mallory").signed_pre_key.key_pair.public),
        replace(bundle, identity=Device("mallory").identity.key_pair.public),
    ]
    for bad in forged:
        with pytest.raises(InvalidKey):
            process_bundle(None, bad, ours=alice.identity, random_bytes=alice.random_bytes)


def test_one_time_key_of_low_order_begins_no_session() -> None:
    alice, bundle = Device("alice"), Device("bob").bundle()
    with pytest.raises(InvalidKey):
        process_bundle(
            None,
            replace(bundle, pre_key=bytes(32)),
            ours=alice.identity,
            random_bytes=alice.random_bytes,
        )


def test_agreement_equals_that_of_another_library() -> None:
    random_bytes = SeededBytes("agree")
    for _ in range(100):
        ours, theirs = make_key_pair(random_bytes), make_key_pair(random_bytes)
        other = X25519PrivateKey.from_private_bytes(ours.private)
        assert other.public_key().public_bytes_raw() == ours.public
        shared = other.exchange(X25519PublicKey.from_public_bytes(theirs.public))
        assert agree(ours.private, theirs.public) == agree(theirs.private, ours.public) == shared


@pytest.mark.parametrize(
    ("private", "public"),
    [(31, 32), (33, 32), (32, 0), (32, 31), (32, 33)],
)
def test_agreement_with_a_key_of_another_length(private: int, public: int) -> None:
    random_bytes = SeededBytes("lengths")
    with pytest.raises(InvalidKey):
        agree(random_bytes(private), random_bytes(public))


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31)])
def test_agreement_with_a_point_of_low_order(public: bytes) -> None:
    with pytest.raises(InvalidKey):
        agree(SeededBytes("low")(32), public)


def test_private_key_of_another_length() -> None:
    with pytest.raises(InvalidKey):
        KeyPair.from_private(bytes(31))
