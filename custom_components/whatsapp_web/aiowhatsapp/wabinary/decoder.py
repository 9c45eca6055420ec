"""Bytes to node tree; every byte may be hostile.

Readers take `data` and the place to read at, and return what they read with the
place behind it. A read behind the end of `data` is an IndexError, which `decode`
turns into the right error; slices don't raise, so each one checks its end first.
"""

from collections.abc import Callable
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
    MAX_AD_DEVICE,
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
    if len(data) > MAX_NODES * _SHORTEST_NODE:
        _bound_nodes(data)
    try:
        nodes, end = _read_nodes(data, start, 1, MAX_DEPTH)
    except IndexError:
        raise DecodeError("The frame ends inside a node") from None
    if end != len(data):
        raise DecodeError("Bytes after the node")
    return nodes[0]


def _inflate(frame: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(memoryview(frame)[1:], MAX_INFLATED)
    except zlib.error as err:
        raise DecodeError("Compressed frame is damaged") from err
    if not inflater.eof or inflater.unused_data:
        raise DecodeError("Compressed frame is too large, cut off or too long")
    return data


def _bound_nodes(data: bytes) -> None:
    """Refuse a frame that could hold too many nodes: each begins with a list's first byte.

    Three bytes can become an object of hundreds, so the size alone is no bound.
    """
    if data.count(LIST_8) + data.count(LIST_16) > MAX_NODES:
        raise DecodeError("The frame may hold too many nodes")


def _read_nodes(  # noqa: C901, PLR0912 - calls cost more than all else here
    data: bytes, pos: int, count: int, depth: int
) -> tuple[list[Node], int]:
    """Read `count` nodes that follow each other.

    One loop for all siblings and no call for a token: this is the hot path.
    """
    if not depth:
        raise DecodeError("Nodes are nested too deeply")
    if count * _SHORTEST_NODE > len(data) - pos:
        raise DecodeError("A list is longer than its frame")
    single, readers = _SINGLE, _READERS
    nodes: list[Node] = []
    for _ in range(count):
        if data[pos] == LIST_8:
            size = data[pos + 1]
            pos += 2
        else:
            size, pos = _read_long_header(data, pos)
        tag = single[data[pos]]
        pos += 1
        if not tag:
            tag, pos = _read_name(data, pos - 1)
        attrs: dict[str, str | Jid] = {}
        while size > 2:
            size -= 2
            name = single[data[pos]]
            pos += 1
            if not name:
                name, pos = _read_name(data, pos - 1)
            kind = data[pos]
            pos += 1
            value: str | Jid | None = single[kind]
            if value is None:
                value, pos = readers[kind](data, pos)
            attrs[name] = value
        if size == 1:
            nodes.append(Node(tag, attrs))
            continue
        if not size:
            raise DecodeError("A node has nothing at all")
        content: list[Node] | bytes | str
        kind = data[pos]
        if kind == LIST_8:
            content, pos = _read_nodes(data, pos + 2, data[pos + 1], depth - 1)
        elif BINARY_8 <= kind <= BINARY_32:
            content, pos = _read_binary(data, pos)
        else:
            content, pos = _read_rare_content(data, pos, depth)
        nodes.append(Node(tag, attrs, content))
    return nodes, pos


def _read_long_header(data: bytes, pos: int) -> tuple[int, int]:
    if data[pos] != LIST_16:
        raise DecodeError("A list was expected")
    return data[pos + 1] << 8 | data[pos + 2], pos + 3


def _read_rare_content(data: bytes, pos: int, depth: int) -> tuple[list[Node] | str, int]:
    kind = data[pos]
    if kind == LIST_16:
        count, pos = _read_long_header(data, pos)
        return _read_nodes(data, pos, count, depth - 1)
    if kind == LIST_EMPTY:
        return [], pos + 1
    text = _SINGLE[kind]
    if text is not None:
        return text, pos + 1
    value, pos = _READERS[kind](data, pos + 1)
    return str(value), pos


def _read_binary(data: bytes, pos: int) -> tuple[bytes, int]:
    kind = data[pos]
    if kind == BINARY_8:
        start = pos + 2
        end = start + data[pos + 1]
    elif kind == BINARY_20:
        start = pos + 4
        end = start + ((data[pos + 1] & 0x0F) << 16 | data[pos + 2] << 8 | data[pos + 3])
    else:
        start = pos + 5
        end = start + int.from_bytes(data[pos + 1 : start])
    if end > len(data):
        raise DecodeError("A value is longer than its frame")
    return data[start:end], end


def _read_text(data: bytes, pos: int) -> tuple[str, int]:
    kind = data[pos]
    text = _SINGLE[kind]
    if text is not None:
        return text, pos + 1
    return _TEXT_READERS[kind](data, pos + 1)


def _read_name(data: bytes, pos: int) -> tuple[str, int]:
    name, pos = _read_text(data, pos)
    if not name:
        raise DecodeError("A tag or attribute has no name")
    return name, pos


# From here on `pos` is behind the first byte, which has chosen the reader.


def _dictionary_reader(texts: tuple[str, ...]) -> _TextReader:
    return lambda data, pos: (texts[data[pos]], pos + 1)


def _read_utf8(data: bytes, pos: int) -> tuple[str, int]:
    raw, pos = _read_binary(data, pos - 1)
    return raw.decode("utf-8", "replace"), pos


def _read_short_utf8(data: bytes, pos: int) -> tuple[str, int]:
    start = pos + 1
    end = start + data[pos]
    if end > len(data):
        raise DecodeError("A value is longer than its frame")
    return data[start:end].decode("utf-8", "replace"), end


def _read_nibbles(data: bytes, pos: int) -> tuple[str, int]:
    header = data[pos]
    pos += 1
    end = pos + (header & 0x7F)
    if end > len(data):
        raise DecodeError("A value is longer than its frame")
    text = data[pos:end].hex()
    if header & 0x80:
        text = text[:-1]
    if not text.isdigit():
        text = text.translate(_nibbles)
        if _NO_NIBBLE in text:
            raise DecodeError("A packed number holds something else")
    return text, end


def _read_hexadecimal(data: bytes, pos: int) -> tuple[str, int]:
    header = data[pos]
    pos += 1
    end = pos + (header & 0x7F)
    if end > len(data):
        raise DecodeError("A value is longer than its frame")
    text = data[pos:end].hex().upper()
    return (text[:-1] if header & 0x80 else text), end


def _read_pair(data: bytes, pos: int) -> tuple[Jid, int]:
    if data[pos] == NIBBLE_8:
        end = pos + 2 + (data[pos + 1] & 0x7F)
        if _SINGLE[data[end]] is not None:
            end += 1
            return _pair(data[pos:end]), end
    user, pos = _read_text(data, pos)
    server, pos = _read_text(data, pos)
    return _address(user, server), pos


def _read_device_address(data: bytes, pos: int) -> tuple[Jid, int]:
    if data[pos + 2] == NIBBLE_8:
        end = pos + 4 + (data[pos + 3] & 0x7F)
        return _device_address(data[pos:end]), end
    user, end = _read_text(data, pos + 2)
    return _device_address_of(user, data[pos], data[pos + 1]), end


# The same few addresses come again and again, so they are kept by their bytes on
# the wire, which are few for a number: making a `Jid` costs more than reading one.


@lru_cache(maxsize=1024)
def _pair(wire: bytes) -> Jid:
    user, pos = _read_text(wire, 0)
    server, _ = _read_text(wire, pos)
    return _address(user, server)


@lru_cache(maxsize=1024)
def _device_address(wire: bytes) -> Jid:
    user, _ = _read_text(wire, 2)
    return _device_address_of(user, wire[0], wire[1])


def _address(user: str, server: str) -> Jid:
    if not server or len(user) + len(server) >= MAX_TEXT:
        raise DecodeError("Malformed address")
    if server not in DOMAIN_OF_SERVER or not user or user.isdigit():
        return Jid(user, server)
    # One address, one value: a device number in the text belongs in `device`.
    jid = Jid.parse(f"{user}@{server}")
    if jid.device and (jid.device > MAX_AD_DEVICE or not jid.user.isalnum()):
        raise DecodeError("Malformed address")
    return jid


def _device_address_of(user: str, domain: int, device: int) -> Jid:
    server = SERVER_OF_DOMAIN.get(domain)
    if server is None and domain & 0x81 == 0x80:
        server = SERVER_HOSTED
    if server is None or not user.isalnum() or len(user) >= MAX_TEXT:
        raise DecodeError("Malformed device address")
    return Jid(user, server, device)


def _read_foreign_address(data: bytes, pos: int) -> tuple[Jid, int]:
    """Read the address of a Messenger user, or of one on another service."""
    expected = SERVER_MESSENGER if data[pos - 1] == FB_JID else SERVER_INTEROP
    user, pos = _read_text(data, pos)
    device = data[pos] << 8 | data[pos + 1]
    pos += 2
    if expected == SERVER_INTEROP:
        user = f"{data[pos] << 8 | data[pos + 1]}-{user}"
        pos += 2
    server, pos = _read_text(data, pos)
    if server != expected or len(user) >= MAX_TEXT:
        raise DecodeError("Malformed address of another service")
    return Jid(user, server, device), pos


def _read_nothing(data: bytes, pos: int) -> tuple[str, int]:
    raise DecodeError(f"Byte {data[pos - 1]} begins no value")


type _TextReader = Callable[[bytes, int], tuple[str, int]]
type _Reader = Callable[[bytes, int], tuple[str | Jid, int]]

_TEXT: Final[dict[int, _TextReader]] = {
    **{DICTIONARY_0 + place: _dictionary_reader(texts) for place, texts in enumerate(DOUBLE_BYTE)},
    HEX_8: _read_hexadecimal,
    BINARY_8: _read_short_utf8,
    BINARY_20: _read_utf8,
    BINARY_32: _read_utf8,
    NIBBLE_8: _read_nibbles,
}
_ADDRESS: Final[dict[int, _Reader]] = {
    INTEROP_JID: _read_foreign_address,
    FB_JID: _read_foreign_address,
    AD_JID: _read_device_address,
    JID_PAIR: _read_pair,
}
# By first byte. An address can't be part of an address, so its parts are text.
_TEXT_READERS: Final[tuple[_TextReader, ...]] = tuple(
    _TEXT.get(kind, _read_nothing) for kind in range(256)
)
_READERS: Final[tuple[_Reader, ...]] = tuple(
    _ADDRESS.get(kind, _TEXT_READERS[kind]) for kind in range(256)
)
