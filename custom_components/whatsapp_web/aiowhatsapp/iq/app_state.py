"""Requests about the app state.

```
<iq xmlns="w:sync:app:state" type="set"><sync>
  <collection name version return_snapshot="true|false">{<patch>bytes</patch>}</collection> ..
</sync></iq>
  ->  <sync><collection name version {has_more_patches} {type="error"}>
        {<snapshot>ExternalBlobReference</snapshot>}
        {<patches><patch>SyncdPatch</patch>..</patches>}
        {<error code text/>}
      </collection> ..</sync>
```
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ..errors import AttributeMissing
from ..proto import appstate
from ..wabinary import Node
from .spec import IqSpec

# What a server can make us read in one answer.
MAX_PATCHES: Final = 1000
CONFLICT: Final = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionQuery:
    """What is asked of a collection: what follows `version`, or all of it; or to take a patch."""

    name: str
    version: int
    snapshot: bool = False
    patch: bytes | None = field(default=None, repr=False)

    def build(self) -> Node:
        """`<collection>`."""
        patch = [] if self.patch is None else [Node("patch", {}, self.patch)]
        attrs = {
            "name": self.name,
            "version": str(self.version),
            "return_snapshot": "true" if self.snapshot else "false",
        }
        return Node("collection", {**attrs}, patch or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionAnswer:
    """What the server has of a collection. `error` is its code where it refused."""

    name: str
    version: int
    has_more: bool
    error: int | None
    snapshot: appstate.ExternalBlobReference | None = field(repr=False)
    patches: tuple[appstate.SyncdPatch, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SyncCollections(IqSpec[dict[str, CollectionAnswer]]):
    """Fetch what is new in collections, or write to them."""

    namespace = "w:sync:app:state"
    type = "set"

    queries: Sequence[CollectionQuery]

    def build(self) -> list[Node]:
        """`<sync><collection/>..</sync>`."""
        return [Node("sync", {}, [query.build() for query in self.queries])]

    def parse(self, node: Node) -> dict[str, CollectionAnswer]:
        """Read the answers, in whatever order they come."""
        collections = node.required_child("sync").children("collection")
        answers = [_read_collection(each) for each in collections]
        return {answer.name: answer for answer in answers}


def _read_collection(node: Node) -> CollectionAnswer:
    code = None
    if node.attr("type") == "error":
        error = node.child("error")
        code = 0 if error is None else error.int_attr("code", default=0)
    snapshot = node.child("snapshot")
    listed = node.child("patches") or node
    patches = [child for child in listed.children("patch") if child.data]
    if len(patches) > MAX_PATCHES:
        raise AttributeMissing("too many patches")
    try:
        return CollectionAnswer(
            name=node.required_attr("name"),
            version=max(node.int_attr("version", default=0), 0),
            has_more=node.attr("has_more_patches") == "true",
            error=code,
            snapshot=None
            if snapshot is None or not snapshot.data
            else appstate.ExternalBlobReference.FromString(snapshot.data),
            patches=tuple(appstate.SyncdPatch.FromString(child.data) for child in patches),
        )
    except ProtobufDecodeError as err:
        raise AttributeMissing("a patch that does not read") from err
