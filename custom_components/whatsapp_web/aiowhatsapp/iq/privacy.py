"""Privacy settings: who sees what of us.

```
<iq xmlns="privacy" type="get"><privacy/></iq>
 -> <privacy><category name value/>..</privacy>
<iq xmlns="privacy" type="set"><privacy><category name value/></privacy></iq>
<iq xmlns="privacy" type="get"><privacy addressing_mode="lid"><list name value/></privacy></iq>
 -> <privacy><list name {dhash}><user jid/>..</list></privacy>
<iq xmlns="privacy" type="set"><privacy addressing_mode="lid"><category name value dhash>
    <user action="add|remove" jid=<LID> {pn_jid}/>..</category></privacy></iq>
 -> <privacy><category name dhash/></privacy>
<iq xmlns="disappearing_mode" type="set"><disappearing_mode duration/></iq>
<iq xmlns="status" type="get"><privacy/></iq>
 -> <privacy><list type="contacts|blacklist|whitelist" {default="true"}><user jid/>..</list>..
    </privacy>
```
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..errors import AttributeMissing
from ..jid import Jid
from ..wabinary import Node
from .spec import CommandSpec, IqSpec

MAX_CATEGORIES: Final = 64
MAX_TEXT: Final = 64
MAX_USERS: Final = 10_000
MAX_HASH: Final = 128
ALL_CONTACTS_BUT: Final = "contact_blacklist"
# What stands for the hash of a list that was never made.
NO_HASH: Final = "none"


def read_privacy(node: Node) -> dict[str, str]:
    """Read the settings out of a `<privacy>` node; a nameless one is left out."""
    return {
        name[:MAX_TEXT]: value[:MAX_TEXT]
        for category in node.children("category")[:MAX_CATEGORIES]
        if (name := category.attr("name")) and (value := category.attr("value"))
    }


@dataclass(frozen=True, slots=True)
class GetPrivacy(IqSpec[dict[str, str]]):
    """All settings by name, as the server words them."""

    namespace = "privacy"

    def build(self) -> list[Node]:
        """`<privacy/>`."""
        return [Node("privacy")]

    def parse(self, node: Node) -> dict[str, str]:
        """Read each category's value."""
        return read_privacy(node.required_child("privacy"))


@dataclass(frozen=True, slots=True)
class SetPrivacy(CommandSpec):
    """Change one setting."""

    namespace = "privacy"

    name: str
    value: str

    def build(self) -> list[Node]:
        """`<privacy><category name value/></privacy>`."""
        category = Node("category", {"name": self.name, "value": self.value})
        return [Node("privacy", {}, [category])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """Whom a setting leaves out, and the server's hash over them."""

    users: frozenset[Jid]
    dhash: str | None


@dataclass(frozen=True, slots=True)
class GetExcluded(IqSpec[Excluded]):
    """Whom a setting leaves out, where it says all contacts but some."""

    namespace = "privacy"

    name: str

    def build(self) -> list[Node]:
        """`<privacy addressing_mode><list name value/></privacy>`."""
        wanted = Node("list", {"name": self.name, "value": ALL_CONTACTS_BUT})
        return [Node("privacy", {"addressing_mode": "lid"}, [wanted])]

    def parse(self, node: Node) -> Excluded:
        """Read the users; a list that was never made has none."""
        listed = node.required_child("privacy").child("list")
        if listed is None:
            return Excluded(users=frozenset(), dhash=None)
        users = (user.jid("jid") for user in listed.children("user")[:MAX_USERS])
        return Excluded(
            users=frozenset(user.bare for user in users if user is not None),
            dhash=_dhash(listed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeExcluded(IqSpec[str | None]):
    """Leave users out of a setting, or no longer; gives the list's new hash.

    Users are LID and phone number. Raises `IqError` 409 when `dhash` is out of date.
    """

    namespace = "privacy"
    type = "set"

    name: str
    dhash: str | None
    add: Sequence[tuple[Jid, Jid | None]] = ()
    remove: Sequence[tuple[Jid, Jid | None]] = ()

    def build(self) -> list[Node]:
        """`<privacy><category name value dhash><user action jid pn_jid/>..`."""
        users = [_change("add", *user) for user in self.add]
        users += [_change("remove", *user) for user in self.remove]
        attrs: dict[str, str | Jid] = {
            "name": self.name,
            "value": ALL_CONTACTS_BUT,
            "dhash": self.dhash or NO_HASH,
        }
        category = Node("category", attrs, users)
        return [Node("privacy", {"addressing_mode": "lid"}, [category])]

    def parse(self, node: Node) -> str | None:
        """Read the new hash."""
        privacy = node.child("privacy")
        category = None if privacy is None else privacy.child("category")
        return None if category is None else _dhash(category)


def _change(action: str, lid: Jid, phone: Jid | None) -> Node:
    attrs: dict[str, str | Jid] = {"action": action, "jid": lid}
    if phone is not None:
        attrs["pn_jid"] = phone
    return Node("user", attrs)


def _dhash(node: Node) -> str | None:
    return (node.attr("dhash") or "")[:MAX_HASH] or None


@dataclass(frozen=True, slots=True)
class SetDefaultTimer(CommandSpec):
    """The timer, in seconds, with which new chats begin; 0 lets messages stay."""

    namespace = "disappearing_mode"

    seconds: int

    def build(self) -> list[Node]:
        """`<disappearing_mode duration/>`."""
        return [Node("disappearing_mode", {"duration": str(self.seconds)})]


class AudienceKind(StrEnum):
    """How the audience of a status is meant."""

    CONTACTS = "contacts"
    ALL_BUT = "blacklist"
    ONLY = "whitelist"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAudience:
    """Who gets our status: all contacts, all but these, or only these."""

    kind: AudienceKind
    users: tuple[Jid, ...] = ()


@dataclass(frozen=True, slots=True)
class GetStatusAudience(IqSpec[StatusAudience]):
    """Who gets our status as it is set on the phone."""

    namespace = "status"

    def build(self) -> list[Node]:
        """`<privacy/>`."""
        return [Node("privacy")]

    def parse(self, node: Node) -> StatusAudience:
        """Choose the list that is in use: the one marked, else the first."""
        lists = node.required_child("privacy").children("list")
        marked = [each for each in lists if each.attr("default") == "true"]
        for chosen in marked or lists:
            try:
                kind = AudienceKind(chosen.required_attr("type"))
            except ValueError as err:
                raise AttributeMissing("an audience of an unknown kind") from err
            users = (user.jid("jid") for user in chosen.children("user")[:MAX_USERS])
            return StatusAudience(
                kind=kind, users=tuple(user.bare for user in users if user is not None)
            )
        return StatusAudience(kind=AudienceKind.CONTACTS)
