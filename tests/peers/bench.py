"""What Baileys costs, for the benchmarks: figures it measures in a process of its own.

Rates are per second, `ms` counts from the start of the process, `rss` is in bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .oracle import OracleNode, Script, plain_node
from .peer import Endpoint

# A bench of several parts runs each for `seconds`, and a tenth of that to warm up.
PATIENCE = 120.0


class BaileysBench(Script):
    """One process; `qr` and `open` need a fresh one each."""

    def __init__(self) -> None:
        super().__init__("bench_baileys.mjs", patience=PATIENCE)

    def load(self) -> Mapping[str, float]:
        """Give `ms`, `rss_before`, `rss_after` of importing the library."""
        return self.call("load")

    def codec(self, node: OracleNode, *, seconds: float = 1) -> Mapping[str, float]:
        """Give `bytes` of the frame, `encode` and `decode` rates."""
        return self.call("codec", node=plain_node(node), seconds=seconds)

    def signal_chain(self, *, size: int = 64, seconds: float = 1) -> Mapping[str, float]:
        """Give `encrypt` and `decrypt` rates within one chain."""
        return self.call("signal_chain", size=size, seconds=seconds)

    def signal_ping_pong(self, *, size: int = 64, seconds: float = 1) -> Mapping[str, float]:
        """Give `round_trips`: a message each way, a ratchet step each."""
        return self.call("signal_ping_pong", size=size, seconds=seconds)

    def session_setup(self, *, seconds: float = 1) -> Mapping[str, float]:
        """Give `setups`: outgoing sessions from a bundle."""
        return self.call("session_setup", seconds=seconds)

    def sender_key(self, *, size: int = 64, seconds: float = 1) -> Mapping[str, float]:
        """Give `encrypt` and `decrypt` rates."""
        return self.call("sender_key", size=size, seconds=seconds)

    def curve(self, *, seconds: float = 1) -> Mapping[str, float]:
        """Give `sign`, `verify` and `agree` rates."""
        return self.call("curve", seconds=seconds)

    def qr(self, server: Endpoint) -> Mapping[str, float]:
        """Give `ms` until the QR code of a new installation, and `rss`."""
        return self.call("qr", **_where(server))

    def open(self, server: Endpoint, folder: Path) -> Mapping[str, float]:
        """Give `ms` until open with the credentials that a peer left in `folder`, and `rss`."""
        return self.call("open", **_where(server), auth_dir=str(folder))

    def memory(self) -> Mapping[str, float]:
        """Give `rss`."""
        return self.call("memory")


def _where(server: Endpoint) -> dict[str, Any]:
    return {"url": server.url, "noise_root": server.root_key.hex()}
