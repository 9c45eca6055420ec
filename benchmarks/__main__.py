"""`python -m benchmarks`: see README.md beside this file."""

import argparse
import asyncio
from collections.abc import Sequence
import os
from pathlib import Path
import sys

from . import home_assistant, machine
from .measure import FULL, QUICK
from .rows import ROWS
from .run import GROUPS, run
from .table import table

RESULTS = Path(__file__).with_name("RESULTS.md")
FULL_ROUNDS, QUICK_ROUNDS = 7, 2

_INTRODUCTION = """\
# What our client costs, and what Baileys does

Written by `python -m benchmarks`; README.md beside this file says how each row is measured.
Median of {rounds} rounds (least … most), the two clients in turn.
"""
_STORES = """\
End to end, ours is committed to SQLite with `synchronous=FULL`, hence an fsync, before a
message is acknowledged or a ciphertext leaves. Baileys leaves storage to its user; here it
appends to a journal without an fsync, which a killed process survives and a power cut may not.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the results."""
    options = _options(arguments)
    if not machine.supported():
        raise SystemExit("The benchmarks read /proc, so they need Linux.")
    groups = options.only or list(GROUPS)
    if "home" in groups and not home_assistant.is_there():
        _say("leaving Home Assistant out: script/setup ha makes its environment")
        groups = [group for group in groups if group != "home"]
    about = machine.describe()
    if os.getloadavg()[0] > 1:
        _say(f"the machine is busy (load {os.getloadavg()[0]:.1f}): figures will spread")
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else FULL_ROUNDS)
    effort = QUICK if options.quick else FULL
    samples = asyncio.run(run(groups, rounds, effort, _say))
    text = "\n".join(
        (
            _INTRODUCTION.format(rounds=rounds),
            *(f"- {name}: {value}" for name, value in about),
            "",
            table(ROWS, samples),
            _STORES,
        )
    )
    print(text)
    complete = not options.quick and len(groups) == len(GROUPS)
    output = options.output or (RESULTS if complete else None)
    if output is not None:
        output.write_text(text)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="a fast pass, just to see it work")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--only", nargs="+", choices=GROUPS, help="leave the other groups out")
    parser.add_argument("--output", type=Path, help="write there; a full run writes RESULTS.md")
    return parser.parse_args(arguments)


def _say(words: str) -> None:
    print(f"benchmarks: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
