"""Bringing encrypted files to the media hosts, and fetching them from there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Final, Protocol

from ..errors import (
    MediaExpired,
    MediaIntegrityError,
    MediaRefused,
    MediaTooLarge,
    TransportError,
    WhatsAppError,
)
from ..iq.media_conn import MediaConn
from ..media.addresses import check_direct_path, download_url, own_host_of, upload_url
from ..media.cipher import encrypted_length
from ..media.kinds import MAX_FILE, MediaKind
from ..media.reference import FileReference
from ..transport.base import MediaAnswer, MediaStream, MediaTransport
from .context import Context
from .file_jobs import SLICE, FileBody
from .media_hosts import MediaHosts

# The slowest line that is still waited for, and what every transfer gets besides.
SLOWEST: Final = 16 << 10
EXTRA_TIME: Final = 60.0
# Below this, what was broken off is sent from its beginning.
RESUME_FROM: Final = 1 << 20
# How often all hosts are gone through, with this many seconds before the second time.
ROUNDS: Final = 3
PAUSE: Final = 1.0

_GONE: Final = (401, 403, 404, 410)
_MAX_URL: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """Where an uploaded file lies."""

    url: str = field(repr=False)
    direct_path: str = field(repr=False)


class Sink(Protocol):
    """Takes a file as it comes in, and checks it."""

    async def begin(self, reference: FileReference) -> None:
        """Begin, or begin anew."""

    async def write(self, data: bytes) -> None:
        """Take the next piece as it came."""

    async def finish(self, reference: FileReference) -> None:
        """Check the whole; raise `MediaIntegrityError`."""

    async def discard(self) -> None:
        """Remove what was not finished."""


@dataclass(slots=True)
class _File:
    """An encrypted file on its way out."""

    path: Path
    kind: MediaKind
    digest: bytes
    length: int


class MediaTransfer:
    """Moves files, from one host to the next until one does."""

    def __init__(self, context: Context, transport: MediaTransport, hosts: MediaHosts) -> None:
        """Share the client's context."""
        self._context = context
        self._transport = transport
        self._hosts = hosts

    # --- up

    async def upload(self, path: Path, kind: MediaKind, *, digest: bytes, length: int) -> Uploaded:
        """Upload an encrypted file with that SHA-256 and length.

        Raises `ConnectionFailed` (later it may work), `MediaRefused`, `MediaTooLarge` or
        `MediaFileError`.
        """
        file = _File(path, kind, digest, length)
        conn = await self._hosts.get()
        try:
            return await self._upload(file, conn)
        except MediaRefused as err:
            if err.status not in (401, 403):
                raise
        # The ticket ran out before its time.
        return await self._upload(file, await self._hosts.get(instead_of=conn))

    async def _upload(self, file: _File, conn: MediaConn) -> Uploaded:
        error: WhatsAppError = TransportError("No media host took the file")
        begun: set[str] = set()
        for number in range(ROUNDS):
            await self._pause_before(number)
            for host in conn.hosts:
                try:
                    return await self._upload_to(host, conn.auth, file, resume=host in begun)
                except TransportError as err:
                    error = err
                    begun.add(host)
        raise error

    async def _upload_to(self, host: str, auth: str, file: _File, *, resume: bool) -> Uploaded:
        offset = 0
        if resume and file.length >= RESUME_FROM:
            found = await self._find_rest(host, auth, file)
            if isinstance(found, Uploaded):
                return found
            offset = found
        url = upload_url(host, file.kind, file.digest, auth=auth, offset=offset)
        rest = file.length - offset
        body = FileBody(self._context.run_blocking, file.path, offset=offset)
        try:
            answer = await self._transport.post(url, body, length=rest, timeout=_time_for(rest))
        except TransportError:
            if body.error is not None:
                raise body.error from None
            raise
        finally:
            await body.close()
        return _read_answer(answer, file)

    async def _pause_before(self, number: int) -> None:
        if number:
            await self._context.clock.sleep(PAUSE * 2 ** (number - 1))

    async def _find_rest(self, host: str, auth: str, file: _File) -> Uploaded | int:
        """Ask a host how much it has of a file."""
        url = upload_url(host, file.kind, file.digest, auth=auth, resume=True)
        answer = await self._transport.post(url, _nothing(), length=0, timeout=EXTRA_TIME)
        if answer.status != 200:
            return 0
        found = _json(answer.body)
        if found.get("resume") == "complete":
            return _location(found) or 0
        try:
            offset = int(str(found.get("resume")))
        except ValueError:
            return 0
        return offset if 0 < offset < file.length else 0

    # --- down

    async def download(self, reference: FileReference, sink: Sink, *, limit: int) -> None:
        """Fetch a file into a sink, which ends finished or discarded.

        Raises `MediaExpired`, `MediaIntegrityError`, `MediaTooLarge`, `MediaRefused`,
        `MediaFileError` or `ConnectionFailed`.
        """
        if reference.length is not None and reference.length > limit:
            raise MediaTooLarge(reference.length, limit)
        try:
            await self._download(reference, sink, limit)
        except BaseException:
            await sink.discard()
            raise

    async def _download(self, reference: FileReference, sink: Sink, limit: int) -> None:
        error: WhatsAppError = TransportError("No media host has the file")
        sources = await self._sources(reference)
        for number in range(ROUNDS):
            await self._pause_before(number)
            for source in tuple(sources):
                host, path = source
                url = download_url(host, path, reference.kind, reference.encrypted_digest)
                try:
                    return await self._download_from(url, reference, sink, limit)
                except TransportError as err:
                    error = err
                except MediaIntegrityError as err:
                    # The copy of another host may be whole; this one stays what it is.
                    error = err
                    sources.remove(source)
        raise error

    async def _sources(self, reference: FileReference) -> list[tuple[str, str]]:
        """Say where to look: hosts and paths."""
        if reference.direct_path:
            path = check_direct_path(reference.direct_path)
            return [(host, path) for host in (await self._hosts.get()).hosts]
        source = own_host_of(reference.url)
        if source is None:
            raise MediaIntegrityError("A message says nothing of where its file is")
        return [source]

    async def _download_from(
        self, url: str, reference: FileReference, sink: Sink, limit: int
    ) -> None:
        longest = encrypted_length(limit if reference.length is None else reference.length)
        async with self._transport.get(url, timeout=_time_for(longest)) as stream:
            _check_answer(stream, reference, limit, longest)
            await sink.begin(reference)
            taken = 0
            async for piece in _in_slices(stream.chunks):
                taken += len(piece)
                if taken > longest:
                    raise _too_long(reference, limit, None)
                await sink.write(piece)
        await sink.finish(reference)


