"""Small requests around a session's life.

```
<iq xmlns="passive" type="set"><active/></iq>
<iq xmlns="w:p" type="get"/>
<iq xmlns="urn:xmpp:whatsapp:dirty" type="set"><clean type {timestamp}/></iq>
<iq xmlns="md" type="set"><remove-companion-device jid reason="user_initiated"/></iq>
<iq xmlns="privacy" type="set"><tokens><token jid t type="trusted_contact"/></tokens></iq>
```
"""

from dataclasses import dataclass

from ..jid import Jid
from ..wabinary import Node
from .spec import CommandSpec


@dataclass(frozen=True, slots=True)
class LeavePassive(CommandSpec):
    """Ask the server to begin delivering what waits for us."""

    namespace = "passive"

    def build(self) -> list[Node]:
        """`<active/>`."""
        return [Node("active")]


@dataclass(frozen=True, slots=True)
class Ping(CommandSpec):
    """Ask for any sign of life."""

    namespace = "w:p"
    type = "get"

    def build(self) -> None:
        """Nothing: the web client sends an empty request."""
        return


@dataclass(frozen=True, slots=True)
class CleanDirty(CommandSpec):
    """Tell the server that we know of a change it marked as unseen."""

    namespace = "urn:xmpp:whatsapp:dirty"

    kind: str
    timestamp: str | None

    def build(self) -> list[Node]:
        """`<clean type timestamp/>`."""
        attrs: dict[str, str | Jid] = {"type": self.kind}
        if self.timestamp is not None:
            attrs["timestamp"] = self.timestamp
        return [Node("clean", attrs)]


@dataclass(frozen=True, slots=True)
class RemoveThisDevice(CommandSpec):
    """Log this device out: the phone no longer lists it."""

    namespace = "md"

    device: Jid

    def build(self) -> list[Node]:
        """`<remove-companion-device jid reason/>`, by phone number with device."""
        return [Node("remove-companion-device", {"jid": self.device, "reason": "user_initiated"})]


@dataclass(frozen=True, slots=True)
class IssueTrustedContactToken(CommandSpec):
    """Let a contact we write to reach us, too; once a week is enough."""

    namespace = "privacy"

    contact: Jid
    timestamp: int

    def build(self) -> list[Node]:
        """`<tokens><token jid t type/></tokens>`."""
        token = Node(
            "token",
            {"jid": self.contact, "t": str(self.timestamp), "type": "trusted_contact"},
        )
        return [Node("tokens", {}, [token])]
