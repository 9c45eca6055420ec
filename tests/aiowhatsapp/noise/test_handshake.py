"""The known handshake replayed byte for byte, and then with damage."""

from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import NoiseError
from custom_components.whatsapp_web.aiowhatsapp.noise import (
    ClientHelloSent,
    TransportCipher,
    client_hello,
)
from custom_components.whatsapp_web.aiowhatsapp.noise.certificate import verify_chain
from custom_components.whatsapp_web.aiowhatsapp.noise.handshake import SymmetricState
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

from .support import KEYS, ROOT, XX, known

SERVER_HELLO = known("server_hello")
PAYLOAD = known("client_finish_payload_plain")


def begin() -> ClientHelloSent:
    return client_hello(KEYS["client_ephemeral"])


def test_known_handshake() -> None:
    sent = begin()
    assert sent.message == known("client_hello")
    received = sent.receive(SERVER_HELLO)
    assert received.server_static == KEYS["server_static"].public
    keys = received.finish(KEYS["client_static"], PAYLOAD)
    finish = wire.HandshakeMessage.FromString(keys.message).clientFinish
    assert finish.static == known("client_finish_static")
    assert finish.payload == known("client_finish_payload")
    assert keys.write_key == known("transport_write_key_client")
    assert keys.read_key == known("transport_read_key_client")


def test_first_transport_frame() -> None:
    cipher = TransportCipher(known("transport_write_key_client"))
    plain, sealed = known("first_transport_frame_plain"), known("first_transport_frame_cipher")
    assert cipher.encrypt(plain) == sealed


def test_known_certificate() -> None:
    received = begin().receive(SERVER_HELLO)
    chain = wire.CertChain.FromString(received.certificate)
    leaf = wire.CertChain.NoiseCertificate.Details.FromString(chain.leaf.details)
    verify_chain(
        received.certificate,
        root_key=ROOT,
        server_static=received.server_static,
        now=leaf.notBefore,
    )


def test_state_after_each_step() -> None:
    hello = wire.HandshakeMessage.FromString(SERVER_HELLO).serverHello
    ephemeral, static = KEYS["client_ephemeral"], KEYS["client_static"]
    state = SymmetricState.start()
    seen = [state]
    seen.append(state := state.mix_hash(ephemeral.public))
    state = state.mix_hash(hello.ephemeral)
    seen.append(state := state.mix_key(ephemeral.private, hello.ephemeral))
    state, server_static = state.decrypt(hello.static)
    seen.append(state := state.mix_key(ephemeral.private, server_static))
    state, _ = state.decrypt(hello.payload)
    seen.append(state)
    state, _ = state.encrypt(static.public)
    seen.append(state := state.mix_key(static.private, hello.ephemeral))
    state, _ = state.encrypt(PAYLOAD)
    seen.append(state)
    assert list(map(described, seen)) == [
        {name: value for name, value in step.items() if name != "step"} for step in XX["steps"]
    ]


def described(state: SymmetricState) -> dict[str, Any]:
    return {
        "h": state.hash.hex(),
        "ck": state.chaining_key.hex(),
        "k": state.key.hex(),
        "n": state.counter,
    }


def test_a_step_can_be_replayed() -> None:
    sent = begin()
    assert sent.receive(SERVER_HELLO) == sent.receive(SERVER_HELLO)


def test_nothing_secret_is_shown() -> None:
    sent = begin()
    received = sent.receive(SERVER_HELLO)
    keys = received.finish(KEYS["client_static"], PAYLOAD)
    shown = f"{sent!r} {received!r} {keys!r}"
    for secret in (KEYS["client_ephemeral"].private, keys.write_key, keys.read_key):
        assert repr(secret) not in shown
    assert "chaining_key" not in shown


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        bytes(200),
        known("client_hello"),
        wire.HandshakeMessage(serverHello=wire.HandshakeMessage.ServerHello()).SerializeToString(),
    ],
)
def test_no_server_hello(message: bytes) -> None:
    with pytest.raises(NoiseError):
        begin().receive(message)


def changed(**fields: bytes) -> bytes:
    message = wire.HandshakeMessage.FromString(SERVER_HELLO)
    for name, value in fields.items():
        setattr(message.serverHello, name, value)
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (changed(ephemeral=b""), "incomplete"),
        (changed(ephemeral=bytes(31)), "incomplete"),
        (changed(ephemeral=bytes(33)), "incomplete"),
        (changed(static=b""), "incomplete"),
        (changed(payload=b""), "incomplete"),
        (changed(ephemeral=bytes(32)), "not usable"),  # a point of low order
        (changed(ephemeral=KEYS["root"].public), "does not verify"),
        (changed(static=b"short"), "does not verify"),
        (changed(payload=b"short"), "does not verify"),
    ],
)
def test_changed_server_hello(message: bytes, reason: str) -> None:
    with pytest.raises(NoiseError, match=reason):
        begin().receive(message)


def test_every_byte_of_the_server_hello_counts() -> None:
    for place in range(len(SERVER_HELLO)):
        damaged = bytearray(SERVER_HELLO)
        damaged[place] ^= 1
        with pytest.raises(NoiseError):
            begin().receive(bytes(damaged))


@pytest.mark.parametrize("static", [b"", bytes(31), bytes(33)], ids=len)
def test_static_key_of_another_length(static: bytes) -> None:
    """The server encrypts what it likes: only a length can be told at once."""
    server = KEYS["server_ephemeral"]
    state = SymmetricState.start().mix_hash(KEYS["client_ephemeral"].public)
    state = state.mix_hash(server.public)
    state = state.mix_key(server.private, KEYS["client_ephemeral"].public)
    _, sealed = state.encrypt(static)
    with pytest.raises(NoiseError, match="has not 32 bytes"):
        begin().receive(changed(static=sealed))


def test_static_key_of_low_order() -> None:
    server = KEYS["server_ephemeral"]
    state = SymmetricState.start().mix_hash(KEYS["client_ephemeral"].public)
    state = state.mix_hash(server.public)
    state = state.mix_key(server.private, KEYS["client_ephemeral"].public)
    _, sealed = state.encrypt(bytes(32))
    with pytest.raises(NoiseError, match="not usable"):
        begin().receive(changed(static=sealed))
