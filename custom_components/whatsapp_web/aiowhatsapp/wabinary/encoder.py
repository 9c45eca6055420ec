"""Node tree to bytes."""

from collections.abc import Callable
from functools import lru_cache
import re
from typing import Final

from ..errors import LocalProtocolError
from ..jid import DOMAIN_OF_SERVER, MAX_DEVICE, SERVER_INTEROP, SERVER_MESSENGER, Jid
from .node import Node
from .tags import (
    AD_JID,
    BINARY_8,
    BINARY_20,
    BINARY_32,
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
    MAX_LIST,
    MAX_PACKED,
    NIBBLE_8,
)
from .tokens import DOUBLE_BYTE, SINGLE_BYTE

# Flag byte of a frame: our side never compresses.
_PLAIN: Final = b"\x00"

_token: Final = (
    {
        text: bytes((DICTIONARY_0 + dictionary, place))
        for dictionary, texts in enumerate(DOUBLE_BYTE)
        for place, text in enumerate(texts)
    }
    | {text: bytes((place,)) for place, text in enumerate(SINGLE_BYTE) if text}
).get

_JID_PAIR: Final = bytes((JID_PAIR,))
_FB_JID: Final = bytes((FB_JID,))
_INTEROP_JID: Final = bytes((INTEROP_JID,))
_LIST_HEADER: Final = (bytes((LIST_EMPTY,)), *(bytes((LIST_8, n)) for n in range(1, 256)))

# Digits and `-.` first: text of digits alone fits both alphabets.
_packable = re.compile(rf"([0-9.\-]{{1,{MAX_PACKED}}})|([0-9A-F]{{1,{MAX_PACKED}}})").fullmatch
# The integrator's number has no place of its own in a `Jid`.
_interop_user = re.compile(r"([0-9]{1,5})-(.*)", re.DOTALL).fullmatch
_nibbles: Final = str.maketrans("-.", "ab")


def encode(node: Node) -> bytes:
    """Give the frame of a node, flag byte included, before encryption.

    Raises `LocalProtocolError` for what the format can't say.
    """
    parts = [_PLAIN]
    _write_node(node, parts.append, MAX_DEPTH)
    return b"".join(parts)


def _write_node(node: Node, write: Callable[[bytes], None], depth: int) -> None:
    if not depth:
        raise LocalProtocolError("Nodes are nested too deeply")
    tag, attrs, content = node.tag, node.attrs, node.content
    if not tag:
        raise LocalProtocolError("A node needs a tag")
    token = _token
    write(_list_header(1 + 2 * len(attrs) + (content is not None)))
    write(token(tag) or _text(tag))
    for name, value in attrs.items():
        write(token(name) or _text(name))
        if isinstance(value, str):
            write(token(value) or _text(value))
        else:
            write(_jid(value))
    if content is None:
        return
    if isinstance(content, list):
        write(_list_header(len(content)))
        for child in content:
            _write_node(child, write, depth - 1)
    elif isinstance(content, str):
        write(token(content) or _text(content))
    else:
        write(_binary_header(len(content)))
        write(content)


def _list_header(count: int) -> bytes:
    if count < len(_LIST_HEADER):
        return _LIST_HEADER[count]
    if count > MAX_LIST:
        raise LocalProtocolError("A list has too many items")
    return bytes((LIST_16, count >> 8, count & 0xFF))


def _binary_header(length: int) -> bytes:
    if length < 1 << 8:
        return bytes((BINARY_8, length))
    if length < 1 << 20:
        return bytes((BINARY_20, length >> 16, length >> 8 & 0xFF, length & 0xFF))
    if length >= 1 << 31:
        raise LocalProtocolError("A binary value is too long")
    return bytes((BINARY_32,)) + length.to_bytes(4)


def _text(text: str) -> bytes:
    """Encode text that is no token: packed if its alphabet allows, else as UTF-8."""
    if match := _packable(text):
        kind, digits = (NIBBLE_8, text) if match.lastindex == 1 else (HEX_8, text)
        if kind == NIBBLE_8:
            digits = text.translate(_nibbles)
        odd = len(text) & 1
        packed = bytes.fromhex(digits + "f" if odd else digits)
        return bytes((kind, odd << 7 | len(packed))) + packed
    try:
        data = text.encode()
    except UnicodeEncodeError as err:
        raise LocalProtocolError("Text is not Unicode") from err
    return _binary_header(len(data)) + data


@lru_cache(maxsize=1024)
def _user(user: str) -> bytes:
    """Encode the user part of an address: a few of them come again and again."""
    return _token(user) or _text(user) if user else bytes((LIST_EMPTY,))


def _jid(jid: Jid) -> bytes:
    if jid.device:
        return _device_jid(jid)
    user, server = jid.user, jid.server
    if not server:
        raise LocalProtocolError("An address needs a server")
    return _JID_PAIR + _user(user) + (_token(server) or _text(server))


def _device_jid(jid: Jid) -> bytes:
    """Encode the address of a device other than the phone."""
    user, server, device = jid.user, jid.server, jid.device
    domain = DOMAIN_OF_SERVER.get(server)
    if domain is not None and 0 < device <= MAX_AD_DEVICE:
        return bytes((AD_JID, domain, device)) + _user(user)
    if 0 < device <= MAX_DEVICE:
        if server == SERVER_MESSENGER:
            return _FB_JID + _user(user) + device.to_bytes(2) + _user(server)
        match = _interop_user(user)
        if server == SERVER_INTEROP and match and (integrator := int(match[1])) <= MAX_DEVICE:
            numbers = device.to_bytes(2) + integrator.to_bytes(2)
            return _INTEROP_JID + _user(match[2]) + numbers + _user(server)
    raise LocalProtocolError("The address can't carry that device number")
