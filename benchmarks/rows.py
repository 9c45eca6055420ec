"""The rows of the table."""

from dataclasses import dataclass
from typing import Literal

type Unit = Literal["ms", "MB", "/s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line; more is better for rates, less for everything else."""

    key: str
    section: str
    label: str
    unit: Unit

    @property
    def more_is_better(self) -> bool:
        """Whether the larger figure wins."""
        return self.unit == "/s"


def _rows(section: str, *rows: tuple[str, Unit, str]) -> list[Row]:
    return [Row(section=section, key=key, unit=unit, label=label) for key, unit, label in rows]


LOAD = _rows(
    "Starting",
    ("import_ms", "ms", "import the library"),
    ("import_rss", "MB", "resident after the import"),
)
START = _rows(
    "Starting",
    ("start_qr", "ms", "process start → QR code"),
    ("link_open", "ms", "process start → QR code → scanned → open"),
    ("start_open", "ms", "process start → open, stored credentials"),
)
RATES = [
    *_rows(
        "Codec",
        ("in_encode", "/s", "encode an incoming message, 201 B"),
        ("in_decode", "/s", "decode it"),
        ("out_encode", "/s", "encode an outgoing message to 4 devices, 1.4 kB"),
        ("out_decode", "/s", "decode it"),
    ),
    *_rows(
        "Signal",
        ("chain_encrypt", "/s", "one to one, same chain: encrypt"),
        ("chain_decrypt", "/s", "one to one, same chain: decrypt"),
        ("ping_pong", "/s", "one to one, ping-pong: round trips, two ratchet steps each"),
        ("session_setup", "/s", "session from a bundle"),
        ("group_encrypt", "/s", "sender key: encrypt"),
        ("group_decrypt", "/s", "sender key: decrypt"),
        ("sign", "/s", "XEdDSA: sign"),
        ("verify", "/s", "XEdDSA: verify"),
    ),
]


def _talk(section: str, prefix: str) -> list[Row]:
    return _rows(
        section,
        (f"{prefix}latency_p50", "ms", "A → B, one after another: median"),
        (f"{prefix}latency_p95", "ms", "A → B, one after another: 95th percentile"),
        (f"{prefix}burst_sent", "/s", "burst: messages sent, A"),
        (f"{prefix}burst_received", "/s", "burst: messages received, B"),
        (f"{prefix}backlog", "/s", "backlog: messages received by B after it was away"),
        (f"{prefix}cpu_send", "ms", "processor time to send one, A"),
        (f"{prefix}cpu_receive", "ms", "processor time to receive one, B"),
    )


CONVERSATION = [
    *_talk("End to end, 3 devices a message (ours: SQLite, synchronous=FULL)", ""),
    *_talk("End to end, ours with the store in memory", "memory_"),
]
MEMORY = _rows(
    "Memory, logged in",
    ("rss_1", "MB", "one connection: resident"),
    ("uss_1", "MB", "one connection: not shared with other processes"),
    ("rss_3", "MB", "three connections: resident"),
    ("uss_3", "MB", "three connections: not shared with other processes"),
)
HOME_ASSISTANT = _rows(
    "Memory, added to Home Assistant (Baileys: a Node process beside it)",
    ("home_rss_0", "MB", "by nothing, in the same time: resident"),
    ("home_uss_0", "MB", "by nothing, in the same time: not shared"),
    ("home_rss_1", "MB", "by the first connection: resident"),
    ("home_uss_1", "MB", "by the first connection: not shared"),
    ("home_rss_2", "MB", "by two more: resident"),
    ("home_uss_2", "MB", "by two more: not shared"),
)
MICRO = [*LOAD, *RATES]
ROWS = [*LOAD, *START, *RATES, *CONVERSATION, *MEMORY, *HOME_ASSISTANT]
