"""Messages from one client to another of the same kind, through the simulator.

Each message goes to three devices: the other's phone, the other's linked device that
is measured, and our own phone.
"""

import asyncio
from contextlib import AsyncExitStack, closing
from pathlib import Path
from statistics import median, quantiles
import time

from tests.simulator.accounts import Account

from .contenders import Contender, Device
from .measure import Effort, Figures, Linked, link
from .processes import cpu_seconds


async def converse(linked: Linked, device: Device, effort: Effort) -> Figures:
    """Measure latency, a burst, and a backlog, between two fresh devices."""
    writer, reader = linked.account(), linked.account()
    folder = linked.folder()
    async with AsyncExitStack() as stack:
        a = stack.enter_context(closing(await link(linked, device, writer, linked.folder())))
        b = stack.enter_context(closing(await link(linked, device, reader, folder)))
        await _introduce(linked, a, b, writer, reader)
        figures = await _latency(a, b, reader, effort.messages)
        await linked.simulator.settled()
        figures |= await _burst(linked, a, b, reader, effort.burst)
        await asyncio.to_thread(b.disconnect)
        figures["backlog"] = await _backlog(linked, a, b, reader, folder, effort.burst)
    return {device.prefix + key: figure for key, figure in figures.items()}


async def _introduce(
    linked: Linked, a: Contender, b: Contender, writer: Account, reader: Account
) -> None:
    """Have everybody answered once, so that what is measured are plain messages."""
    await asyncio.to_thread(a.send, str(reader.lid_jid), ["Hello"])
    await asyncio.to_thread(b.receive, 1)
    await asyncio.to_thread(b.send, str(writer.lid_jid), ["Hello to you"])
    await asyncio.to_thread(a.receive, 1)
    await writer.phone.send_text(reader, "Hello from the phone")
    await reader.phone.send_text(writer, "Hello from the other phone")
    await asyncio.to_thread(a.receive, 1)
    await asyncio.to_thread(b.receive, 1)
    await linked.simulator.settled()


async def _latency(a: Contender, b: Contender, reader: Account, count: int) -> Figures:
    """One message at a time: from the call that sends it to the other's listener."""
    times = []
    for text in _texts("one after another", count):
        began, _ = await asyncio.to_thread(a.send, str(reader.lid_jid), [text])
        (arrived,) = await asyncio.to_thread(b.receive, 1)
        times.append((arrived - began) * 1000)
    return {"latency_p50": median(times), "latency_p95": quantiles(times, n=20)[-1]}


async def _burst(
    linked: Linked, a: Contender, b: Contender, reader: Account, count: int
) -> Figures:
    """As many as it sends when nothing waits for the message before."""
    used_before = [cpu_seconds(each.pid) for each in (a, b)]
    sending = asyncio.to_thread(a.send, str(reader.lid_jid), _texts("burst", count))
    receiving = asyncio.to_thread(b.receive, count)
    (began, ended), arrived = await asyncio.gather(sending, receiving)
    await linked.simulator.settled()
    used = [
        (cpu_seconds(each.pid) - before) * 1000 / count
        for each, before in zip((a, b), used_before, strict=True)
    ]
    return {
        "burst_sent": count / (ended - began),
        "burst_received": count / (arrived[-1] - began),
        "cpu_send": used[0],
        "cpu_receive": used[1],
    }


async def _backlog(
    linked: Linked, a: Contender, b: Contender, reader: Account, folder: Path, count: int
) -> float:
    """From connecting to the last of the messages that waited at the server."""
    await asyncio.to_thread(a.send, str(reader.lid_jid), _texts("while away", count))
    await linked.simulator.settled()
    began = time.monotonic()
    await asyncio.to_thread(b.connect, linked.simulator, folder)
    arrived = await asyncio.to_thread(b.receive, count)
    return count / (arrived[-1] - began)


def _texts(what: str, count: int) -> list[str]:
    return [f"The front door was opened, {what} {index}" for index in range(count)]
