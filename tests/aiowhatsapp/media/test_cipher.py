import hashlib
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import MediaIntegrityError
from custom_components.whatsapp_web.aiowhatsapp.media.cipher import (
    FileDecryptor,
    FileDigests,
    FileEncryptor,
    encrypted_length,
)
from custom_components.whatsapp_web.aiowhatsapp.media.keys import derive_keys
from custom_components.whatsapp_web.aiowhatsapp.media.kinds import MediaKind
from tests.aiowhatsapp.media.support import load_vectors, plaintext

BAILEYS = load_vectors("npm_baileys_files")
ZAPO = load_vectors("npm_zapo_sidecars")
STEPS = [1 << 20, 1000, 16, 7]
KEYS = derive_keys(bytes(range(32)), MediaKind.IMAGE)


def encrypt(data: bytes, step: int, **options: bool) -> tuple[bytes, FileDigests]:
    encryptor = FileEncryptor(KEYS, **options)
    pieces = [encryptor.update(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*pieces, encryptor.finish()]), encryptor.digests()


def decrypt(data: bytes, step: int, **expected: Any) -> bytes:
    decryptor = FileDecryptor(KEYS)
    pieces = [decryptor.update(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*pieces, decryptor.finish(**expected)])


@pytest.mark.parametrize("case", BAILEYS["keys"], ids=lambda case: case["kind"])
def test_keys_are_those_of_baileys(case: dict[str, str]) -> None:
    keys = derive_keys(bytes.fromhex(case["media_key"]), MediaKind[case["kind"]])
    assert [each.hex() for each in (keys.iv, keys.cipher, keys.mac)] == [
        case["iv"],
        case["cipher"],
        case["mac"],
    ]


@pytest.mark.parametrize("length", [0, 31, 33])
def test_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MediaIntegrityError):
        derive_keys(bytes(length), MediaKind.IMAGE)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("case", BAILEYS["files"], ids=lambda case: str(case["length"]))
def test_file_is_that_of_baileys(case: dict[str, Any], step: int) -> None:
    keys = derive_keys(bytes.fromhex(case["media_key"]), MediaKind[case["kind"]])
    data = plaintext(case["length"])
    encryptor = FileEncryptor(keys)
    file = b"".join(encryptor.update(data[at : at + step]) for at in range(0, len(data), step))
    file += encryptor.finish()
    digests = encryptor.digests()
    assert (len(file), file[:32].hex(), file[-26:].hex()) == (
        case["enc_length"],
        case["head"],
        case["tail"],
    )
    assert (digests.plain.hex(), digests.encrypted.hex()) == (case["sha256"], case["enc_sha256"])
    assert digests.length == case["length"]
    assert encrypted_length(case["length"]) == case["enc_length"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("case", ZAPO["sidecars"], ids=lambda case: str(case["length"]))
def test_sidecar_is_that_of_zapo(case: dict[str, Any], step: int) -> None:
    keys = derive_keys(bytes.fromhex(case["media_key"]), MediaKind.VIDEO)
    data = plaintext(case["length"])
    encryptor = FileEncryptor(keys, sidecar=True)
    for at in range(0, len(data), step):
        encryptor.update(data[at : at + step])
    encryptor.finish()
    digests = encryptor.digests()
    assert digests.encrypted.hex() == case["enc_sha256"]
    assert digests.sidecar.hex() == case["sidecar"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 1000])
def test_file_comes_back_whatever_the_pieces(length: int, step: int) -> None:
    data = plaintext(length)
    file, digests = encrypt(data, 1 << 20)
    expected = {"plain": digests.plain, "encrypted": digests.encrypted, "length": length}
    assert decrypt(file, step, **expected) == data


def test_hash_of_the_encrypted_file_may_be_missing() -> None:
    file, digests = encrypt(b"data", 4)
    assert decrypt(file, 4, plain=digests.plain, encrypted=b"", length=None) == b"data"


@pytest.mark.parametrize("at", [0, 15, 16, 100, -27, -11, -10, -1])
def test_no_flipped_bit_goes_unseen(at: int) -> None:
    file, digests = encrypt(plaintext(100), 100)
    spoiled = bytearray(file)
    spoiled[at] ^= 1
    # Without any hash the MAC alone finds it.
    expected = {"plain": digests.plain, "encrypted": b"", "length": 100}
    with pytest.raises(MediaIntegrityError, match="MAC"):
        decrypt(bytes(spoiled), 64, **expected)


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 25, 26, 27, 100])
def test_no_missing_end_goes_unseen(length: int) -> None:
    file, digests = encrypt(plaintext(100), 100)
    with pytest.raises(MediaIntegrityError):
        decrypt(file[:length], 64, plain=digests.plain, encrypted=b"", length=100)


def test_hashes_and_length_of_the_sender_count() -> None:
    file, digests = encrypt(plaintext(100), 100)
    right: dict[str, Any] = {"plain": digests.plain, "encrypted": digests.encrypted, "length": 100}
    wrong: list[dict[str, Any]] = [
        {"plain": hashlib.sha256(b"other").digest()},
        {"plain": b""},
        {"encrypted": hashlib.sha256(b"other").digest()},
        {"length": 99},
        {"length": 0},
    ]
    for change in wrong:
        with pytest.raises(MediaIntegrityError):
            decrypt(file, 64, **right | change)
    assert decrypt(file, 64, **right) == plaintext(100)
