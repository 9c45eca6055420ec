"""Our client as a process that is killed again and again: `python -m ... FOLDER`.

The process that is started only imports everything; for each line that it reads it begins
a client in a process of its own, whose number it prints. So a start costs no imports, and
what is killed is no thread or task but a whole process, with whatever it was about to do.

Every message is written down in the very call that tells of it, every one is answered
under an id that follows from its own, and what the server confirmed is written down, too.
Appending is one system call: it survives the process that made it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
import hashlib
import json
import os
from pathlib import Path
import signal
import sys
from typing import Any

import aiohttp

from custom_components.whatsapp_web.aiowhatsapp import (
    AiohttpConnector,
    Client,
    Credentials,
    Jid,
    MessageReceived,
    ServerSettings,
    SystemClock,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.store import SqliteBackend, Store

SETTINGS = "settings.json"
RECEIVED = "received.log"
ANSWERED = "answered.log"
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND
PAUSE = 0.05


def main(folder: Path, live: Callable[[Path], Coroutine[Any, Any, None]]) -> None:
    """Begin a client for each line of the input."""
    child = 0
    for _ in sys.stdin:
        if child:
            os.waitpid(child, 0)
        child = os.fork()
        if not child:
            try:
                asyncio.run(live(folder))
            finally:
                os._exit(1)
        print(child, flush=True)
    if child:
        os.kill(child, signal.SIGKILL)


async def live(folder: Path) -> None:
    """Run a client until somebody ends it."""
    settings = json.loads((folder / SETTINGS).read_text())
    received, answered = (os.open(folder / name, FLAGS, 0o600) for name in (RECEIVED, ANSWERED))
    questions: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()
    # What came, but was not answered before the end, is answered now.
    done = set((folder / ANSWERED).read_text().splitlines())
    for line in (folder / RECEIVED).read_text().splitlines():
        chat, message_id, text = line.split(" ", 2)
        if text not in done:
            questions.put_nowait((chat, message_id, text))

    def on_message(event: MessageReceived) -> None:
        message = event.message
        event.take()
        os.write(received, f"{message.chat} {message.id} {message.text}\n".encode())
        questions.put_nowait((str(message.chat), message.id, message.text or ""))

    async with aiohttp.ClientSession() as http:
        client = make_client(folder, settings, http)
        client.subscribe(MessageReceived, on_message)
        await client.start()
        while True:
            chat, message_id, text = await questions.get()
            await _answer(client, Jid.parse(chat), message_id, f"re: {text}")
            os.write(answered, f"{text}\n".encode())


def make_client(
    folder: Path, settings: dict[str, Any], http: aiohttp.ClientSession, **more: Any
) -> Client:
    """Put a client together over what is stored."""
    threads = ThreadPoolExecutor(2)

    async def run_blocking[T](job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, job)

    backend = SqliteBackend(
        str(folder / "ours.db"), key=bytes(32), random_bytes=os.urandom, run_blocking=run_blocking
    )
    return Client(
        credentials=Credentials.from_dict(settings["credentials"]),
        store=Store(backend),
        connector=AiohttpConnector(http),
        server=ServerSettings(url=settings["url"], root_key=bytes.fromhex(settings["root_key"])),
        clock=SystemClock(),
        random_bytes=os.urandom,
        run_blocking=run_blocking,
        **more,
    )


async def _answer(client: Client, chat: Jid, asked_by: str, text: str) -> None:
    """Send until the server has confirmed, under one id whatever happens in between."""
    message_id = "3EB0" + hashlib.sha256(asked_by.encode()).hexdigest()[:18].upper()
    while True:
        try:
            await client.send_text(chat, text, message_id=message_id)
        except WhatsAppError:
            await asyncio.sleep(PAUSE)
        else:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), live)
