"""Who handles what comes in, alone or in groups."""

import asyncio
from collections.abc import Sequence
import logging

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.router import MAX_TOGETHER, Router
from custom_components.whatsapp_web.aiowhatsapp.errors import (
    Disconnected,
    RemoteProtocolError,
    WhatsAppError,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node


class Handled:
    """Handlers that note what they are given, and end the run at `<end/>`."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.faults: dict[str, Exception] = {}
        self.router = Router()
        self.router.add_group("message", self.on_group)
        self.router.add("receipt", self.on_one)
        self.router.add("end", self.on_end)

    async def on_group(self, nodes: Sequence[Node]) -> None:
        ids = [node.required_attr("id") for node in nodes]
        self.groups.append(ids)
        for each in ids:
            if each in self.faults:
                raise self.faults[each]

    async def on_one(self, node: Node) -> None:
        self.groups.append([node.required_attr("id")])

    async def on_end(self, _node: Node) -> None:
        raise Disconnected("The end")

    def put(self, tag: str, *ids: str) -> None:
        for each in ids:
            self.router.put(Node(tag, {"id": each}))

    async def run(self) -> WhatsAppError:
        self.router.put(Node("end"))
        async with asyncio.timeout(5):
            return await self.router.run()


async def test_what_waits_behind_its_like_is_handled_together_and_in_order() -> None:
    handled = Handled()
    handled.put("message", "1", "2")
    handled.put("receipt", "3", "4")
    handled.put("message", "5")
    assert isinstance(await handled.run(), Disconnected)
    assert handled.groups == [["1", "2"], ["3"], ["4"], ["5"]]


async def test_a_group_has_a_bound() -> None:
    handled = Handled()
    handled.put("message", *map(str, range(MAX_TOGETHER + 2)))
    await handled.run()
    assert [len(group) for group in handled.groups] == [MAX_TOGETHER, 2]


@pytest.mark.parametrize(
    ("fault", "level"),
    [(KeyError("a bug"), logging.ERROR), (RemoteProtocolError("nonsense"), logging.DEBUG)],
)
async def test_after_a_fault_each_of_the_group_comes_again_alone(
    fault: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    handled = Handled()
    handled.faults["2"] = fault
    handled.put("message", "1", "2", "3")
    handled.put("receipt", "4")
    await handled.run()
    assert handled.groups == [["1", "2", "3"], ["1"], ["2"], ["3"], ["4"]]
    assert {record.levelno for record in caplog.records if "router" in record.name} == {level}


async def test_a_lost_line_in_a_group_ends_the_run() -> None:
    handled = Handled()
    handled.faults["1"] = Disconnected("Gone")
    handled.put("message", "1", "2")
    assert await handled.run() is handled.faults["1"]
    assert handled.groups == [["1", "2"]]


def test_a_tag_has_one_handler() -> None:
    handled = Handled()
    with pytest.raises(ValueError, match="handler already"):
        handled.router.add("message", handled.on_one)
    with pytest.raises(ValueError, match="handler already"):
        handled.router.add_group("receipt", handled.on_group)
