"""Who is blocked.

```
<iq xmlns="blocklist" type="get"/>  ->  <list {dhash}><item jid/>..</list>
<iq xmlns="blocklist" type="set"><item action="block|unblock" jid=<LID> {pn_jid} {dhash}/></iq>
```
"""

from dataclasses import dataclass
from typing import Final

from ..jid import Jid
from ..wabinary import Node
from .spec import CommandSpec, IqSpec

MAX_BLOCKED: Final = 10_000
MAX_HASH: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocklist:
    """Who is blocked, and the server's hash over it."""

    users: frozenset[Jid]
    dhash: str | None


@dataclass(frozen=True, slots=True)
class GetBlocklist(IqSpec[Blocklist]):
    """The whole list."""

    namespace = "blocklist"

    def build(self) -> None:
        """Nothing: there is only one list."""
        return

    def parse(self, node: Node) -> Blocklist:
        """Read the items, with or without a list around them."""
        return read_blocklist(node.child("list") or node)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBlocklist(CommandSpec):
    """Block or unblock a user, named by LID; for blocking the number is needed, too."""

    namespace = "blocklist"

    lid: Jid
    phone: Jid | None
    block: bool

    def build(self) -> list[Node]:
        """`<item action jid {pn_jid}/>`."""
        attrs: dict[str, str | Jid] = {
            "action": "block" if self.block else "unblock",
            "jid": self.lid,
        }
        if self.block and self.phone is not None:
            attrs["pn_jid"] = self.phone
        return [Node("item", attrs)]


def read_blocklist(node: Node) -> Blocklist:
    """Read a list of items; one without address is left out."""
    users = (item.jid("jid") for item in node.children("item")[:MAX_BLOCKED])
    dhash = node.attr("dhash")
    return Blocklist(
        users=frozenset(user.bare for user in users if user is not None),
        dhash=dhash[:MAX_HASH] if dhash else None,
    )
