"""The form of a request.

```
<iq id xmlns type="get|set" to>..</iq>  ->  <iq type="result" id from>..</iq>
                                        or  <iq type="error" id><error code text {backoff}/></iq>
```
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from ..errors import IqError
from ..jid import SERVER_JID, Jid
from ..wabinary import Node


class IqSpec[R](ABC):
    """A request of one kind; `R` is what its answer is read into."""

    namespace: ClassVar[str]
    type: ClassVar[str] = "get"

    @property
    def to(self) -> Jid:
        """Who is asked: the server, unless a subclass says otherwise."""
        return SERVER_JID

    @abstractmethod
    def build(self) -> list[Node] | None:
        """Build the children of the request."""

    @abstractmethod
    def parse(self, node: Node) -> R:
        """Read a result; raise `AttributeMissing` when it is malformed."""

    def build_iq(self, request_id: str) -> Node:
        """Build the whole request."""
        return Node(
            "iq",
            {"id": request_id, "xmlns": self.namespace, "type": self.type, "to": self.to},
            self.build(),
        )

    def parse_iq(self, node: Node) -> R:
        """Read the whole answer; raise `IqError` when the server refused."""
        if node.tag == "ack":
            code = node.int_attr("error")
            if code is not None:
                raise IqError(code, "ack")
            return self.parse(node)
        if node.attr("type") == "result":
            return self.parse(node)
        error = node.child("error")
        if error is None:
            raise IqError(0, node.attr("type") or "no type")
        raise IqError(
            error.int_attr("code", default=0) or 0,
            (error.attr("text") or "")[:64],
            error.int_attr("backoff"),
        )


class CommandSpec(IqSpec[None], ABC):
    """A request whose result says nothing but that it was done."""

    type = "set"

    def parse(self, node: Node) -> None:
        """Ignore the result's content."""
