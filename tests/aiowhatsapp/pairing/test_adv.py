from collections.abc import Callable
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto import curve25519
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.errors import InvalidKey, PairingFailed
from custom_components.whatsapp_web.aiowhatsapp.pairing.adv import (
    AdvRejected,
    PairedIdentity,
    accept_identity,
    verify_device_identity,
    verify_key_index_list,
)
from custom_components.whatsapp_web.aiowhatsapp.proto import wire
from tests.aiowhatsapp.pairing.support import Phone, SeededBytes, load_vectors

SECRET = SeededBytes("secret")(32)
DEVICE = KeyPair.from_private(SeededBytes("device")(32))
STRANGER = KeyPair.from_private(SeededBytes("stranger")(32))
HOSTED = wire.ADVEncryptionType.HOSTED


def accept(container: bytes, *, secret: bytes = SECRET, device: KeyPair = DEVICE) -> PairedIdentity:
    return accept_identity(container, adv_secret=secret, identity_key=device, randomness=bytes(64))


@pytest.mark.parametrize(
    "case",
    load_vectors("npm_baileys_pair_success")["cases"],
    ids=lambda case: "hosted" if case["hosted"] else "plain",
)
def test_containers_and_replies_agree_with_baileys(case: dict[str, Any]) -> None:
    device = KeyPair.from_private(bytes.fromhex(case["companion_identity"]["priv"]))
    accepted = accept(
        bytes.fromhex(case["device_identity_container"]),
        secret=bytes.fromhex(case["adv_secret"]),
        device=device,
    )
    theirs = wire.ADVSignedDeviceIdentity.FromString(
        bytes.fromhex(case["example_reply_device_identity"])
    )
    ours = wire.ADVSignedDeviceIdentity.FromString(accepted.reply)
    assert accepted.account_key.hex() == case["primary_identity_pub"]
    assert str(accepted.key_index) == case["key_index"]
    assert accepted.hosted is case["hosted"]
    assert not ours.HasField("accountSignatureKey")
    assert (ours.details, ours.accountSignature) == (theirs.details, theirs.accountSignature)
    signed = b"\x06\x01" + theirs.details + device.public + accepted.account_key
    assert curve25519.verify(device.public, signed, theirs.deviceSignature)
    assert curve25519.verify(device.public, signed, ours.deviceSignature)


def test_account_keeps_the_key_that_the_reply_leaves_out() -> None:
    accepted = accept(Phone().container(DEVICE.public, SECRET))
    account = wire.ADVSignedDeviceIdentity.FromString(accepted.account)
    reply = wire.ADVSignedDeviceIdentity.FromString(accepted.reply)
    assert account.accountSignatureKey == Phone().identity.public
    account.ClearField("accountSignatureKey")
    assert account == reply


@pytest.mark.parametrize("hosted_account", [False, True])
@pytest.mark.parametrize("hosted_device", [False, True])
def test_prefixes_follow_account_and_device_each_on_its_own(
    hosted_account: bool, hosted_device: bool
) -> None:
    phone = Phone(hosted_account=hosted_account, hosted_device=hosted_device)
    accepted = accept(phone.container(DEVICE.public, SECRET))
    assert accepted.hosted is hosted_device


def wrong_secret(phone: Phone) -> bytes:
    return phone.container(DEVICE.public, bytes(32))


def changed_details(phone: Phone) -> bytes:
    sealed = phone.seal(phone.signed(DEVICE.public), SECRET)
    sealed.details = sealed.details[:-1] + bytes([sealed.details[-1] ^ 1])
    return sealed.SerializeToString()


def hidden_account_type(phone: Phone) -> bytes:
    sealed = Phone(hosted_account=True).seal(phone.signed(DEVICE.public), SECRET)
    sealed.ClearField("accountType")
    return sealed.SerializeToString()


def no_hmac(phone: Phone) -> bytes:
    sealed = phone.seal(phone.signed(DEVICE.public), SECRET)
    sealed.ClearField("hmac")
    return sealed.SerializeToString()


