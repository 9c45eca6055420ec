"""The server's half of the Noise handshake, its certificate chain, and the framing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
import os
import struct

from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.crypto import aes, curve25519, kdf
from custom_components.whatsapp_web.aiowhatsapp.crypto.curve25519 import KeyPair
from custom_components.whatsapp_web.aiowhatsapp.errors import BadMac, InvalidKey
from custom_components.whatsapp_web.aiowhatsapp.proto import wire

HEADER = b"WA\x06\x03"
ROUTING_HEADER = b"ED\x00\x01"
NAME_XX = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
NAME_IK = b"Noise_IK_25519_AESGCM_SHA256\0\0\0\0"
MAX_FRAME = 1 << 24
YEAR = 365 * 86400


class HandshakeRefused(Exception):
    """The client's handshake does not verify; the socket is closed without a word."""


@dataclass(frozen=True)
class ChainFaults:
    """Ways in which a chain can be wrong, each for a test of the client's check."""

    expired: bool = False
    not_yet_valid: bool = False
    wrong_root: bool = False
    wrong_intermediate: bool = False
    wrong_leaf_key: bool = False
    wrong_issuer: bool = False


class TrustRoot:
    """The root key, the intermediate certificate and the server's static key."""

    def __init__(self) -> None:
        self.root = KeyPair.from_private(os.urandom(32))
        self.intermediate = KeyPair.from_private(os.urandom(32))
        self.static = KeyPair.from_private(os.urandom(32))

    def chain(self, now: int, faults: ChainFaults | None = None) -> bytes:
        """Return the serialized chain that vouches for the static key."""
        faults = faults or ChainFaults()
        before, after = now - YEAR, now + YEAR
        if faults.expired:
            after = now - 86400
        if faults.not_yet_valid:
            before = now + 86400
        stranger = KeyPair.from_private(os.urandom(32))
        chain = wire.CertChain()
        chain.intermediate.CopyFrom(
            _certificate(
                stranger if faults.wrong_root else self.root,
                serial=7,
                issuer=3 if faults.wrong_issuer else 0,
                key=self.intermediate.public,
                validity=(before, after),
            )
        )
        chain.leaf.CopyFrom(
            _certificate(
                stranger if faults.wrong_intermediate else self.intermediate,
                serial=9,
                issuer=7,
                key=stranger.public if faults.wrong_leaf_key else self.static.public,
                validity=(before, after),
            )
        )
        return chain.SerializeToString()


def _certificate(
    issuer_key: KeyPair, *, serial: int, issuer: int, key: bytes, validity: tuple[int, int]
) -> wire.CertChain.NoiseCertificate:
    # issuerSerial is written even when it is 0: clients compare the field, not its default.
    details = wire.CertChain.NoiseCertificate.Details(
        serial=serial, issuerSerial=issuer, key=key, notBefore=validity[0], notAfter=validity[1]
    ).SerializeToString()
    return wire.CertChain.NoiseCertificate(
        details=details,
        signature=curve25519.sign(issuer_key.private, details, os.urandom(64)),
    )


class Symmetric:
    """Hash, chaining key and cipher of one handshake."""

    def __init__(self, name: bytes, prologue: bytes) -> None:
        self.hash = name
        self.chaining = name
        self.key = name
        self.nonce = 0
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        self.hash = kdf.sha256(self.hash, data)

    def mix_key(self, secret: bytes) -> None:
        out = kdf.hkdf_sha256(secret, salt=self.chaining, info=b"", length=64)
        self.chaining, self.key, self.nonce = out[:32], out[32:], 0

    def encrypt(self, plaintext: bytes) -> bytes:
        sealed = aes.gcm_encrypt(self.key, _iv(self.nonce), plaintext, self.hash)
        self.nonce += 1
        self.mix_hash(sealed)
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        plaintext = aes.gcm_decrypt(self.key, _iv(self.nonce), sealed, self.hash)
        self.nonce += 1
        self.mix_hash(sealed)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        out = kdf.hkdf_sha256(b"", salt=self.chaining, info=b"", length=64)
        return out[:32], out[32:]


def _iv(counter: int) -> bytes:
    return bytes(8) + struct.pack(">I", counter)


class Transport:
    """The two ciphers after the handshake; order of calls is order on the wire."""

    def __init__(self, client_key: bytes, server_key: bytes) -> None:
        self._client_key = client_key
        self._server_key = server_key
        self._received = 0
        self._sent = 0

    def decrypt(self, frame: bytes) -> bytes:
        """Open one frame of the client; raises `BadMac`."""
        plaintext = aes.gcm_decrypt(self._client_key, _iv(self._received), frame)
        self._received += 1
        return plaintext

    def encrypt(self, plaintext: bytes) -> bytes:
        """Seal one frame for the client, its length in front."""
        sealed = aes.gcm_encrypt(self._server_key, _iv(self._sent), plaintext)
        self._sent += 1
        return frame(sealed)


