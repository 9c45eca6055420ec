import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import NoiseError
from custom_components.whatsapp_web.aiowhatsapp.noise import TransportCipher

KEY = bytes(range(32))
LAST = (1 << 32) - 1


def test_messages_in_order() -> None:
    writer, reader = TransportCipher(KEY), TransportCipher(KEY)
    sealed = [writer.encrypt(b"same") for _ in range(300)]
    assert len(set(sealed)) == 300
    assert [reader.decrypt(message) for message in sealed] == [b"same"] * 300


def test_a_message_left_out_or_repeated() -> None:
    writer = TransportCipher(KEY)
    first, second = writer.encrypt(b"1"), writer.encrypt(b"2")
    with pytest.raises(NoiseError, match="does not verify"):
        TransportCipher(KEY).decrypt(second)
    reader = TransportCipher(KEY)
    assert reader.decrypt(first) == b"1"
    with pytest.raises(NoiseError, match="does not verify"):
        reader.decrypt(first)


@pytest.mark.parametrize("ciphertext", [b"", b"short", bytes(16), bytes(200)], ids=len)
def test_what_nobody_encrypted(ciphertext: bytes) -> None:
    with pytest.raises(NoiseError, match="does not verify"):
        TransportCipher(KEY).decrypt(ciphertext)


def test_every_byte_counts() -> None:
    sealed = TransportCipher(KEY).encrypt(b"hello")
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(NoiseError):
            TransportCipher(KEY).decrypt(bytes(damaged))


def test_the_counter_never_wraps() -> None:
    writer, reader = TransportCipher(KEY, LAST), TransportCipher(KEY, LAST)
    last = writer.encrypt(b"last")
    assert reader.decrypt(last) == b"last"
    with pytest.raises(NoiseError, match="counter ran out"):
        writer.encrypt(b"one more")
    with pytest.raises(NoiseError, match="counter ran out"):
        reader.decrypt(last)