def _check_answer(stream: MediaStream, reference: FileReference, limit: int, longest: int) -> None:
    """Raise unless a file comes, of a length that may be right."""
    if stream.status in _GONE:
        raise MediaExpired("The media hosts no longer have the file")
    if stream.status == 429 or stream.status >= 500:
        raise TransportError(f"A media host answered with HTTP status {stream.status}")
    if stream.status != 200:
        raise MediaRefused(stream.status)
    if stream.length is not None and stream.length > longest:
        raise _too_long(reference, limit, stream.length)


def _too_long(reference: FileReference, limit: int, size: int | None) -> WhatsAppError:
    if reference.length is None:
        return MediaTooLarge(size, limit)
    return MediaIntegrityError("A file is longer than its sender named")


async def _in_slices(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join pieces to what is worth a job of its own."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        if len(waiting) >= SLICE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _read_answer(answer: MediaAnswer, file: _File) -> Uploaded:
    """Read where the file is now; raise what its refusal means."""
    if answer.status == 200:
        location = _location(_json(answer.body))
        if location is None:
            raise TransportError("A media host answered without a path")
        return location
    if answer.status == 413:
        raise MediaTooLarge(file.length, MAX_FILE)
    if answer.status == 429 or answer.status >= 500:
        raise TransportError(f"A media host answered with HTTP status {answer.status}")
    raise MediaRefused(answer.status)


def _location(answer: dict[str, object]) -> Uploaded | None:
    url, path = answer.get("url"), answer.get("direct_path")
    if not isinstance(url, str) or not isinstance(path, str) or len(url) > _MAX_URL:
        return None
    try:
        return Uploaded(url=url, direct_path=check_direct_path(path))
    except MediaIntegrityError:
        return None


def _json(body: bytes) -> dict[str, object]:
    try:
        answer: object = json.loads(body)
    except ValueError, RecursionError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _time_for(length: int) -> float:
    return EXTRA_TIME + length / SLOWEST


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield
