"""What a process uses, as the kernel counts it (Linux)."""

from dataclasses import dataclass
import os
from pathlib import Path

_KIB = 1024
_TICKS = os.sysconf("SC_CLK_TCK")
# In /proc/<pid>/stat, counted behind the command's closing parenthesis.
_USER_TIME, _SYSTEM_TIME = 11, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes: `rss` is all that is resident, `uss` what no other process shares."""

    rss: float
    uss: float


def memory_of(pid: int) -> Memory:
    """Read what a process holds in memory now."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, amount = line.split()[:2]
        fields[name.rstrip(":")] = int(amount) * _KIB
    return Memory(rss=fields["Rss"], uss=fields["Private_Clean"] + fields["Private_Dirty"])


def cpu_seconds(pid: int) -> float:
    """Read the processor time that a process has used, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])) / _TICKS
