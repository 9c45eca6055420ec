"""The node: one element of a stanza, with typed reading of its attributes and children."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
import re
from typing import Final, overload

from ..errors import AttributeMissing, DecodeError
from ..jid import Jid

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)

# A debug line shows this much of a hostile stanza, and no more.
_SHOWN_CHARACTERS: Final = 64
_SHOWN_PIECES: Final = 64


@dataclass(slots=True, repr=False)
class Node:
    """An element: tag, attributes, and children, bytes, text or nothing inside.

    Treat it as read-only once built. Text may come from the wire as `str` or as
    `bytes`: read it through `text` and `data`, never through `content`.
    """

    tag: str
    attrs: dict[str, str | Jid] = field(default_factory=dict)
    content: list[Node] | bytes | str | None = None

    def child(self, tag: str) -> Node | None:
        """Return the first child with that tag, or None."""
        if isinstance(self.content, list):
            for node in self.content:
                if node.tag == tag:
                    return node
        return None

    def required_child(self, tag: str) -> Node:
        """Return the first child with that tag, or raise `AttributeMissing`."""
        node = self.child(tag)
        if node is None:
            raise AttributeMissing(f"<{self.tag}> has no <{tag}>")
        return node

    def children(self, tag: str | None = None) -> list[Node]:
        """Return all children, or those with that tag, in order."""
        if not isinstance(self.content, list):
            return []
        return [node for node in self.content if tag is None or node.tag == tag]

    def attr(self, name: str) -> str | None:
        """Return an attribute as text, or None."""
        value = self.attrs.get(name)
        return value if value is None or isinstance(value, str) else str(value)

    def required_attr(self, name: str) -> str:
        """Return an attribute as text, or raise `AttributeMissing` if absent or empty."""
        value = self.attr(name)
        if not value:
            raise AttributeMissing(f"<{self.tag}> has no {name}")
        return value

    @overload
    def int_attr(self, name: str, default: int) -> int: ...
    @overload
    def int_attr(self, name: str, default: None = None) -> int | None: ...
    def int_attr(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number, or `default` if absent; raise `AttributeMissing` if none."""
        value = self.attr(name)
        if not value:
            return default
        if _INTEGER.fullmatch(value) is None:
            raise AttributeMissing(f"<{self.tag}> has no number in {name}")
        return int(value)

    def required_int(self, name: str) -> int:
        """Return a whole number, or raise `AttributeMissing`."""
        value = self.int_attr(name)
        if value is None:
            raise AttributeMissing(f"<{self.tag}> has no {name}")
        return value

    def jid(self, name: str) -> Jid | None:
        """Return an address, also when it came as text; None if absent or empty.

        Raises `AttributeMissing` when the text is no address.
        """
        value = self.attrs.get(name)
        if not value:
            return None
        if isinstance(value, Jid):
            return value
        try:
            return Jid.parse(value)
        except DecodeError as err:
            raise AttributeMissing(f"<{self.tag}> has no address in {name}") from err

    def required_jid(self, name: str) -> Jid:
        """Return an address, or raise `AttributeMissing`."""
        value = self.jid(name)
        if value is None:
            raise AttributeMissing(f"<{self.tag}> has no {name}")
        return value

    @property
    def data(self) -> bytes:
        """The content as bytes; empty when there is none, or children instead."""
        content = self.content
        if isinstance(content, bytes):
            return content
        return content.encode() if isinstance(content, str) else b""

    def required_data(self, length: int | None = None) -> bytes:
        """Return the content as bytes; raise `AttributeMissing` if empty or of another length."""
        data = self.data
        if not data or (length is not None and len(data) != length):
            raise AttributeMissing(f"<{self.tag}> lacks its content of {length or 'any'} bytes")
        return data

    @property
    def text(self) -> str:
        """The content as text; empty when there is none, or children instead."""
        content = self.content
        if isinstance(content, str):
            return content
        return content.decode(errors="replace") if isinstance(content, bytes) else ""

    def __str__(self) -> str:
        """Give a short XML-like form for debug logs; contents only as lengths."""
        pieces = list(islice(_log_form(self), _SHOWN_PIECES + 1))
        if len(pieces) > _SHOWN_PIECES:
            pieces[-1] = "…"
        return "".join(pieces)

    # A default repr would put message text into whatever logs it.
    __repr__ = __str__


def _log_form(node: Node) -> Iterator[str]:
    yield f"<{_cut(node.tag)}"
    for name, value in node.attrs.items():
        yield f" {_cut(name)}={_cut(str(value))!r}"
    content = node.content
    if not content:
        yield "/>"
        return
    if isinstance(content, list):
        yield ">"
        for child in content:
            yield from _log_form(child)
    else:
        yield f">[{len(content)}]"
    yield "</>"


def _cut(text: str) -> str:
    """Cut text of the peer to what a log line may hold, without control characters."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return "".join(each if each.isprintable() else "\ufffd" for each in cut)
