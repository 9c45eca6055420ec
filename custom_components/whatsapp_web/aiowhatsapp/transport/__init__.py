"""Adapters to the network: what the client needs of it, and aiohttp's form of that."""

from .base import Connector, MediaAnswer, MediaStream, MediaTransport, Socket
from .media_http import AiohttpMediaTransport
from .websocket import AiohttpConnector

__all__ = [
    "AiohttpConnector",
    "AiohttpMediaTransport",
    "Connector",
    "MediaAnswer",
    "MediaStream",
    "MediaTransport",
    "Socket",
]
