"""The Noise XX handshake, the server's certificate, frames and transport ciphers."""

from .cipher import TransportCipher
from .framing import FrameBuffer, frame, intro
from .handshake import ClientHelloSent, ServerHelloReceived, TransportKeys, client_hello

__all__ = [
    "ClientHelloSent",
    "FrameBuffer",
    "ServerHelloReceived",
    "TransportCipher",
    "TransportKeys",
    "client_hello",
    "frame",
    "intro",
]
