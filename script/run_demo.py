"""Run Home Assistant and the simulator side by side until Ctrl+C (see script/demo)."""

import argparse
import asyncio
import contextlib
import os
from pathlib import Path
import shutil
import signal
import socket
import sys

from tests.browser.home_assistant import HomeAssistant, free_port

ROOT = Path(__file__).parents[1]
# Made anew at each start: the simulator forgets its accounts when it stops.
FOLDER = ROOT / ".demo"
SERVER_FILE = FOLDER / "server.json"
USER = PASSWORD = "demo"  # noqa: S105  Reachable from this machine only.

READY = """
  Home Assistant   {home_assistant}     user: {user}   password: {password}
  The phone        {phone}

In Home Assistant: Settings, Devices & services, Add integration, "WhatsApp Web".
Logs: {folder}. Ctrl+C stops everything.
"""


def port_or_free(port: int) -> int:
    """Return the port if nobody listens on it, or else one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return free_port()
    return port


async def start_simulator(phone_port: int) -> asyncio.subprocess.Process:
    """Start the simulator; it is ready when it has written its server file."""
    with (FOLDER / "simulator.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.simulator", "--port", str(free_port())),
            *("--phone-port", str(phone_port), "--server-file", str(SERVER_FILE)),
            cwd=ROOT,
            stdout=log,
            stderr=log,
            # Ctrl+C reaches this process alone, which stops the others in order.
            start_new_session=True,
        )


async def simulator_ready(simulator: asyncio.subprocess.Process) -> None:
    """Return when the simulator listens; SystemExit with its log when it ends instead."""
    while not SERVER_FILE.exists():
        if simulator.returncode is not None:
            raise SystemExit("The simulator ended:\n" + (FOLDER / "simulator.log").read_text())
        await asyncio.sleep(0.05)


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end and wait until it has."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


async def run(port: int, phone_port: int) -> None:
    """Start both, say where they are, and stop both when told to."""
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)

    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    print("Starting Home Assistant and the simulator ...", flush=True)
    simulator = await start_simulator(phone_port)
    environment = {"WHATSAPP_WEB_SERVER": str(SERVER_FILE)}
    try:
        await simulator_ready(simulator)
        async with HomeAssistant(FOLDER / "config", port=port, environment=environment) as ha:
            await ha.onboard(USER, PASSWORD)
            words = {"user": USER, "password": PASSWORD, "folder": FOLDER.relative_to(Path.cwd())}
            phone = f"http://127.0.0.1:{phone_port}"
            print(READY.format(home_assistant=ha.url, phone=phone, **words), flush=True)
            ends = (simulator.wait(), ha.ended(), told_to_stop.wait())
            first = [asyncio.create_task(end) for end in ends]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            print("Stopping ...", flush=True)
            await ha.stop()
            for task in first:
                task.cancel()
    finally:
        await stop(simulator)
    if not told_to_stop.is_set():
        raise SystemExit(f"Home Assistant or the simulator ended by itself: see {FOLDER}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="script/demo")
    parser.add_argument("--port", type=int, default=8123, help="Home Assistant's port")
    parser.add_argument("--phone-port", type=int, default=8124, help="the phone page's port")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    asyncio.run(run(port_or_free(arguments.port), port_or_free(arguments.phone_port)))


if __name__ == "__main__":
    main()