def empty(phone: Phone) -> bytes:
    return b""


def resigned(phone: Phone, **changes: bytes) -> bytes:
    signed = phone.signed(DEVICE.public)
    for name, value in changes.items():
        setattr(signed, name, value)
    return phone.seal(signed, SECRET).SerializeToString()


def other_device(phone: Phone) -> bytes:
    return phone.container(STRANGER.public, SECRET)


def other_account_key(phone: Phone) -> bytes:
    return resigned(phone, accountSignatureKey=STRANGER.public)


def other_details(phone: Phone) -> bytes:
    return resigned(phone, details=Phone(key_index=6).details())


def hosted_details(phone: Phone) -> bytes:
    return resigned(phone, details=Phone(hosted_device=True).details())


def short_account_key(phone: Phone) -> bytes:
    return resigned(phone, accountSignatureKey=phone.identity.public[:-1])


def typed_account_key(phone: Phone) -> bytes:
    return resigned(phone, accountSignatureKey=b"\x05" + phone.identity.public)


def short_signature(phone: Phone) -> bytes:
    return resigned(phone, accountSignature=phone.signed(DEVICE.public).accountSignature[:-1])


def no_signature(phone: Phone) -> bytes:
    return resigned(phone, accountSignature=b"")


def low_order_account_key(phone: Phone) -> bytes:
    return resigned(phone, accountSignatureKey=bytes(32))


def signed_is_no_message(phone: Phone) -> bytes:
    return phone.seal(b"\x0a\xff", SECRET).SerializeToString()


def details_are_no_message(phone: Phone) -> bytes:
    return resigned(phone, details=b"\x0a\xff")


def container_is_no_message(phone: Phone) -> bytes:
    return b"\x0a\xff"


@pytest.mark.parametrize(
    ("tamper", "code", "text"),
    [
        (container_is_no_message, 500, "internal-error"),
        (empty, 401, "hmac-mismatch"),
        (no_hmac, 401, "hmac-mismatch"),
        (wrong_secret, 401, "hmac-mismatch"),
        (changed_details, 401, "hmac-mismatch"),
        (hidden_account_type, 401, "hmac-mismatch"),
        (signed_is_no_message, 500, "internal-error"),
        (details_are_no_message, 500, "internal-error"),
        (other_device, 401, "signature-mismatch"),
        (other_account_key, 401, "signature-mismatch"),
        (other_details, 401, "signature-mismatch"),
        (hosted_details, 401, "signature-mismatch"),
        (short_account_key, 401, "signature-mismatch"),
        (typed_account_key, 401, "signature-mismatch"),
        (low_order_account_key, 401, "signature-mismatch"),
        (short_signature, 401, "signature-mismatch"),
        (no_signature, 401, "signature-mismatch"),
    ],
)
def test_tampered_container_is_refused_with_its_code(
    tamper: Callable[[Phone], bytes], code: int, text: str
) -> None:
    with pytest.raises(AdvRejected) as refused:
        accept(tamper(Phone()))
    assert (refused.value.code, refused.value.text, refused.value.stage) == (code, text, text)
    assert isinstance(refused.value, PairingFailed)


def vouched(phone: Phone, *, prefix: bytes = b"\x06\x01") -> wire.ADVSignedDeviceIdentity:
    """Make the proof of a companion, as its bundle carries it."""
    signed = phone.signed(DEVICE.public)
    signed.deviceSignature = curve25519.sign(
        DEVICE.private,
        prefix + signed.details + DEVICE.public + phone.identity.public,
        bytes(64),
    )
    return signed


def verify(
    proof: wire.ADVSignedDeviceIdentity | bytes | None,
    *,
    identity: bytes = DEVICE.public,
    device: int = 3,
    account_key: bytes | None = None,
) -> bytes | None:
    raw = proof.SerializeToString() if isinstance(proof, wire.ADVSignedDeviceIdentity) else proof
    return verify_device_identity(raw, identity=identity, device=device, account_key=account_key)


