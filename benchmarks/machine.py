"""The machine and the versions that figures belong to; nothing that names its owner."""

import os
from pathlib import Path
import platform
from statistics import median
import subprocess
import sys
import tempfile
import time

from tests.peers.node import find_node

from .alone import ROOT

_WRITES = 20
_GIB = 1 << 20  # in KiB


def describe() -> list[tuple[str, str]]:
    """Give names and values in the order to show them."""
    return [
        ("commit", _commit()),
        ("processor", f"{_first('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores"),
        ("memory", f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / _GIB:.1f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("Node", _answer(find_node(), "--version").removeprefix("v")),
        ("load when it began", f"{os.getloadavg()[0]:.1f}"),
        ("one fsync of 4 kB", f"{_fsync_ms():.2f} ms (median)"),
    ]


def _commit() -> str:
    commit = _answer("git", "rev-parse", "--short", "HEAD")
    changed = _answer("git", "status", "--porcelain", "--", "custom_components")
    return f"{commit} with changes" if changed else commit


def _answer(*command: str) -> str:
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip()


def _first(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _fsync_ms() -> float:
    """Time what the store waits for, where its files are during the benchmarks."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_WRITES):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return median(times)


def supported() -> bool:
    """Whether the kernel tells what processes use in the way that is read here."""
    return sys.platform == "linux"
