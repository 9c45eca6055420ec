"""Profile pictures of people and groups.

```
<iq xmlns="w:profile:picture" type="get" target><picture type="image|preview" query="url" {id}>
    {<tctoken>bytes</tctoken>}</picture></iq>
 -> <picture id type url direct_path {hash}/>, or status="304" or "204", or nothing
<iq xmlns="w:profile:picture" type="set" {target}>{<picture type="image">jpeg</picture>}</iq>
 -> <picture id/>
```
"""

from dataclasses import dataclass, field
from typing import Final

from ..errors import IqError
from ..jid import Jid
from ..wabinary import Node
from .spec import IqSpec

MAX_URL: Final = 2048
MAX_PICTURE_ID: Final = 64
_NOT_CHANGED: Final = "304"
_NONE: Final = "204"
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePicture:
    """Where a picture is; its JPEG is not encrypted, and the address expires."""

    id: str
    url: str = field(repr=False)
    direct_path: str | None = field(default=None, repr=False)


class PictureUnchanged(IqError):
    """The picture is still the one that the asker named."""

    def __init__(self) -> None:
        """Say it as the server does."""
        super().__init__(304, "not-modified")


@dataclass(frozen=True, slots=True, kw_only=True)
class GetProfilePicture(IqSpec[ProfilePicture | None]):
    """Where a picture is, small or in full; None where there is none.

    `token` shows that we may see a person's; never for ourselves or a group. Raises
    `PictureUnchanged` when it is still `known_id`, and `IqError` 401 when it is hidden.
    """

    namespace = "w:profile:picture"

    target: Jid
    preview: bool = False
    known_id: str | None = None
    token: Node | None = None

    def build_iq(self, request_id: str) -> Node:
        """Name whose picture it is."""
        # The base class with slots was made anew: super() without names would miss it.
        node = IqSpec.build_iq(self, request_id)
        node.attrs["target"] = self.target
        return node

    def build(self) -> list[Node]:
        """`<picture type query id/>`."""
        attrs: dict[str, str | Jid] = {
            "type": "preview" if self.preview else "image",
            "query": "url",
        }
        if self.known_id is not None:
            attrs["id"] = self.known_id
        return [Node("picture", attrs, None if self.token is None else [self.token])]

    def parse(self, node: Node) -> ProfilePicture | None:
        """Read where it is; a hidden or missing one may come as a result, too."""
        picture = node.child("picture")
        if picture is None:
            if self.known_id is not None:
                raise PictureUnchanged
            return None
        if picture.attr("status") == _NOT_CHANGED:
            raise PictureUnchanged
        error = picture.child("error")
        if error is not None:
            code = error.int_attr("code", default=0)
            if code != _NOT_FOUND:
                raise IqError(code, (error.attr("text") or "")[:64])
            return None
        if picture.attr("status") == _NONE or not picture.attr("url"):
            return None
        return ProfilePicture(
            id=picture.required_attr("id")[:MAX_PICTURE_ID],
            url=picture.required_attr("url")[:MAX_URL],
            direct_path=(picture.attr("direct_path") or "")[:MAX_URL] or None,
        )

    def parse_iq(self, node: Node) -> ProfilePicture | None:
        """Read the whole answer: no such picture is no error."""
        try:
            return IqSpec.parse_iq(self, node)
        except PictureUnchanged:
            raise
        except IqError as err:
            if err.code == _NOT_FOUND:
                return None
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProfilePicture(IqSpec[str | None]):
    """Set our own picture or that of a group, a JPEG of 640 by 640; None removes it.

    Gives the new picture's id. Raises `IqError` 406 when the server dislikes it.
    """

    namespace = "w:profile:picture"
    type = "set"

    jpeg: bytes | None = field(repr=False)
    group: Jid | None = None

    def build_iq(self, request_id: str) -> Node:
        """Name the group, if it is one's."""
        node = IqSpec.build_iq(self, request_id)
        if self.group is not None:
            node.attrs["target"] = self.group
        return node

    def build(self) -> list[Node] | None:
        """`<picture type="image">jpeg</picture>`."""
        return None if self.jpeg is None else [Node("picture", {"type": "image"}, self.jpeg)]

    def parse(self, node: Node) -> str | None:
        """Read the new picture's id."""
        picture = node.child("picture")
        return None if picture is None else (picture.attr("id") or "")[:MAX_PICTURE_ID] or None
