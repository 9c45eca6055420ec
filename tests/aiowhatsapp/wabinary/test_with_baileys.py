"""Our frames read by Baileys, and its frames read by us, made on the spot."""

from collections.abc import Iterator
from random import Random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node, decode, encode
from tests.peers.oracle import Oracle, OracleNode

from .support import as_peer, peer_text, random_node

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as oracle:
        yield oracle


@pytest.mark.parametrize("seed", range(4))
def test_random_nodes(oracle: Oracle, seed: int) -> None:
    random = Random(seed)
    for _ in range(25):
        node = random_node(random, 3)
        frame = encode(node)
        assert oracle.encode_node(as_peer(node)) == frame
        assert decode(frame) == node
        check_same(node, oracle.decode_node(frame))


def check_same(ours: Node, theirs: OracleNode) -> None:
    assert theirs.tag == ours.tag
    assert dict(theirs.attrs) == {name: peer_text(value) for name, value in ours.attrs.items()}
    if isinstance(ours.content, list):
        assert isinstance(theirs.content, list)
        for our_child, their_child in zip(ours.content, theirs.content, strict=True):
            check_same(our_child, their_child)
    else:
        assert theirs.content == ours.content
