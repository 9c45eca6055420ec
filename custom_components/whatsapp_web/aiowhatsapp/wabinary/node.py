"""The node: one element of a stanza, with typed reading of its attributes and children."""

from dataclasses import dataclass, field
import re
from typing import Final, overload

from ..errors import AttributeMissing, DecodeError
from ..jid import Jid

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)

# A debug line shows this much of a hostile stanza, and no more.
_SHOWN_CHARACTERS: Final = 64
_SHOWN_CHILDREN: Final = 8


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
        if type(self.content) is list:
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
        if type(self.content) is not list:
            return []
        return [node for node in self.content if tag is None or node.tag == tag]

    def attr(self, name: str) -> str | None:
        """Return an attribute as text, or None."""
        value = self.attrs.get(name)
        return value if value is None or type(value) is str else str(value)

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
        if type(value) is Jid:
            return value
        try:
            return Jid.parse(str(value))
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
        if type(content) is bytes:
            return content
        return content.encode() if type(content) is str else b""

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
        if type(content) is str:
            return content
        return content.decode(errors="replace") if type(content) is bytes else ""

    def __str__(self) -> str:
        """Give a short XML-like form for debug logs; contents only as lengths."""
        attrs = "".join(
            f" {_shown(name)}={_shown(str(value))!r}" for name, value in self.attrs.items()
        )
        head = f"<{_shown(self.tag)}{attrs}"
        content = self.content
        if not content:
            return f"{head}/>"
        if type(content) is not list:
            return f"{head}>[{len(content)}]</>"
        inner = "".join(map(str, content[:_SHOWN_CHILDREN]))
        if (hidden := len(content) - _SHOWN_CHILDREN) > 0:
            inner += f"[{hidden} more]"
        return f"{head}>{inner}</>"

    # A default repr would put message text into whatever logs it.
    __repr__ = __str__


def _shown(text: str) -> str:
    """Cut text of the peer to what a log line may hold, without control characters."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return cut if cut.isprintable() else ascii(cut)
