"""Sockets as aiohttp WebSocket connections."""

import asyncio
from contextlib import suppress
from ssl import SSLContext
from typing import Final

import aiohttp

from ..errors import TransportError, UpgradeRefused, WrongClock
from .base import Connector, Socket

CONNECT_TIMEOUT: Final = 20.0
# How long to wait for the peer's half of a close.
CLOSE_TIMEOUT: Final = 2.0
# The largest frame has 16 MiB, and one message may hold more than one frame.
MAX_MESSAGE: Final = 32 << 20

_ORIGIN: Final = "https://web.whatsapp.com"
# What OpenSSL calls X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_OUT_OF_DATE: Final = (9, 10)
_HEADERS: Final = {"Cache-Control": "no-cache", "Pragma": "no-cache"}


class AiohttpConnector(Connector):
    """Opens WebSocket connections with a session that somebody else owns."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        ssl_context: SSLContext | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        """Use `session`, which is never closed here, and its TLS unless told otherwise."""
        self._session = session
        self._tls: SSLContext | bool = True if ssl_context is None else ssl_context
        self._connect_timeout = connect_timeout

    async def connect(self, url: str) -> Socket:
        """Open a connection; raise `TransportError` when that fails or takes too long."""
        try:
            async with asyncio.timeout(self._connect_timeout):
                websocket = await self._session.ws_connect(
                    url,
                    origin=_ORIGIN,
                    headers=_HEADERS,
                    max_msg_size=MAX_MESSAGE,
                    ssl=self._tls,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                )
        except TimeoutError as err:
            raise TransportError("The server did not answer in time") from err
        except aiohttp.WSServerHandshakeError as err:
            raise UpgradeRefused(err.status) from err
        except aiohttp.ClientConnectorCertificateError as err:
            code = getattr(err.certificate_error, "verify_code", None)
            kind = WrongClock if code in _OUT_OF_DATE else TransportError
            raise kind(f"The server's certificate does not verify: {err}") from err
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as err:
            # RuntimeError: the session is closed. ValueError: the URL is none.
            raise TransportError(f"Connecting failed: {err}") from err
        return _WebSocket(websocket)


class _WebSocket(Socket):
    """One aiohttp WebSocket connection."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket

    async def send(self, data: bytes) -> None:
        try:
            await self._websocket.send_bytes(data)
        except (aiohttp.ClientError, OSError) as err:
            raise TransportError(f"Sending failed: {err}") from err

    async def receive(self) -> bytes | None:
        while True:
            message = await self._websocket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            if message.type is aiohttp.WSMsgType.ERROR:
                raise TransportError(f"Receiving failed: {message.data}")
            if message.type is not aiohttp.WSMsgType.TEXT:
                return None

    async def close(self) -> None:
        # A peer that goes on talking would hold aiohttp's own close for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._websocket.close()
