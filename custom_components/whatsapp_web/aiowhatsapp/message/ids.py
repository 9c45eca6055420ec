"""Message ids, in the form that the web client makes them."""

from collections.abc import Callable
from typing import Final

from ..crypto.kdf import sha256

# Tells other clients that the message was written in a browser.
WEB_PREFIX: Final = "3EB0"
_DIGEST_LENGTH: Final = 9
_RANDOM_LENGTH: Final = 16


def new_message_id(own_user: str, *, now: int, random_bytes: Callable[[int], bytes]) -> str:
    """Make a fresh id of 22 characters; `own_user` is our number, `now` in unix seconds."""
    digest = sha256(now.to_bytes(8), f"{own_user}@c.us".encode(), random_bytes(_RANDOM_LENGTH))
    return WEB_PREFIX + digest[:_DIGEST_LENGTH].hex().upper()
