"""What happens in channels, besides posts."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..jid import Jid
from .base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterFigures(Event):
    """The reactions to a post, or how often it was seen, changed; told while followed live."""

    channel: Jid
    server_id: int
    reactions: Mapping[str, int]
    views: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterFollowed(Event):
    """Our account follows a channel, or no longer; also when another device did it."""

    channel: Jid
    followed: bool
