"""The commands of the worker: JSON lines in, one answer for each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import os
import sys
from typing import Any

from tests.peers.jsonlines import dump_line, load_line

from . import worker_rates as rates
from .worker_device import Device

type Command = Callable[..., Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


def serve(load: Mapping[str, float]) -> None:
    """Answer the commands that come on standard input, until it ends."""
    asyncio.run(_serve(load))


async def _serve(load: Mapping[str, float]) -> None:
    commands = _commands(load)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _write({"event": "ready", "pid": os.getpid()})
    async for line in reader:
        request = load_line(line)
        number, command = request.pop("id"), request.pop("command")
        try:
            result = commands[command](**request)
            if not isinstance(result, Mapping):
                result = await result
        except Exception as err:
            _write({"id": number, "ok": False, "error": f"{type(err).__name__}: {err}"})
            raise
        _write({"id": number, "ok": True, "result": dict(result)})


def _write(message: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(dump_line(message))
    sys.stdout.buffer.flush()


def _commands(load: Mapping[str, float]) -> dict[str, Command]:
    device = Device()
    return {
        "load": lambda: load,
        "codec": rates.codec,
        "signal_chain": rates.signal_chain,
        "signal_ping_pong": rates.signal_ping_pong,
        "session_setup": rates.session_setup,
        "sender_key": rates.sender_key,
        "curve": rates.curve,
        "link": device.link,
        "connect": device.connect,
        "opened": device.opened,
        "disconnect": device.disconnect,
        "send": device.send,
        "receive": device.receive,
    }
