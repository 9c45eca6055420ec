"""The benchmarks' other column can be measured."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator import Simulator

from .bench import BaileysBench
from .oracle import OracleNode
from .peer import Peer

pytestmark = pytest.mark.peers

BRIEFLY = 0.02


@pytest.fixture(scope="module")
def bench() -> Iterator[BaileysBench]:
    with BaileysBench() as made:
        yield made


def test_loading_takes_time_and_memory(bench: BaileysBench) -> None:
    load = bench.load()
    assert load["ms"] > 0
    assert load["rss_after"] > load["rss_before"] > 0
    assert bench.memory()["rss"] > 0


def test_codec_and_signal_have_rates(bench: BaileysBench) -> None:
    node = OracleNode(tag="message", attrs={"id": "1"}, content=b"\0" * 180)
    codec = bench.codec(node, seconds=BRIEFLY)
    assert codec["bytes"] > 180
    assert codec["encode"] > 0 < codec["decode"]
    chain = bench.signal_chain(seconds=BRIEFLY)
    assert chain["encrypt"] > 0 < chain["decrypt"]
    assert bench.signal_ping_pong(seconds=BRIEFLY)["round_trips"] > 0
    assert bench.session_setup(seconds=BRIEFLY)["setups"] > 0
    group = bench.sender_key(seconds=BRIEFLY)
    assert group["encrypt"] > 0 < group["decrypt"]
    curve = bench.curve(seconds=BRIEFLY)
    assert min(curve["sign"], curve["verify"], curve["agree"]) > 0


async def test_start_to_qr_and_to_open_are_timed(socket_enabled: None, tmp_path: Path) -> None:
    async with Simulator() as simulator:
        account = simulator.add_account("15550000001")
        async with Peer.baileys(simulator, tmp_path) as peer:
            await account.phone.scan(await peer.wait_qr())
            await peer.wait_open()
        with BaileysBench() as fresh:
            opened = await asyncio.to_thread(fresh.open, simulator, tmp_path)
        with BaileysBench() as fresh:
            shown = await asyncio.to_thread(fresh.qr, simulator)
    assert opened["ms"] > 0 < opened["rss"]
    assert shown["ms"] > 0 < shown["rss"]
