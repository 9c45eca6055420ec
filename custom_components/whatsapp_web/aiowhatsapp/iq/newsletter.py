"""Channels: what was posted there, and being told of what changes.

```
<iq xmlns="newsletter" type="get" to=server><messages type="jid" jid count {before}/></iq>
 -> <messages jid t><message id server_id t type><plaintext {mediatype}>Message</plaintext>
      {<views_count count/>}{<reactions><reaction code count/>..</reactions>}</message>..</messages>
<iq xmlns="newsletter" type="set" to=<channel>><live_updates/></iq>  ->  <live_updates duration/>
```
"""

from dataclasses import dataclass, field
from typing import Final

from ..errors import AttributeMissing
from ..jid import Jid
from ..stanza.message import MAX_ID, MAX_SERVER_ID
from ..wabinary import Node
from .spec import IqSpec

MAX_POSTS: Final = 300
MAX_REACTIONS: Final = 100
MAX_EMOJI: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterPost:
    """A post of a channel; `message` is the whole message, None where only figures came."""

    server_id: int
    id: str
    timestamp: int
    message: bytes | None = field(repr=False)
    views: int | None
    reactions: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPosts(IqSpec[tuple[NewsletterPost, ...]]):
    """The newest posts of a channel, or those before one."""

    namespace = "newsletter"

    channel: Jid
    count: int
    before: int | None = None

    def build(self) -> list[Node]:
        """`<messages type jid count before/>`."""
        attrs: dict[str, str | Jid] = {
            "type": "jid",
            "jid": self.channel,
            "count": str(self.count),
        }
        if self.before is not None:
            attrs["before"] = str(self.before)
        return [Node("messages", attrs)]

    def parse(self, node: Node) -> tuple[NewsletterPost, ...]:
        """Leave out posts that make no sense."""
        return read_posts(node.required_child("messages"))


@dataclass(frozen=True, slots=True)
class FollowLive(IqSpec[int]):
    """Be told of reactions and views of a channel for a while; gives how many seconds."""

    namespace = "newsletter"
    type = "set"

    channel: Jid

    @property
    def to(self) -> Jid:
        """The channel itself is asked."""
        return self.channel

    def build(self) -> list[Node]:
        """`<live_updates/>`."""
        return [Node("live_updates")]

    def parse(self, node: Node) -> int:
        """Read for how long."""
        child = node.child("live_updates")
        return 0 if child is None else child.int_attr("duration", default=0)


def read_posts(node: Node) -> tuple[NewsletterPost, ...]:
    """Read the posts in a `<messages>` node."""
    posts = []
    for each in node.children("message")[:MAX_POSTS]:
        try:
            posts.append(_post(each))
        except AttributeMissing:
            continue
    return tuple(posts)


def _server_id(node: Node) -> int | None:
    """Read the number that a channel gave a post; None where there is none that makes sense."""
    try:
        server_id = node.int_attr("server_id")
    except AttributeMissing:
        return None
    return server_id if server_id is not None and 0 < server_id <= MAX_SERVER_ID else None


def _post(node: Node) -> NewsletterPost:
    server_id = _server_id(node)
    if server_id is None:
        raise AttributeMissing("a post without number")
    plaintext = node.child("plaintext")
    views = node.child("views_count")
    listed = node.child("reactions")
    reactions = {}
    for reaction in [] if listed is None else listed.children("reaction")[:MAX_REACTIONS]:
        code = reaction.attr("code")
        if code:
            reactions[code[:MAX_EMOJI]] = max(reaction.int_attr("count", default=0), 0)
    return NewsletterPost(
        server_id=server_id,
        id=(node.attr("id") or "")[:MAX_ID],
        timestamp=max(node.int_attr("t", default=0), 0),
        message=None if plaintext is None else plaintext.data or None,
        views=None if views is None else views.int_attr("count"),
        reactions=reactions,
    )
