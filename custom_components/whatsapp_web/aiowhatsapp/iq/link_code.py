"""Requests that link this device by a code that is typed into the phone.

```
<iq xmlns="md" type="set"><link_code_companion_reg jid stage="companion_hello"
    should_show_push_notification="true">
  <link_code_pairing_wrapped_companion_ephemeral_pub>80 bytes</..>
  <companion_server_auth_key_pub>32 bytes</companion_server_auth_key_pub>
  <companion_platform_id>1</companion_platform_id>
  <companion_platform_display>Chrome (Linux)</companion_platform_display>
  <link_code_pairing_nonce>00</link_code_pairing_nonce>
</link_code_companion_reg></iq>
  ->  <link_code_companion_reg><link_code_pairing_ref>..</..></link_code_companion_reg>

<iq xmlns="md" type="set"><link_code_companion_reg jid stage="companion_finish">
  <link_code_pairing_wrapped_key_bundle>156 bytes</link_code_pairing_wrapped_key_bundle>
  <companion_identity_public>32 bytes</companion_identity_public>
  <link_code_pairing_ref>..</link_code_pairing_ref>
</link_code_companion_reg></iq>
```
"""

from dataclasses import dataclass
from typing import Final

from ..jid import Jid
from ..wabinary import Node
from .spec import CommandSpec, IqSpec

_ELEMENT: Final = "link_code_companion_reg"
# The server refuses a browser or a system that it does not know.
_PLATFORM_DISPLAY: Final = "Chrome (Linux)"
_NONCE: Final = b"\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceLinkCode(IqSpec[bytes]):
    """Announce a code to the phone of a number; the answer is the server's ref for it."""

    namespace = "md"
    type = "set"

    phone: Jid
    wrapped_ephemeral: bytes
    noise_public: bytes
    client_type: str

    def build(self) -> list[Node]:
        """`<link_code_companion_reg stage="companion_hello">`."""
        attrs: dict[str, str | Jid] = {
            "jid": self.phone,
            "stage": "companion_hello",
            "should_show_push_notification": "true",
        }
        content = [
            Node("link_code_pairing_wrapped_companion_ephemeral_pub", {}, self.wrapped_ephemeral),
            Node("companion_server_auth_key_pub", {}, self.noise_public),
            Node("companion_platform_id", {}, self.client_type),
            Node("companion_platform_display", {}, _PLATFORM_DISPLAY),
            Node("link_code_pairing_nonce", {}, _NONCE),
        ]
        return [Node(_ELEMENT, attrs, content)]

    def parse(self, node: Node) -> bytes:
        """Read the ref; raise `AttributeMissing` when there is none."""
        return node.required_child(_ELEMENT).required_child("link_code_pairing_ref").required_data()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishLinkCode(CommandSpec):
    """Hand the sealed identity keys to the phone."""

    namespace = "md"

    phone: Jid
    key_bundle: bytes
    identity_public: bytes
    ref: bytes

    def build(self) -> list[Node]:
        """`<link_code_companion_reg stage="companion_finish">`."""
        content = [
            Node("link_code_pairing_wrapped_key_bundle", {}, self.key_bundle),
            Node("companion_identity_public", {}, self.identity_public),
            Node("link_code_pairing_ref", {}, self.ref),
        ]
        return [Node(_ELEMENT, {"jid": self.phone, "stage": "companion_finish"}, content)]
