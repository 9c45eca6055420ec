"""What ends a connection: `<stream:error>`, `<failure>` and `<xmlstreamend>`.

One table says, for each reason, which error it is; the error's place in the tree
says what to do (`client/reconnect.py`).
"""

from collections.abc import Callable, Mapping
from typing import Final

from ..errors import (
    AccountLocked,
    AttributeMissing,
    ClientOutdated,
    ConnectionFailed,
    DeviceRemoved,
    LoggedOut,
    LoginRefused,
    SessionReplaced,
    StreamEnded,
    TemporarilyBanned,
    WhatsAppError,
)
from ..wabinary import Node

RESTART: Final = "515"
RATE_LIMITED: Final = "429"

# Stream errors for "other connection, same keys": the real one, and as Baileys names it.
_REPLACED: Final = frozenset({"409", "440"})
# Failure reasons of an account that is locked or banned, or has left its phone.
_LOCKED: Final = frozenset({"403", "406"})


def parse_stream_error(node: Node) -> WhatsAppError:
    """Turn a `<stream:error>` into the error that ends the connection.

    A `<conflict>` child decides first, then the code, then other children.
    """
    code = node.attr("code") or ""
    conflict = node.child("conflict")
    if conflict is not None:
        return (
            SessionReplaced("Replaced") if conflict.attr("type") == "replaced" else DeviceRemoved()
        )
    if code in _REPLACED:
        return SessionReplaced("Replaced")
    if code == "516":
        return DeviceRemoved()
    if code:
        # 401 and 403 among them: no proof of a logout, the next login tells.
        return StreamEnded(code[:16])
    children = node.children()
    return StreamEnded(children[0].tag[:32] if children else "unknown")


def parse_failure(node: Node) -> WhatsAppError:
    """Turn a `<failure>`, the server's refusal of a login, into an error."""
    reason = (node.attr("reason") or "unknown")[:16]
    expires_in = _seconds(node, "expire")
    if reason == "402" or (reason in _LOCKED and expires_in):
        return TemporarilyBanned((node.attr("code") or "")[:16], expires_in)
    return _FAILURES.get(reason, LoginRefused)(reason)


def _seconds(node: Node, name: str) -> int | None:
    """Read a duration; one that makes no sense must not hide the refusal it comes with."""
    try:
        return node.int_attr(name)
    except AttributeMissing:
        return None


def _server_failed(reason: str) -> WhatsAppError:
    return ConnectionFailed(f"The server failed: {reason}")


_FAILURES: Final[Mapping[str, Callable[[str], WhatsAppError]]] = {
    "401": LoggedOut,
    **dict.fromkeys(_LOCKED, AccountLocked),
    "405": ClientOutdated,
    "408": _server_failed,
    "428": _server_failed,
    RATE_LIMITED: StreamEnded,
    "500": _server_failed,
    "503": _server_failed,
}
