"""Bytes to node tree; every byte may be hostile."""

from functools import lru_cache
from typing import Final
import zlib

from ..errors import DecodeError
from ..jid import (
    DOMAIN_OF_SERVER,
    MAX_TEXT,
    SERVER_HOSTED,
    SERVER_INTEROP,
    SERVER_MESSENGER,
    SERVER_OF_DOMAIN,
    Jid,
)
from .node import Node
from .tags import (
    AD_JID,
    BINARY_8,
    BINARY_20,
    BINARY_32,
    COMPRESSED,
    DICTIONARY_0,
    FB_JID,
    HEX_8,
    INTEROP_JID,
    JID_PAIR,
    LIST_8,
    LIST_16,
    LIST_EMPTY,
    MAX_DEPTH,
    MAX_INFLATED,
    MAX_NODES,
    NIBBLE_8,
)
from .tokens import DOUBLE_BYTE, SINGLE_BYTE

# By first byte: the text of a single-byte token, or None for everything else.
_SINGLE: Final[tuple[str | None, ...]] = SINGLE_BYTE + (None,) * (256 - len(SINGLE_BYTE))

# Nibbles as `bytes.hex` writes them, to the alphabet of packed numbers.
_NO_NIBBLE: Final = "\0"
_nibbles: Final = str.maketrans("abcdef", "-." + 4 * _NO_NIBBLE)

# The shortest node is a list of one token.
_SHORTEST_NODE: Final = 3


def decode(frame: bytes) -> Node:
    """Read the node of a decrypted frame, flag byte included.

    Raises `DecodeError` for anything that is not exactly one well-formed node
    within the limits of `tags`.
    """
    if not frame:
        raise DecodeError("Empty frame")
    data, start = (_inflate(frame), 0) if frame[0] & COMPRESSED else (frame, 1)
    try:
        node, end = _read_node(data, start, MAX_DEPTH, _Budget())
    except IndexError:
        raise DecodeError("The frame ends inside a node") from None
    if end != len(data):
        raise DecodeError("Bytes after the node")
    return node


