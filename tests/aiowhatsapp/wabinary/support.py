"""Random stanzas from a seed, and their form as Baileys has them."""

from random import Random
import string

from custom_components.whatsapp_web.aiowhatsapp.jid import (
    SERVER_GROUP,
    SERVER_HOSTED,
    SERVER_HOSTED_LID,
    SERVER_JID,
    SERVER_LID,
    SERVER_NEWSLETTER,
    SERVER_USER,
    STATUS_BROADCAST,
    Jid,
)
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node
from custom_components.whatsapp_web.aiowhatsapp.wabinary.tokens import DOUBLE_BYTE, SINGLE_BYTE
from tests.peers.oracle import OracleNode

TOKENS = [*SINGLE_BYTE[3:], *(text for texts in DOUBLE_BYTE for text in texts)]
DEVICE_SERVERS = (SERVER_USER, SERVER_LID, SERVER_HOSTED, SERVER_HOSTED_LID)
ALPHABETS = (
    string.digits,
    string.digits + "-.",
    "0123456789ABCDEF",
    string.ascii_letters,
    "äß€😀 '",
)


def random_text(random: Random, longest: int = 140) -> str:
    """A token, something packable, or neither; with an eye on the lengths where forms change."""
    if random.random() < 0.4:
        return random.choice(TOKENS)
    length = random.choice((1, 2, 3, random.randint(1, longest), 126, 127, 128))
    return "".join(random.choices(random.choice(ALPHABETS), k=length))


def random_jid(random: Random) -> Jid:
    user = "".join(random.choices(string.digits, k=random.randint(5, 18)))
    kind = random.random()
    if kind < 0.5:
        return Jid(user, random.choice(DEVICE_SERVERS), random.choice((0, random.randint(1, 255))))
    if kind < 0.8:
        return Jid(user, random.choice((SERVER_GROUP, SERVER_NEWSLETTER, "example.org")))
    return random.choice((SERVER_JID, STATUS_BROADCAST))


def random_node(random: Random, depth: int = 4) -> Node:
    attrs: dict[str, str | Jid] = {}
    for _ in range(random.choice((0, 1, 2, 5, 130 if depth == 4 else 3))):
        name = random_text(random)
        # JavaScript puts names that are numbers before all others.
        attrs[f"-{name}" if name.isdigit() else name] = (
            random_jid(random) if random.random() < 0.3 else random_text(random)
        )
    kind = random.random()
    content: list[Node] | bytes | str | None = None
    if kind < 0.3 and depth:
        content = [random_node(random, depth - 1) for _ in range(random.randint(0, 4))]
    elif kind < 0.6:
        content = random.randbytes(random.choice((0, 1, 255, 256, 300)))
    elif kind < 0.8:
        content = random.choice(TOKENS)
    return Node(random_text(random), attrs, content)


def as_peer(node: Node) -> OracleNode:
    """The node as Baileys has it: addresses as text."""
    content = node.content
    return OracleNode(
        tag=node.tag,
        attrs={name: peer_text(value) for name, value in node.attrs.items()},
        content=[as_peer(child) for child in content] if isinstance(content, list) else content,
    )


def peer_text(value: str | Jid) -> str:
    if isinstance(value, str):
        return value
    return str(value) if value.user else f"@{value.server}"
