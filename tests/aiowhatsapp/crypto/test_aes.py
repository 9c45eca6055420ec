import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto import aes
from custom_components.whatsapp_web.aiowhatsapp.errors import BadMac, InvalidMessage

unhex = bytes.fromhex

# NIST SP 800-38A, appendix F: one key and four blocks for all modes.
KEY = unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
PLAINTEXT = unhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
# F.2.5.
CBC_IV = bytes(range(16))
CBC = unhex(
    "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
)
# F.5.5.
CTR_START = bytes(range(0xF0, 0x100))
CTR = unhex(
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
    "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"
)

# The GCM specification of McGrew and Viega, test cases 13 to 16: key, nonce, text, aad, sealed.
GCM_KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
GCM_NONCE = "cafebabefacedbaddecaf888"
GCM_TEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
GCM_SEALED = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
GCM = [
    pytest.param("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b", id="13"),
    pytest.param(
        "00" * 32,
        "00" * 12,
        "00" * 16,
        "",
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
        id="14",
    ),
    pytest.param(
        GCM_KEY, GCM_NONCE, GCM_TEXT, "", GCM_SEALED + "b094dac5d93471bdec1a502270e3cc6c", id="15"
    ),
    pytest.param(
        GCM_KEY,
        GCM_NONCE,
        GCM_TEXT[:120],
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        GCM_SEALED[:120] + "76fc6ece0f4e1768cddf8853bb2d551b",
        id="16",
    ),
]


@pytest.mark.parametrize(("key", "nonce", "text", "aad", "sealed"), GCM)
def test_gcm(key: str, nonce: str, text: str, aad: str, sealed: str) -> None:
    given = unhex(key), unhex(nonce)
    assert aes.gcm_encrypt(*given, unhex(text), unhex(aad)) == unhex(sealed)
    assert aes.gcm_decrypt(*given, unhex(sealed), unhex(aad)) == unhex(text)


@pytest.mark.parametrize("position", [0, 59, 60, 75])
def test_gcm_refuses_any_flipped_bit(position: int) -> None:
    sealed = bytearray(aes.gcm_encrypt(KEY, bytes(12), PLAINTEXT[:60], b"aad"))
    sealed[position] ^= 1
    with pytest.raises(BadMac):
        aes.gcm_decrypt(KEY, bytes(12), bytes(sealed), b"aad")


@pytest.mark.parametrize("sealed", [b"", bytes(15)])
def test_gcm_refuses_what_is_shorter_than_a_tag(sealed: bytes) -> None:
    with pytest.raises(BadMac):
        aes.gcm_decrypt(KEY, bytes(12), sealed)


def test_gcm_binds_what_is_only_authenticated() -> None:
    sealed = aes.gcm_encrypt(KEY, bytes(12), b"text", b"aad")
    with pytest.raises(BadMac):
        aes.gcm_decrypt(KEY, bytes(12), sealed, b"other")


def test_cbc() -> None:
    sealed = aes.cbc_encrypt(KEY, CBC_IV, PLAINTEXT)
    # A whole block of padding follows what fills its last block.
    assert sealed[:-16] == CBC
    assert aes.cbc_decrypt(KEY, CBC_IV, sealed) == PLAINTEXT


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31])
def test_cbc_pads_every_length(length: int) -> None:
    sealed = aes.cbc_encrypt(KEY, CBC_IV, PLAINTEXT[:length])
    assert len(sealed) == length // 16 * 16 + 16
    assert aes.cbc_decrypt(KEY, CBC_IV, sealed) == PLAINTEXT[:length]


@pytest.mark.parametrize("length", [0, 1, 15, 17])
def test_cbc_refuses_broken_blocks(length: int) -> None:
    with pytest.raises(InvalidMessage):
        aes.cbc_decrypt(KEY, CBC_IV, CBC[:length])


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(bytes(16), id="zero"),
        pytest.param(bytes([17]) * 16, id="more than a block"),
        pytest.param(bytes(13) + b"\x02\x03\x03", id="unequal"),
    ],
)
def test_cbc_refuses_malformed_padding(last: bytes) -> None:
    # One block whose plaintext is known: its iv decides what it decrypts to.
    sealed = CBC[:16]
    iv = bytes(a ^ b ^ c for a, b, c in zip(CBC_IV, PLAINTEXT[:16], last, strict=True))
    with pytest.raises(InvalidMessage):
        aes.cbc_decrypt(KEY, iv, sealed)


def test_ctr_is_its_own_inverse() -> None:
    assert aes.ctr_apply(KEY, CTR_START, PLAINTEXT) == CTR
    assert aes.ctr_apply(KEY, CTR_START, CTR) == PLAINTEXT
    assert aes.ctr_apply(KEY, CTR_START, PLAINTEXT[:5]) == CTR[:5]