def test_companion_is_vouched_for_by_the_key_in_its_proof() -> None:
    assert verify(vouched(Phone()), account_key=STRANGER.public) == Phone().identity.public


def test_companion_without_a_key_in_its_proof_needs_the_stored_one() -> None:
    proof = vouched(Phone())
    proof.ClearField("accountSignatureKey")
    assert verify(proof, account_key=Phone().identity.public) == Phone().identity.public
    assert verify(proof, account_key=None) is None
    with pytest.raises(InvalidKey):
        verify(proof, account_key=STRANGER.public)


def test_hosted_companion_uses_both_hosted_prefixes() -> None:
    phone = Phone(hosted_device=True)
    assert verify(vouched(phone, prefix=b"\x06\x06")) == phone.identity.public
    with pytest.raises(InvalidKey):
        verify(vouched(phone, prefix=b"\x06\x01"))
    with pytest.raises(InvalidKey):
        verify(vouched(Phone(), prefix=b"\x06\x06"))


def test_phone_and_bundle_without_proof_need_none() -> None:
    assert verify(None) is None
    assert verify(b"\xff", device=0) is None


def test_own_account_passes_as_another_clients_bundle() -> None:
    accepted = accept(Phone().container(DEVICE.public, SECRET))
    assert verify(accepted.account) == Phone().identity.public


@pytest.mark.parametrize(
    "field", ["details", "accountSignatureKey", "accountSignature", "deviceSignature"]
)
def test_companion_with_a_changed_proof_is_refused(field: str) -> None:
    proof = vouched(Phone())
    value = getattr(proof, field)
    setattr(proof, field, value[:-1] + bytes([value[-1] ^ 1]))
    with pytest.raises(InvalidKey):
        verify(proof)


def test_companion_with_another_identity_is_refused() -> None:
    with pytest.raises(InvalidKey):
        verify(vouched(Phone()), identity=STRANGER.public)


@pytest.mark.parametrize("proof", [b"", b"\xff", b"\x0a\x02\x0a\xff"])
def test_malformed_proof_is_refused(proof: bytes) -> None:
    with pytest.raises(InvalidKey):
        verify(proof, account_key=Phone().identity.public)


def key_index_list(signer: KeyPair, *, prefix: bytes = b"\x06\x02", key: bytes = b"") -> bytes:
    details = wire.ADVKeyIndexList(
        rawId=7, timestamp=1_785_000_000, currentIndex=5, validIndexes=[0, 2, 5]
    ).SerializeToString()
    signed = wire.ADVSignedKeyIndexList(
        details=details,
        accountSignature=curve25519.sign(signer.private, prefix + details, bytes(64)),
    )
    if key:
        signed.accountSignatureKey = key
    return signed.SerializeToString()


def test_key_index_list_is_read_when_the_account_signed_it() -> None:
    phone = Phone().identity
    listed = verify_key_index_list(key_index_list(phone), account_key=phone.public)
    assert (listed.raw_id, listed.timestamp, listed.current_index) == (7, 1_785_000_000, 5)
    assert listed.valid_indexes == {0, 2, 5}
    assert not listed.hosted
    assert [listed.allows(index) for index in range(8)] == [
        True, False, True, False, False, True, True, True,
    ]  # fmt: skip


def test_key_index_list_may_bring_its_own_key_when_none_is_known() -> None:
    phone = Phone().identity
    brought = key_index_list(phone, key=phone.public)
    assert verify_key_index_list(brought, account_key=None).current_index == 5
    with pytest.raises(InvalidKey):
        verify_key_index_list(brought, account_key=STRANGER.public)


@pytest.mark.parametrize(
    "signed_list",
    [
        key_index_list(STRANGER),
        key_index_list(Phone().identity, prefix=b"\x06\x00"),
        b"",
        b"\xff",
        b"\x0a\x02\x0a\xff",
    ],
)
def test_wrong_key_index_list_is_refused(signed_list: bytes) -> None:
    with pytest.raises(InvalidKey):
        verify_key_index_list(signed_list, account_key=Phone().identity.public)
