"""The passkey that some accounts ask for when a device is linked.

```
<notification type="passkey_prologue_request" from="s.whatsapp.net">
  <passkey_request_options>JSON</passkey_request_options>
</notification>
```

Answering takes an authenticator that signs for WhatsApp's own origin, so a program
without a browser can only notice the request and say what it is.
"""

from dataclasses import dataclass
import json
from typing import Final

from ..wabinary.node import Node

NOTIFICATION: Final = "passkey_prologue_request"
# The options that were seen have some hundred bytes.
_MAX_OPTIONS: Final = 65_536
_MAX_TEXT: Final = 253
# A day, in milliseconds: ten minutes were seen.
_MAX_TIMEOUT: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRequest:
    """What the account asks for; each part is None where the server left it out."""

    relying_party: str | None
    """The domain that the passkey belongs to."""
    timeout: float | None
    """Seconds that the person has."""


def parse_request(node: Node) -> PasskeyRequest:
    """Read a request; options that don't parse are as good as none."""
    child = node.child("passkey_request_options")
    options = _options(child.data if child is not None else b"")
    relying_party = options.get("rpId")
    timeout = options.get("timeout")
    if not isinstance(relying_party, str) or len(relying_party) > _MAX_TEXT:
        relying_party = None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        timeout = None
    if timeout is not None:
        timeout = timeout / 1000 if 0 < timeout <= _MAX_TIMEOUT else None
    return PasskeyRequest(relying_party=relying_party, timeout=timeout)


def _options(data: bytes) -> dict[str, object]:
    """Read the JSON object of the options; an empty one if there is none."""
    if len(data) > _MAX_OPTIONS:
        return {}
    try:
        options: object = json.loads(data)
    except ValueError, RecursionError:
        return {}
    return options if isinstance(options, dict) else {}
