"""Binary XML: the node tree of a stanza, and its bytes on the wire."""

from .decoder import decode
from .encoder import encode
from .node import Node

__all__ = ["Node", "decode", "encode"]
