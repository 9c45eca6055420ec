"""Frames that an implementation nobody here wrote has made."""

import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.whatsapp_web.aiowhatsapp.jid import Jid
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode

VECTORS = Path(__file__).parents[1] / "vectors" / "wabinary"
NODES = json.loads((VECTORS / "npm_baileys_nodes.json").read_text())["nodes"]
COMPRESSED = json.loads((VECTORS / "npm_baileys_compressed.json").read_text())


def build(described: dict[str, Any]) -> Node:
    content = described.get("content")
    if isinstance(content, list):
        content = [build(child) for child in content]
    elif isinstance(content, dict):
        content = bytes.fromhex(content["hex"])
    attrs = {
        name: Jid.parse(value) if "@" in value else value
        for name, value in described["attrs"].items()
    }
    return Node(described["tag"], attrs, content)


def read_as_text(node: Node, like: Node) -> Node:
    """Text that is no token comes back as bytes: read it the way a client does."""
    if isinstance(like.content, str):
        node.content = node.text
    for child, other in zip(node.children(), like.children(), strict=True):
        read_as_text(child, other)
    return node


@pytest.mark.parametrize("vector", NODES, ids=lambda vector: vector["node"]["tag"])
def test_node(vector: dict[str, Any]) -> None:
    node = build(vector["node"])
    frame = bytes.fromhex(vector["frame"])
    assert encode(node).hex() == vector["frame"]
    assert encode(decode(frame)) == frame
    assert read_as_text(decode(frame), node) == node


def test_compressed() -> None:
    node = decode(bytes.fromhex(COMPRESSED["frame"]))
    assert encode(node).hex() == f"00{COMPRESSED['node']}"
