"""Noise_XX_25519_AESGCM_SHA256 from the client's side, one typed value per step.

    sent = client_hello(ephemeral)                     -> send sent.message
    received = sent.receive(server_hello)              -> verify received.certificate
    keys = received.finish(noise_key, client_payload)  -> send keys.message

Nothing here changes in place: each step returns the next, so a step replays byte
for byte.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from ..crypto.aes import gcm_decrypt, gcm_encrypt
from ..crypto.curve25519 import KEY_LENGTH, KeyPair, agree
from ..crypto.kdf import hkdf_sha256, sha256
from ..errors import BadMac, InvalidKey, NoiseError
from ..proto import ProtobufError, wire
from .cipher import nonce
from .framing import HEADER

# Exactly 32 bytes, so Noise takes the name itself as the first hash.
_PROTOCOL: Final = b"Noise_XX_25519_AESGCM_SHA256".ljust(32, b"\0")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SymmetricState:
    """Noise's running hash, chaining key, cipher key and message counter."""

    hash: bytes
    chaining_key: bytes
    key: bytes
    counter: int = 0

    @classmethod
    def start(cls) -> Self:
        """Give the state both sides begin with, the prologue mixed in."""
        state = cls(hash=_PROTOCOL, chaining_key=_PROTOCOL, key=_PROTOCOL)
        return state.mix_hash(HEADER)

    def mix_hash(self, data: bytes) -> Self:
        """Mix what went over the wire into the hash."""
        return replace(self, hash=sha256(self.hash, data))

    def mix_key(self, private: bytes, public: bytes) -> Self:
        """Mix an agreement into the keys; raise `NoiseError` for a bad public key."""
        try:
            secret = agree(private, public)
        except InvalidKey as err:
            raise NoiseError("The server's key is not usable") from err
        okm = hkdf_sha256(secret, salt=self.chaining_key, info=b"", length=2 * KEY_LENGTH)
        return replace(self, chaining_key=okm[:KEY_LENGTH], key=okm[KEY_LENGTH:], counter=0)

    def encrypt(self, plaintext: bytes) -> tuple[Self, bytes]:
        """Encrypt and mix; return the next state and the ciphertext."""
        ciphertext = gcm_encrypt(self.key, nonce(self.counter), plaintext, self.hash)
        return replace(self.mix_hash(ciphertext), counter=self.counter + 1), ciphertext

    def decrypt(self, ciphertext: bytes) -> tuple[Self, bytes]:
        """Open and mix; return the next state and the plaintext, or raise `NoiseError`."""
        try:
            plaintext = gcm_decrypt(self.key, nonce(self.counter), ciphertext, self.hash)
        except BadMac as err:
            raise NoiseError("The handshake does not verify") from err
        return replace(self.mix_hash(ciphertext), counter=self.counter + 1), plaintext

    def split(self) -> tuple[bytes, bytes]:
        """Give the transport keys: from the client's side, write and read."""
        okm = hkdf_sha256(b"", salt=self.chaining_key, info=b"", length=2 * KEY_LENGTH)
        return okm[:KEY_LENGTH], okm[KEY_LENGTH:]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportKeys:
    """The handshake is done: the client's last message, and the transport keys."""

    message: bytes
    write_key: bytes = field(repr=False)
    read_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHelloReceived:
    """The server's hello is open; its certificate is not verified yet."""

    certificate: bytes
    server_static: bytes
    _server_ephemeral: bytes
    _symmetric: SymmetricState

    def finish(self, noise_key: KeyPair, client_payload: bytes) -> TransportKeys:
        """Say who we are: encrypt our static key and the payload, and split."""
        state, static = self._symmetric.encrypt(noise_key.public)
        state = state.mix_key(noise_key.private, self._server_ephemeral)
        state, payload = state.encrypt(client_payload)
        finish = wire.HandshakeMessage.ClientFinish(static=static, payload=payload)
        message = wire.HandshakeMessage(clientFinish=finish).SerializeToString()
        write_key, read_key = state.split()
        return TransportKeys(message=message, write_key=write_key, read_key=read_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHelloSent:
    """The client's hello is made; the server's is awaited."""

    message: bytes
    _ephemeral: KeyPair
    _symmetric: SymmetricState

    def receive(self, message: bytes) -> ServerHelloReceived:
        """Open the server's hello; raise `NoiseError` when it is not one."""
        try:
            hello = wire.HandshakeMessage.FromString(message).serverHello
        except ProtobufError as err:
            raise NoiseError("The server's hello does not decode") from err
        if len(hello.ephemeral) != KEY_LENGTH or not hello.static or not hello.payload:
            raise NoiseError("The server's hello is incomplete")
        private = self._ephemeral.private
        state = self._symmetric.mix_hash(hello.ephemeral).mix_key(private, hello.ephemeral)
        state, static = state.decrypt(hello.static)
        if len(static) != KEY_LENGTH:
            raise NoiseError("The server's static key has not 32 bytes")
        state, certificate = state.mix_key(private, static).decrypt(hello.payload)
        return ServerHelloReceived(
            certificate=certificate,
            server_static=static,
            _server_ephemeral=hello.ephemeral,
            _symmetric=state,
        )


def client_hello(ephemeral: KeyPair) -> ClientHelloSent:
    """Begin a handshake; `ephemeral` must be fresh for each one."""
    hello = wire.HandshakeMessage.ClientHello(ephemeral=ephemeral.public)
    return ClientHelloSent(
        message=wire.HandshakeMessage(clientHello=hello).SerializeToString(),
        _ephemeral=ephemeral,
        _symmetric=SymmetricState.start().mix_hash(ephemeral.public),
    )
