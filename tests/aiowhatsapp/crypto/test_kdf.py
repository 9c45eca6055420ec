import pytest

from custom_components.whatsapp_web.aiowhatsapp.crypto import kdf

unhex = bytes.fromhex

# RFC 5869, appendix A.1 to A.3.
HKDF = [
    pytest.param(
        b"\x0b" * 22,
        bytes(range(13)),
        bytes(range(0xF0, 0xFA)),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        id="A.1",
    ),
    pytest.param(
        bytes(range(0x50)),
        bytes(range(0x60, 0xB0)),
        bytes(range(0xB0, 0x100)),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
        "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
        "cc30c58179ec3e87c14c01d5c1f3434f1d87",
        id="A.2",
    ),
    pytest.param(
        b"\x0b" * 22,
        b"",
        b"",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        id="A.3",
    ),
]

# RFC 4231, sections 4.2 to 4.4, 4.7 and 4.8: key, data, SHA-256, SHA-512.
HMAC = [
    pytest.param(
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        id="4.2",
    ),
    pytest.param(
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        id="4.3",
    ),
    pytest.param(
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
        "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        id="4.4",
    ),
    pytest.param(
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        id="4.7",
    ),
]

# RFC 7914, section 11.
PBKDF2 = [
    pytest.param(
        b"passwd",
        b"salt",
        1,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
        id="one round",
    ),
    pytest.param(
        b"Password",
        b"NaCl",
        80000,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
        id="80000 rounds",
    ),
]


@pytest.mark.parametrize(("material", "salt", "info", "output"), HKDF)
def test_hkdf(material: bytes, salt: bytes, info: bytes, output: str) -> None:
    expected = unhex(output)
    derived = kdf.hkdf_sha256(material, salt=salt, info=info, length=len(expected))
    assert derived == expected


def test_no_salt_is_a_salt_of_zeros() -> None:
    assert kdf.hkdf_sha256(b"x", info=b"i", length=64) == kdf.hkdf_sha256(
        b"x", info=b"i", length=64, salt=b""
    )


@pytest.mark.parametrize(("key", "data", "of_256", "of_512"), HMAC)
def test_hmac(key: bytes, data: bytes, of_256: str, of_512: str) -> None:
    assert kdf.hmac_sha256(key, data) == unhex(of_256)
    assert kdf.hmac_sha512(key, data) == unhex(of_512)


@pytest.mark.parametrize(("password", "salt", "rounds", "output"), PBKDF2)
def test_pbkdf2(password: bytes, salt: bytes, rounds: int, output: str) -> None:
    assert kdf.pbkdf2_sha256(password, salt=salt, iterations=rounds, length=64) == unhex(output)


def test_sha256_takes_its_input_in_parts() -> None:
    # FIPS 180-2, appendix B.1.
    digest = unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert kdf.sha256(b"abc") == kdf.sha256(b"a", b"", b"bc") == digest


def test_equal() -> None:
    assert kdf.equal(b"same", b"same")
    assert not kdf.equal(b"same", b"sama")
    assert not kdf.equal(b"same", b"longer")
