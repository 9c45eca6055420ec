"""Run the simulator by itself: `python -m tests.simulator --port P --phone-port Q`."""

import argparse
import asyncio
import contextlib
from pathlib import Path
import signal

from .phone_page import PhonePage
from .server import Simulator

ACCOUNTS = ("15550001111:You", "15550002222:Ann")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the server's port, 0 for any")
    parser.add_argument("--phone-port", type=int, default=0, help="the phone page's port")
    parser.add_argument(
        "--server-file", type=Path, help="write the file for WHATSAPP_WEB_SERVER here when ready"
    )
    parser.add_argument(
        "--account",
        action="append",
        metavar="NUMBER:NAME",
        help="an account with a phone; may be given more than once",
    )
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with Simulator(port=arguments.port) as sim:
        for account in arguments.account or ACCOUNTS:
            digits, _, name = account.partition(":")
            sim.add_account(digits, name or None)
        page = PhonePage(sim, port=arguments.phone_port)
        await page.start()
        try:
            print(f"server  {sim.url}", f"phone   {page.url}", sep="\n", flush=True)
            if arguments.server_file is not None:
                await asyncio.to_thread(_write, arguments.server_file, sim.settings_json())
            await stopping.wait()
        finally:
            await page.stop()
        for violation in sim.ledger.violations:
            print(f"violation: {violation}", flush=True)


def _write(path: Path, text: str) -> None:
    """Write a file that whoever waits for it never sees half done."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_arguments()))
