"""Our client in a process of its own, behind the same JSON lines as Baileys' scripts.

Run by `ours.py`, as `python -m benchmarks.worker`.
"""

from pathlib import Path
import time


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _load_client() -> dict[str, float]:
    """Import the client, and tell what that took: the first thing that happens here."""
    # ruff: noqa: PLC0415 - loading is what is measured
    from benchmarks.alone import import_client_alone

    import_client_alone()
    before, began = _resident(), time.perf_counter()
    import custom_components.whatsapp_web.aiowhatsapp
    import custom_components.whatsapp_web.aiowhatsapp.store  # noqa: F401

    ms = (time.perf_counter() - began) * 1000
    return {"ms": ms, "rss_before": before, "rss_after": _resident()}


def main() -> None:
    """Load, then answer commands until standard input ends."""
    load = _load_client()
    # Only now: these import the client.
    from benchmarks.worker_commands import serve

    serve(load)


if __name__ == "__main__":
    main()