def _inflate(frame: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(memoryview(frame)[1:], MAX_INFLATED)
    except zlib.error as err:
        raise DecodeError("Compressed frame is damaged") from err
    if not inflater.eof or inflater.unused_data:
        raise DecodeError("Compressed frame is too large, cut off or too long")
    return data


class _Budget:
    """How many more nodes a frame may hold: three bytes make an object of hundreds."""

    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes = MAX_NODES

    def take(self, nodes: int) -> None:
        self.nodes -= nodes
        if self.nodes < 0:
            raise DecodeError("The frame holds too many nodes")


def _read_list_header(data: bytes, pos: int) -> tuple[int, int]:
    kind = data[pos]
    if kind == LIST_8:
        return data[pos + 1], pos + 2
    if kind == LIST_16:
        return data[pos + 1] << 8 | data[pos + 2], pos + 3
    raise DecodeError("A list was expected")


def _read_node(data: bytes, pos: int, depth: int, budget: _Budget) -> tuple[Node, int]:
    """Read the node at `pos`; return it and the place behind it."""
    if not depth:
        raise DecodeError("Nodes are nested too deeply")
    if data[pos] == LIST_8:
        size = data[pos + 1]
        pos += 2
    else:
        size, pos = _read_list_header(data, pos)
    if size > len(data) - pos:
        raise DecodeError("A node is longer than its frame")
    single = _SINGLE
    tag = single[data[pos]]
    pos += 1
    if tag is None:
        tag, pos = _read_text(data, pos - 1)
    if not size or not tag:
        raise DecodeError("A node has no tag")
    attrs: dict[str, str | Jid] = {}
    for _ in range(size - 1 >> 1):
        name = single[data[pos]]
        pos += 1
        if name is None:
            name, pos = _read_text(data, pos - 1)
        if not name:
            raise DecodeError("An attribute has no name")
        value: str | Jid | None = single[data[pos]]
        pos += 1
        if value is None:
            value, pos = _read_value(data, pos - 1)
        attrs[name] = value
    if size & 1:
        return Node(tag, attrs), pos
    content, pos = _read_content(data, pos, depth, budget)
    return Node(tag, attrs, content), pos


def _read_content(
    data: bytes, pos: int, depth: int, budget: _Budget
) -> tuple[list[Node] | bytes | str, int]:
    kind = data[pos]
    if BINARY_8 <= kind <= BINARY_32:
        return _read_binary(data, pos)
    if kind == LIST_EMPTY:
        return [], pos + 1
    if kind not in (LIST_8, LIST_16):
        value, pos = _read_value(data, pos)
        return str(value), pos
    count, pos = _read_list_header(data, pos)
    if count * _SHORTEST_NODE > len(data) - pos:
        raise DecodeError("A list is longer than its frame")
    budget.take(count)
    nodes: list[Node] = []
    for _ in range(count):
        node, pos = _read_node(data, pos, depth - 1, budget)
        nodes.append(node)
    return nodes, pos


def _read_binary(data: bytes, pos: int) -> tuple[bytes, int]:
    kind = data[pos]
    if kind == BINARY_8:
        start = pos + 2
        length = data[pos + 1]
    elif kind == BINARY_20:
        start = pos + 4
        length = (data[pos + 1] & 0x0F) << 16 | data[pos + 2] << 8 | data[pos + 3]
    else:
        start = pos + 5
        length = int.from_bytes(data[pos + 1 : start])
    end = start + length
    if end > len(data):
        raise DecodeError("A value is longer than its frame")
    return data[start:end], end


def _read_text(data: bytes, pos: int) -> tuple[str, int]:
    value, pos = _read_value(data, pos)
    if type(value) is not str:
        raise DecodeError("Text was expected, not an address")
    return value, pos


def _read_value(data: bytes, pos: int) -> tuple[str | Jid, int]:
    """Read text or an address at `pos`; return it and the place behind it."""
    kind = data[pos]
    text = _SINGLE[kind]
    if text is not None:
        return text, pos + 1
    if kind == NIBBLE_8 or kind == HEX_8:
        return _read_packed(data, pos)
    if kind == JID_PAIR:
        user, pos = _read_text(data, pos + 1)
        server, pos = _read_text(data, pos)
        return _address(user, server), pos
    if BINARY_8 <= kind <= BINARY_32:
        raw, pos = _read_binary(data, pos)
        return raw.decode(errors="replace"), pos
    if kind == AD_JID:
        domain, device = data[pos + 1], data[pos + 2]
        user, pos = _read_text(data, pos + 3)
        return _device_address(user, domain, device), pos
    if kind < INTEROP_JID:
        dictionary = kind - DICTIONARY_0
        if dictionary < len(DOUBLE_BYTE):
            return DOUBLE_BYTE[dictionary][data[pos + 1]], pos + 2
    if kind in (FB_JID, INTEROP_JID):
        return _read_foreign_address(data, pos)
    raise DecodeError(f"Byte {kind} begins no value")


def _read_packed(data: bytes, pos: int) -> tuple[str, int]:
    start = pos + 2
    header = data[pos + 1]
    end = start + (header & 0x7F)
    if end > len(data):
        raise DecodeError("A number is longer than its frame")
    text = data[start:end].hex()
    if header & 0x80:
        text = text[:-1]
    if text.isdigit():
        return text, end
    if data[pos] == HEX_8:
        return text.upper(), end
    text = text.translate(_nibbles)
    if _NO_NIBBLE in text:
        raise DecodeError("A packed number holds something else")
    return text, end


@lru_cache(maxsize=1024)
def _address(user: str, server: str) -> Jid:
    """Make the address of a pair; the same few come again and again."""
    if not server or len(user) + len(server) >= MAX_TEXT:
        raise DecodeError("Malformed address")
    if server not in DOMAIN_OF_SERVER or not user or user.isdigit():
        return Jid(user, server)
    # One address, one value: a device number in the text belongs in `device`.
    return Jid.parse(f"{user}@{server}")


@lru_cache(maxsize=1024)
def _device_address(user: str, domain: int, device: int) -> Jid:
    server = SERVER_OF_DOMAIN.get(domain)
    if server is None and domain & 0x81 == 0x80:
        server = SERVER_HOSTED
    if server is None or not user.isalnum() or len(user) >= MAX_TEXT:
        raise DecodeError("Malformed device address")
    return Jid(user, server, device)


def _read_foreign_address(data: bytes, pos: int) -> tuple[Jid, int]:
    """Read the address of a Messenger user, or of one on another service."""
    kind = data[pos]
    user, pos = _read_text(data, pos + 1)
    device = data[pos] << 8 | data[pos + 1]
    pos += 2
    expected = SERVER_MESSENGER
    if kind == INTEROP_JID:
        expected = SERVER_INTEROP
        user = f"{data[pos] << 8 | data[pos + 1]}-{user}"
        pos += 2
    server, pos = _read_text(data, pos)
    if server != expected or len(user) >= MAX_TEXT:
        raise DecodeError("Malformed address of another service")
    return Jid(user, server, device), pos
