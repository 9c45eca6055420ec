"""What ends a connection: `<stream:error>`, `<failure>` and `<xmlstreamend>`.

One table says, for each reason, which error it is; the error's place in the tree
says what to do (`client/reconnect.py`).
"""

from typing import Final

from ..errors import (
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

# Failure reasons that end the link for good: 401 removed on the phone, 403 account
# locked or main device gone, 406 banned or unknown logout.
_LOGGED_OUT: Final = frozenset({"401", "403", "406"})
_RETRY: Final = frozenset({"500", "503"})


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
    if code == "401":
        # Without a conflict it is no proof of a logout: the next login tells.
        return StreamEnded(code)
    if code == "409":
        return SessionReplaced("Replaced")
    if code == "516":
        return DeviceRemoved()
    if code:
        return StreamEnded(code[:16])
    children = node.children()
    return StreamEnded(children[0].tag[:32] if children else "unknown")


def parse_failure(node: Node) -> WhatsAppError:
    """Turn a `<failure>`, the server's refusal of a login, into an error."""
    reason = (node.attr("reason") or "unknown")[:16]
    if reason in _LOGGED_OUT:
        return LoggedOut(reason)
    if reason == "402":
        return TemporarilyBanned((node.attr("code") or "")[:16], _seconds(node, "expire"))
    if reason == "405":
        return ClientOutdated("The web version is no longer accepted")
    if reason in _RETRY:
        return ConnectionFailed(f"The server failed: {reason}")
    return LoginRefused(reason)


def _seconds(node: Node, name: str) -> int | None:
    """Read a duration; one that makes no sense must not hide the refusal it comes with."""
    try:
        return node.int_attr(name)
    except AttributeMissing:
        return None
