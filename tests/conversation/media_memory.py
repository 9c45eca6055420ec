"""Sends a large file and fetches it again, and tells what memory that took.

A process of its own: whatever else a test holds would hide what is asked for here.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
import gc
import hashlib
import json
import os
from pathlib import Path
import random
import ssl
import sys
import tracemalloc

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[2]))

from custom_components.whatsapp_web.aiowhatsapp import (
    AiohttpConnector,
    AiohttpMediaTransport,
    Client,
    Credentials,
    Media,
    MediaSettings,
    MessageKind,
    Pairing,
    ServerSettings,
    SystemClock,
)
from custom_components.whatsapp_web.aiowhatsapp.client.file_jobs import FileSink
from custom_components.whatsapp_web.aiowhatsapp.client.pairing import PairingEvent, QrCode
from custom_components.whatsapp_web.aiowhatsapp.media.kinds import MediaKind
from custom_components.whatsapp_web.aiowhatsapp.media.reference import FileReference
from custom_components.whatsapp_web.aiowhatsapp.store import MemoryBackend, RunBlocking, Store

SIZE = 64 << 20
PIECE = 1 << 20


def make_file(path: Path) -> None:
    randomness = random.Random(64)
    with path.open("wb") as file:
        for _ in range(SIZE // PIECE):
            file.write(randomness.randbytes(PIECE))


async def main(settings: dict[str, str]) -> None:
    folder = Path(settings["folder"])
    threads = ThreadPoolExecutor(2)

    async def run_blocking[T](job: Callable[[], T], /) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, job)

    saved: list[Credentials] = []

    async def save(credentials: Credentials) -> None:
        saved.append(credentials)

    def on_event(event: PairingEvent) -> None:
        if isinstance(event, QrCode):
            print(json.dumps({"qr": event.text}), flush=True)

    server = ServerSettings(url=settings["url"], root_key=bytes.fromhex(settings["root_key"]))
    tls = ssl.create_default_context(cafile=settings["ca_file"])
    path, target = folder / "large", folder / "fetched"
    make_file(path)
    async with aiohttp.ClientSession() as http:
        pairing = Pairing(
            connector=AiohttpConnector(http),
            server=server,
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=run_blocking,
            save=save,
        )
        await pairing.run(on_event)
        client = Client(
            credentials=saved[-1],
            store=Store(MemoryBackend()),
            connector=AiohttpConnector(http),
            server=server,
            clock=SystemClock(),
            random_bytes=os.urandom,
            run_blocking=run_blocking,
            media=MediaSettings(
                http=AiohttpMediaTransport(http, ssl_context=tls), folder=folder / "spool"
            ),
            fresh=True,
        )
        await client.start()
        await client.wait_connected(30)
        told = await measure(client, path, target, run_blocking)
        await client.stop()
    threads.shutdown()
    print(json.dumps(told), flush=True)


async def measure(
    client: Client,
    path: Path,
    target: Path,
    run_blocking: RunBlocking,
) -> dict[str, int | str]:
    """Send, fetch, and give the most memory that each took beyond what was there before."""
    media = client.media
    gc.collect()
    tracemalloc.start()
    before = _peak()
    message, attachment = await media.prepare(Media(kind=MessageKind.DOCUMENT, path=path))
    resolved = await media.resolve(message, attachment)
    up = _peak() - before
    part = resolved.documentMessage
    reference = FileReference(
        kind=MediaKind.DOCUMENT,
        media_key=part.mediaKey,
        digest=part.fileSha256,
        encrypted_digest=part.fileEncSha256,
        length=part.fileLength,
        direct_path=part.directPath,
    )
    gc.collect()
    before = _peak()
    sink = FileSink(run_blocking, target, "token")
    await media.transfer.download(reference, sink, limit=SIZE)
    down = _peak() - before
    tracemalloc.stop()
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"up": up, "down": down, "digest": digest}


def _peak() -> int:
    """Give the most memory since the last call, and begin to watch anew."""
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    return peak


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
