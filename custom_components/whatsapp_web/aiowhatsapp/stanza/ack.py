"""Acks: the answer that every stanza of the server needs.

```
<ack class="notification" type="devices" id=.. to=<from> {participant} {recipient} {error}/>
```
"""

from enum import StrEnum

from ..jid import Jid
from ..wabinary import Node


class Nack(StrEnum):
    """Why a stanza could not be handled."""

    PARSING_ERROR = "487"
    UNRECOGNIZED_STANZA = "488"
    INVALID_PROTOBUF = "491"
    MISSING_MESSAGE_SECRET = "495"  # noqa: S105 - a code, no secret
    UNHANDLED_ERROR = "500"


def build_ack(
    node: Node, *, own_device: Jid | None = None, error: Nack | None = None
) -> Node | None:
    """Build the ack of a stanza; `None` when it has no id or sender to answer to.

    `own_device` is our phone-number JID; it goes into acks of messages and into
    every nack, as the web client does. Leaving out a copied `recipient` makes the
    server end the stream.
    """
    stanza_id, sender = node.attr("id"), node.attr("from")
    if not stanza_id or not sender:
        return None
    attrs: dict[str, str | Jid] = {
        "class": node.tag,
        "id": stanza_id,
        "to": node.required_jid("from"),
    }
    for name in ("participant", "recipient"):
        if (jid := node.jid(name)) is not None:
            attrs[name] = jid
    # The identity form of an encrypt notification is acked without its type.
    stanza_type = node.attr("type")
    if stanza_type is not None and not (stanza_type == "encrypt" and node.child("identity")):
        attrs["type"] = stanza_type
    if own_device is not None and (node.tag == "message" or error is not None):
        attrs["from"] = own_device
    if error is not None:
        attrs["error"] = error
    return Node("ack", attrs)
