"""Media files through aiohttp."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Final

import aiohttp
from yarl import URL

from ..errors import TransportError
from .base import MediaAnswer, MediaStream, MediaTransport

CONNECT_TIMEOUT: Final = 20.0
# A host that says nothing for so long is gone.
SILENCE_TIMEOUT: Final = 30.0
CHUNK: Final = 128 << 10
# Answers to uploads are a few hundred bytes of JSON.
MAX_ANSWER: Final = 64 << 10

_HEADERS: Final = {
    "Origin": "https://web.whatsapp.com",
    "Referer": "https://web.whatsapp.com/",
    # What is compressed would be hashed after it was unpacked.
    "Accept-Encoding": "identity",
}


class AiohttpMediaTransport(MediaTransport):
    """Uses a session that somebody else owns, and its TLS unless told otherwise."""

    def __init__(
        self, session: aiohttp.ClientSession, *, ssl_context: SSLContext | None = None
    ) -> None:
        self._session = session
        self._tls: SSLContext | bool = True if ssl_context is None else ssl_context

    async def post(
        self, url: str, body: AsyncIterable[bytes], *, length: int, timeout: float
    ) -> MediaAnswer:
        """Upload `length` bytes, and read the answer."""
        headers = {
            **_HEADERS,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(length),
        }
        try:
            async with self._session.post(
                _https(url),
                data=body if length else None,
                headers=headers,
                ssl=self._tls,
                allow_redirects=False,
                timeout=_limits(timeout),
            ) as response:
                return MediaAnswer(response.status, await _beginning(response))
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError, ValueError) as err:
            raise TransportError(f"An upload failed: {type(err).__name__}") from err

    @asynccontextmanager
    async def get(self, url: str, *, timeout: float) -> AsyncIterator[MediaStream]:
        """Open a download; its body is read piece by piece."""
        try:
            response = await self._session.get(
                _https(url),
                headers=_HEADERS,
                ssl=self._tls,
                allow_redirects=False,
                timeout=_limits(timeout),
            )
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError, ValueError) as err:
            raise TransportError(f"A download failed: {type(err).__name__}") from err
        try:
            yield MediaStream(response.status, response.content_length, _chunks(response))
        finally:
            # Not given back to the pool: what is left of the body is of no use.
            response.close()


def _https(url: str) -> URL:
    """Read a URL as it is, with its escapes; raise `ValueError` unless it is `https:`."""
    parsed = URL(url, encoded=True)
    if parsed.scheme != "https":
        raise ValueError("not https")
    return parsed


def _limits(timeout: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=timeout, sock_connect=CONNECT_TIMEOUT, sock_read=SILENCE_TIMEOUT
    )


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER:
            break
    return bytes(body[:MAX_ANSWER])


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(CHUNK):
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        raise TransportError(f"A download broke off: {type(err).__name__}") from err