@dataclass(frozen=True)
class HandshakeResult:
    """Who the client says it is: its Noise key and its payload."""

    client_static: bytes
    payload: bytes
    transport: Transport
    reply: bytes | None = None


@dataclass(frozen=True)
class _Pending:
    symmetric: Symmetric
    ephemeral: KeyPair


class Responder:
    """Answers one client: XX in two messages, IK in one."""

    def __init__(self, trust: TrustRoot, now: int, faults: ChainFaults | None = None) -> None:
        self._trust = trust
        self._chain = trust.chain(now, faults)
        self._pending: _Pending | None = None

    def receive(self, data: bytes) -> bytes | HandshakeResult:
        """Take a handshake frame; return the reply, or the result of a finished handshake."""
        message = wire.HandshakeMessage()
        try:
            message.ParseFromString(data)
            if self._pending is not None:
                return self._finish(self._pending, message.clientFinish)
            hello = message.clientHello
            return self._resume(hello) if hello.static else self._answer(hello)
        except (BadMac, InvalidKey) as err:
            raise HandshakeRefused(str(err)) from err
        except (ProtobufError, ValueError) as err:
            raise HandshakeRefused("not a handshake message") from err

    def _answer(self, hello: wire.HandshakeMessage.ClientHello) -> bytes:
        if len(hello.ephemeral) != 32:
            raise HandshakeRefused("no client ephemeral")
        ephemeral = KeyPair.from_private(os.urandom(32))
        state = Symmetric(NAME_XX, HEADER)
        state.mix_hash(hello.ephemeral)
        state.mix_hash(ephemeral.public)
        state.mix_key(curve25519.agree(ephemeral.private, hello.ephemeral))
        static = state.encrypt(self._trust.static.public)
        state.mix_key(curve25519.agree(self._trust.static.private, hello.ephemeral))
        reply = wire.HandshakeMessage()
        reply.serverHello.ephemeral = ephemeral.public
        reply.serverHello.static = static
        reply.serverHello.payload = state.encrypt(self._chain)
        self._pending = _Pending(state, ephemeral)
        return frame(reply.SerializeToString())

    @staticmethod
    def _finish(pending: _Pending, finish: wire.HandshakeMessage.ClientFinish) -> HandshakeResult:
        state = pending.symmetric
        static = state.decrypt(finish.static)
        state.mix_key(curve25519.agree(pending.ephemeral.private, static))
        payload = state.decrypt(finish.payload)
        return HandshakeResult(static, payload, Transport(*state.split()))

    def _resume(self, hello: wire.HandshakeMessage.ClientHello) -> HandshakeResult:
        ephemeral = KeyPair.from_private(os.urandom(32))
        state = Symmetric(NAME_IK, HEADER)
        state.mix_hash(self._trust.static.public)
        state.mix_hash(hello.ephemeral)
        state.mix_key(curve25519.agree(self._trust.static.private, hello.ephemeral))
        static = state.decrypt(hello.static)
        state.mix_key(curve25519.agree(self._trust.static.private, static))
        payload = state.decrypt(hello.payload)
        state.mix_hash(ephemeral.public)
        state.mix_key(curve25519.agree(ephemeral.private, hello.ephemeral))
        state.mix_key(curve25519.agree(ephemeral.private, static))
        reply = wire.HandshakeMessage()
        reply.serverHello.ephemeral = ephemeral.public
        reply.serverHello.payload = state.encrypt(self._chain)
        result = HandshakeResult(static, payload, Transport(*state.split()))
        return replace(result, reply=frame(reply.SerializeToString()))


def frame(payload: bytes) -> bytes:
    """Put the three length bytes in front."""
    if len(payload) >= MAX_FRAME:
        raise ValueError("frame too long")
    return len(payload).to_bytes(3, "big") + payload


class FrameReader:
    """Cuts the client's byte stream into frames; the intro comes first, once."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._introduced = False
        self.routing_info: bytes | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each complete frame; raises `HandshakeRefused` for a wrong intro."""
        self._buffer += data
        if not self._introduced and not self._read_intro():
            return
        while len(self._buffer) >= 3:
            end = 3 + int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[3:end])
            del self._buffer[:end]
            yield payload

    def _read_intro(self) -> bool:
        if self._buffer.startswith(ROUTING_HEADER):
            if len(self._buffer) < 7:
                return False
            end = 7 + int.from_bytes(self._buffer[4:7], "big")
            if len(self._buffer) < end:
                return False
            self.routing_info = bytes(self._buffer[7:end])
            del self._buffer[:end]
        if len(self._buffer) < len(HEADER):
            if not HEADER.startswith(bytes(self._buffer)) and not ROUTING_HEADER.startswith(
                bytes(self._buffer)
            ):
                raise HandshakeRefused("wrong intro")
            return False
        if self._buffer.startswith(b"ED") and self.routing_info is None:
            raise HandshakeRefused("wrong intro")
        if not self._buffer.startswith(HEADER):
            raise HandshakeRefused("wrong intro")
        del self._buffer[: len(HEADER)]
        self._introduced = True
        return True
