"""The two clients that are compared, each in processes of its own behind the same calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
import os
from pathlib import Path
import sys
import tempfile
from typing import Any, Literal

from tests.peers.node import find_node
from tests.peers.oracle import OracleNode, Script, plain_node
from tests.peers.peer import Endpoint

from .alone import ROOT

type Store = Literal["sqlite", "memory"]

PATIENCE = 120.0
_BAILEYS_SCRIPT = {"bench": "bench_baileys.mjs", "device": "bench_device.mjs"}


class Column(StrEnum):
    """The columns of the table."""

    OURS = "ours"
    BAILEYS = "Baileys"


class Contender(Script):
    """A process of one of the clients; what it can do is what its script can."""

    def __init__(self, column: Column, script: Literal["bench", "device"], **more: Any) -> None:
        """`more` goes with every command that connects."""
        find_node()  # Looks at versions the first time: not while a start is timed.
        ours = column is Column.OURS
        super().__init__(
            _BAILEYS_SCRIPT[script],
            patience=PATIENCE,
            command=[sys.executable, "-m", "benchmarks.worker"] if ours else None,
            environment=_environment(),
        )
        self._more = more

    # --- rates, over `seconds` each

    def rates(self, name: str, **arguments: Any) -> Mapping[str, Any]:
        """Run one of the measurements that need no server."""
        return self.call(name, **arguments)

    def codec(self, node: OracleNode, seconds: float) -> Mapping[str, Any]:
        """Give the `encode` and `decode` rates of a node."""
        return self.call("codec", node=plain_node(node), seconds=seconds)

    # --- one end of a conversation

    def link(self, server: Endpoint, folder: Path) -> str:
        """Give the QR code of a new device, which connects once it is scanned."""
        return str(self.call("link", **self._where(server, folder))["qr"])

    def connect(self, server: Endpoint, folder: Path) -> None:
        """Begin to connect with the credentials in `folder`."""
        self.call("connect", **self._where(server, folder))

    def opened(self) -> float:
        """Wait until the connection is open; give when it was."""
        return float(self.call("opened")["at"])

    def disconnect(self) -> None:
        """Disconnect; process and credentials stay."""
        self.call("disconnect")

    def send(self, to: str, texts: Sequence[str]) -> tuple[float, float]:
        """Send texts without a pause; give when that began and ended."""
        times = self.call("send", to=to, texts=list(texts))
        return times["began"], times["ended"]

    def receive(self, count: int) -> list[float]:
        """Wait for `count` texts; give when each arrived."""
        return list(self.call("receive", count=count)["at"])

    def _where(self, server: Endpoint, folder: Path) -> dict[str, Any]:
        where = {"url": server.url, "noise_root": server.root_key.hex(), "auth_dir": str(folder)}
        return where | self._more


type StartDevice = Callable[[], Contender]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A way to run one end of a conversation; `prefix` names its rows."""

    column: Column
    prefix: str = ""
    store: Store | None = None

    def start(self) -> Contender:
        """Start the process."""
        more = {} if self.store is None else {"store": self.store}
        return Contender(self.column, "device", **more)


OURS = Device(column=Column.OURS, store="sqlite")
BAILEYS = Device(column=Column.BAILEYS)
OURS_IN_MEMORY = Device(column=Column.OURS, prefix="memory_", store="memory")
BOTH = (OURS, BAILEYS)


@cache
def _byte_code() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="benchmarks-")


def _environment() -> dict[str, str]:
    """Have Python keep its byte code, as an installation does, whatever is set around us."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": _byte_code().name, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
