"""`python -m benchmarks.crashes`: our client is killed a thousand times under traffic."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
import tempfile

from tests.conversation.crashes import Outcome, crash
from tests.peers.peer import Peer
from tests.simulator import Simulator

from . import machine

RESULTS = Path(__file__).with_name("CRASHES.md")
KILLS = 1000
SEED = 20261124

_INTRODUCTION = """\
# Killed a thousand times

Written by `python -m benchmarks.crashes`. A process with our client is killed with `kill -9` at
random points, some of them while it starts, while a peer with Baileys writes to it and is answered.
What the client tells is written down by its listener in the same call. Each answer keeps its id
until the server has confirmed it, over any number of kills. The server is `tests/simulator`, which
opens every envelope far enough to know each message key that was used.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print, and write the result; fail if anything was lost, doubled or used twice."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, help=f"{KILLS} kills write {RESULTS.name}")
    options = parser.parse_args(arguments)
    about = [("seed", str(options.seed)), *machine.describe()]
    outcome = asyncio.run(_run(options.kills, options.seed))
    rows = "\n".join(f"| {name} | {value} |" for name, value in outcome.rows())
    told = "\n".join(f"- {name}: {value}" for name, value in about)
    text = f"{_INTRODUCTION}\n{told}\n\n| what | how many |\n|---|---|\n{rows}\n"
    print(text)
    output = options.output or (RESULTS if options.kills >= KILLS else None)
    if output is not None:
        output.write_text(text)
    if not outcome.good:
        raise SystemExit(f"{outcome}")


async def _run(kills: int, seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "ours")
        folder.mkdir()
        async with Simulator() as simulator:
            ours = simulator.add_account("15550001111", "Home")
            theirs = simulator.add_account("15550002222", "Ann")
            async with Peer("baileys", simulator, Path(root, "peer")) as peer:
                await theirs.phone.scan(await peer.wait_qr())
                await peer.wait_open()
                return await crash(simulator, ours, peer, folder, kills=kills, seed=seed)


if __name__ == "__main__":
    main()
