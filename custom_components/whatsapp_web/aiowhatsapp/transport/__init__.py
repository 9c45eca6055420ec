"""Adapters to the network: what the client needs of a socket, and aiohttp's form of it."""

from .base import Connector, Socket
from .websocket import AiohttpConnector

__all__ = ["AiohttpConnector", "Connector", "Socket"]
