"""Our client with much to say, as a process that is killed again and again.

It hands all messages of `queue.json` over, each under an id that follows from its text,
and writes down what was taken. Nothing else is done for them: what was taken once is the
outbox's to send, in this process or in those that follow.
"""

import asyncio
import json
import os
from pathlib import Path
import sys

import aiohttp

from custom_components.whatsapp_web.aiowhatsapp import Jid, PacingLimits, Text

from .crash_client import FLAGS, SETTINGS, main, make_client

QUEUE = "queue.json"
TAKEN = "taken.log"


def message_id(number: int) -> str:
    """Give the id under which a message is handed over, however often."""
    return f"3EB0{number:018X}"


async def live(folder: Path) -> None:
    """Hand over what was not taken yet, and send until somebody ends it."""
    settings = json.loads((folder / SETTINGS).read_text())
    queue: list[tuple[str, str]] = json.loads((folder / QUEUE).read_text())
    taken = os.open(folder / TAKEN, FLAGS, 0o600)
    done = set((folder / TAKEN).read_text().splitlines())
    async with aiohttp.ClientSession() as http:
        client = make_client(folder, settings, http, pacing=PacingLimits(per_minute=None))
        await client.start()
        for number, (chat, text) in enumerate(queue):
            if text not in done:
                await client.send(Jid.parse(chat), Text(text=text), message_id=message_id(number))
                os.write(taken, f"{text}\n".encode())
        await asyncio.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), live)
